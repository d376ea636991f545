"""What is known of servers' limits names scenarios that there are, and each once."""

from collections import Counter

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness import cases_consent, cases_kinds, cases_people, cases_visits
from fhirnotify.harness.known_limits import LIMITS, WORLD, known_limit
from fhirnotify.harness.scenarios import reading


def names() -> set[str]:
    """Give the names of every scenario, and of every case of the world in which every reason occurs."""
    cases = {*cases_people.cases()}
    for version in FhirVersion:
        cases |= {*cases_consent.cases(version, "newest-wins"), *cases_kinds.cases(version)}
        cases |= {*cases_visits.cases(version)}
    return {f"{WORLD}{case}" for case in cases} | set(reading.read_all(reading.bundled(), ()))


def test_each_limit_is_of_a_scenario_that_there_is():
    """A scenario that was renamed takes its limits along."""
    assert {name for limit in LIMITS for name in limit.scenarios} <= names()


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
    found = known_limit(software, version, "consent/status-of-another-version")
    assert (found is None) if why is None else found.startswith(why)
