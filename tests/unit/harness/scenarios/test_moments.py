"""Moments relative to the beginning of a scenario."""

from datetime import UTC, datetime

import pytest

from fhirnotify.harness.scenarios.moments import LOCAL, checked, checked_text, in_text, moment

NOW = datetime(2051, 2, 8, 10, tzinfo=LOCAL)


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("now", "2051-02-08T10:00:00+01:00"),
        ("now+24h", "2051-02-09T10:00:00+01:00"),
        ("now-90m", "2051-02-08T08:30:00+01:00"),
        ("now+1s", "2051-02-08T10:00:01+01:00"),
        ("now-400d", "2050-01-04T10:00:00+01:00"),
        ("now+2w", "2051-02-22T10:00:00+01:00"),
        ("now+1d@09:30", "2051-02-09T09:30:00+01:00"),
        ("now@21:00:30", "2051-02-08T21:00:30+01:00"),
        ("now+24h-13y", "2038-02-09T10:00:00+01:00"),
    ],
)
def test_a_moment(written, local):
    """Hours are elapsed, days are local, and what is added first is applied first."""
    assert moment(written, NOW).isoformat() == local


def test_hours_and_days_over_a_change_of_the_clocks():
    """A day on is the same local time; 24 hours on is an hour later by the clock when summer time begins."""
    saturday = datetime(2051, 3, 25, 10, tzinfo=LOCAL)
    assert moment("now+1d", saturday).isoformat() == "2051-03-26T10:00:00+02:00"
    assert moment("now+24h", saturday).isoformat() == "2051-03-26T11:00:00+02:00"


def test_a_leap_day_in_a_common_year():
    """29 February becomes 1 March, so that an age is one that is truly reached."""
    assert moment("now-1y", datetime(2052, 2, 29, 12, tzinfo=UTC)).date().isoformat() == "2051-03-01"


@pytest.mark.parametrize("written", ["tomorrow", "now+24", "now+h", "now 24h", "now+1d@25", "now+1d@9:30", " now", ""])
def test_what_is_no_moment(written):
    """Anything else is refused with the form in which to write it."""
    with pytest.raises(ValueError, match=r"write it as now\+24h"):
        checked(written)


@pytest.mark.parametrize("written", ["now+9999y", "now-1100y", "now-999999d", "now+99999y-99999y", "now+999999w@10:00"])
def test_moments_beyond_the_calendar(written):
    """What no date can say, if only on the way, is refused when it is read, also within text."""
    with pytest.raises(ValueError, match="beyond the years 1000 to 9000"):
        checked(written)
    with pytest.raises(ValueError, match="beyond the years 1000 to 9000"):
        checked_text(f"born ${{day {written}}}")


def test_moments_in_text():
    """Each stands in its form: UTC, local time, local day; what is no moment stays."""
    text = "${now+14h} ${local now+14h} ${day now+14h} ${id p} ${now+14}"
    assert in_text(text, NOW) == "2051-02-08T23:00:00Z 2051-02-09T00:00:00+01:00 2051-02-09 ${id p} ${now+14}"
