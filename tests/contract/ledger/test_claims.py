"""Claiming: one booked time of one patient is claimed once."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import ContactType
from fhirnotify.ledger.port import Change, State


def test_claimed_row_holds_what_was_claimed(ledger, claim_of, now):
    """A claim becomes a reminder in ``claimed`` with everything that the claim says, and nothing else."""
    claim = claim_of(1)

    assert ledger.claim("r1", now, [claim], []) == [True]

    (reminder,) = ledger.of_appointments(["a1"])
    assert reminder.identity == claim.identity
    assert (reminder.contact_type, reminder.evidence, reminder.segments) == (ContactType.VIDEO, claim.evidence, 2)
    assert (reminder.state, reminder.run, reminder.attempts) == (State.CLAIMED, "r1", 0)
    assert (reminder.provider, reminder.message_id, reminder.sending_since) == (None, None, None)
    assert (reminder.next_attempt, reminder.code) == (None, None)


def test_id_is_random(ledger, claim_of, now):
    """The id given to providers is 32 hexadecimal digits and tells nothing of appointment or patient."""
    ledger.claim("r1", now, [claim_of(n) for n in range(20)], [])

    ids = {reminder.id for reminder in ledger.of_appointments([f"a{n}" for n in range(20)])}

    assert len(ids) == 20
    assert all(len(id_) == 32 and int(id_, 16) for id_ in ids)


@pytest.mark.parametrize("state", [state for state in State if state is not State.WITHDRAWN])
def test_held_in_any_standing_state(ledger, reach, claim_of, now, state):
    """What stands in any state but ``withdrawn`` is not claimed again, and is left as it is."""
    before = reach(state)

    assert ledger.claim("r2", now, [claim_of(1, version=2)], []) == [False]

    assert ledger.of_appointments(["a1"]) == [before]


def test_withdrawn_is_claimed_anew(ledger, reach, claim_of, now):
    """What was withdrawn is claimed again under its id, on the facts of the new claim."""
    before = reach(State.WITHDRAWN)
    ledger.claim("r0", now, [claim_of(2)], [])
    evidence = Evidence("Appointment/a1/_history/2", "Patient/p1/_history/2", ("Consent/c2",), ())
    again = replace(claim_of(1), contact_type=ContactType.TELEFON, evidence=evidence, segments=3)
    later = now + timedelta(hours=1)

    assert ledger.claim("r2", later, [again, again, claim_of(2)], []) == [True, False, False]

    (after,) = ledger.of_appointments(["a1"])
    assert after == replace(
        before, state=State.CLAIMED, contact_type=ContactType.TELEFON, evidence=evidence, segments=3, run="r2"
    )
    last = ledger.transitions(after.id)[-1]
    assert (last.from_state, last.to_state, last.at, last.run) == (State.WITHDRAWN, State.CLAIMED, later, "r2")
    assert [reminder.id for reminder in ledger.take("r2", now, 1)] == [after.id]


def test_revived_after_retry_is_due_at_once(ledger, reach, claim_of, now):
    """A withdrawn reminder that once waited for a retry keeps its attempts, but neither its wait nor its code."""
    reminder = reach(State.SENDING)
    ledger.move("r1", now, [Change(reminder.id, State.RETRY, code="429", next_attempt=now + timedelta(days=1))])
    ledger.move("r1", now, [Change(reminder.id, State.WITHDRAWN, code="no-consent")])

    ledger.claim("r2", now, [claim_of(1)], [])

    (after,) = ledger.take("r2", now, 1)
    assert (after.attempts, after.next_attempt, after.code) == (1, None, None)


@pytest.mark.parametrize("other", ["appointment", "patient", "start", "kind"])
def test_identity_is_all_four(ledger, claim_of, now, other):
    """Another appointment, patient, start or kind is another reminder."""
    one = claim_of(1)
    another = replace(one, **{other: one.start + timedelta(microseconds=1) if other == "start" else "other"})

    assert ledger.claim("r1", now, [one, another], []) == [True, True]


def test_same_instant_in_another_zone_is_the_same(ledger, claim_of, now):
    """The start is an instant: how its zone is written does not make it another reminder."""
    one = claim_of(1)
    same = replace(one, start=one.start.astimezone(timezone(timedelta(hours=1))))

    assert ledger.claim("r1", now, [same, one], []) == [True, False]

    (reminder,) = ledger.of_appointments(["a1"])
    assert reminder.start == one.start
    assert reminder.start.utcoffset() == timedelta(0)


def test_twice_in_one_batch(ledger, claim_of, now):
    """Of two claims of one reminder in a batch the first is the one that counts, and one row stands."""
    assert ledger.claim("r1", now, [claim_of(1), claim_of(1, version=2)], []) == [True, False]

    (reminder,) = ledger.of_appointments(["a1"])
    assert reminder.evidence == claim_of(1).evidence
    assert len(ledger.transitions(reminder.id)) == 1


def test_empty_page(ledger, now):
    """A page with nothing to claim is nothing."""
    assert ledger.claim("r1", now, [], []) == []
    assert list(ledger.in_state(State.CLAIMED)) == []


def test_more_than_one_statement_holds(ledger, claim_of, now):
    """A page of any size is answered claim by claim, in its order."""
    ledger.claim("r1", now, [claim_of(n) for n in range(0, 1200, 3)], [])

    answers = ledger.claim("r2", now, [claim_of(n) for n in range(1200)], [])

    assert answers == [n % 3 != 0 for n in range(1200)]
    assert len(ledger.of_appointments([f"a{n}" for n in range(1200)])) == 1200


def test_at_starts_finds_other_appointments(ledger, claim_of, now):
    """A patient's reminders at given starts are found across appointments; other starts and patients are not."""
    claims = [
        claim_of(1, hours=10, patient="p"),
        claim_of(2, hours=10, patient="p"),
        claim_of(3, hours=11, patient="p"),
        claim_of(4, hours=12, patient="p"),
        claim_of(5, hours=10, patient="other"),
    ]
    ledger.claim("r1", now, claims, [])
    starts = [now + timedelta(hours=10), now + timedelta(hours=12)]

    found = ledger.at_starts(starts, ["p", "nobody"])

    assert [reminder.appointment for reminder in found] == ["a1", "a2", "a4"]
    assert ledger.at_starts([], ["p"]) == []
    assert ledger.at_starts(starts, []) == []


