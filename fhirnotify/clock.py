"""The clock of a run: real, or set to another instant for a rehearsal."""

from datetime import UTC, datetime


class RealClock:
    """The run's time is the real time. Both are given in UTC."""

    def now(self) -> datetime:
        """Give the real time."""
        return self.real()

    def real(self) -> datetime:
        """Give the real time."""
        return datetime.now(UTC)


class ShiftedClock(RealClock):
    """Begins at a given instant and ticks on from there."""

    def __init__(self, start: datetime) -> None:
        self._shift = start.astimezone(UTC) - self.real()

    def now(self) -> datetime:
        """Give the time as if it had been ``start`` when the clock was made."""
        return self.real() + self._shift
