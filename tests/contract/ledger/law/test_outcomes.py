"""What became of visits, in both databases: which are asked about, what is kept, and who is told of it."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from fhirnotify.ledger import audit, outcomes, subject, tables
from fhirnotify.ledger.outcomes import LedgerVisits, Visit
from fhirnotify.ledger.port import State

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.fixture
def visits(database):
    """The port over this ledger."""
    return LedgerVisits(database)


@pytest.fixture
def after(now):
    """A moment after all visits."""
    return now + timedelta(days=3)


@pytest.fixture
def wanted(visits, now, after):
    """Give the appointments of which nothing was ever read."""

    def of(since=None, until=None):
        pages = visits.never_read(since or now, until or after)
        return [visit.appointment for page in pages for visit in page]

    return of


def test_what_was_reminded_of_and_what_was_not(ledger, reach, verdict_of, wanted, now):
    """Every reminder that stands, every reason with a start; one visit is one, whoever else is of it."""
    for n, state in enumerate([State.DELIVERED, State.ACCEPTED, State.UNDELIVERED, State.WITHDRAWN, State.UNCERTAIN]):
        reach(state, n)
    verdicts = [
        verdict_of(0, patient="another"),
        verdict_of(10),
        verdict_of(11, "invalid-resource", patient=None),
        verdict_of(12, None),
        replace(verdict_of(13, "no-start"), start=None),
    ]
    ledger.claim("r1", now, [], verdicts)

    assert wanted() == ["a0", "a1", "a10", "a11", "a2", "a4"]


def test_page_by_page_in_the_order_of_their_starts(ledger, claim_of, wanted, visits, now, monkeypatch):
    """None twice, none left out, also where many start at once; from the first moment, and before the last."""
    monkeypatch.setattr(outcomes, "PAGE", 3)
    ledger.claim("r1", now, [claim_of(n, hours=24 + n // 5) for n in range(20)], [])

    assert wanted() == sorted((f"a{n}" for n in range(20)), key=lambda name: (int(name[1:]) // 5, name))
    assert wanted(now + timedelta(hours=25), now + timedelta(hours=26)) == [f"a{n}" for n in range(5, 10)]
    visits.record(now, {Visit(now + timedelta(hours=24), "a0"): "fulfilled"})
    assert "a0" not in wanted()


def test_what_is_not_final_is_found_again(ledger, claim_of, visits, wanted, now, after, monkeypatch):
    """Unless it has been read since; what is final is not."""
    monkeypatch.setattr(outcomes, "PAGE", 2)
    claims = [claim_of(n, hours=24 + n) for n in range(9)]
    ledger.claim("r1", now, claims, [])
    words = ["booked", "fulfilled", "arrived", "noshow", "gone", "moved", "unreadable", "cancelled", "entered-in-error"]
    of = [Visit(claim.start, claim.appointment) for claim in claims]
    visits.record(after, dict(zip(of, words, strict=True)))

    def again(since, before):
        return [visit.appointment for page in visits.not_final(since, before) for visit in page]

    assert wanted() == []
    assert again(now, after) == []
    assert again(now, after + timedelta(seconds=1)) == ["a0", "a2", "a4", "a6"]
    assert again(of[2].start, after + timedelta(seconds=1)) == ["a2", "a4", "a6"]


def test_what_was_read_last_stands(ledger, claim_of, visits, rows, now, after):
    """Two machines may read at the same time; what was read before does not take the place of what was read later."""
    claim = claim_of(1)
    ledger.claim("r1", now, [claim], [])
    visit = Visit(claim.start, "a1")
    for minutes, status in ((0, "booked"), (10, "fulfilled"), (5, "arrived")):
        visits.record(after + timedelta(minutes=minutes), {visit: status})

    assert rows("SELECT appointment, status FROM outcome") == [("a1", "fulfilled")]


def test_what_left_the_ledger_stays_away(reach, database, visits, wanted, rows, after):
    """Of what was erased for a patient, or purged, while the endpoint was asked, nothing is recorded."""
    kept, erased = reach(State.DELIVERED, 1), reach(State.DELIVERED, 2)
    bare = reach(State.UNCERTAIN, 3)
    of = {Visit(each.start, each.appointment): "noshow" for each in (kept, erased, bare)}
    of[Visit(kept.start + timedelta(hours=1), kept.appointment)] = "moved"
    for patient in ("p2", "p3"):
        subject.erase(database, "e", after, patient)

    visits.record(after, of)

    assert rows("SELECT appointment, status FROM outcome") == [("a1", "noshow")]
    assert wanted() == []


def test_erasing_takes_what_became_along(ledger, reach, database, visits, rows, after):
    """Also of what stays bare; but not what another patient's visit is known by."""
    mine, bare = reach(State.DELIVERED, 1), reach(State.UNCERTAIN, 2)
    visits.record(after, {Visit(each.start, each.appointment): "noshow" for each in (mine, bare)})
    shown = subject.extract(database, "p2").reminders[0].became

    for patient in ("p1", "p2"):
        subject.erase(database, "e", after, patient)

    assert shown == "noshow"
    assert rows("SELECT * FROM outcome") == []


def test_who_read_and_how_much_is_told_in_the_audit(database, visits, after):
    """One line for all of it: whose visits they were stands in the ledger, and nothing was decided by it."""
    visits.close_with("o1", after, Counter(noshow=2, fulfilled=40))
    visits.close_with("o2", after, Counter())

    (line,) = audit.records(database, after, after + timedelta(seconds=1))

    assert (line["kind"], line["what"], line["run"]) == ("reading", "outcomes-read", "o1")
    assert line["visits"] == {"fulfilled": 40, "noshow": 2}
    assert line["account"]


def test_nothing_is_locked_while_the_endpoint_is_asked(ledger, claim_of, visits, now, after):
    """A run claims between one page and the next, and between a page and its record."""
    ledger.claim("r1", now, [claim_of(1)], [])
    for page in visits.never_read(now, after):
        ledger.claim("r1", now, [claim_of(2)], [])
        visits.record(after, dict.fromkeys(page, "booked"))
    assert tables.outcome.c.keys() == ["appointment", "start", "status", "read_at"]