def test_of_appointments_gives_every_patient_and_start(ledger, claim_of, now):
    """All reminders of an appointment are given: each patient's, and those of starts it was moved from."""
    claims = [claim_of(1, hours=10), claim_of(1, hours=20), claim_of(1, hours=10, patient="q"), claim_of(2)]
    ledger.claim("r1", now, claims, [])

    found = ledger.of_appointments(["a1", "a1", "unknown"])

    assert [(r.patient, r.start - now) for r in found] == [
        ("p1", timedelta(hours=10)),
        ("q", timedelta(hours=10)),
        ("p1", timedelta(hours=20)),
    ]
    assert ledger.of_appointments([]) == []


def test_the_unit_is_kept_as_it_was_claimed(ledger, claim_of, now):
    """With the reminder, for statistics; what is claimed anew is at the unit of the new claim."""
    first, second = (replace(claim_of(1), unit=unit) for unit in ("Location/1", "HealthcareService/2"))
    ledger.claim("r1", now, [first], [])
    (reminder,) = ledger.of_appointments(["a1"])
    assert reminder.unit == "Location/1"
    ledger.move("r1", now, [Change(reminder.id, State.WITHDRAWN, code="not-booked")])
    assert ledger.of_ids([reminder.id])[0].unit == "Location/1"

    ledger.claim("r1", now, [second], [])

    assert ledger.of_ids([reminder.id])[0].unit == "HealthcareService/2"
