"""The run's clock."""

from datetime import UTC, datetime, timedelta

import time_machine

from fhirnotify.clock import RealClock, ShiftedClock


def test_the_real_clock_tells_one_time() -> None:
    """Without --now both times are the real one."""
    with time_machine.travel(datetime(2026, 11, 23, 8, tzinfo=UTC), tick=False):
        clock = RealClock()
        assert clock.now() == clock.real() == datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_a_shifted_clock_ticks_on_from_where_it_was_set() -> None:
    """--now sets the run's time, in UTC; real time goes on beside it."""
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as machine:
        clock = ShiftedClock(datetime.fromisoformat("2026-11-23T09:00:00+01:00"))
        assert clock.now() == datetime(2026, 11, 23, 8, tzinfo=UTC)
        assert clock.now().tzinfo is UTC
        machine.shift(timedelta(seconds=90))
        assert clock.now() == datetime(2026, 11, 23, 8, 1, 30, tzinfo=UTC)
        assert clock.real() == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)
