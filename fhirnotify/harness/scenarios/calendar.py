"""The days on which scenarios begin."""

from datetime import date, datetime, time, timedelta
from typing import assert_never

from fhirnotify.harness.scenarios.model import Day
from fhirnotify.harness.scenarios.moments import LOCAL

_WEDNESDAY, _SUNDAY = 3, 7


def beginning(day: Day, clock: str, year: int) -> datetime:
    """Give the instant at which a scenario of this day and local time begins in a year."""
    return datetime.combine(_day(day, year), time.fromisoformat(clock), LOCAL)


def _day(day: Day, year: int) -> date:
    match day:
        case "winter":
            return _on_or_before(date(year, 2, 14), _WEDNESDAY)
        case "summer":
            return _on_or_before(date(year, 7, 14), _WEDNESDAY)
        case "spring-forward":  # the last Sunday of March, and of October (directive 2000/84/EC)
            return _on_or_before(date(year, 3, 31), _SUNDAY) - timedelta(days=1)
        case "fall-back":
            return _on_or_before(date(year, 10, 31), _SUNDAY) - timedelta(days=1)
    assert_never(day)


def _on_or_before(last: date, weekday: int) -> date:
    return last - timedelta(days=(last.isoweekday() - weekday) % 7)
