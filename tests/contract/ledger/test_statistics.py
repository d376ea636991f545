"""What reports count and what the worklist lists, on both databases."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from fhirnotify.core.model import Coding
from fhirnotify.ledger import tables
from fhirnotify.ledger.mendable import mendable
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.sql import SqlLedger
from fhirnotify.report.counts import LEAD_BOUNDS
from fhirnotify.report.period import Period
from fhirnotify.report.taking import counts_of, extent_of

SWEDEN = ZoneInfo("Europe/Stockholm")
LONG_AFTER = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def book(request, url_of, clock, claim_of, verdict_of, now):
    """A ledger with something of every kind in it, and its URL."""
    url = url_of(request.param)
    ledger = SqlLedger(url, clock=clock)
    ledger.begin("r1", now)
    claims = [replace(claim_of(n, hours=30 + n), unit="Location/1" if n < 3 else None) for n in range(6)]
    verdicts = [
        replace(verdict_of(10), unit="Location/1"),
        replace(verdict_of(11, "contact-type-unmapped", patient=None, unmapped=(Coding("s", "c"),))),
        replace(verdict_of(12, "invalid-resource", patient=None)),
        replace(verdict_of(12, None, patient="p12")),
        replace(verdict_of(13, "consent-denied")),
    ]
    ledger.claim("r1", now, claims, verdicts)
    ids = {each.appointment: each.id for each in ledger.take("r1", now, 100)}
    for name, *states in (
        ("a0", State.SENDING, State.ACCEPTED, State.DELIVERED),
        ("a1", State.SENDING, State.ACCEPTED, State.UNDELIVERED),
        ("a2", State.SENDING, State.UNCERTAIN),
        ("a3", State.SENDING, State.ACCEPTED),
        ("a4", State.WITHDRAWN),
    ):
        for state in states:
            ledger.move("r1", now, [Change(ids[name], state)])
    ledger.finish("r1", now + timedelta(seconds=30), {})
    yield url
    ledger.close()


def counted(url, first, last):
    """Count a period."""
    with closing(open_database(url, create=False, read_only=True, patience=1)) as database:
        return database.read(lambda connection: counts_of(connection, Period(first, last, SWEDEN), LONG_AFTER))


def test_each_visit_is_counted_once(book):
    """A reminder that stands, or a reason; not what was withdrawn, nor a verdict on nobody that was overtaken."""
    counts = counted(book, date(2026, 11, 22), date(2026, 11, 30))
    assert counts.total.delivery == {"delivered": 1, "undelivered": 1, "no-word": 1}
    assert counts.total.causes == {
        "uncertain": 1,
        "waiting": 1,
        "no-consent": 1,
        "contact-type-unmapped": 1,
        "consent-denied": 1,
    }
    assert (counts.units["Location/1"].reminded, counts.units["Location/1"].unreminded) == (2, 2)
    assert (counts.units[None].reminded, counts.units[None].unreminded) == (1, 3)
    assert sum(map(sum, counts.days.values())) == 8
    assert sum(counts.leads) == 3
    assert counts.leads[: len(LEAD_BOUNDS)] == (0, 3, 0, 0, 0), "sent 6, 7 and 9 hours before"
    assert (counts.runs.count, counts.runs.unfinished) == (1, 0)
    assert [each.coding for each in counts.unmapped] == [Coding("s", "c")]


def test_a_visit_belongs_to_its_local_day(book, claim_of, now, clock):
    """Not to that of UTC; the day of 25 hours is one day."""
    ledger = SqlLedger(book, clock=clock)
    moments = [datetime(2026, 10, 24, 21, 59, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)]
    moments += [datetime(2026, 10, 25, 22, 59, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)]
    ledger.claim("r9", now, [replace(claim_of(90 + n), start=each) for n, each in enumerate(moments)], [])
    ledger.close()
    days = counted(book, date(2026, 10, 24), date(2026, 10, 26)).days
    assert list(days.values()) == [(0, 1), (0, 2), (0, 1)]
    assert counted(book, date(2026, 10, 25), date(2026, 10, 25)).total.causes == {"waiting": 2}


def test_what_was_purged_is_counted(book):
    """From the tally, by its local day."""
    row = {"day": "2026-08-03", "unit": "", "contact_type": "video", "became": "", "count": 7}
    with closing(open_database(book, create=False, read_only=False, patience=1)) as database:
        rows = [row | {"result": "delivered"}, row | {"result": "no-consent", "unit": "Location/9"}]
        database.write(lambda connection: connection.execute(tables.tally.insert(), rows))
        assert database.read(lambda connection: len(connection.execute(select(tables.tally)).all())) == 2
    counts = counted(book, date(2026, 8, 3), date(2026, 8, 4))
    assert list(counts.days.values()) == [(7, 7), (0, 0)]
    assert (counts.units[None].reminded, counts.units["Location/9"].causes) == (7, {"no-consent": 7})


def test_the_worklist(book, now):
    """What somebody can do something about, of visits to come."""
    with closing(open_database(book, create=False, read_only=True, patience=1)) as database:
        found = database.read(lambda connection: list(mendable(connection, now)))
        later = database.read(lambda connection: list(mendable(connection, now + timedelta(hours=24))))
        first, last = database.read(extent_of)
    assert [(each.unit, each.appointment, each.patient, each.reason, each.detail) for each in found] == [
        ("Location/1", "a10", "p", "no-consent", ()),
        ("Location/1", "a1", "p1", "undeliverable", ()),
        (None, "a11", None, "contact-type-unmapped", ("s|c",)),
    ]
    assert [each.appointment for each in later] == ["a1"]
    assert (first, last) == (now + timedelta(hours=24), now + timedelta(hours=35))


def test_the_same_visits_by_what_became_of_them(book, now):
    """Each visit once, with its outcome at that start; what was read of another start of it is another visit's."""
    become = {0: "fulfilled", 1: "noshow", 2: "cancelled", 3: "checked-in", 4: "noshow", 10: "moved", 13: "booked"}
    starts = {n: now + timedelta(hours=30 + n if n < 10 else 24) for n in become}
    rows = [
        {"appointment": f"a{n}", "start": starts[n], "status": status, "read_at": now} for n, status in become.items()
    ]
    rows.append({"appointment": "a5", "start": now, "status": "noshow", "read_at": now})
    purged = {"day": "2026-11-24", "unit": "", "contact_type": "video", "result": "delivered"}
    tallied = [purged | {"became": status, "count": n} for status, n in (("noshow", 3), ("arrived", 40), ("", 6))]
    with closing(open_database(book, create=False, read_only=False, patience=1)) as database:
        database.write(lambda connection: connection.execute(tables.outcome.insert(), rows))
        database.write(lambda connection: connection.execute(tables.tally.insert(), tallied))
    counts = counted(book, date(2026, 11, 22), date(2026, 11, 30))
    found = {cell: {end: n for end, n in ends.items() if n} for cell, ends in counts.ends.items()}
    assert found == {
        ("video", "uncertain"): {"apart": 1},
        ("video", "waiting"): {"apart": 1},
        ("video", None): {"missed": 4, "attended": 42, "unknown": 6},
        (None, "no-consent"): {"other": 1},
        (None, "contact-type-unmapped"): {"unknown": 1},
        (None, "consent-denied"): {"unknown": 1},
    }
    assert sum(ends.total() for ends in counts.ends.values()) == counts.total.reminded + counts.total.unreminded


def test_what_is_still_asked_about_is_not_compared(book, now):
    """A visit is compared from the day after the last on which it is asked about, two weeks after its own day."""
    start = now + timedelta(hours=30)
    row = {"appointment": "a0", "start": start, "status": "noshow", "read_at": now}
    purged = {"day": "2026-11-23", "unit": "", "contact_type": "video", "result": "delivered"}
    with closing(open_database(book, create=False, read_only=False, patience=1)) as database:
        database.write(lambda connection: connection.execute(tables.outcome.insert(), [row]))
        tallied = purged | {"became": "noshow", "count": 3}
        database.write(lambda connection: connection.execute(tables.tally.insert(), [tallied]))
        for now_, missed in ((start + timedelta(days=14), 0), (start + timedelta(days=15), 4)):
            period = Period(date(2026, 11, 22), date(2026, 11, 23), SWEDEN)
            counts = database.read(lambda connection, at=now_, of=period: counts_of(connection, of, at))
            assert sum(ends["missed"] for ends in counts.ends.values()) == missed
            assert counts.total.reminded == 6, "they are counted all the same"
