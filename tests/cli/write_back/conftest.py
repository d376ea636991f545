"""A journal system that takes Communications, a provider, and a place of work between them."""

from collections.abc import Iterator

import pytest
from lying_fhir import LyingFhir, visits
from place import Place
from telling import Telling
from writable_fhir import WritableFhir

from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.resources import fictional_number


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """The stand-in for the provider."""
    with Inbox() as made:
        yield made


@pytest.fixture
def fhir() -> Iterator[WritableFhir]:
    """A journal system with four visits, each of a patient with a number of its own."""
    resources = visits(4)
    people = [each for each in resources if each["resourceType"] == "Patient"]
    for number, each in enumerate(people):
        each["telecom"] = [{"system": "phone", "use": "mobile", "value": fictional_number(number)}]
    made = WritableFhir(LyingFhir(resources))
    with made.serve():
        yield made


@pytest.fixture
def telling(place: Place, inbox: Inbox, fhir: WritableFhir) -> Telling:
    """A place that tells the journal system."""
    made = Telling(place.directory)
    made.configure(inbox, fhir)
    return made
