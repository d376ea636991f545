"""Moments as scenarios write them: relative to the instant at which the scenario begins.

    now                 that instant
    now+24h             24 hours later
    now-400d            400 days earlier, at the same local time
    now+1d@09:30        09:30 local time on the day after
    now+24h-13y         what is added first is applied first

``s``, ``m`` and ``h`` are elapsed seconds, minutes and hours; ``d``, ``w`` and ``y`` are local days, weeks and years.
Inside any text of a resource ``${now+24h}`` stands for such an instant in UTC, ``${local now+24h}`` for the same
with the local offset, and ``${day now+24h}`` for its local date.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fhirnotify.rows import instant

LOCAL = ZoneInfo("Europe/Stockholm")
MOMENT = r"now(?:[+-][0-9]{1,6}[smhdwy])*(?:@(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?)?"

_ANY_NOW = datetime(2051, 7, 1, tzinfo=UTC)
_YEARS = range(1000, 9000)
"""So far from the ends of the calendar that it makes no difference in which year a scenario is played."""

_STEP = re.compile(r"([+-][0-9]+)([smhdwy])")
_CLOCK = re.compile(r"@(..):(..)(?::(..))?")
_ELAPSED = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_DAYS = {"d": timedelta(days=1), "w": timedelta(weeks=1)}
_IN_TEXT = re.compile(r"\$\{(?:(day|local) )?(" + MOMENT + r")\}")


def checked(written: str) -> str:
    """Give a moment as it is written.

    Raises:
        ValueError: it is not written as above, or lies beyond the years that FHIR and a calendar can say.
    """
    if not re.fullmatch(MOMENT, written):
        raise ValueError("is no moment: write it as now+24h, now-400d or now+1d@09:30")
    try:
        years = [found.year for found in _steps(written, _ANY_NOW)]
    except (ValueError, OverflowError):
        years = [0]
    if min(years) < _YEARS.start or max(years) >= _YEARS.stop:
        raise ValueError(f"is no moment: {written} lies beyond the years {_YEARS.start} to {_YEARS.stop}")
    return written


def checked_text(text: str) -> str:
    """Give a text in which each ``${…}`` that is written as a moment is one.

    Raises:
        ValueError: one is not.
    """
    for _, written in _IN_TEXT.findall(text):
        checked(written)
    return text


def moment(written: str, now: datetime) -> datetime:
    """Work out a moment that was ``checked``, in local time."""
    (*_, found) = _steps(written, now)
    if clock := _CLOCK.search(written):
        hour, minute, second = (int(part or 0) for part in clock.groups())
        found = found.replace(hour=hour, minute=minute, second=second, fold=0)
    return found


def in_text(text: str, now: datetime) -> str:
    """Put moments in the place of each ``${…}`` that is one; others stay."""

    def put(match: re.Match[str]) -> str:
        form, written = match.groups()
        found = moment(written, now)
        if form == "day":
            return found.date().isoformat()
        return found.isoformat() if form == "local" else instant(found)

    return _IN_TEXT.sub(put, text)


def _steps(written: str, now: datetime) -> Iterator[datetime]:
    """Give the instants on the way to a moment, from now on."""
    found = now.astimezone(LOCAL)
    yield found
    for count, unit in _STEP.findall(written):
        found = _moved(found, int(count), unit)
        yield found


def _moved(start: datetime, count: int, unit: str) -> datetime:
    if unit in _ELAPSED:
        return (start.astimezone(UTC) + count * _ELAPSED[unit]).astimezone(LOCAL)
    if unit in _DAYS:
        return start + count * _DAYS[unit]
    try:
        return start.replace(year=start.year + count)
    except ValueError:  # there is no 29 February in that year
        return start.replace(year=start.year + count, month=3, day=1)
