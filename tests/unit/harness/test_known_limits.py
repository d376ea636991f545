"""What is known of servers' limits names scenarios that there are, and each once."""

from collections import Counter

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.known_limits import LIMITS, known_limit
from fhirnotify.harness.scenarios import reading


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
    found = known_limit(software, version, "consent/status-of-another-version", "by-date")
    assert (found is None) if why is None else found.startswith(why)


@pytest.mark.parametrize(("strategy", "is_limit"), [("by-date", False), ("by-location", False), ("by-patient", True)])
def test_a_limit_is_of_one_way_of_asking(strategy, is_limit):
    """What a server does not find by patient it may well find by date."""
    found = known_limit("HAPI FHIR Server", FhirVersion.R4, "people/reference-by-identifier", strategy)
    assert (found is not None) is is_limit
