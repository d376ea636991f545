"""FHIR dates and times as moments."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from fhirnotify.fhir.moments import between, full_date, instant, is_date, is_date_time

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def utc(*parts):
    """Give a moment in UTC."""
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T10:00:00+01:00", utc(2026, 11, 24, 9)),
        ("2026-11-24T09:00:00Z", utc(2026, 11, 24, 9)),
        ("2026-11-24T09:00:00.5Z", utc(2026, 11, 24, 9, 0, 0, 500000)),
        ("2026-11-24T09:00:00.123456999Z", utc(2026, 11, 24, 9, 0, 0, 123456)),
        ("2026-11-24T23:00:00+14:00", utc(2026, 11, 24, 9)),
        ("2016-12-31T23:59:60Z", utc(2017, 1, 1)),
        ("0001-01-01T00:00:00+01:00", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-01:00", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc_to_the_microsecond(text, moment):
    """Any offset comes out in UTC; finer fractions are cut, a leap second is the second after."""
    assert instant(text) == moment
    assert instant(text).utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24",
        "2026-11-24T10:00Z",
        "2026-11-24T10:00:00",
        "2026-11-24 10:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-11-24T10:00:00+14:01",
        "2026-11-24T10:00:00z",
        "2026-11-24T10:00:00Z\n",
        "0000-01-01T00:00:00Z",
        "\uff12\uff10\uff12\uff16-11-24T10:00:00Z",
        "x" * 30,
    ],
)
def test_what_fhir_does_not_call_an_instant_is_none(text):
    """Seconds and an offset are required, and the date must exist."""
    assert instant(text) is None


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-24T10:00:00+01:00", utc(2026, 11, 24, 9), utc(2026, 11, 24, 9)),
        ("2026-11-24", utc(2026, 11, 23, 23), utc(2026, 11, 24, 22, 59, 59, 999999)),
        ("2026-03-29", utc(2026, 3, 28, 23), utc(2026, 3, 29, 21, 59, 59, 999999)),
        ("2026-10-25", utc(2026, 10, 24, 22), utc(2026, 10, 25, 22, 59, 59, 999999)),
        ("2024-02-29", utc(2024, 2, 28, 23), utc(2024, 2, 29, 22, 59, 59, 999999)),
        ("2026-12-31", utc(2026, 12, 30, 23), utc(2026, 12, 31, 22, 59, 59, 999999)),
        ("2026-02", utc(2026, 1, 31, 23), utc(2026, 2, 28, 22, 59, 59, 999999)),
        ("2026-12", utc(2026, 11, 30, 23), utc(2026, 12, 31, 22, 59, 59, 999999)),
        ("2026-10", utc(2026, 9, 30, 22), utc(2026, 10, 31, 22, 59, 59, 999999)),
        ("2026", utc(2025, 12, 31, 23), utc(2026, 12, 31, 22, 59, 59, 999999)),
    ],
)
def test_a_date_covers_the_whole_local_day_month_or_year(text, first, last):
    """Also on the days of 23 and 25 hours."""
    assert between(text, STOCKHOLM) == (first, last)


@pytest.mark.parametrize(("day", "first"), [("2018-11-04", utc(2018, 11, 4, 3)), ("2018-11-03", utc(2018, 11, 3, 3))])
def test_a_day_whose_midnight_is_skipped_begins_when_the_clock_is_moved(day, first):
    """Brazil put its clocks forward at midnight: that day's first moment is the change."""
    assert between(day, ZoneInfo("America/Sao_Paulo"))[0] == first


@pytest.mark.parametrize("text", ["9999", "9999-12", "9999-12-31", "0001", "0001-01-01"])
@pytest.mark.parametrize("zone", ["Europe/Stockholm", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_the_ends_of_the_calendar_do_not_overflow(text, zone):
    """The last moment comes after the first, whatever the zone."""
    first, last = between(text, ZoneInfo(zone))
    assert first < last


@pytest.mark.parametrize(
    "text", ["", "26", "2026-1", "2026-13", "2026-02-30", "2026-11-24T10:00", "0000", "2026-11-2 "]
)
def test_what_is_no_date_is_none(text):
    """No guess is made at what somebody may have meant."""
    assert between(text, STOCKHOLM) is None
    assert not is_date_time(text)
    assert not is_date(text)


def test_only_a_date_that_names_its_day_is_a_full_one():
    """A year, or a year and a month, is no birth date to count years from."""
    assert [full_date(text) for text in ("1912-12-12", "1912-12", "1912")] == [date(1912, 12, 12), None, None]
