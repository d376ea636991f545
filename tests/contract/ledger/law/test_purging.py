"""What is too old leaves the ledger, what is needed stays, and counts outlive both."""

import threading
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from fhirnotify.errors import FhirnotifyError, LedgerError
from fhirnotify.ledger import old_rows, purging, tables
from fhirnotify.ledger.old_rows import Age
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.purging import Bounds, looked
from fhirnotify.ledger.sql import SqlLedger

STOCKHOLM = ZoneInfo("Europe/Stockholm")
RETENTION = timedelta(days=90)
FOR_LONG = 60

GOES = [State.DELIVERED, State.UNDELIVERED, State.REJECTED, State.WITHDRAWN, State.EXPIRED]
STAYS = {
    State.CLAIMED: "unsent",
    State.RETRY: "unsent",
    State.SENDING: "unsent",
    State.UNCERTAIN: "uncertain",
    State.ACCEPTED: "asked-about",
}


@pytest.fixture
def purge(database, now, stop):
    """Purge as of so many days from now; by default when everything is too old."""

    def work(days=100, *, seconds=FOR_LONG, told=lambda _: None):
        age = Age(now + timedelta(days=days), RETENTION)
        return purging.purge(database, "purge", age, STOCKHOLM, Bounds(seconds, stop), told)

    return work


@pytest.mark.parametrize("state", GOES)
def test_settled_goes(ledger, reach, purge, rows, state):
    """What is settled goes with all that hangs on it, once it is older than the retention time."""
    reminder = reach(state)

    done = purge()

    assert (done.complete, done.kept) == (True, Counter())
    assert done.deleted["reminders"] == 1
    assert done.deleted["transitions"] > 1
    assert ledger.of_ids([reminder.id]) == []
    assert rows("SELECT * FROM transition") == []


@pytest.mark.parametrize("state", STAYS)
def test_unsettled_stays(ledger, reach, purge, state):
    """What may still be sent, may have been sent or is still asked about stays, however old, and is told."""
    reminder = reach(state)

    done = purge(days=1000)

    assert done.kept == {STAYS[state]: 1}
    assert ledger.of_ids([reminder.id])[0].state is state


def test_accepted_goes_when_nobody_asks_any_more(ledger, reach, purge, now):
    """What became of an accepted one may never be known; then it is settled, too."""
    reminder = reach(State.ACCEPTED)
    ledger.move("r1", now, [Change(reminder.id, State.ACCEPTED, code="no-report")])

    assert purge().deleted["reminders"] == 1


@pytest.mark.parametrize(("days", "deleted"), [(0, 0), (90, 0), (90.99, 0), (91, 0), (91.01, 1)])
def test_as_old_as_the_visit(reach, purge, days, deleted):
    """The retention time begins with the visit: nothing that is still to come is ever too old. The visit is a day on."""
    reach(State.DELIVERED)

    assert purge(days).deleted["reminders"] == deleted


def test_looking_changes_nothing(database, ledger, reach, verdict_of, purge, rows, now):
    """A dry run tells exactly what the purge then does."""
    reach(State.DELIVERED, 1)
    reach(State.UNCERTAIN, 2)
    ledger.claim("r1", now, [], [verdict_of(3)])
    ledger.claim("r1", now, [], [verdict_of(3, "consent-denied")])
    everything = [rows(f"SELECT * FROM {table}") for table in ("reminder", "transition", "decision", "tally", "deed")]

    foretold = looked(database, Age(now + timedelta(days=100), RETENTION))

    assert everything == [
        rows(f"SELECT * FROM {table}") for table in ("reminder", "transition", "decision", "tally", "deed")
    ]
    assert foretold == purge()
    assert foretold.deleted["decisions"] == 2


def test_counts_stay_by_local_day(ledger, claim_of, verdict_of, purge, rows, now):
    """Of what goes, the day, the unit, the kind, the result and what became of the visit stay, and nobody's id."""
    late = replace(claim_of(1, hours=35.5), unit="Location/u")  # 23.30 UTC, the next day in Sweden
    ledger.claim("r1", now, [late, claim_of(2)], [verdict_of(3), verdict_of(4), verdict_of(5, None)])
    for reminder in ledger.of_appointments(["a1", "a2"]):
        ledger.move("r1", now, [Change(reminder.id, State.EXPIRED)])

    purge()
    assert purge().deleted == {}  # and what has been counted is not counted again

    assert sorted(rows("SELECT day, unit, contact_type, result, became, count FROM tally")) == [
        ("2026-11-23", "", "", "no-consent", "", 2),
        ("2026-11-23", "", "video", "expired", "", 1),
        ("2026-11-24", "Location/u", "video", "expired", "", 1),
    ]


def test_counted_once(ledger, reach, verdict_of, claim_of, purge, rows, now):
    """What was reminded of and decided otherwise later counts as reminded; what was withdrawn, as not."""
    reach(State.DELIVERED, 1)
    reach(State.WITHDRAWN, 2)
    ledger.claim("r1", now, [], [verdict_of(n, patient=f"p{n}") for n in (1, 2)])

    purge()

    assert sorted(rows("SELECT result, count FROM tally")) == [("delivered", 1), ("no-consent", 1)]


