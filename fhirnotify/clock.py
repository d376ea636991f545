"""The clock of a run: real, or fixed at another instant for a rehearsal."""

from datetime import UTC, datetime


class RealClock:
    """The run's time is the real time. Both are given in UTC."""

    def now(self) -> datetime:
        """Give the real time."""
        return self.real()

    def real(self) -> datetime:
        """Give the real time."""
        return datetime.now(UTC)


class FixedClock(RealClock):
    """The run's time stands still at a given instant, so that a rehearsal decides by it to the microsecond."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        """Give the instant."""
        return self._instant
