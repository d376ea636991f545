"""When a request to the FHIR endpoint is tried again, and how long to wait first.

Only a *temporary* fault is tried again: a connection that failed or timed out, 408, 425, 429, 500, 502, 503, 504.
The wait before attempt n+1 is random between 0 and min(30 s, 2^(n-1) s) (exponential, full jitter), or what the
server asks for in Retry-After if that is longer. Nothing is tried again once the attempts are used up, or when the
next one would begin later than the given patience after the first; so a server that asks for an hour is not waited
for, and is not asked sooner than it wants either.
"""

from collections.abc import Callable
from datetime import timedelta

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from fhirnotify.errors import FhirError

TEMPORARY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_JITTER = 30.0

_jitter = wait_random_exponential(multiplier=1, max=_LONGEST_JITTER)


class Temporary(Exception):
    """A fault that may have passed by the next attempt. It never leaves the client."""

    def __init__(self, what: str, next_step: str, retry_after: float = 0.0, *, of_what_was_asked: bool = False) -> None:
        super().__init__(what)
        self.of_what_was_asked = of_what_was_asked
        self.what = what
        self.next_step = next_step
        self.retry_after = retry_after


def retrying(attempts: int, patience: timedelta, sleep: Callable[[float], None]) -> Retrying:
    """Build the policy above; what is still temporary at the end is raised as it is."""
    return Retrying(
        retry=retry_if_exception_type(Temporary),
        wait=_wait,
        stop=stop_after_attempt(attempts) | stop_before_delay(patience),
        sleep=sleep,
        reraise=True,
    )


def exhausted(fault: Temporary, policy: Retrying) -> FhirError:
    """Make the error of a fault that was still there at the last attempt."""
    tried = policy.statistics.get("attempt_number", 1)
    error = FhirError(f"{fault.what} Tried {tried} times." if tried > 1 else fault.what, fault.next_step)
    error.of_what_was_asked = fault.of_what_was_asked
    return error


def _wait(state: RetryCallState) -> float:
    fault = state.outcome.exception() if state.outcome else None
    asked = fault.retry_after if isinstance(fault, Temporary) else 0.0
    return max(_jitter(state), asked)
