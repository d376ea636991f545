"""Moments and periods of FHIR JSON: what a date, an instant and a Period cover."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MICRO = timedelta(microseconds=1)


@dataclass(frozen=True)
class Span:
    """The first and the last moment (UTC, both included) that a FHIR date or instant stands for."""

    first: datetime
    last: datetime


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def span(text: str, zone: ZoneInfo) -> Span:
    """Read a FHIR date, dateTime or instant. A date alone covers its whole local day, month or year."""
    if "T" in text:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
        return Span(moment, moment)
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 1:
        first, after = date(parts[0], 1, 1), date(parts[0] + 1, 1, 1)
    elif len(parts) == 2:
        first = date(parts[0], parts[1], 1)
        after = date(parts[0] + parts[1] // 12, parts[1] % 12 + 1, 1)
    else:
        first = date(*parts)
        after = first + timedelta(days=1)
    return Span(_midnight(first, zone), _midnight(after, zone) - MICRO)


def covers(period: dict[str, Any] | None, moment: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a Period, both ends included, covers a moment. What is missing is open."""
    if not period:
        return True
    start, end = period.get("start"), period.get("end")
    return (not start or span(start, zone).first <= moment) and (not end or moment <= span(end, zone).last)


def duration(text: str) -> timedelta:
    """Read a duration of the settings, such as ``48h``, ``90m`` or ``2d``."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: float(text[:-1])})


def quiet(moment: datetime, begins: str, ends: str, zone: ZoneInfo) -> bool:
    """Tell whether a moment falls in the quiet hours: from ``begins``, until and without ``ends``, local time."""
    clock = moment.astimezone(zone).time()
    first, after = time.fromisoformat(begins), time.fromisoformat(ends)
    return first <= clock < after if first <= after else clock >= first or clock < after


def whole_years(birth: date, day: date) -> int:
    """Give the age in whole years on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
