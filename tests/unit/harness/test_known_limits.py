"""What is known of servers' limits names scenarios that there are, and each once."""

from collections import Counter

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.known_limits import LIMITS, known_limit
from fhirnotify.harness.scenarios import reading
from fhirnotify.harness.scenarios.model import Scenario

STATUS = "consent/status-of-another-version"


def bundled(name: str) -> Scenario:
    """Read a scenario that comes with the program."""
    return reading.read(reading.bundled() / f"{name}.yaml")


def test_each_limit_is_of_a_scenario_that_there_is():
    """A scenario that was renamed takes its limits along."""
    assert {name for limit in LIMITS for name in limit.scenarios} <= set(reading.read_all(reading.bundled(), ()))


def test_each_limit_has_one_reason():
    """No scenario stands twice for one server."""
    stands = Counter(
        (one.software, version, name) for one in LIMITS for version in one.versions for name in one.scenarios
    )
    assert [where for where, times in stands.items() if times > 1] == []


@pytest.mark.parametrize(
    ("software", "version", "why"),
    [
        ("HAPI FHIR Server", FhirVersion.R5, "It takes no code outside a closed value set"),
        ("SEKMET FHIR R4 Tester", FhirVersion.R4, None),
        ("", FhirVersion.R4, None),
    ],
)
def test_a_limit_is_of_one_software(software, version, why):
    """What one server cannot do says nothing of another."""
    found = known_limit(software, version, STATUS, bundled(STATUS), "by-date")
    assert (found is None) if why is None else found.startswith(why)


@pytest.mark.parametrize(("strategy", "is_limit"), [("by-date", False), ("by-location", False), ("by-patient", True)])
def test_a_limit_is_of_one_way_of_asking(strategy, is_limit):
    """What a server does not find by patient it may well find by date."""
    name = "people/reference-by-identifier"
    found = known_limit("HAPI FHIR Server", FhirVersion.R4, name, bundled(name), strategy)
    assert (found is not None) is is_limit


def test_a_limit_is_of_the_scenario_that_comes_with_the_program():
    """A region's own scenario that happens to have its name fails as any other."""
    own = bundled(STATUS).model_copy(update={"shows": "Another one, of a region's own."})
    assert known_limit("HAPI FHIR Server", FhirVersion.R4, STATUS, own, "by-date") is None
