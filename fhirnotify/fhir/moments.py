"""FHIR dates and times as moments in UTC.

FHIR (datatypes, ``date``, ``dateTime``, ``instant``): a dateTime may be a year, a month, a day, or a moment with
seconds and an offset; a date has no zone. A value coarser than a moment covers the whole local year, month or day.
Leap seconds are allowed by FHIR and become the second after.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DATE = r"(?!0000)[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?"
_TIME = (
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
)
_IS_DATE = re.compile(_DATE)
_IS_INSTANT = re.compile(rf"(?!0000)[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_TIME}")
_SECOND = timedelta(seconds=1)
_SMALLEST = timedelta(microseconds=1)
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)
_YEAR, _MONTH, _DAY = 4, 7, 10


def instant(text: str) -> datetime | None:
    """Read a FHIR instant; None if it is not one. What is finer than a microsecond is cut off."""
    if _IS_INSTANT.fullmatch(text) is None:
        return None
    leap = text[17:19] == "60"
    try:
        moment = datetime.fromisoformat(f"{text[:17]}59{text[19:]}" if leap else text)
    except ValueError:
        return None
    try:
        moment = moment.astimezone(UTC)
        return moment + _SECOND if leap else moment
    except OverflowError:
        return _FIRST_MOMENT if moment.year == 1 else _LAST_MOMENT


def between(text: str, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Read a FHIR date or dateTime as the first and last moment that it covers; None if it is not one."""
    if len(text) <= _DAY:
        return _covered(text, zone)
    moment = instant(text)
    return None if moment is None else (moment, moment)


@lru_cache(maxsize=4096)
def _covered(text: str, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Read a date; the same few thousand days come again and again."""
    first = _first_day(text)
    if first is None:
        return None
    if len(text) == _YEAR:
        following = (first.year + 1, 1, 1)
    elif len(text) == _MONTH:
        following = (first.year + first.month // 12, first.month % 12 + 1, 1)
    else:
        after = date.fromordinal(min(first.toordinal() + 1, date.max.toordinal()))
        following = (after.year, after.month, after.day) if after > first else (after.year + 1, 1, 1)
    return _midnight((first.year, first.month, first.day), zone), _midnight(following, zone) - _SMALLEST


def full_date(text: str) -> date | None:
    """Read a date that names its day; None for a partial one."""
    return date.fromisoformat(text) if len(text) == _DAY else None


def is_instant(text: str) -> bool:
    """Tell whether this is a FHIR instant."""
    return instant(text) is not None


def is_date_time(text: str) -> bool:
    """Tell whether this is a FHIR dateTime."""
    return is_instant(text) if len(text) > _DAY else is_date(text)


def is_date(text: str) -> bool:
    """Tell whether this is a FHIR date, whole or partial."""
    return _first_day(text) is not None


def _first_day(text: str) -> date | None:
    if _IS_DATE.fullmatch(text) is None:
        return None
    try:
        return date(int(text[:4]), int(text[5:7] or 1), int(text[8:10] or 1))
    except ValueError:
        return None


def _midnight(day: tuple[int, int, int], zone: ZoneInfo) -> datetime:
    """Give the first moment of a local day: where clocks go forward at midnight, the moment they do."""
    try:
        return datetime(*day, tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError):
        return _FIRST_MOMENT if day[0] == 1 else _LAST_MOMENT