def test_counts_add_up(ledger, verdict_of, purge, rows, now, monkeypatch):
    """However many batches and purges it takes."""
    monkeypatch.setattr(old_rows, "BATCH", 7)
    ledger.claim("r1", now, [], [verdict_of(n) for n in range(30)])
    heard = []
    purge(told=lambda done: heard.append(done.deleted["decisions"]))
    ledger.claim("r2", now, [], [verdict_of(n) for n in range(12)])
    purge()

    assert heard[:5] == [7, 14, 21, 28, 30]
    assert rows("SELECT sum(count) FROM tally") == [(42,)]


def test_what_became_of_visits(ledger, reach, purge, rows, database):
    """What became of the visit is counted with it, and then goes, too."""
    reminder = reach(State.DELIVERED)
    became = {"appointment": "a1", "start": reminder.start, "status": "noshow", "read_at": reminder.start}
    database.write(lambda connection: connection.execute(tables.outcome.insert(), became))

    assert purge().deleted["outcomes"] == 1

    assert rows("SELECT result, became FROM tally") == [("delivered", "noshow")]


def test_what_became_stays_as_long_as_the_reminder(ledger, reach, purge, rows, database, now):
    """Of what is still asked about, however old: when that is over, both are counted together."""
    reminder = reach(State.ACCEPTED)
    became = {"appointment": "a1", "start": reminder.start, "status": "noshow", "read_at": reminder.start}
    database.write(lambda connection: connection.execute(tables.outcome.insert(), became))

    foretold = looked(database, Age(now + timedelta(days=100), RETENTION))
    assert foretold.deleted == purge().deleted == {}
    ledger.move("r1", now, [Change(reminder.id, State.ACCEPTED, code="no-report")])

    assert purge().deleted["outcomes"] == 1
    assert rows("SELECT result, became FROM tally") == [("accepted", "noshow")]


def test_runs_go_and_who_is_needed_stays(ledger, reach, purge, rows, now):
    """Old runs go, with who did them, unless something is left of which they must be told."""
    for run in ("r1", "r0"):
        ledger.begin(run, now)
        ledger.finish(run, now, {})
    reach(State.UNCERTAIN)

    purge(days=200)

    assert rows("SELECT id FROM run") == []
    assert sorted(rows("SELECT run FROM actor")) == [("purge",), ("r1",)]


def test_what_was_done_is_recorded(ledger, reach, purge, rows, now):
    """When, how far and how much; who, under the id of the purge. A purge that found nothing is no deed."""
    reach(State.DELIVERED)

    purge()
    purge()

    ((what, run, account),) = rows("SELECT what, run, account FROM deed JOIN actor USING (run)")
    assert (what, run) == ("purged", "purge")
    assert account


def test_stopped(ledger, verdict_of, purge, rows, stop, now, monkeypatch):
    """A signal ends it after the batch in hand; what was deleted is deleted, and the next purge goes on."""
    monkeypatch.setattr(old_rows, "BATCH", 10)
    ledger.claim("r1", now, [], [verdict_of(n) for n in range(30)])

    done = purge(told=lambda _: stop.set())

    assert (done.complete, done.deleted["decisions"]) == (False, 10)
    assert rows("SELECT count(*) FROM decision") == [(20,)]
    stop.clear()
    assert purge().deleted["decisions"] == 20


def test_out_of_time(ledger, verdict_of, purge, now, monkeypatch):
    """When its time is over it ends after the batch in hand."""
    monkeypatch.setattr(old_rows, "BATCH", 10)
    ledger.claim("r1", now, [], [verdict_of(n) for n in range(30)])

    done = purge(seconds=0)

    assert (done.complete, done.deleted["decisions"]) == (False, 10)


def test_a_run_is_not_locked_out(url, ledger, verdict_of, claim_of, purge, now, monkeypatch):
    """Another process writes again and again while the purge is under way; none of its writes is refused."""
    monkeypatch.setattr(old_rows, "BATCH", 10)
    ledger.claim("r1", now, [], [verdict_of(n) for n in range(300)])
    under_way, is_over, written, refused = threading.Event(), threading.Event(), [], []

    def run():
        under_way.wait(FOR_LONG)
        try:
            with closing(SqlLedger(url, create=False)) as own:
                while not is_over.is_set():
                    written.append(own.claim("r2", now, [claim_of(1000 + len(written), hours=24 * 101)], []))
        except FhirnotifyError as error:
            refused.append(error)

    work = threading.Thread(target=run)
    work.start()
    done = purge(told=lambda _: under_way.set())
    is_over.set()
    work.join()

    assert done.deleted["decisions"] == 300
    assert refused == []
    assert len(written) >= 3


def test_past_decisions_are_kept_until_they_are_old(ledger, verdict_of, rows, now):
    """A decision that another takes the place of is not lost."""
    for n, reason in enumerate(["no-consent", "no-consent", "consent-denied", None]):
        ledger.claim(f"r{n}", now + timedelta(hours=n), [], [verdict_of(1, reason)])

    assert rows("SELECT reason, run FROM past_decision ORDER BY id") == [("no-consent", "r0"), ("consent-denied", "r2")]
    assert rows("SELECT reason, run FROM decision") == [(None, "r3")]


def test_read_only_is_refused(url, ledger, now, stop):
    """A ledger that was opened for reading cannot be purged."""
    with (
        closing(open_database(url, create=False, read_only=True, patience=1)) as database,
        pytest.raises(LedgerError, match="reading only"),
    ):
        purging.purge(database, "p", Age(now, RETENTION), STOCKHOLM, Bounds(1, stop), lambda _: None)
