"""When a provider that fails repeatedly is left alone: a circuit breaker.

    closed      it is used. After ``LIMIT`` failures one after another it is
    open        left alone for ``REST`` seconds; then it is
    half-open   used for one message, whose outcome decides: closed again, or open for as long once more

A success at any time closes it. What counts as a success or a failure is said where outcomes are judged.
"""

from dataclasses import dataclass, replace

LIMIT = 5
"""Failures one after another: fewer may be the fault of a few messages."""

REST = 300.0
"""Seconds. Long, since whatever is tried on a provider that fails may end in doubt."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one provider. Times are seconds of a clock that nobody sets.

    Attributes:
        failures: how many there were since the last success.
        rests_until: until when it is left alone; None while it is closed.
        is_on_trial: whether the one message of a half-open breaker is on its way.
    """

    failures: int = 0
    rests_until: float | None = None
    is_on_trial: bool = False

    def allows(self, now: float) -> bool:
        """Tell whether a message may be handed over."""
        return self.rests_until is None or (now >= self.rests_until and not self.is_on_trial)

    def handed(self) -> "Breaker":
        """Note that a message is handed over."""
        return self if self.rests_until is None else replace(self, is_on_trial=True)

    def succeeded(self) -> "Breaker":
        """Note that the provider did its work."""
        return Breaker()

    def failed(self, now: float) -> "Breaker":
        """Note that it did not."""
        failures = self.failures + 1
        return Breaker(failures, now + REST if failures >= LIMIT else None)

    def untold(self) -> "Breaker":
        """Note that a message which was handed over told nothing of the provider: the next one may."""
        return replace(self, is_on_trial=False)
