"""The JSON contract of ``run`` and ``plan``: stdout holds JSON lines alone, the summary last."""

from datetime import timedelta

import pytest
from place import NOW, START, Place, visits
from told import told

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness import resources


@pytest.fixture
def mixed(place: Place) -> Place:
    """Two visits that are reminded of, one without consent."""
    without = [
        resources.patient("p9", resources.fictional_number(9)),
        resources.appointment(FhirVersion.R4, "a9", START + timedelta(hours=1), "p9"),
    ]
    place.world([*visits(2), *without])
    return place


def test_a_run_tells_each_patient_of_each_appointment(mixed: Place) -> None:
    """The rows are those of the contract, key by key."""
    result = mixed.run("run", "--now", NOW, "--json")
    rows, summary = told(result)
    assert result.exit_code == 0
    reminded = next(row for row in rows if row["appointment"] == "a0")
    assert reminded == {
        "appointment": "a0",
        "patient": "p0",
        "start": "2026-11-24T09:00:00Z",
        "decision": "remind",
        "contact_type": "video",
        "reason": None,
        "evidence": {
            "appointment": "Appointment/a0",
            "patient": "Patient/p0",
            "consent": ["Consent/c0"],
            "mapping": ["http://snomed.info/sct|63431000052109"],
        },
        "outcome": "accepted",
        "segments": 2,
    }
    skipped = next(row for row in rows if row["appointment"] == "a9")
    assert (skipped["decision"], skipped["reason"], skipped["outcome"]) == ("skip", "no-consent", None)
    assert summary["reasons"] == {"no-consent": 1}
    assert summary["complete"] is True
    assert summary["now"].startswith("2026-11-23T08:00:0")
    assert len(mixed.messages()) == 2


def test_a_second_run_reminds_nobody_again(mixed: Place) -> None:
    """What stands in the ledger is ``already``, with its state."""
    mixed.run("run", "--now", NOW)
    rows, summary = told(mixed.run("run", "--now", NOW, "--json"))
    assert {row["outcome"] for row in rows if row["decision"] == "already"} == {"accepted"}
    assert (summary["already"], summary["sent"], summary["skipped"]) == (2, 0, 1)
    assert len(mixed.messages()) == 2


def test_a_plan_tells_the_same_and_leaves_nothing_behind(mixed: Place) -> None:
    """What would be sent is pending, without outcome; no file is made."""
    before = sorted(mixed.directory.rglob("*"))
    rows, summary = told(mixed.run("plan", "--now", NOW, "--json"))
    assert [row["outcome"] for row in rows if row["decision"] == "remind"] == [None, None]
    assert (summary["pending"], summary["sent"]) == (2, 0)
    assert sorted(mixed.directory.rglob("*")) == before


def test_a_plan_beside_a_ledger_does_not_touch_it(mixed: Place) -> None:
    """It reads what was sent, and changes not a byte."""
    mixed.run("run", "--now", NOW)
    before = {file: file.read_bytes() for file in mixed.directory.rglob("*") if file.is_file()}
    _, summary = told(mixed.run("plan", "--now", NOW, "--json"))
    assert summary["already"] == 2
    assert {file: file.read_bytes() for file in mixed.directory.rglob("*") if file.is_file()} == before


def test_an_empty_window_is_a_summary_alone(place: Place) -> None:
    """Nothing considered is an answer too."""
    rows, summary = told(place.run("run", "--json"))
    assert rows == []
    assert summary["considered"] == 0


def test_a_run_that_had_to_stop_still_tells_its_summary(place: Place) -> None:
    """After exit 3 ``complete`` is false; the error goes to stderr, so that stdout stays JSON."""
    place.settings(base_url="http://127.0.0.1:9/fhir")
    result = place.run("run", "--json")
    rows, summary = told(result)
    assert (result.exit_code, rows, summary["complete"]) == (3, [], False)
    assert "refuses the connection" in result.stderr


def test_wrong_settings_leave_stdout_empty(place: Place) -> None:
    """Where no run began there is no summary."""
    place.settings("[sms]\nrate = 0\n")
    result = place.run("run", "--json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_quiet_hours_hold_what_is_due(mixed: Place) -> None:
    """At night it is decided, counted as pending, and not sent."""
    rows, summary = told(mixed.run("run", "--now", "2026-11-23T22:00:00+01:00", "--json"))
    assert [row["outcome"] for row in rows if row["decision"] == "remind"] == ["held", "held"]
    assert summary["pending"] == 2
    assert mixed.messages() == []


def test_too_few_appointments_is_exit_7(mixed: Place) -> None:
    """A feed that ran dry is told by the exit code."""
    mixed.settings("[monitoring]\nexpect_appointments = 4\n")
    assert mixed.run("run", "--now", NOW).exit_code == 7
    mixed.settings("[monitoring]\nexpect_appointments = 3\n")
    assert mixed.run("run", "--now", NOW).exit_code == 0
