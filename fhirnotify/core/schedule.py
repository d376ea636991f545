"""When: the window of considered appointments, the latest moment, late bookings, quiet hours.

Leads are elapsed time, computed in UTC, so that 48 hours are 48 hours also when the clocks are moved.
"""

from datetime import datetime, time

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import Booking
from fhirnotify.core.rules import Rules


def window(now: datetime, rules: Rules) -> tuple[datetime, datetime]:
    """Give the open interval in which a start is considered: ``now < start < now + lead``."""
    return now, now + rules.lead


def too_late(start: datetime, now: datetime, rules: Rules) -> bool:
    """Tell whether less than ``latest`` is left until the visit."""
    return start - now < rules.latest


def timing(booking: Booking, now: datetime, rules: Rules) -> Reason | None:
    """Give the reason of status or time that an appointment is not reminded of, if there is one."""
    if booking.status != "booked":
        return Reason.NOT_BOOKED
    if booking.start is None:
        return Reason.NO_START
    if too_late(booking.start, now, rules):
        return Reason.TOO_LATE
    booked_late = booking.created is not None and booking.created > booking.start - rules.lead
    return Reason.LATE_BOOKING if booked_late and rules.late_booking == "skip" else None


def quiet(now: datetime, rules: Rules) -> bool:
    """Tell whether ``now`` lies in quiet hours: from ``quiet_from`` until just before ``quiet_until``, local time."""
    local = now.astimezone(rules.zone).time()
    if rules.quiet_from <= rules.quiet_until:
        return rules.quiet_from <= local < rules.quiet_until
    return local >= rules.quiet_from or local < rules.quiet_until


def local_date_and_time(start: datetime, rules: Rules) -> tuple[str, str]:
    """Write the local date as ``2026-11-24`` and the local time as ``10.00``.

    In the hour that comes twice when summer time ends both hours read alike: the text has no room for an offset.
    """
    local = start.astimezone(rules.zone)
    return local.date().isoformat(), _clock(local.time())


def _clock(local: time) -> str:
    return f"{local.hour:02}.{local.minute:02}"
