"""What a person found out about an uncertain reminder, on every ledger."""

from datetime import timedelta

import pytest

from fhirnotify.errors import SettingsError
from fhirnotify.ledger.port import Change, State
from fhirnotify.uncertain import Limits, doubts, settle

LIMITS = Limits(timeout=timedelta(seconds=20), latest=timedelta(hours=4))
ARRIVED = timedelta(seconds=70)


@pytest.fixture
def doubtful(ledger, reach, clock):
    """An uncertain reminder whose request has long arrived, or will never."""
    reminder = reach(State.UNCERTAIN)
    clock.advance(ARRIVED)
    return reminder


def ways(ledger, reminder):
    """The changes since it became uncertain."""
    steps = [(step.to_state, step.code) for step in ledger.transitions(reminder.id)]
    return steps[steps.index((State.UNCERTAIN, None)) + 1 :]


def test_it_was_sent(ledger, doubtful, now):
    """It is accepted, with who said so; and nobody sends it."""
    done = settle(ledger, doubtful.id, "anna", now, LIMITS, sent=True)

    assert (done.reminder.state, done.by, done.at, done.is_new) == (State.ACCEPTED, "anna", now, True)
    assert ways(ledger, doubtful) == [(State.ACCEPTED, "settled-sent anna")]
    assert ledger.take("r2", now + timedelta(days=1), 9) == []


def test_it_was_not_sent_and_there_is_time(ledger, doubtful, now):
    """It is due at once for the next run."""
    done = settle(ledger, doubtful.id, "anna", now, LIMITS, sent=False)

    assert done.reminder.state is State.RETRY
    assert ways(ledger, doubtful) == [(State.RETRY, "settled-not-sent anna")]
    assert [each.id for each in ledger.take("r2", now, 9)] == [doubtful.id]


@pytest.mark.parametrize(("hours", "state"), [(20, State.RETRY), (20.01, State.EXPIRED), (99, State.EXPIRED)])
def test_it_was_not_sent_and_it_is_too_late(ledger, doubtful, now, hours, state):
    """It has expired, by a way that there is: nobody is reminded less than four hours before, or after."""
    done = settle(ledger, doubtful.id, "anna", now + timedelta(hours=hours), LIMITS, sent=False)

    assert done.reminder.state is state
    assert ways(ledger, doubtful)[0] == (State.RETRY, "settled-not-sent anna")


@pytest.mark.parametrize("sent", [True, False])
def test_twice_is_once(ledger, doubtful, now, sent):
    """Who says the same again is told who said it first."""
    settle(ledger, doubtful.id, "anna", now, LIMITS, sent=sent)
    known = ledger.transitions(doubtful.id)

    again = settle(ledger, doubtful.id, "bo", now + timedelta(hours=1), LIMITS, sent=sent)

    assert (again.by, again.at, again.is_new) == ("anna", now, False)
    assert ledger.transitions(doubtful.id) == known


def test_that_it_was_sent_is_not_taken_back(ledger, doubtful, now):
    """What was recorded stands: nobody is reminded twice by it."""
    settle(ledger, doubtful.id, "anna", now, LIMITS, sent=True)

    with pytest.raises(SettingsError, match="not uncertain"):
        settle(ledger, doubtful.id, "bo", now, LIMITS, sent=False)


@pytest.mark.parametrize("hours", [0, 99])
def test_that_it_was_not_sent_is_taken_back_in_time(ledger, doubtful, now, hours):
    """A slip, seen before the next run, or after it has expired: it is accepted, and stays so."""
    moment = now + timedelta(hours=hours)
    settle(ledger, doubtful.id, "anna", moment, LIMITS, sent=False)

    done = settle(ledger, doubtful.id, "bo", moment, LIMITS, sent=True)

    assert (done.reminder.state, done.by, done.is_new) == (State.ACCEPTED, "bo", True)
    assert ways(ledger, doubtful)[-1] == (State.ACCEPTED, "settled-sent bo")
    assert ledger.take("r2", moment, 9) == []
    with pytest.raises(SettingsError, match="not uncertain"):
        settle(ledger, doubtful.id, "anna", moment, LIMITS, sent=False)


