"""Takes the counts of a period from the ledger."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from fhirnotify.ledger import decisions, statistics
from fhirnotify.report.counts import LEAD_BOUNDS, Counts, steadiness
from fhirnotify.report.period import Period


def counts_of(connection: Connection, period: Period) -> Counts:
    """Count the visits and the runs of a period."""
    since, until = period.since, period.until
    counts = Counts()
    days = period.first.isoformat(), period.last.isoformat()
    counts.add(statistics.groups(connection, since, until, days))
    counts.add_ends(statistics.ended(connection, since, until, days))
    if counts.total.reminded + counts.total.unreminded:
        bounds = ((day.isoformat(), period.begins(day), period.begins(day + timedelta(days=1))) for day in period.days)
        counts.days = dict(zip(period.days, statistics.of_days(connection, bounds), strict=True))
        counts.leads = tuple(statistics.leads(connection, since, until, LEAD_BOUNDS))
    counts.runs = steadiness(statistics.runs(connection, since, until))
    counts.unmapped = tuple(each for each in decisions.unmapped(connection) if since <= each.last_seen < until)
    return counts


def extent_of(connection: Connection) -> tuple[datetime, datetime] | None:
    """Give the first and the last visit that the ledger holds."""
    return statistics.extent(connection)
