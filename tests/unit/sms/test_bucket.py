"""The token bucket: what ``rate`` means."""

import pytest

from fhirnotify.sms.bucket import TokenBucket


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
