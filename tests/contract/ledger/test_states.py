"""The state machine: which changes there are, and what each of them records."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import ContactType
from fhirnotify.errors import LedgerError
from fhirnotify.ledger.port import EDGES, Change, State, Transition


@pytest.mark.parametrize(("before", "after"), sorted(EDGES))
def test_edge(ledger, reach, now, before, after):
    """Each edge of the drawing is taken, and the transition says from where, to where, when, by whom and why."""
    reminder = reach(before)
    known = ledger.transitions(reminder.id)
    later = now + timedelta(minutes=1)
    if after is State.SENDING:
        assert [each.id for each in ledger.take("r2", later, 1)] == [reminder.id]

    assert ledger.move("r2", later, [Change(reminder.id, after, code="why")]) == frozenset()

    (moved,) = ledger.of_appointments(["a1"])
    assert (moved.state, moved.run, moved.code) == (after, "r2", "why")
    expected = Transition(reminder.id, later, "r2", before, after, "why")
    assert ledger.transitions(reminder.id) == [*known, expected]


NO_EDGES = sorted((before, after) for before, after in set(product(State, State)) - EDGES if after is not State.SENDING)


@pytest.mark.parametrize(("before", "after"), NO_EDGES)
def test_no_other_edge(ledger, reach, now, before, after):
    """Every other pair of states is refused, and neither row nor transitions change."""
    reminder = reach(before)
    known = ledger.transitions(reminder.id)

    with pytest.raises(LedgerError, match=f"cannot go from {before} to {after}"):
        ledger.move("r1", now, [Change(reminder.id, after)])

    assert ledger.of_appointments(["a1"]) == [reminder]
    assert ledger.transitions(reminder.id) == known


def test_all_or_nothing(ledger, reach, claim_of, now):
    """One change that is refused takes back the whole batch."""
    good, bad = reach(State.CLAIMED, 1), reach(State.ACCEPTED, 2)

    with pytest.raises(LedgerError):
        ledger.move("r1", now, [Change(good.id, State.EXPIRED), Change(bad.id, State.EXPIRED)])

    assert ledger.of_appointments(["a1", "a2"]) == [good, bad]
    assert len(ledger.transitions(good.id)) == 1


def test_unknown_reminder(ledger, reach, now):
    """A change of a reminder that the ledger does not hold is refused, with the rest of its batch."""
    good = reach(State.CLAIMED)

    with pytest.raises(LedgerError, match="holds no reminder"):
        ledger.move("r1", now, [Change(good.id, State.EXPIRED), Change("0" * 32, State.EXPIRED)])

    assert ledger.of_appointments(["a1"]) == [good]


def test_ledger_goes_on_after_a_refusal(ledger, reach, now):
    """A refused change leaves the ledger as usable as before."""
    reminder = reach(State.CLAIMED)
    with pytest.raises(LedgerError):
        ledger.move("r1", now, [Change(reminder.id, State.ACCEPTED)])

    ledger.move("r1", now, [Change(reminder.id, State.EXPIRED)])

    assert [each.id for each in ledger.in_state(State.EXPIRED)] == [reminder.id]


def test_sending_counts_and_notes_real_time(ledger, reach, begin, clock, now):
    """Going to ``sending`` counts an attempt and notes the real time; no other change does."""
    reminder = reach(State.CLAIMED)
    first = clock.now
    begin(reminder)
    clock.advance(timedelta(minutes=5))
    ledger.move("r1", now, [Change(reminder.id, State.RETRY)])
    (waiting,) = ledger.of_appointments(["a1"])
    begin(reminder)
    (again,) = ledger.of_appointments(["a1"])

    assert (waiting.attempts, waiting.sending_since) == (1, first)
    assert (again.attempts, again.sending_since) == (2, first + timedelta(minutes=5))


def test_given_fields_are_set_and_others_stay(ledger, reach, begin, now):
    """A change sets the fields that it gives; those that it leaves out stay."""
    reminder = reach(State.CLAIMED)
    evidence = Evidence("Appointment/a1/_history/9")
    begin(reminder, provider="outbox", evidence=evidence, contact_type=ContactType.MOTTAGNING, segments=3)
    ledger.move("r1", now, [Change(reminder.id, State.ACCEPTED, code="ok", message_id="m1")])
    ledger.move("r2", now, [Change(reminder.id, State.DELIVERED)])

    (after,) = ledger.of_appointments(["a1"])

    assert after == replace(
        reminder,
        state=State.DELIVERED,
        run="r2",
        provider="outbox",
        evidence=evidence,
        contact_type=ContactType.MOTTAGNING,
        segments=3,
        message_id="m1",
        code="ok",
        attempts=1,
        sending_since=after.sending_since,
    )


def test_next_attempt_is_set_by_every_change(ledger, reach, begin, now):
    """The time of the next attempt is that of the last change, none included."""
    reminder = reach(State.SENDING)
    when = now + timedelta(minutes=15)
    ledger.move("r1", now, [Change(reminder.id, State.RETRY, next_attempt=when)])
    (waiting,) = ledger.of_appointments(["a1"])
    begin(reminder)
    (sending,) = ledger.of_appointments(["a1"])

    assert (waiting.next_attempt, sending.next_attempt) == (when, None)


def test_one_reminder_twice_in_a_batch(ledger, reach, now):
    """Changes of one reminder in one batch follow each other, and each leaves its transition."""
    reminder = reach(State.CLAIMED)
    ledger.take("r1", now, 1)

    ledger.move("r1", now, [Change(reminder.id, State.SENDING), Change(reminder.id, State.ACCEPTED, message_id="m")])

    (after,) = ledger.of_appointments(["a1"])
    assert (after.state, after.attempts, after.message_id) == (State.ACCEPTED, 1, "m")
    states = [(each.from_state, each.to_state) for each in ledger.transitions(reminder.id)]
    assert states == [
        (None, State.CLAIMED),
        (State.CLAIMED, State.SENDING),
        (State.SENDING, State.ACCEPTED),
    ]


def test_transitions_of_nothing(ledger):
    """A reminder that the ledger does not hold has no transitions."""
    assert ledger.transitions("0" * 32) == []


def test_in_state_by_start(ledger, claim_of, now):
    """Reminders in a state come by start, and all of them, however many there are."""
    hours = [(n * 7919) % 1301 for n in range(1301)]
    ledger.claim("r1", now, [claim_of(n, hours=hour) for n, hour in enumerate(hours)], [])

    found = [reminder.start - now for reminder in ledger.in_state(State.CLAIMED)]

    assert found == [timedelta(hours=hour) for hour in range(1301)]
    assert list(ledger.in_state(State.SENDING)) == []


def test_in_state_at_one_start(ledger, claim_of, now):
    """Many reminders of one start are all given, each once."""
    ledger.claim("r1", now, [claim_of(n) for n in range(1301)], [])

    found = [reminder.appointment for reminder in ledger.in_state(State.CLAIMED)]

    assert sorted(found) == sorted(f"a{n}" for n in range(1301))


def test_in_state_of_a_run(ledger, reach, begin, now):
    """With a run, only what that run changed last is given."""
    reach(State.CLAIMED, 1)
    second = reach(State.CLAIMED, 2)
    begin(second, "r2")
    ledger.move("r2", now, [Change(second.id, State.CLAIMED)])

    assert [each.appointment for each in ledger.in_state(State.CLAIMED, "r2")] == ["a2"]
    assert [each.appointment for each in ledger.in_state(State.CLAIMED, "r1")] == ["a1"]


def test_changing_while_reading_a_state(ledger, claim_of, now):
    """Reminders may be changed while those in a state are being read; each is given once."""
    ledger.claim("r1", now, [claim_of(n, hours=n) for n in range(1100)], [])
    ledger.take("r1", now, 1100)
    seen = []
    for reminder in ledger.in_state(State.CLAIMED):
        seen.append(reminder.appointment)
        if len(seen) % 100 == 0:
            ledger.move("r1", now, [Change(reminder.id, State.SENDING), Change(reminder.id, State.CLAIMED)])

    assert seen == [f"a{n}" for n in range(1100)]


def test_message_ids_between(ledger, reach, clock, now):
    """The provider's ids are given of what was begun between two real times, both included."""
    began = []
    for n in range(4):
        reminder = reach(State.SENDING, n)
        began.append(clock.now)
        if n != 2:
            ledger.move("r1", now, [Change(reminder.id, State.ACCEPTED, message_id=f"m{n}")])
        clock.advance(timedelta(seconds=1))

    assert ledger.message_ids(began[1], began[3]) == {"m1", "m3"}
    assert ledger.message_ids(began[0], began[0]) == {"m0"}
    assert ledger.message_ids(began[3] + timedelta(microseconds=1), clock.now) == frozenset()


