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
    """Is at a given instant, to the microsecond, when it is first asked, and ticks on from there."""

    def __init__(self, start: datetime) -> None:
        self._start = start.astimezone(UTC)
        self._first_asked: datetime | None = None

    def now(self) -> datetime:
        """Give the time as if it had been ``start`` when the clock was first asked."""
        real = self.real()
        if self._first_asked is None:
            self._first_asked = real
        return self._start + (real - self._first_asked)
