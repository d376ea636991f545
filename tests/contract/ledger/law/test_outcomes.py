"""What became of visits, in both databases: which are asked about, what is kept, and who is told of it."""

import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from fhirnotify.ledger import audit, outcomes, subject, tables
from fhirnotify.ledger.opening import open_database
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
    """Give the appointments of which nothing was read."""

    def of(since=None, until=None):
        pages = visits.unread(since or now, until or after, after)
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


def test_page_by_page_in_the_order_of_their_starts(ledger, claim_of, wanted, visits, now, after, monkeypatch):
    """None twice, none left out, also where many start at once; from the first moment, and before the last."""
    monkeypatch.setattr(outcomes, "PAGE", 3)
    ledger.claim("r1", now, [claim_of(n, hours=24 + n // 5) for n in range(20)], [])

    assert wanted() == sorted((f"a{n}" for n in range(20)), key=lambda name: (int(name[1:]) // 5, name))
    assert wanted(now + timedelta(hours=25), now + timedelta(hours=26)) == [f"a{n}" for n in range(5, 10)]
    visits.record("o", after, {Visit(now + timedelta(hours=24), "a0"): "fulfilled"})
    assert "a0" not in wanted()


def test_what_is_not_final_is_found_again(ledger, claim_of, visits, wanted, now, after, monkeypatch):
    """Unless it has been read since; what is final is not."""
    monkeypatch.setattr(outcomes, "PAGE", 2)
    claims = [claim_of(n, hours=24 + n) for n in range(9)]
    ledger.claim("r1", now, claims, [])
    words = ["booked", "fulfilled", "arrived", "noshow", "gone", "moved", "unreadable", "cancelled", "entered-in-error"]
    of = [Visit(claim.start, claim.appointment) for claim in claims]
    visits.record("o", after, dict(zip(of, words, strict=True)))

    def again(since, at):
        return [visit.appointment for page in visits.not_final(since, at, at) for visit in page]

    assert wanted() == []
    assert again(now, after) == []
    assert again(now, after + timedelta(seconds=1)) == ["a0", "a2", "a4", "a6"]
    assert again(of[2].start, after + timedelta(seconds=1)) == ["a2", "a4", "a6"]
    two_weeks_on = now + timedelta(days=15)
    assert again(now, two_weeks_on + timedelta(hours=1)) == ["a2", "a4", "a6"]
    assert again(now, two_weeks_on + timedelta(hours=12)) == ["a4", "a6"]
    visits.record("o", two_weeks_on, {of[4]: "gone"})
    assert again(now, two_weeks_on + timedelta(days=5)) == ["a6"]
    assert again(now, two_weeks_on + timedelta(days=7)) == ["a6", "a4"]


def test_what_was_read_last_stands(ledger, claim_of, visits, rows, now, after):
    """Two machines may read at the same time; what was read before does not take the place of what was read later."""
    claim = claim_of(1)
    ledger.claim("r1", now, [claim], [])
    visit = Visit(claim.start, "a1")
    for minutes, status in ((0, "booked"), (10, "fulfilled"), (5, "arrived")):
        visits.record("o", after + timedelta(minutes=minutes), {visit: status})

    assert rows("SELECT appointment, status FROM outcome") == [("a1", "fulfilled")]


def test_one_that_could_be_read(ledger, claim_of, visits, now, after):
    """The last that was there."""
    claims = [claim_of(n) for n in range(4)]
    ledger.claim("r1", now, claims, [])
    assert visits.readable() is None
    for hours, (claim, status) in enumerate(zip(claims, ["noshow", "booked", "gone", "unreadable"], strict=True)):
        visits.record("o", after + timedelta(hours=hours), {Visit(claim.start, claim.appointment): status})

    assert visits.readable() == "a1"


def test_what_left_the_ledger_stays_away(reach, database, visits, wanted, rows, after):
    """Of what was erased for a patient, or purged, while the endpoint was asked, nothing is recorded."""
    kept, erased = reach(State.DELIVERED, 1), reach(State.DELIVERED, 2)
    bare = reach(State.UNCERTAIN, 3)
    of = {Visit(each.start, each.appointment): "noshow" for each in (kept, erased, bare)}
    of[Visit(kept.start + timedelta(hours=1), kept.appointment)] = "moved"
    for patient in ("p2", "p3"):
        subject.erase(database, "e", after, patient)

    visits.record("o", after, of)

    assert rows("SELECT appointment, status FROM outcome") == [("a1", "noshow")]
    assert wanted() == []


def test_erasing_takes_what_became_along(ledger, reach, database, visits, rows, after):
    """Also of what stays bare; but not what another patient's visit is known by."""
    mine, bare = reach(State.DELIVERED, 1), reach(State.UNCERTAIN, 2)
    visits.record("o", after, {Visit(each.start, each.appointment): "noshow" for each in (mine, bare)})
    shown = subject.extract(database, "p2").outcomes[0].status

    for patient in ("p1", "p2"):
        subject.erase(database, "e", after, patient)

    assert shown == "noshow"
    assert rows("SELECT * FROM outcome") == []


def test_who_read_and_how_much_is_told_in_the_audit(database, visits, after):
    """One line for all of it: whose visits they were stands in the ledger, and nothing was decided by it.

    It is there from the first batch on, whatever ends the work.
    """
    batches = [["noshow"] + ["fulfilled"] * 30, ["noshow"] + ["fulfilled"] * 10]
    for number, batch in enumerate(batches):
        visits.record("o1", after, {Visit(after, f"{number}-{n}"): status for n, status in enumerate(batch)})
        (line,) = audit.records(database, after, after + timedelta(seconds=1))
        assert line["visits"]["noshow"] == number + 1

    (line,) = audit.records(database, after, after + timedelta(seconds=1))

    assert (line["kind"], line["what"], line["run"]) == ("reading", "outcomes-read", "o1")
    assert line["visits"] == {"fulfilled": 40, "noshow": 2}
    assert line["account"]


def test_nothing_is_locked_while_the_endpoint_is_asked(ledger, claim_of, visits, now, after):
    """A run claims between one page and the next, and between a page and its record."""
    ledger.claim("r1", now, [claim_of(1)], [])
    for page in visits.unread(now, after, after):
        ledger.claim("r1", now, [claim_of(2)], [])
        visits.record("o", after, dict.fromkeys(page, "booked"))
    assert tables.outcome.c.keys() == ["appointment", "start", "status", "read_at"]


def test_the_latest_day_first(ledger, claim_of, wanted, visits, now):
    """Days of the zone in which ``until`` is a midnight."""
    ledger.claim("r1", now, [claim_of(n, hours=hours) for n, hours in enumerate([10, 12, 34.9, 35.1, 58])], [])
    midnight = (now + timedelta(days=3)).astimezone(STOCKHOLM).replace(hour=0)

    assert wanted(until=midnight) == ["a3", "a4", "a1", "a2", "a0"]


def test_what_was_read_by_a_clock_that_was_ahead_is_read_anew(ledger, claim_of, visits, wanted, rows, now, after):
    """What was read before the day of the visit was over, or is said to be read after now, does not count."""
    claims = [claim_of(n, hours=24) for n in range(4)]
    ledger.claim("r1", now, claims, [])
    times = [claims[0].start + timedelta(hours=2), after + timedelta(days=20), after, after + timedelta(minutes=5)]
    for claim, at in zip(claims, times, strict=True):
        visits.record("o", at, {Visit(claim.start, claim.appointment): "booked"})

    assert wanted() == ["a0", "a1"]
    visits.record("o", after, {Visit(claim.start, claim.appointment): "noshow" for claim in claims[:2]})

    assert wanted() == []
    assert rows("SELECT appointment FROM outcome WHERE status = 'noshow' ORDER BY 1") == [("a0",), ("a1",)]


def test_what_was_read_the_longest_ago_comes_first(ledger, claim_of, visits, now, after):
    """So that what a night has no time for is read the next."""
    claims = [claim_of(n) for n in range(4)]
    ledger.claim("r1", now, claims, [])
    for claim, days in zip(claims, (2, 1, 0, 2), strict=True):
        visits.record("o", after + timedelta(days=days), {Visit(claim.start, claim.appointment): "booked"})
    at = after + timedelta(days=5)

    assert [one.appointment for page in visits.not_final(now, at, at) for one in page] == ["a2", "a1", "a0", "a3"]


@pytest.mark.parametrize("state", [State.DELIVERED, State.UNCERTAIN])
def test_what_is_erased_while_it_is_recorded_does_not_come_back(
    reach, database, visits, url, rows, after, monkeypatch, state
):
    """Whoever erases waits until what was read has been recorded, and takes it along; also where the claim stays."""
    reminder = reach(state)

    def erase():
        with closing(open_database(url, create=False, read_only=False, patience=10)) as beside:
            subject.erase(beside, "e", after, "p1")

    erasing = threading.Thread(target=erase)

    def known(*args):
        found = look(*args)
        erasing.start()
        erasing.join(0.5)  # as far as it gets
        return found

    look = outcomes._known
    monkeypatch.setattr(outcomes, "_known", known)
    visits.record("o", after, {Visit(reminder.start, "a1"): "noshow"})
    erasing.join()

    assert rows("SELECT appointment FROM outcome") == []


def test_what_is_being_erased_is_waited_for(reach, database, visits, url, rows, after, monkeypatch):
    """What became of it is not recorded then, though the claim stays."""
    reminder = reach(State.UNCERTAIN)

    def record():
        with closing(open_database(url, create=False, read_only=False, patience=10)) as beside:
            LedgerVisits(beside).record("o", after, {Visit(reminder.start, "a1"): "noshow"})

    recording = threading.Thread(target=record)

    def forget(*args):
        forgotten(*args)
        recording.start()
        recording.join(0.5)  # as far as it gets

    forgotten = subject._forget_outcomes
    monkeypatch.setattr(subject, "_forget_outcomes", forget)
    subject.erase(database, "e", after, "p1")
    recording.join()

    assert rows("SELECT appointment FROM outcome") == []
