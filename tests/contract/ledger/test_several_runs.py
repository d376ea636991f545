"""Several runs on one ledger: what each may still do with what another has taken over."""

from datetime import timedelta

import pytest

from fhirnotify.ledger.changes import LEASE
from fhirnotify.ledger.port import ACCEPTED_STATES, LATE_EDGES, SENT_TWICE, Change, Claim, State

NOTHING = frozenset()


@pytest.fixture
def lost(ledger, claim_of, clock, now):
    """A reminder that r1 began to send, and that r2 made uncertain when r1's lease had run out."""
    ledger.claim("r1", now, [claim_of(1)], [])
    (reminder,) = ledger.take("r1", now, 1)
    assert ledger.move("r1", now, [Change(reminder.id, State.SENDING, provider="p")]) == NOTHING
    clock.advance(LEASE)
    ledger.begin("r2", now)
    assert state_of(ledger) is State.UNCERTAIN
    return reminder.id


def state_of(ledger):
    """The state of the one reminder."""
    (reminder,) = ledger.of_appointments(["a1"])
    return reminder.state


def steps_of(ledger, reminder):
    """Who moved it where."""
    return [(step.run, step.to_state) for step in ledger.transitions(reminder)]


def test_not_sent_without_a_lease(ledger, reach, now):
    """What a run has not taken it cannot begin to send: nothing changes, and it is told."""
    reminder = reach(State.CLAIMED)

    assert ledger.move("r1", now, [Change(reminder.id, State.SENDING)]) == {reminder.id}

    assert ledger.of_appointments(["a1"]) == [reminder]
    assert len(ledger.transitions(reminder.id)) == 1


@pytest.mark.parametrize("before", sorted(set(State) - {State.CLAIMED, State.RETRY}))
def test_not_begun_in_another_state(ledger, reach, now, before):
    """What is in a state in which nothing is to be sent is not begun."""
    reminder = reach(before)
    (held,) = ledger.of_appointments(["a1"])

    if before is State.SENDING:  # the one state in which the run has a lease
        ledger.release("r1", [reminder.id])
    assert ledger.move("r1", now, [Change(reminder.id, State.SENDING)]) == {reminder.id}

    assert ledger.of_appointments(["a1"]) == [held]


def test_frozen_before_it_began(ledger, reach, clock, now):
    """A run that wakes up when its lease has run out sends nothing, whether another has taken the reminder or not."""
    reminder = reach(State.CLAIMED)
    ledger.take("r1", now, 1)
    clock.advance(LEASE)

    assert ledger.move("r1", now, [Change(reminder.id, State.SENDING)]) == {reminder.id}
    assert [each.id for each in ledger.take("r2", now, 1)] == [reminder.id]
    assert ledger.move("r1", now, [Change(reminder.id, State.SENDING)]) == {reminder.id}

    assert ledger.move("r2", now, [Change(reminder.id, State.SENDING)]) == NOTHING


def test_the_others_of_a_batch_go_on(ledger, claim_of, clock, now):
    """One that is lost does not keep the others of its batch back."""
    ledger.claim("r1", now, [claim_of(1), claim_of(2)], [])
    first, second = ledger.take("r1", now, 2)
    ledger.release("r1", [first.id])
    ledger.take("r2", now, 1)

    wanted = [Change(each.id, State.SENDING) for each in (first, second)]
    assert ledger.move("r1", now, wanted) == {first.id}

    assert [each.id for each in ledger.in_state(State.SENDING)] == [second.id]


def test_renewed_in_time(ledger, reach, clock, now):
    """A lease that is renewed before it runs out lasts from then; what is being sent is not taken for left."""
    sending, taken = reach(State.SENDING, 1), reach(State.CLAIMED, 2)
    ledger.take("r1", now, 1)
    clock.advance(LEASE - timedelta(seconds=1))

    ledger.renew("r1")

    clock.advance(LEASE - timedelta(seconds=1))
    assert ledger.take("r2", now, 1) == []
    assert ledger.move("r1", now, [Change(taken.id, State.SENDING)]) == NOTHING
    assert {each.id for each in ledger.in_state(State.SENDING)} == {sending.id, taken.id}


def test_renewed_too_late(ledger, reach, clock, now):
    """A lease that has run out is not renewed, nor is what the run gave back or what another has."""
    first, second = reach(State.CLAIMED, 1), reach(State.CLAIMED, 2)
    ledger.take("r1", now, 1)
    clock.advance(LEASE)
    ledger.take("r1", now, 1)
    ledger.release("r1", [second.id])

    ledger.renew("r1")

    assert {each.id for each in ledger.take("r2", now, 2)} == {first.id, second.id}
    ledger.renew("r1")
    assert ledger.held("r2", [first.id, second.id]) == NOTHING


