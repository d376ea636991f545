"""How often a provider is spoken to: a token bucket."""

import threading
import time
from collections.abc import Callable

_BURST = 0.1
"""Seconds whose tokens may gather while nothing is sent, so that one commit can serve several messages."""


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
