"""What a run says of itself, held against its rows and against what the server was given."""

import pytest

from fhirnotify.harness.installation import Finished
from fhirnotify.harness.scenarios.accounting import Given, evidence_differences, summary_differences


def row(decision: str = "remind", outcome: str | None = "accepted", **other) -> dict:
    """Make a row."""
    evidence = {"appointment": "Appointment/a/_history/2", "patient": "Patient/p/_history/1", "consent": []}
    return {
        "appointment": "a",
        "decision": decision,
        "reason": "no-consent" if decision == "skip" else None,
        "outcome": outcome,
        "evidence": evidence | other,
    }


ROWS = [
    row(),
    row(outcome="retry"),
    row(outcome=None),
    row(outcome="uncertain"),
    row(outcome="rejected"),
    row(outcome="expired"),
    row("already", "uncertain"),
    row("skip", None),
    row("skip", "withdrawn"),
]
RIGHT = {
    "considered": 9,
    "sent": 1,
    "pending": 2,
    "uncertain": 1,
    "failed": 2,
    "already": 1,
    "skipped": 2,
    "reasons": {"no-consent": 2},
}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, []),
        ({"considered": 8}, ["the summary's considered is 8, and by its rows 9"]),
        (
            {"sent": 2, "pending": 1},
            ["the summary's sent is 2, and by its rows 1", "the summary's pending is 1, and by its rows 2"],
        ),
        (
            {"skipped": 1, "failed": 3},
            ["the summary's skipped is 1, and by its rows 2", "the summary's failed is 3, and by its rows 2"],
        ),
        (
            {"reasons": {"no-consent": 999}},
            ["the summary's reasons is {'no-consent': 999}, and by its rows {'no-consent': 2}"],
        ),
        ({"reasons": {}}, ["the summary's reasons is {}, and by its rows {'no-consent': 2}"]),
    ],
)
def test_each_count_is_held_against_the_rows(wrong, said):
    """Counts that are only exchanged add up as before, and are found."""
    assert list(summary_differences(Finished(0, ROWS, RIGHT | wrong, ""))) == said


def test_a_run_without_a_summary_says_nothing_wrong():
    """It had to stop before it had any."""
    assert list(summary_differences(Finished(3, [], {}, ""))) == []


@pytest.mark.parametrize(
    ("said", "difference"),
    [
        (row(), None),
        (row(appointment="Appointment/a/_history/999"), "a: rests on Appointment/a in version 999, not 2"),
        (row(appointment="Appointment/a/_history/1"), "a: rests on Appointment/a in version 1, not 2"),
        (row(patient="Appointment/a/_history/2#guest"), None),
        (row(patient="Appointment/a/_history/1#guest"), "a: rests on Appointment/a in version 1, not 2"),
        (row(appointment="Appointment/a"), "a: rests on Appointment/a in version none, not 2"),
        (row(consent=["Consent/c/_history/1"]), "a: rests on Consent/c in version 1, not 7"),
        (row(consent=["Consent/of-others/_history/9"], patient=None), None),
        (row("already", appointment="Appointment/a/_history/1"), None),
        (row("skip", "withdrawn", appointment="Appointment/a/_history/1"), None),
        (row("already", appointment="Appointment/a/_history/3"), "a: rests on Appointment/a in version 3, not 2"),
    ],
)
def test_evidence_is_held_against_what_the_server_was_given(said, difference):
    """In the version that stands there; for what was decided earlier, in one that has stood there."""
    given = Given()
    given.add({"Appointment/a": "1", "Patient/p": "1"})
    given.add({"Appointment/a": "2", "Consent/c": "7"})
    assert list(evidence_differences([said], given)) == ([] if difference is None else [difference])


def test_a_server_that_tells_no_versions_is_believed():
    """Nothing is known of what stands there."""
    assert list(evidence_differences([row(), row(appointment="Appointment/a")], Given())) == []
