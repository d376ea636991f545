"""The days that a report is about: local days, both ends included."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fhirnotify.errors import SettingsError
from fhirnotify.ledger.statistics import ASKED_AGAIN

DAYS = 28
"""The length of a period that nobody chose: the last four weeks."""

_LONGEST = 10 * 366


@dataclass(frozen=True, slots=True)
class Period:
    """The local days from ``first`` to ``last``, both included; visits and runs belong to the day they begin on."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> list[date]:
        """Every day, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def since(self) -> datetime:
        """The first moment of it, UTC."""
        return self.begins(self.first)

    @property
    def until(self) -> datetime:
        """The first moment after it, UTC."""
        return self.begins(self.last + timedelta(days=1))

    def begins(self, day: date) -> datetime:
        """Give the first moment of a local day, UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def period(first: date | None, last: date | None, now: datetime, zone: ZoneInfo) -> Period:
    """Choose the period: as given, else the four weeks that end today.

    Raises:
        SettingsError: it ends before it starts, or is longer than ten years.
    """
    end = last or (max(first, _today(now, zone)) if first else _today(now, zone))
    start = first or end - timedelta(days=DAYS - 1)
    if end < start:
        raise SettingsError(
            f"The period ends ({end}) before it starts ({start}).", "Give --from a day that is not after --until."
        )
    if (end - start).days > _LONGEST:
        raise SettingsError(f"The period from {start} to {end} is longer than ten years.", "Choose a shorter one.")
    return Period(start, end, zone)


def settled(chosen: Period, now: datetime) -> Period:
    """Give the days of it, from its first, whose visits are not asked about again; it may end before it begins."""
    return replace(chosen, last=min(chosen.last, _today(now, chosen.zone) - ASKED_AGAIN - timedelta(days=1)))


def _today(now: datetime, zone: ZoneInfo) -> date:
    return now.astimezone(zone).date()
