"""The circuit breaker: when a provider is left alone, and when it is tried again."""

import pytest

from fhirnotify.sms.breaker import LIMIT, REST, Breaker


def after(*events: str, now: float = 0.0) -> Breaker:
    """Give the breaker after these events, all at one moment."""
    breaker = Breaker()
    for event in events:
        breaker = breaker.failed(now) if event == "failed" else getattr(breaker, event)()
    return breaker


FAILED = ("failed",) * LIMIT


@pytest.mark.parametrize(
    ("events", "now", "allows"),
    [
        ((), 0.0, True),
        (FAILED[1:], 0.0, True),
        (FAILED, 0.0, False),
        (FAILED, REST - 0.001, False),
        (FAILED, REST, True),
        ((*FAILED[1:], "succeeded", *FAILED[1:]), 0.0, True),
        ((*FAILED, "succeeded"), 0.0, True),
        ((*FAILED, "handed"), REST, False),
        ((*FAILED, "handed", "untold"), REST, True),
        ((*FAILED, "handed", "succeeded"), REST, True),
        ((*FAILED[1:], "handed"), 0.0, True),
        ((*FAILED[1:], "untold", "failed"), 0.0, False),
    ],
)
def test_it_allows_or_leaves_alone(events: tuple[str, ...], now: float, allows: bool) -> None:  # noqa: FBT001
    """As the rule says: so many failures one after another, for so long, then one message."""
    assert after(*events).allows(now) is allows


def test_the_one_message_that_fails_leaves_it_alone_once_more() -> None:
    """One is enough then, for as long again."""
    breaker = after(*FAILED).handed().failed(REST)
    assert not breaker.allows(2 * REST - 0.001)
    assert breaker.allows(2 * REST)


def test_after_the_one_that_succeeds_it_takes_as_many_failures_as_before() -> None:
    """Nothing is left of the past."""
    assert after(*FAILED).handed().succeeded() == Breaker()
