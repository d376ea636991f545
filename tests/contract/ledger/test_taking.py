"""Taking for sending: what is due, in which order, and whose it is meanwhile."""

from datetime import timedelta

import pytest

from fhirnotify.ledger.changes import LEASE
from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.states import LONGEST_RETRY


def names(reminders):
    """Name reminders by their appointments."""
    return [reminder.appointment for reminder in reminders]


def test_earliest_start_first(ledger, claim_of, now):
    """What is taken comes by start, then appointment, then patient, up to the limit."""
    claims = [
        claim_of(3, hours=9),
        claim_of(2, hours=9, patient="b"),
        claim_of(2, hours=9, patient="a"),
        claim_of(4, hours=8),
        claim_of(5, hours=10),
    ]
    ledger.claim("r1", now, claims, [])

    taken = ledger.take("r1", now, 4)

    assert [(each.appointment, each.patient) for each in taken] == [
        ("a4", "p4"),
        ("a2", "a"),
        ("a2", "b"),
        ("a3", "p3"),
    ]
    assert names(ledger.take("r1", now, 4)) == ["a5"]
    assert ledger.take("r1", now, 4) == []


def test_only_what_is_due(ledger, reach, now):
    """Of all states only ``claimed`` and ``retry`` are taken."""
    for n, state in enumerate(State):
        reach(state, n)

    taken = ledger.take("r2", now, 100)

    assert sorted(each.state for each in taken) == [State.CLAIMED, State.RETRY]


def test_retry_not_before_its_time(ledger, reach, now):
    """A retry is taken from the moment of its next attempt by the run's clock, not before."""
    reminder = reach(State.SENDING)
    due = now + timedelta(minutes=10)
    ledger.move("r1", now, [Change(reminder.id, State.RETRY, next_attempt=due)])

    assert ledger.take("r2", due - timedelta(microseconds=1), 1) == []
    assert names(ledger.take("r2", due, 1)) == ["a1"]


@pytest.mark.parametrize(
    ("ahead", "is_due"), [(LONGEST_RETRY, False), (LONGEST_RETRY + timedelta(seconds=1), True), (timedelta(1), True)]
)
def test_retry_put_off_by_a_clock_that_was_wrong(ledger, reach, now, ahead, is_due):
    """What is further ahead than a retry is ever put is due in the next run, which begins by a clock put right."""
    reminder = reach(State.SENDING)
    ledger.move("r1", now, [Change(reminder.id, State.RETRY, next_attempt=now + ahead)])

    ledger.begin("r2", now)

    assert names(ledger.take("r2", now, 1)) == (["a1"] if is_due else [])


def test_retry_in_the_same_run(ledger, reach, now):
    """What this run took is given to it again once its state has changed."""
    reach(State.CLAIMED)
    (reminder,) = ledger.take("r1", now, 1)
    ledger.move("r1", now, [Change(reminder.id, State.SENDING)])
    assert ledger.take("r1", now, 1) == []

    ledger.move("r1", now, [Change(reminder.id, State.RETRY, next_attempt=now)])

    assert names(ledger.take("r1", now, 1)) == ["a1"]
    assert ledger.take("r1", now, 1) == []


def test_not_what_another_has_taken(ledger, reach, clock, now):
    """What another run has taken is not given until its lease has run out in real time."""
    reach(State.CLAIMED)
    ledger.take("r1", now, 1)

    assert ledger.take("r2", now, 1) == []
    clock.advance(LEASE - timedelta(microseconds=1))
    assert ledger.take("r2", now, 1) == []
    clock.advance(timedelta(microseconds=1))
    assert ledger.take("r1", now, 1) == []
    assert names(ledger.take("r2", now, 1)) == ["a1"]


def test_not_given_again_after_the_lease(ledger, reach, clock, now):
    """What a slow run took is not given to it again, also when its lease ran out and another looked at it."""
    reminder = reach(State.SENDING)
    due = now + timedelta(minutes=10)
    ledger.move("r1", now, [Change(reminder.id, State.RETRY, next_attempt=due)])
    ledger.take("r1", due, 1)
    clock.advance(LEASE)

    assert ledger.take("r2", now, 1) == []

    assert ledger.take("r1", due, 1) == []
    assert names(ledger.take("r2", due, 1)) == ["a1"]


def test_expired_leases_take_their_place_in_the_order(ledger, claim_of, clock, now):
    """What was free and what another held for too long come in one order, and no more than the limit."""
    ledger.claim("r1", now, [claim_of(n, hours=n) for n in (2, 4)], [])
    ledger.take("r1", now, 2)
    ledger.claim("r1", now, [claim_of(n, hours=n) for n in (1, 3, 5)], [])
    clock.advance(LEASE)

    assert names(ledger.take("r2", now, 3)) == ["a1", "a2", "a3"]
    assert names(ledger.take("r2", now, 3)) == ["a4", "a5"]


def test_released_for_a_later_run(ledger, reach, now):
    """What is released stays as it is: the run that gave it back does not get it again, another does at once."""
    before = reach(State.CLAIMED)
    ledger.take("r1", now, 1)

    ledger.release("r1", [before.id, "0" * 32])

    assert ledger.take("r1", now, 1) == []
    assert ledger.take("r2", now, 1) == [before]
    assert len(ledger.transitions(before.id)) == 1


def test_release_of_what_is_another_runs(ledger, reach, now):
    """A run cannot give back what another has taken."""
    reminder = reach(State.CLAIMED)
    ledger.take("r1", now, 1)

    ledger.release("r2", [reminder.id])

    assert ledger.take("r3", now, 1) == []


def test_moved_without_a_lease_is_free(ledger, reach, now):
    """After an account fault the reminder is ``claimed`` again, and free for a later run."""
    reach(State.CLAIMED)
    (reminder,) = ledger.take("r1", now, 1)
    ledger.move("r1", now, [Change(reminder.id, State.SENDING)])
    ledger.move("r1", now, [Change(reminder.id, State.CLAIMED, code="account-fault")])

    assert names(ledger.take("r2", now, 1)) == ["a1"]


def test_finish_ends_the_leases(ledger, reach, now):
    """What a run took and did not begin is free when the run has finished, also for a run that did not begin yet."""
    ledger.begin("r1", now)
    reach(State.CLAIMED)
    ledger.take("r1", now, 1)

    ledger.finish("r1", now, {})

    assert names(ledger.take("r2", now, 1)) == ["a1"]


def test_taking_changes_nothing_else(ledger, reach, now):
    """Taking is not a change of state: row and transitions stay."""
    before = reach(State.CLAIMED)

    assert ledger.take("r2", now, 1) == [before]

    assert ledger.of_appointments(["a1"]) == [before]
    assert len(ledger.transitions(before.id)) == 1
