"""The run's clock."""

from datetime import UTC, datetime, timedelta

import time_machine

from fhirnotify.clock import FixedClock, RealClock


def test_the_real_clock_tells_one_time() -> None:
    """Without --now both times are the real one."""
    with time_machine.travel(datetime(2026, 11, 23, 8, tzinfo=UTC), tick=False):
        clock = RealClock()
        assert clock.now() == clock.real() == datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_a_fixed_clock_stands_still() -> None:
    """--now sets the run's time, in UTC, to the microsecond; real time goes on beside it."""
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as machine:
        clock = FixedClock(datetime.fromisoformat("2026-11-23T09:00:00+01:00"))
        machine.shift(timedelta(seconds=90))
        assert clock.now() == datetime(2026, 11, 23, 8, tzinfo=UTC)
        assert clock.now().tzinfo is UTC
        assert clock.real() == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)
