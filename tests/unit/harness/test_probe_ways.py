"""What the probe says of a server that cannot be asked by date alone, and of the other ways in the settings."""

from pathlib import Path
from typing import Any

import pytest
from lying_fhir import LyingFhir
from probing import EVERY, findings

from fhirnotify.harness.probing.finding import Behaviour, Verdict

OK, WARNING, UNKNOWN, ERROR = Verdict.OK, Verdict.WARNING, Verdict.UNKNOWN, Verdict.ERROR
BY_LOCATION = {"appointments": "by-location", "locations": "nowhere,l"}


@pytest.fixture
def by_patient(tmp_path: Path) -> dict[str, str]:
    """Settings that list two patients, the second of whom has a visit."""
    (tmp_path / "ids").write_text("nobody\np0\n", "utf-8")
    return {"appointments": "by-patient", "patients_file": str(tmp_path / "ids")}


def test_the_other_ways_are_named_where_a_date_alone_is_refused() -> None:
    """The job cannot run as it is set; each way that is answered is offered, by its setting."""
    found = findings(LyingFhir(alone="date"))
    assert found[Behaviour.BY_DATE].verdict is ERROR
    for each in found.values():
        if each.verdict is UNKNOWN and each.name not in (Behaviour.CONSENTS, Behaviour.CONSENT_IDENTIFIER):
            assert "fhir.appointments" in each.next_step
    for name in (Behaviour.BY_PATIENT, Behaviour.BY_LOCATION):
        assert f'fhir.appointments = "{name.removeprefix("appointments-")}"' in found[name].next_step


def test_no_way_is_named_that_is_refused_too() -> None:
    """Then only the vendor can help."""
    found = findings(LyingFhir(alone="date", refuses={"location", "Appointment.patient"}))
    assert {found[name].verdict for name in (Behaviour.BY_PATIENT, Behaviour.BY_LOCATION)} == {WARNING}
    assert "fhir.appointments" not in found[Behaviour.BY_LOCATION].next_step


def test_a_server_that_wants_a_location_is_probed_beside_those_of_the_settings() -> None:
    """Every behaviour is tried, with the location in each search for visits."""
    server = LyingFhir(alone="date")
    found = findings(server, **BY_LOCATION)
    assert {each.name: each.verdict for each in found.values()} == dict.fromkeys(EVERY, OK)
    assert "beside location" in found[Behaviour.BY_DATE].found


def test_a_server_that_takes_one_location_at_a_time_is_probed_beside_the_first() -> None:
    """The job asks for each alone then."""
    found = findings(LyingFhir(alone="date", longest_list=2), **BY_LOCATION | {"locations": "l,nowhere"})
    assert found[Behaviour.BY_DATE].verdict is OK
    assert found[Behaviour.NEXT_LINK].verdict is OK


@pytest.mark.parametrize(
    ("lie", "says"), [({"refuses": {"location"}}, "refused"), ({"ignores": {"location"}}, "ignored")]
)
def test_a_way_of_the_settings_that_does_not_work_is_an_error(lie: dict[str, Any], says: str) -> None:
    """The job would stop, or remind by what it was not asked for."""
    found = findings(LyingFhir(**lie), **BY_LOCATION)[Behaviour.BY_LOCATION]
    assert (found.verdict, says in found.found) == (ERROR, True)


def test_a_way_of_the_settings_that_finds_nobody_is_not_known(by_patient: dict[str, str]) -> None:
    """Those who are listed may have no visit just now."""
    found = findings(LyingFhir([]), **by_patient)
    assert (found[Behaviour.BY_PATIENT].verdict, found[Behaviour.BY_LOCATION].verdict) == (UNKNOWN, OK)


def test_a_server_that_takes_no_date_is_asked_for_the_history_of_each_patient(by_patient: dict[str, str]) -> None:
    """As the job does then: right, but slow."""
    found = findings(LyingFhir(refuses={"date"}), **by_patient)
    assert found[Behaviour.BY_DATE].verdict is WARNING
    assert (found[Behaviour.BY_PATIENT].verdict, found[Behaviour.BY_PATIENT].found) == (
        OK,
        "answered without a date beside it, and finds",
    )
    assert Verdict.ERROR not in {each.verdict for each in found.values()}


def test_a_group_of_patients_is_not_read_for_a_trial() -> None:
    """Then the patients are those of the visits that are found by date, and a refusal of that is no matter."""
    server = LyingFhir(alone="date")
    found = findings(server, appointments="by-patient", patients="Group/g")
    assert (found[Behaviour.BY_DATE].verdict, found[Behaviour.BY_PATIENT].verdict) == (OK, UNKNOWN)
    assert not [path for _, path, _ in server.requests if path.startswith("Group")]
