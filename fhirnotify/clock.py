"""The clock of a run: real, or set to another instant for a rehearsal."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time of the run, and the real time."""

    def now(self) -> datetime:
        """Give the run's time, in UTC: what rules and records go by."""
        ...

    def real(self) -> datetime:
        """Give the real time, in UTC: what leases and providers go by."""
        ...


class RealClock:
    """The run's time is the real time."""

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
