"""When: windows to the second, elapsed time over both clock changes, quiet hours."""

from datetime import UTC, datetime, time, timedelta

import pytest
from facts import NOW, RULES, START, booking, rules

from fhirnotify.core.answer import Reason
from fhirnotify.core.schedule import local_date_and_time, quiet, timing, window

SECOND = timedelta(seconds=1)


def test_the_window_is_lead_in_elapsed_time():
    """What is considered starts after now and before now plus 48 hours."""
    assert window(NOW, RULES) == (NOW, NOW + timedelta(hours=48))


@pytest.mark.parametrize("start", ["2026-03-30T07:00:00", "2026-10-26T08:00:00", "2027-03-29T07:00:00"])
def test_48_hours_are_48_hours_when_the_clocks_are_moved(start):
    """Nine o'clock local after a clock change is considered 48 elapsed hours before, not two calendar days."""
    visit = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert visit.astimezone(RULES.zone).hour == 9
    before = visit - timedelta(hours=48)
    assert before.astimezone(RULES.zone).hour != 9
    assert not before < visit < window(before, RULES)[1]
    assert before < visit < window(before + SECOND, RULES)[1]


@pytest.mark.parametrize(
    ("facts", "settings", "now", "expected"),
    [
        ({}, {}, NOW, None),
        ({"status": "cancelled"}, {}, NOW, Reason.NOT_BOOKED),
        ({"status": "cancelled", "start": None}, {}, NOW, Reason.NOT_BOOKED),
        ({"start": None}, {}, NOW, Reason.NO_START),
        ({}, {}, START - timedelta(hours=4), None),
        ({}, {}, START - timedelta(hours=4) + SECOND, Reason.TOO_LATE),
        ({"created": START - timedelta(hours=47)}, {}, NOW, None),
        ({"created": START - timedelta(hours=47)}, {"late_booking": "skip"}, NOW, Reason.LATE_BOOKING),
        ({"created": START - timedelta(hours=48)}, {"late_booking": "skip"}, NOW, None),
        ({"created": START - timedelta(hours=48) + SECOND}, {"late_booking": "skip"}, NOW, Reason.LATE_BOOKING),
        ({"created": None}, {"late_booking": "skip"}, NOW, None),
        ({"created": START}, {"late_booking": "skip"}, START - SECOND, Reason.TOO_LATE),
    ],
)
def test_timing(facts, settings, now, expected):
    """Status, then start, then too late, then late booking."""
    assert timing(booking(**facts), now, rules(**settings)) is expected


@pytest.mark.parametrize(
    ("local", "is_quiet"),
    [
        ("20:59:59", False),
        ("21:00:00", True),
        ("23:59:59", True),
        ("00:00:00", True),
        ("06:59:59", True),
        ("07:00:00", False),
    ],
)
def test_quiet_hours_over_midnight(local, is_quiet):
    """From 21:00 until just before 07:00, local time."""
    now = datetime.combine(NOW.date(), time.fromisoformat(local), RULES.zone)
    assert quiet(now, RULES) is is_quiet


@pytest.mark.parametrize(("hour", "is_quiet"), [(11, False), (12, True), (13, False)])
def test_quiet_hours_within_a_day(hour, is_quiet):
    """They may also lie within one day."""
    now = datetime(2026, 11, 23, hour, tzinfo=RULES.zone)
    assert quiet(now, rules(quiet_from=time(12), quiet_until=time(13))) is is_quiet


def test_no_quiet_hours():
    """The same time for both means that there are none."""
    assert not quiet(NOW, rules(quiet_from=time(8), quiet_until=time(8)))


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-11-24T09:00:00+00:00", ("2026-11-24", "10.00")),
        ("2026-11-24T23:30:00+00:00", ("2026-11-25", "00.30")),
        ("2026-10-25T00:30:00+00:00", ("2026-10-25", "02.30")),
        ("2026-10-25T01:30:00+00:00", ("2026-10-25", "02.30")),
        ("2026-03-29T00:59:00+00:00", ("2026-03-29", "01.59")),
        ("2026-03-29T01:00:00+00:00", ("2026-03-29", "03.00")),
        ("2026-07-01T10:05:59+05:00", ("2026-07-01", "07.05")),
    ],
)
def test_the_text_tells_local_time(instant, expected):
    """Whatever offset the instant was written with, over both clock changes."""
    assert local_date_and_time(datetime.fromisoformat(instant), RULES) == expected
