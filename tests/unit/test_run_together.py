"""Runs of several machines at the same time, on one ledger: each accounts for every visit, and nobody gets two."""

from collections import Counter
from datetime import timedelta

import pytest
from facts import NOW, START
from journal import HOUR, MINUTE, SENT, already, skipped
from machines import of_one_patient, two_machines

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import ContactType
from fhirnotify.errors import AccountFault
from fhirnotify.ledger.changes import LEASE
from fhirnotify.ledger.port import Change, Claim, State
from fhirnotify.sms.memory import MemoryGateway


@pytest.fixture
def desks():
    """Two machines on one ledger, one journal and one provider."""
    return two_machines()


def once(desk, stage, work):
    """Do something when the desk's run comes to a stage, the first time that it is asked whether it is ``work``'s."""
    pending = [work]

    def progress(at, done):
        if at == stage and pending and pending[0](done):
            pending.clear()

    desk.on_progress = progress


def got(desk):
    """How many messages each number got."""
    return set(Counter(sms.to for sms in desk.gateway.taken).values())


def test_all_is_sent_by_the_other_while_one_still_reads(desks):
    """What one has claimed the other sends; the one tells it as the other's."""
    one, other = desks
    for number in (1, 2, 3):
        one.book(number, start=START + number * MINUTE)
    once(one, "read", lambda done: done == 2 and other.run())

    summary = one.run()

    assert other.told() == {(f"a{n}", f"p{n}"): SENT for n in (1, 2, 3)}
    assert one.told() == {(f"a{n}", f"p{n}"): already("accepted") for n in (1, 2, 3)}
    assert (summary.considered, summary.already, summary.sent) == (3, 3, 0)
    assert got(one) == {1}


def test_what_the_other_has_taken_is_told_as_it_is(desks):
    """A reminder that another run holds stays claimed, and is told as its."""
    one, _ = desks
    one.book(1)
    one.book(2, start=START + HOUR)

    def take_the_first(done):
        return done == 2 and one.ledger.take("other", NOW, 1)

    once(one, "read", take_the_first)

    summary = one.run()

    assert one.told() == {("a1", "p1"): already("claimed"), ("a2", "p2"): SENT}
    assert (summary.considered, summary.already, summary.sent, summary.pending) == (2, 1, 1, 0)


def test_left_over_and_taken_by_the_other(desks):
    """The same for what an earlier run left."""
    one, _ = desks
    one.book(1)
    fault = [AccountFault("No.")]
    one.gateway = MemoryGateway(lambda _: fault[0] if fault else None)
    with pytest.raises(AccountFault):
        one.run()
    fault.clear()
    once(one, "read", lambda _: one.ledger.take("other", one.watch.now(), 1))

    summary = one.run(MINUTE)

    assert one.told() == {("a1", "p1"): already("claimed")}
    assert (summary.considered, summary.already) == (1, 1)


def test_a_run_that_froze_sends_nothing_of_its_batch(desks):
    """When its lease has run out before it began, what it had taken is left to others, and told so."""
    one, other = desks
    one.book(1)
    original = one.ledger.move

    def freeze(run, at, changes):
        if any(change.to is State.SENDING for change in changes):
            one.ledger.move = original
            one.watch.moment += LEASE
            other.run()
        return original(run, at, changes)

    one.ledger.move = freeze
    summary = one.run()

    assert other.told() == {("a1", "p1"): SENT}
    assert one.told() == {("a1", "p1"): already("accepted")}
    assert summary.considered == 1
    assert got(one) == {1}


def test_an_outcome_that_comes_late_is_told_by_what_stands(desks):
    """Another made it uncertain and found it at the provider: the sender's own answer is the same message."""
    one, _ = desks
    one.book(1)
    original = one.ledger.move

    def found_by_another(run, at, changes):
        if any(change.to is State.ACCEPTED for change in changes):
            one.ledger.move = original
            (reminder,) = one.ledger.in_state(State.SENDING)
            original("other", at, [Change(reminder.id, State.UNCERTAIN)])
            original("other", at, [Change(reminder.id, State.ACCEPTED, attempt=1)])
        return original(run, at, changes)

    one.ledger.move = found_by_another
    summary = one.run()

    assert one.told() == {("a1", "p1"): SENT}
    assert (summary.considered, summary.sent) == (1, 1)


def test_the_booking_that_was_to_give_way_is_being_sent(desks):
    """Of two bookings of one visit the smaller id goes first, but not when another run is sending the other."""
    one, _ = desks
    one.book(2)
    one.book(1)
    one.journal.put(of_one_patient(one))
    one.journal.in_order = False

    original = one.ledger.move

    def send_what_gives_way(run, at, changes):
        if [change.to for change in changes] == [State.WITHDRAWN]:
            one.ledger.move = original
            (reminder,) = one.ledger.take("other", NOW, 1)
            original("other", NOW, [Change(reminder.id, State.SENDING)])
        return original(run, at, changes)

    one.ledger.move = send_what_gives_way
    one.run()

    assert one.told() == {("a2", "p1"): already("sending"), ("a1", "p1"): skipped("duplicate-booking")}
    assert one.gateway.taken == []


@pytest.mark.parametrize("unseen", ["a1", "a2"])
def test_claimed_by_both_at_once(desks, unseen):
    """Two runs that each claimed one of two bookings of a visit, unseen by each other: the smaller id is sent."""
    one, _ = desks
    one.book(1)
    one.book(2)
    one.journal.put(of_one_patient(one))
    hidden = one.journal.appointments_by.pop(unseen)

    def claim_the_other(_):
        one.journal.put(hidden)
        claim = Claim(unseen, "p1", START, ContactType.VIDEO, Evidence(f"Appointment/{unseen}"), 2)
        return one.ledger.claim("other", NOW, [claim], [])

    once(one, "read", claim_the_other)
    one.run()

    assert one.told()["a1", "p1"] == SENT
    assert one.told()["a2", "p1"] == skipped("duplicate-booking", "withdrawn")
    assert len(one.gateway.taken) == 1


def test_a_wait_of_minutes_between_two_batches_keeps_the_lease(desks):
    """A run renews what it has taken while it works."""
    one, _ = desks
    renewed = []
    original = one.ledger.renew
    one.ledger.renew = lambda run: (renewed.append(run), original(run))
    one.ledger.lease = timedelta(0)
    one.book(1)

    one.run()

    assert renewed
