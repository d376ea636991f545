"""Takes the counts of a period from the ledger."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from fhirnotify.ledger import decisions, statistics
from fhirnotify.report.counts import LEAD_BOUNDS, Counts, steadiness
from fhirnotify.report.period import Period, settled


def counts_of(connection: Connection, period: Period, now: datetime) -> Counts:
    """Count the visits and the runs of a period; what became of visits only where it is not asked again."""
    since, until = period.since, period.until
    counts = Counts()
    counts.add(statistics.groups(connection, since, until, _days(period)))
    old = settled(period, now)
    counts.add_ends(statistics.ended(connection, old.since, old.until, _days(old)))
    for group, ended in statistics.decided(connection, since, until, old.until):
        counts.add([group])
        counts.add_ends([ended])
    if counts.total.reminded + counts.total.unreminded:
        bounds = ((day.isoformat(), period.begins(day), period.begins(day + timedelta(days=1))) for day in period.days)
        counts.days = dict(zip(period.days, statistics.of_days(connection, bounds), strict=True))
        counts.leads = tuple(statistics.leads(connection, since, until, LEAD_BOUNDS))
    counts.runs = steadiness(statistics.runs(connection, since, until))
    counts.unmapped = tuple(each for each in decisions.unmapped(connection) if since <= each.last_seen < until)
    return counts


def _days(period: Period) -> tuple[str, str]:
    return period.first.isoformat(), period.last.isoformat()


def extent_of(connection: Connection) -> tuple[datetime, datetime] | None:
    """Give the first and the last visit that the ledger holds."""
    return statistics.extent(connection)
