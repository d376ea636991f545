"""The token bucket: what ``rate`` means."""

import threading

import pytest

from fhirnotify.sms.bucket import SharedPace, TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("rate", "burst"), [(0.5, 1), (1, 1), (10, 1), (25, 2), (100, 10), (10_000, 1000)])
def test_burst_is_a_tenth_of_a_second_and_at_least_one(rate: float, burst: int) -> None:
    """However long nothing was sent, only so many may go at once."""
    clock = Clock()
    bucket = TokenBucket(rate, clock)
    clock.now += 3600
    assert bucket.ready() == (burst, 0.0)


@pytest.mark.parametrize("rate", [0.5, 10, 99])
def test_no_second_holds_more_than_the_rate_and_the_burst(rate: float) -> None:
    """Whoever waits as told keeps the rate, from the first token on."""
    clock = Clock()
    bucket = TokenBucket(rate, clock)
    used = [clock.now + bucket.take() for _ in range(round(rate * 2) + 3)]
    span = 1 / rate if rate < 1 else 1.0
    for first in used:
        assert sum(first <= each < first + span for each in used) <= max(rate * span, 1) + max(1, rate / 10)
    assert used == sorted(used)
    assert used[-1] - used[0] == pytest.approx((len(used) - max(1, rate * 0.1)) / rate)


def test_ready_tells_when_the_next_token_comes() -> None:
    """Without a token there is a time to wait; after it there is one."""
    clock = Clock()
    bucket = TokenBucket(10, clock)
    bucket.take()
    assert bucket.ready() == (0, pytest.approx(0.1))
    clock.now += 0.1001
    assert bucket.ready() == (1, 0.0)


def test_tokens_taken_ahead_are_paid_back() -> None:
    """After three taken at once, the next is free only when they have been made up for."""
    clock = Clock()
    bucket = TokenBucket(10, clock)
    assert [bucket.take() for _ in range(3)] == [0.0, pytest.approx(0.1), pytest.approx(0.2)]
    assert bucket.ready() == (0, pytest.approx(0.3))


class Reserve:
    """Gives moments as a ledger does, to whoever asks."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self.rate, self.clock, self.free_from, self.given = rate, clock, clock.now, 0

    def __call__(self, count: int) -> float:
        first = max(self.clock.now, self.free_from)
        self.free_from = first + count / self.rate
        self.given += count
        return first - self.clock.now


def test_several_keep_one_pace() -> None:
    """However many share it, no second holds more than the rate, and what may have waited half a second for its turn."""
    clock = Clock()
    reserve = Reserve(10, clock)
    paces = [SharedPace(10, reserve, clock) for _ in range(4)]
    used: list[float] = []
    while len(used) < 60:
        for pace in paces:
            pace.refill(8)
            used += [clock.now + pace.take() for _ in range(pace.ready()[0])]
        clock.now += 0.01
    for first in used:
        assert sum(first <= each < first + 1 for each in used) <= 16
    assert used[-1] - used[0] >= 59 / 10 - 0.5


def test_nothing_is_reserved_before_it_is_needed() -> None:
    """A run with nothing to send leaves the moments to others; one with little takes little."""
    clock = Clock()
    reserve = Reserve(100, clock)
    pace = SharedPace(100, reserve, clock)
    pace.refill(0)
    assert reserve.given == 0
    pace.refill(2)
    pace.refill(2)
    assert reserve.given == 2
    assert pace.ready() == (1, 0.0)


def test_moments_that_have_passed_do_not_gather() -> None:
    """A run that stood still does not make up for it."""
    clock = Clock()
    pace = SharedPace(10, Reserve(10, clock), clock)
    pace.refill(5)
    clock.now += 60
    assert pace.ready()[0] == 0


def test_who_tries_again_waits_for_a_moment_of_its_own() -> None:
    """What was told to the owner is the owner's; a worker gives up at its deadline, or when it is told to stop."""
    clock, stop = Clock(), threading.Event()
    pace = SharedPace(10, Reserve(10, clock), clock)
    assert pace.take_again(clock.now, stop) is None
    pace.refill(2)
    assert pace.ready() == (1, 0.0)
    assert pace.take_again(clock.now + 1, stop) == pytest.approx(0.1)
    stop.set()
    assert pace.take_again(clock.now + 1, stop) is None
    assert pace.take() == 0.0
