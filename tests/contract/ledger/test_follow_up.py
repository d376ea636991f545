"""What the provider is to be asked about: when, by whom, and until when."""

from datetime import timedelta

import pytest

from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.states import ENDS, EXPIRED_UNKNOWN, NO_REPORT

MINUTE = timedelta(minutes=1)
NOTHING = frozenset()


def later(by):
    """Put everything off by so long after it was sent."""
    return lambda reminder: reminder.sending_since + by


def asked(ledger, due, limit=99, again=10 * MINUTE):
    """Give the appointments that are to be asked about."""
    return [each.appointment for each in ledger.to_follow_up(due, limit, later(again))]


def test_what_is_accepted_is_asked_about_at_once(ledger, reach, clock):
    """Nothing else is, and not before it was sent."""
    for n, state in enumerate(State):
        reach(state, n)

    assert asked(ledger, clock.now - MINUTE) == []
    assert asked(ledger, clock.now) == [f"a{list(State).index(State.ACCEPTED)}"]


def test_what_was_asked_about_is_put_off(ledger, reach, clock):
    """Until what was said of it; the reminder and its way stay as they were."""
    reminder = reach(State.ACCEPTED)
    known = ledger.transitions(reminder.id)
    assert asked(ledger, clock.now) == ["a1"]

    assert asked(ledger, clock.now + 9 * MINUTE) == []
    assert asked(ledger, clock.now + 10 * MINUTE) == ["a1"]
    (now,) = ledger.of_appointments(["a1"])
    assert (now.state, now.run) == (State.ACCEPTED, reminder.run)
    assert ledger.transitions(reminder.id) == known


def test_the_longest_due_is_first(ledger, reach, clock):
    """As many as are wanted; whatever has been waiting longest, so that nobody is forgotten."""
    for n in range(5):
        reach(State.ACCEPTED, n)
        clock.advance(MINUTE)

    assert asked(ledger, clock.now, 2) == ["a0", "a1"]
    assert asked(ledger, clock.now, 2) == ["a2", "a3"]
    assert asked(ledger, clock.now + 10 * MINUTE) == ["a4", "a0", "a1", "a2", "a3"]


@pytest.mark.parametrize("to", [State.DELIVERED, State.UNDELIVERED])
def test_what_has_become_of_it_ends_the_asking(ledger, reach, clock, now, to):
    """Something final is known."""
    reminder = reach(State.ACCEPTED)

    assert ledger.move("f1", now, [Change(reminder.id, to, attempt=1)]) == NOTHING

    assert asked(ledger, clock.now + timedelta(days=9)) == []


@pytest.mark.parametrize("code", sorted(ENDS))
def test_that_nobody_will_know_ends_the_asking(ledger, reach, clock, now, code):
    """It stays accepted, and the change says why nobody asks any more; ended once, it is ended."""
    reminder = reach(State.ACCEPTED)
    end = Change(reminder.id, State.ACCEPTED, code=code, attempt=1)

    assert ledger.move("f1", now, [end]) == NOTHING

    last = ledger.transitions(reminder.id)[-1]
    assert (last.run, last.from_state, last.to_state, last.code) == ("f1", State.ACCEPTED, State.ACCEPTED, code)
    assert asked(ledger, clock.now + timedelta(days=9)) == []
    assert ledger.move("f2", now, [end]) == {reminder.id}
    assert ledger.transitions(reminder.id)[-1] == last


def test_what_is_learnt_after_the_end_is_kept(ledger, reach, now):
    """Another machine may have asked just before, and been told."""
    reminder = reach(State.ACCEPTED)
    ledger.move("f1", now, [Change(reminder.id, State.ACCEPTED, code=EXPIRED_UNKNOWN, attempt=1)])

    assert ledger.move("f2", now, [Change(reminder.id, State.DELIVERED, attempt=1)]) == NOTHING

    assert [each.state for each in ledger.of_appointments(["a1"])] == [State.DELIVERED]


@pytest.mark.parametrize("first", [State.DELIVERED, State.UNDELIVERED])
@pytest.mark.parametrize("second", [State.ACCEPTED, State.DELIVERED, State.UNDELIVERED])
def test_the_first_to_learn_it_is_believed(ledger, reach, now, first, second):
    """Of two machines that ask about one message, the one that comes late changes nothing."""
    reminder = reach(State.ACCEPTED)
    ledger.move("f1", now, [Change(reminder.id, first, attempt=1)])
    known = ledger.transitions(reminder.id)
    code = NO_REPORT if second is State.ACCEPTED else None

    assert ledger.move("f2", now, [Change(reminder.id, second, code=code, attempt=1)]) == {reminder.id}

    assert ledger.transitions(reminder.id) == known


@pytest.mark.parametrize("state", sorted(set(State) - {State.ACCEPTED}))
def test_nothing_else_is_ended(ledger, reach, now, state):
    """Of what is not accepted there is no asking to end."""
    reminder = reach(state)
    known = ledger.transitions(reminder.id)

    assert ledger.move("f1", now, [Change(reminder.id, State.ACCEPTED, code=NO_REPORT)]) == {reminder.id}

    assert ledger.transitions(reminder.id) == known


def test_found_by_its_id(ledger, reach):
    """Whatever its state; an id that there is not gives nothing."""
    first, second = reach(State.ACCEPTED, 1), reach(State.UNCERTAIN, 2)
    found = ledger.of_ids([second.id, "0" * 32, first.id, first.id])

    assert sorted(each.appointment for each in found) == ["a1", "a2"]
    assert ledger.of_ids([]) == []


def test_two_machines_share_the_asking(opened, claim_of, clock, now):
    """What one has taken the other does not ask about."""
    one, other = opened(), opened()
    one.claim("r1", now, [claim_of(n, hours=n) for n in range(1, 5)], [])
    taken = one.take("r1", now, 9)
    one.move("r1", now, [Change(each.id, State.SENDING) for each in taken])
    one.move("r1", now, [Change(each.id, State.ACCEPTED) for each in taken])

    found = asked(one, clock.now, 2) + asked(other, clock.now, 9)

    assert sorted(found) == ["a1", "a2", "a3", "a4"]
