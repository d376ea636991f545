"""How often a provider is spoken to: a token bucket of one run, or moments that several runs are given in turn."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

_BURST = 0.1
"""Seconds whose tokens may gather while nothing is sent, so that one commit can serve several messages."""


_BLOCK = 0.5
"""Seconds for which a run reserves moments at a time, so that they are not asked for one by one."""


class Pace(Protocol):
    """Tells when the provider may be spoken to. ``refill`` and ``take`` are for the thread that owns it."""

    def refill(self, wanted: int) -> None:
        """Get what is needed to begin up to ``wanted`` messages, if it has to be got from somewhere."""
        ...

    def ready(self) -> tuple[int, float]:
        """Give how many messages can be begun at once, and the seconds until there is one (0.0 if there is)."""
        ...

    def take(self) -> float:
        """Begin one, as ``ready`` said; give the seconds to wait before."""
        ...

    def take_again(self, deadline: float, stop: threading.Event) -> float | None:
        """Begin one anew, from any thread: the seconds to wait before, or None if not by ``deadline`` or ``stop``."""
        ...


class TokenBucket:
    """Gives ``rate`` tokens a second, evenly. Safe between threads.

    What gathers while nobody asks is at most a tenth of a second's tokens, and always one: at 10 a second there is
    no burst, at 100 a second ten may go at once. Whoever takes a token gets it, with how long to wait before using
    it; so tokens taken at the same moment are used one after another, in the order in which they were taken.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._most = max(1.0, rate * _BURST)
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = self._most
        self._at = clock()

    def refill(self, wanted: int) -> None:
        """Do nothing: time fills it."""

    def take_again(self, deadline: float, stop: threading.Event) -> float | None:  # noqa: ARG002  # there is no wait
        """Take a token, if it can be used by ``deadline`` (of ``clock``)."""
        if self._clock() + self.ready()[1] > deadline:
            return None
        return self.take()

    def take(self) -> float:
        """Take a token; give the seconds to wait before using it."""
        with self._lock:
            self._fill()
            self._tokens -= 1
            return max(0.0, -self._tokens / self._rate)

    def ready(self) -> tuple[int, float]:
        """Give how many tokens can be taken and used at once, and the seconds until there is one (0.0 if there is)."""
        with self._lock:
            self._fill()
            whole = int(self._tokens)
            return max(0, whole), 0.0 if whole >= 1 else (1 - self._tokens) / self._rate

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now


class SharedPace:
    """Moments of one provider's account that several runs reserve in turn, so that together they keep to ``rate``.

    They are reserved by the thread that owns this, for at most half a second at a time; a moment that has passed by
    more than that without being used is lost. Safe between threads, but only ``refill`` reserves: a worker that tries
    again waits until there is a moment for it.

    Args:
        rate: messages a second, of all runs together.
        reserve: reserves so many moments, 1/``rate`` seconds apart; gives the seconds until the first.
        clock: as ``time.monotonic``.
    """

    def __init__(
        self, rate: float, reserve: Callable[[int], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._reserve = reserve
        self._clock = clock
        self._changed = threading.Condition()
        self._moments: deque[float] = deque()
        self._promised = 0
        self._waiting = 0

    def refill(self, wanted: int) -> None:
        """Reserve moments for up to ``wanted`` new messages and for the workers that wait, when there is none left."""
        with self._changed:
            self._forget_passed()
            needed = wanted + self._waiting
            if self._moments or not needed:
                return
            self._promised = 0
            count = min(needed, math.ceil(self._rate * _BLOCK))
        first = self._clock() + self._reserve(count)  # not while others are kept waiting
        with self._changed:
            self._moments.extend(first + number / self._rate for number in range(count))
            self._changed.notify_all()

    def ready(self) -> tuple[int, float]:
        """Give how many moments have come, and the seconds until one does; these are kept for ``take``."""
        with self._changed:
            self._forget_passed()
            now = self._clock()
            self._promised = sum(moment <= now for moment in self._moments)
            if self._promised:
                return self._promised, 0.0
            return 0, self._moments[0] - now if self._moments else 1 / self._rate

    def take(self) -> float:
        """Use a moment that ``ready`` told of."""
        with self._changed:
            self._promised = max(0, self._promised - 1)
            return max(0.0, self._moments.popleft() - self._clock()) if self._moments else 1 / self._rate

    def take_again(self, deadline: float, stop: threading.Event) -> float | None:
        """Use a moment that nobody else was told of, when there is one."""
        with self._changed:
            self._waiting += 1
            try:
                while len(self._moments) <= self._promised:
                    if stop.is_set() or self._clock() >= deadline:
                        return None
                    self._changed.wait(min(_BLOCK, deadline - self._clock()))
                if self._moments[self._promised] > deadline:
                    return None
                moment = self._moments[self._promised]
                del self._moments[self._promised]
                return max(0.0, moment - self._clock())
            finally:
                self._waiting -= 1

    def _forget_passed(self) -> None:
        now = self._clock()
        while self._moments and self._moments[0] < now - _BLOCK:
            self._moments.popleft()
