"""A clock that is set while a pass is at work, or between two: an hour back, a day forward, and right again."""

from datetime import timedelta

import pytest
from facts import NOW, START
from journal import HOUR, MINUTE, SENT, Desk, Journal, booking, skipped, statement

from fhirnotify.sms.gateway import Deferred
from fhirnotify.sms.memory import MemoryGateway

DAY = timedelta(days=1)


def busy_when(desk, happens):
    """Let the provider be busy, and something happen when it is asked."""

    def answer(_):
        happens()
        return Deferred("busy")

    desk.gateway = MemoryGateway(answer)


def set_clock(desk, by):
    """Set the clock, once."""
    left = [by]

    def happens():
        if left:
            desk.watch.moment += left.pop()

    return happens


def test_set_back_while_a_provider_is_busy():
    """What is to be tried again later is not tried again at once because it is earlier by now."""
    desk = Desk()
    desk.book(1)
    busy_when(desk, set_clock(desk, -HOUR))
    desk.watch.moment = NOW + HOUR
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, "retry")}
    assert (summary.considered, len(desk.gateway.attempts)) == (1, 1)


def test_put_right_after_something_was_put_off():
    """What was put off by a clock a day ahead does not wait for that day: the next pass sends it."""
    desk = Desk(gateway=MemoryGateway(lambda _: Deferred("busy")))
    desk.book(1, start=START + DAY)
    desk.run(DAY)
    desk.gateway._script = lambda _: None
    desk.watch.moment = NOW + 4 * HOUR
    desk.run()
    assert desk.states() == {"a1": "accepted"}
    assert len(desk.gateway.taken) == 1


def test_set_back_while_reading():
    """Facts that were read at a later time than it is now are of no known age: they are read again."""
    desk = Desk(journal=Journal(page_size=1))
    desk.book(1)
    desk.book(2, start=START + HOUR)

    def set_back(stage, done):
        if stage == "read" and done == 2:
            desk.watch.moment -= HOUR
            desk.journal.put(statement("c2", patient="p2", decision="deny"))

    desk.on_progress = set_back
    desk.run()
    assert desk.told() == {("a1", "p1"): SENT, ("a2", "p2"): skipped("consent-denied", "withdrawn")}


@pytest.mark.parametrize("page_size", [1, 100])
def test_pages_that_are_long_in_coming(page_size):
    """Their facts are as old as the question: what has changed since is seen before anything is sent."""
    desk = Desk(journal=Journal(page_size))
    desk.book(1)
    desk.book(2, start=START - HOUR)

    def take_six_minutes(what):
        if what == "Appointment" and desk.watch.moment == NOW:
            desk.watch.moment += 6 * MINUTE
            desk.journal.put(booking("a1", status="cancelled"))

    desk.journal.interrupt = take_six_minutes
    desk.run()
    assert desk.told() == {("a1", "p1"): skipped("not-booked", "withdrawn"), ("a2", "p2"): SENT}


def test_set_forward_while_sending():
    """By the new time it is too late for the rest, which a person is told; what was sent is not sent again."""
    desk = Desk(rate=5)
    for number in (1, 2, 3):
        desk.book(number, start=START + number * MINUTE)
    forward = set_clock(desk, DAY)
    desk.gateway = MemoryGateway(lambda _: forward())
    summary = desk.run()
    assert sorted(outcome for _, _, outcome in desk.told().values()) == ["accepted", "expired", "expired"]
    assert (summary.considered, summary.exit_code()) == (3, 6)
    desk.watch.moment = NOW + HOUR
    desk.run()
    assert len(desk.gateway.taken) == 1