@pytest.mark.parametrize("to", [State.ACCEPTED, State.REJECTED, State.RETRY])
def test_the_truth_about_the_last_attempt(ledger, lost, now, to):
    """A run that wakes up and learns what became of its attempt, of which others are in doubt, records that."""
    assert ledger.move("r1", now, [Change(lost, to, attempt=1, message_id="m")]) == NOTHING

    assert state_of(ledger) is to
    assert steps_of(ledger, lost)[-2:] == [("r2", State.UNCERTAIN), ("r1", to)]


@pytest.mark.parametrize("to", [State.UNCERTAIN, State.CLAIMED])
def test_doubt_adds_nothing_to_doubt(ledger, lost, now, to):
    """A run that wakes up and does not know either, or may not send any more, changes nothing."""
    assert ledger.move("r1", now, [Change(lost, to, attempt=1)]) == {lost}

    assert state_of(ledger) is State.UNCERTAIN


@pytest.mark.parametrize("to", [State.REJECTED, State.RETRY, State.UNCERTAIN, State.CLAIMED])
@pytest.mark.parametrize("by_then", [State.RETRY, State.SENDING, State.UNCERTAIN, State.ACCEPTED])
def test_an_earlier_attempt_says_nothing_of_a_later_one(ledger, lost, now, to, by_then):
    """When another has begun anew, what became of the earlier attempt is no reason to send, or not to send."""
    ledger.move("r2", now, [Change(lost, State.RETRY)])
    ledger.take("r2", now, 1)
    ledger.move("r2", now, [Change(lost, State.SENDING)])
    if by_then is not State.SENDING:
        ledger.move("r2", now, [Change(lost, by_then, attempt=2)])
    known = ledger.of_appointments(["a1"])

    assert ledger.move("r1", now, [Change(lost, to, attempt=1)]) == {lost}

    assert ledger.of_appointments(["a1"]) == known


@pytest.mark.parametrize(("before", "after"), sorted(LATE_EDGES))
def test_accepted_after_all(ledger, lost, now, before, after):
    """Whatever others made of it meanwhile, what the provider has taken is never sent again."""
    ways = {
        State.RETRY: [State.RETRY],
        State.CLAIMED: [State.RETRY, State.WITHDRAWN],
        State.WITHDRAWN: [State.RETRY, State.WITHDRAWN],
        State.EXPIRED: [State.RETRY, State.EXPIRED],
        State.REJECTED: [State.REJECTED],
    }
    for step in ways[before]:
        ledger.move("r2", now, [Change(lost, step)])
    if before is State.CLAIMED:
        (held,) = ledger.of_appointments(["a1"])
        claim = Claim(held.appointment, held.patient, held.start, held.contact_type, held.evidence, held.segments)
        assert ledger.claim("r2", now, [claim], []) == [True]
    assert state_of(ledger) is before

    assert ledger.move("r1", now, [Change(lost, after, attempt=1, message_id="m1")]) == NOTHING

    assert state_of(ledger) is State.ACCEPTED
    assert ledger.take("r3", now + timedelta(hours=1), 1) == []


def test_accepted_while_another_is_sending(ledger, lost, now):
    """An earlier attempt was taken: it stands, and a refusal of the later one does not undo that."""
    ledger.move("r2", now, [Change(lost, State.RETRY)])
    ledger.take("r2", now, 1)
    ledger.move("r2", now, [Change(lost, State.SENDING)])

    assert ledger.move("r1", now, [Change(lost, State.ACCEPTED, attempt=1, message_id="m1")]) == NOTHING
    assert ledger.move("r2", now, [Change(lost, State.RETRY, attempt=2)]) == {lost}

    assert state_of(ledger) is State.ACCEPTED


@pytest.mark.parametrize(("one", "other"), [("m1", "m2"), (None, None), ("m1", None)])
def test_sent_twice_is_never_hushed_up(ledger, lost, now, one, other):
    """Two attempts that were both accepted are recorded as what they are; the state stays."""
    ledger.move("r2", now, [Change(lost, State.RETRY)])
    ledger.take("r2", now, 1)
    ledger.move("r2", now, [Change(lost, State.SENDING)])
    ledger.move("r2", now, [Change(lost, State.ACCEPTED, attempt=2, message_id=one)])
    ledger.move("r2", now, [Change(lost, State.DELIVERED)])

    assert ledger.move("r1", now, [Change(lost, State.ACCEPTED, attempt=1, message_id=other)]) == NOTHING

    last = ledger.transitions(lost)[-1]
    assert (last.run, last.from_state, last.to_state, last.code) == ("r1", State.DELIVERED, State.DELIVERED, SENT_TWICE)
    (reminder,) = ledger.of_appointments(["a1"])
    assert (reminder.state, reminder.message_id, reminder.code) == (State.DELIVERED, one, SENT_TWICE)