def test_what_an_account_may_have_under_an_id_that_nobody_knows(ledger, claim_of, clock, now):
    """In doubt, or accepted without an id; of this account, and begun between two real times, both included."""
    ways = {
        0: [],
        1: [Change("", State.UNCERTAIN)],
        2: [Change("", State.ACCEPTED)],
        3: [Change("", State.ACCEPTED), Change("", State.DELIVERED)],
        4: [Change("", State.ACCEPTED, message_id="m4")],
        5: [Change("", State.REJECTED)],
        6: [Change("", State.RETRY)],
        7: [Change("", State.UNCERTAIN)],
    }
    ledger.claim("r1", now, [claim_of(n, hours=n) for n in ways], [])
    for number, reminder in enumerate(ledger.take("r1", now, len(ways))):
        account = "another/1" if number == 7 else "46elks/1"
        steps = [Change("", State.SENDING, provider=account), *ways[number]]
        ledger.move("r1", now, [replace(step, reminder=reminder.id) for step in steps])
    began, later = clock.now, clock.now + timedelta(microseconds=1)

    found = ledger.unidentified("46elks/1", began, began)

    assert sorted(each.appointment for each in found) == ["a0", "a1", "a2", "a3"]
    assert ledger.unidentified("46elks/1", later, later) == []
