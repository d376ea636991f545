"""Sends messages in parallel, within the rate, trying again what was certainly not sent.

The thread that owns the courier also owns the ledger, and goes round like this:

    capacity   how many messages can be begun now (it then records them as ``sending``)
    send       hands each to a worker thread
    finished   what has become of those that were handed over (it then records that)

Workers speak to the gateway and to nothing else. Only ``Deferred`` is tried again: after what the provider asks for
(Retry-After), else after a random time up to 0.5, 1, 2, 4, at most 8 seconds (exponential, full jitter), at most
``attempts`` times in all and only while it fits within ``patience``. What does not fit is given back as it is, for
a later run. Every attempt keeps to the pace.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from queue import SimpleQueue

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_result,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
    stop_when_event_set,
)
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_base
from tenacity.wait import wait_random_exponential

from fhirnotify.errors import AccountFault
from fhirnotify.sms.bucket import Pace
from fhirnotify.sms.gateway import Deferred, Gateway, Outcome, Sms, Unknown

PATIENCE = timedelta(seconds=30)
"""How long after a message was recorded as ``sending`` a request for it may still be begun."""

STALLED = Deferred("stalled")
"""What becomes of a message whose time to be begun has passed: the machine stood still, or was too slow."""

STOPPED = Deferred("stopped")
"""What becomes of a message that was not begun when the run was told to stop."""

Result = Outcome | AccountFault

_GATHER = 0.005
"""Seconds for which others are waited for, so that one commit serves several: it costs as much as one does."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_BACK_OFF = wait_random_exponential(multiplier=0.5, max=8)


class Courier:
    """Worker threads in front of the gateways. All methods are for the one thread that owns it.

    ``stop`` ends all waiting: what is being sent is sent to its end, nothing is tried again, and what was handed
    over but not begun comes back as ``STOPPED``. An ``AccountFault`` does the same to what has not been begun by the
    same account, which then comes back with that fault.

    When more than ``patience`` has passed a message is not begun, nor tried again, but comes back as ``STALLED``: a
    machine that froze must not send what others may have taken over meanwhile, and who asks the provider for it must
    know until when it can have come.

    The threads are daemons: a process that ends does not wait for them.
    """

    def __init__(
        self,
        *,
        pace: Pace,
        parallel: int,
        attempts: int,
        stop: threading.Event,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._pace = pace
        self._stop = stop
        self._patience = patience.total_seconds()
        self._faults: dict[str, AccountFault] = {}
        self._free = parallel
        self._half = (parallel + 1) // 2
        self._finished: deque[tuple[Sms, Result]] = deque()
        self._changed = threading.Condition()
        self._jobs: SimpleQueue[tuple[Sms, Gateway, float, float] | None] = SimpleQueue()
        self._retrying = Retrying(
            retry=retry_if_result(lambda outcome: isinstance(outcome, Deferred)),
            wait=_wait,
            stop=stop_any(
                stop_after_attempt(attempts), stop_before_delay(patience), stop_when_event_set(stop), _WhenStalled()
            ),
            sleep=sleep_using_event(stop),
            retry_error_callback=_last,
        )
        self._threads = [
            threading.Thread(target=self._work, name=f"courier-{number}", daemon=True) for number in range(parallel)
        ]
        for thread in self._threads:
            thread.start()

    def capacity(self, timeout: float) -> int:
        """Give how many messages can be begun now, waiting up to ``timeout`` seconds until it is at least one.

        Once there is one it waits a few milliseconds more for others, up to half of the workers, so that what is
        written for them shares a commit. Gives 0 earlier if something has finished and nothing can be begun.
        """
        begun = time.monotonic()
        self._pace.refill(self._free)
        with self._changed:
            while True:
                tokens, seconds = self._pace.ready()
                able = min(self._free, tokens)
                waited = time.monotonic() - begun
                if waited >= timeout or (waited >= _GATHER and (able or self._finished)):
                    return able
                if able >= self._half or (able and tokens < self._half):
                    return able
                still = (_GATHER if able or self._finished else timeout) - waited
                self._changed.wait(min(still, seconds) if self._free and not able else still)

    def send(self, sms: Sms, gateway: Gateway, since: float | None = None) -> None:
        """Hand a message for ``gateway`` to a worker; to be called at most as often as ``capacity`` said.

        ``since`` is when it was about to be recorded as ``sending``, as ``elapsed`` gave it; None for now.
        """
        with self._changed:
            self._free -= 1
        self._jobs.put((sms, gateway, self._pace.take(), elapsed() if since is None else since))

    def finished(self, timeout: float) -> list[tuple[Sms, Result]]:
        """Give everything that is done, waiting up to ``timeout`` seconds for the first if anything is in flight."""
        self._pace.refill(0)
        with self._changed:
            if not self._finished and self._free < len(self._threads):
                self._changed.wait_for(lambda: self._finished, timeout)
            done = list(self._finished)
            self._finished.clear()
            return done

    def close(self) -> None:
        """Let the threads end. What is still in flight goes on, but nobody learns of its outcome."""
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            result = self._deliver(*job)
            with self._changed:
                self._finished.append((job[0], result))
                self._free += 1
                self._changed.notify()

    def _deliver(self, sms: Sms, gateway: Gateway, pause: float, since: float) -> Result:
        try:
            return self._retrying(self._attempts(sms, gateway, pause, since))
        except AccountFault as fault:
            return self._faults.setdefault(gateway.account, fault)
        except Exception as bug:  # noqa: BLE001  # one message's bug ends neither the run nor the others
            return Unknown(f"bug:{type(bug).__name__}")

    def _attempts(self, sms: Sms, gateway: Gateway, first_pause: float, since: float) -> Callable[[], Result]:
        """Make what is called for each attempt. ``send`` has taken the first one's token; each other takes its own."""
        pause: float | None = first_pause
        last = STOPPED
        deadline = time.monotonic() + self._patience

        def attempt() -> Result:
            nonlocal pause, last
            if pause is None:
                pause = self._pace.take_again(deadline, self._stop)
            if pause is None:
                return last
            if pause:
                self._stop.wait(pause)
            pause = None
            if self._stop.is_set():
                return last
            if elapsed() - since > self._patience:
                return STALLED
            outcome = self._faults.get(gateway.account) or gateway.send(sms)
            if isinstance(outcome, Deferred):
                last = outcome
            return outcome

        return attempt


def elapsed() -> float:
    """Give the seconds of a clock that nobody sets, and that goes on while the process, or the machine, sleeps."""
    return time.clock_gettime(_CLOCK)


class _WhenStalled(stop_base):
    def __call__(self, retry_state: RetryCallState) -> bool:
        return _last(retry_state) is STALLED


def _wait(state: RetryCallState) -> float:
    outcome = _last(state)
    asked = outcome.retry_after if isinstance(outcome, Deferred) else None
    return asked.total_seconds() if asked else _BACK_OFF(state)


def _last(state: RetryCallState) -> Result:
    assert state.outcome is not None  # tenacity asks only after an attempt
    result: Result = state.outcome.result()
    return result