@pytest.mark.parametrize("found", ["m1", None])
def test_found_by_another_is_the_same_message(ledger, lost, now, found):
    """What another found at the provider and the sender then reports is one message."""
    ledger.move("r2", now, [Change(lost, State.ACCEPTED, attempt=1, message_id=found)])

    assert ledger.move("r1", now, [Change(lost, State.ACCEPTED, attempt=1, message_id="m1")]) == {lost}

    assert [step.code for step in ledger.transitions(lost)][-1] is None


def test_two_that_ask_the_provider(ledger, lost, now):
    """Of two that asked about one attempt the first one's finding counts, also when it has been sent since."""
    not_found = Change(lost, State.RETRY, code="not-found", attempt=1)
    assert ledger.move("r2", now, [not_found]) == NOTHING
    ledger.take("r2", now, 1)
    ledger.move("r2", now, [Change(lost, State.SENDING)])
    ledger.move("r2", now, [Change(lost, State.UNCERTAIN, attempt=2)])

    assert ledger.move("r3", now, [not_found]) == {lost}

    assert state_of(ledger) is State.UNCERTAIN


def test_late_edges_end_in_accepted():
    """Nothing but that the provider has taken it is believed of a run that has lost a reminder."""
    assert {after for _, after in LATE_EDGES} == {State.ACCEPTED}
    assert not {before for before, _ in LATE_EDGES} & ACCEPTED_STATES


def test_held_by_others(ledger, claim_of, clock, now):
    """What others have taken is told until their leases run out; one's own, and what is free, is not."""
    ledger.claim("r1", now, [claim_of(n, hours=n) for n in (1, 2, 3)], [])
    (mine,) = ledger.take("r1", now, 1)
    (theirs,) = ledger.take("r2", now, 1)
    (free,) = ledger.of_appointments(["a3"])
    wanted = [mine.id, theirs.id, free.id, "0" * 32]

    assert ledger.held("r1", wanted) == {theirs.id}
    assert ledger.held("r3", wanted) == {mine.id, theirs.id}
    clock.advance(LEASE)
    assert ledger.held("r1", wanted) == NOTHING
    assert ledger.held("r1", []) == NOTHING


def test_untouched(ledger, claim_of, now):
    """What a run claimed and did nothing with is given, whatever others made of it; each once."""
    ledger.claim("r1", now, [claim_of(n, hours=n) for n in range(5)], [])
    ledger.claim("r2", now, [claim_of(9)], [])
    (begun,) = ledger.take("r1", now, 1)
    ledger.move("r1", now, [Change(begun.id, State.SENDING)])
    (theirs,) = ledger.take("r2", now, 1)
    ledger.move("r2", now, [Change(theirs.id, State.SENDING), Change(theirs.id, State.ACCEPTED)])
    (_, _, gone, *_) = ledger.of_appointments([f"a{n}" for n in range(5)])
    ledger.move("r1", now, [Change(gone.id, State.WITHDRAWN)])

    found = {each.appointment: each.state for each in ledger.untouched("r1")}

    assert found == {"a1": State.ACCEPTED, "a3": State.CLAIMED, "a4": State.CLAIMED}
    assert [each.appointment for each in ledger.untouched("r2")] == ["a9"]
    assert list(ledger.untouched("r3")) == []


def test_untouched_is_whole(ledger, claim_of, now):
    """However many there are, all are given, each once."""
    ledger.claim("r1", now, [claim_of(n) for n in range(1301)], [])

    assert sorted(each.appointment for each in ledger.untouched("r1")) == sorted(f"a{n}" for n in range(1301))


def test_reserved_moments_follow_each_other(ledger, clock):
    """Whoever asks, each is given moments of its own, as far apart as the rate says; an account knows no other's."""
    assert ledger.reserve("a", 10, 5) == timedelta(0)
    assert ledger.reserve("a", 10, 1) == timedelta(seconds=0.5)
    assert ledger.reserve("b", 10, 1) == timedelta(0)
    clock.advance(timedelta(seconds=0.2))
    assert ledger.reserve("a", 10, 1) == timedelta(seconds=0.4)


def test_reserved_moments_do_not_gather(ledger, clock):
    """What nobody reserved while there was nothing to send is gone."""
    ledger.reserve("a", 10, 1)
    clock.advance(timedelta(hours=1))

    assert ledger.reserve("a", 10, 1) == timedelta(0)
    assert ledger.reserve("a", 10, 1) == timedelta(seconds=0.1)


def test_real_time_is_the_ledgers(ledger, clock):
    """The real time is that by which leases run."""
    assert ledger.real_time() == clock.now