def test_that_it_was_not_sent_is_not_taken_back_when_it_is_begun_anew(ledger, doubtful, now):
    """Then the new attempt tells."""
    settle(ledger, doubtful.id, "anna", now, LIMITS, sent=False)
    ledger.take("r2", now, 9)
    ledger.move("r2", now, [Change(doubtful.id, State.SENDING)])

    with pytest.raises(SettingsError, match="not uncertain"):
        settle(ledger, doubtful.id, "anna", now, LIMITS, sent=True)


def test_that_it_was_not_sent_is_taken_back_while_a_run_is_about_to_begin(ledger, doubtful, now):
    """The run has taken it, and may not begin it any more."""
    settle(ledger, doubtful.id, "anna", now, LIMITS, sent=False)
    ledger.take("r2", now, 9)

    settle(ledger, doubtful.id, "anna", now, LIMITS, sent=True)

    assert ledger.move("r2", now, [Change(doubtful.id, State.SENDING)]) == {doubtful.id}


def test_another_doubt_is_settled_anew(ledger, doubtful, now, clock):
    """It was not sent, was tried again, and is uncertain again: what was found out then says nothing of it."""
    settle(ledger, doubtful.id, "anna", now, LIMITS, sent=False)
    ledger.take("r2", now, 9)
    ledger.move("r2", now, [Change(doubtful.id, State.SENDING)])
    ledger.move("r2", now, [Change(doubtful.id, State.UNCERTAIN)])
    clock.advance(ARRIVED)

    done = settle(ledger, doubtful.id, "bo", now, LIMITS, sent=False)

    assert (done.by, done.is_new) == ("bo", True)


@pytest.mark.parametrize("state", sorted(set(State) - {State.UNCERTAIN}))
@pytest.mark.parametrize("sent", [True, False])
def test_only_what_is_uncertain_is_settled(ledger, reach, clock, now, state, sent):
    """Everything else is as the program knows it to be."""
    reminder = reach(state)
    known = ledger.transitions(reminder.id)
    clock.advance(ARRIVED)

    with pytest.raises(SettingsError, match=f"is {state}, not uncertain"):
        settle(ledger, reminder.id, "anna", now, LIMITS, sent=sent)

    assert ledger.transitions(reminder.id) == known


def test_there_is_no_such_reminder(ledger, now):
    """An id that was mistyped changes nothing, and is not repeated."""
    with pytest.raises(SettingsError, match="no reminder") as refused:
        settle(ledger, "191212121212", "anna", now, LIMITS, sent=True)
    assert "1912" not in str(refused.value)


def test_not_while_the_request_may_still_be_on_its_way(ledger, reach, clock, now):
    """What is not there now may come: only then is the provider's record a proof. That it is there is one at once."""
    reminder = reach(State.UNCERTAIN)
    clock.advance(ARRIVED - timedelta(seconds=5))

    with pytest.raises(SettingsError, match="for 5 seconds"):
        settle(ledger, reminder.id, "anna", now, LIMITS, sent=False)

    assert settle(ledger, reminder.id, "anna", now, LIMITS, sent=True).is_new


@pytest.mark.parametrize("found", [State.ACCEPTED, State.RETRY])
def test_a_run_that_asks_in_the_same_moment(ledger, doubtful, now, found):
    """A person said that it was not sent: that the provider has it counts all the same, and nobody sends it."""
    settle(ledger, doubtful.id, "anna", now, LIMITS, sent=False)

    lost = ledger.move("r2", now, [Change(doubtful.id, found, code="found", attempt=1)])

    (after,) = ledger.of_ids([doubtful.id])
    assert after.state is found
    assert bool(lost) is (found is State.RETRY)


def test_doubts_are_told(ledger, doubtful, reach, clock, now):
    """Since when, and between which moments the provider can have taken it; by the start of the visit."""
    reach(State.ACCEPTED, 2)
    (doubt,) = doubts(ledger, LIMITS)

    assert (doubt.reminder.id, doubt.since) == (doubtful.id, now)
    assert (doubt.first, doubt.last) == (doubtful.sending_since, doubtful.sending_since + timedelta(seconds=50))
    assert doubt.too_late == doubtful.start - timedelta(hours=4)
