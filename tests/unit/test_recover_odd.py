"""Providers that answer oddly, or show times that are wrong: nothing is sent twice, and nobody else waits for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from by_number import ByNumber
from journal import MINUTE, Desk

from fhirnotify.sms.gateway import Unknown
from fhirnotify.sms.memory import MemoryGateway

LOST = Unknown("read-timeout")


def answer_lost():
    """Make a desk whose provider takes the first message, and whose answer to it gets lost."""
    desk = Desk(parallel=1)
    left = [Unknown("answer-lost")]
    desk.gateway = ByNumber(desk.watch.real, lambda _: left.pop() if left else None)
    return desk


def test_a_bug_in_the_asking_costs_one_answer_alone():
    """Every other patient is reminded in the same pass; the one in doubt stays so, and is asked about again."""
    desk = Desk(gateway=MemoryGateway(lambda _: LOST, knows=False))
    for number in (1, 2, 3):
        desk.book(number)
    desk.run()
    desk.gateway._script = lambda _: None
    desk.book(9)
    asked = []

    def stumble(trace):
        asked.append(trace.reference)
        raise TypeError("unhashable type: 'list'")

    desk.gateway.find = stumble
    assert desk.run(MINUTE).sent == 1
    assert sorted(desk.states().values()) == ["accepted", *["uncertain"] * 3]
    assert len(asked) == 3
    desk.run(MINUTE)
    assert len(asked) > 3


@pytest.mark.parametrize("off", [timedelta(hours=-2), timedelta(minutes=-3), 3 * MINUTE, timedelta(hours=1)])
@pytest.mark.parametrize("sender", ["RegionVB", "RegionVBtn"])
def test_a_sender_set_anew_while_the_provider_s_times_are_off_sends_nothing_twice(sender, off):
    """The message to the number may be ours, whoever it is from: it is in doubt."""
    desk = answer_lost()
    desk.gateway.clock = lambda: desk.watch.real() + off
    desk.book(1)
    desk.run()
    job = desk.job
    desk.job = lambda: replace(job(), sending=replace(job().sending, sender=sender))
    desk.run(5 * MINUTE)
    assert desk.states() == {"a1": "uncertain"}
    assert len(desk.gateway.taken) == 1


def test_a_message_without_a_time_is_not_long_ago():
    """The provider shows it with a time that stands for none."""
    desk = answer_lost()
    desk.gateway.clock = lambda: datetime(1970, 1, 1, tzinfo=UTC)
    desk.book(1)
    desk.run()
    desk.gateway.clock = desk.watch.real
    desk.run(5 * MINUTE)
    assert desk.states() == {"a1": "uncertain"}
    assert len(desk.gateway.taken) == 1
