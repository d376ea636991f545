"""What must hold in every ledger, and that each breach of it is found."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from fhirnotify.ledger.changes import LEASE
from fhirnotify.ledger.invariants import Extent, breaches
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import EDGES, Change, Claim, State, Verdict


@pytest.fixture
def filled(open_ledger, claim_of, now):
    """A ledger with reminders in most states, as runs leave them."""
    ledger = open_ledger()
    ledger.begin("r1", now)
    claims = [claim_of(n) for n in range(6)]
    verdicts = [Verdict(c.appointment, c.patient, c.start, None, c.contact_type, c.evidence) for c in claims]
    ledger.claim("r1", now, claims, verdicts)
    sent, tried, refused, doubtful, withdrawn, _ = (each.id for each in ledger.take("r1", now, 6))
    begun = [Change(each, State.SENDING, provider="p") for each in (sent, tried, refused, doubtful)]
    ledger.move("r1", now, begun)
    ends = [
        Change(sent, State.ACCEPTED, message_id="m1"),
        Change(tried, State.RETRY),
        Change(refused, State.REJECTED),
        Change(doubtful, State.UNCERTAIN),
        Change(withdrawn, State.WITHDRAWN),
    ]
    ledger.move("r1", now, ends)
    no = Verdict("a4", "p4", claims[4].start, "no-consent", None, claims[4].evidence)
    ledger.claim("r1", now, [], [no])
    ledger.finish("r1", now, {})
    ledger.close()


def found(path):
    """What is found, by rule."""
    extent = Extent()
    with closing(open_database(f"sqlite:///{path}", create=False, read_only=True, patience=0)) as database:
        return [breach.rule for breach in breaches(database, extent)], extent


def test_nothing_is_wrong(path, filled):
    """What runs leave is whole, and all of it has been looked through; nothing is changed."""
    before = path.read_bytes()

    rules, extent = found(path)

    assert rules == []
    assert (extent.reminders, extent.transitions) == (6, 15)
    assert path.read_bytes() == before


ONE = "(SELECT id FROM reminder WHERE appointment = 'a0')"
ONCE_MORE = (
    "INSERT INTO transition (reminder, at, run, from_state, to_state, code) "
    "SELECT id, updated, run, 'accepted', 'accepted', '{}' FROM reminder WHERE appointment = 'a0'"
)
BROKEN = [
    ("UPDATE reminder SET state = 'delivered' WHERE appointment = 'a0'", ["state"]),
    ("UPDATE reminder SET attempts = 2 WHERE appointment = 'a0'", ["attempts"]),
    (f"DELETE FROM transition WHERE to_state = 'sending' AND reminder = {ONE}", ["path", "attempts"]),
    (f"DELETE FROM transition WHERE to_state = 'accepted' AND reminder = {ONE}", ["state"]),
    (ONCE_MORE.format(""), ["path"]),
    (ONCE_MORE.format("sent-twice"), ["twice"]),
    (ONCE_MORE.format("no-report"), []),
    (ONCE_MORE.format("expired-unknown"), []),
    ("UPDATE transition SET code = 'settled-sent anna' WHERE to_state = 'accepted'", ["path"]),
    ("UPDATE transition SET code = 'settled-not-sent anna' WHERE to_state = 'retry'", ["path"]),
    ("PRAGMA foreign_keys=OFF; DELETE FROM reminder WHERE appointment = 'a5'", ["orphan"]),
    ("UPDATE reminder SET message_id = 'm1', provider = 'p' WHERE appointment = 'a2'", ["message"]),
    ("UPDATE decision SET reason = 'no-consent' WHERE appointment = 'a0'", ["decision"]),
    ("UPDATE decision SET reason = 'no-consent', run = 'r9' WHERE appointment = 'a0'", []),
    ("DROP INDEX ix_reminder_state", ["schema"]),
    ("ALTER TABLE run ADD COLUMN more VARCHAR", ["schema"]),
    ("UPDATE reminder SET state = 'lost' WHERE appointment = 'a0'", ["value"]),
    ("UPDATE reminder SET evidence = '{' WHERE appointment = 'a0'", ["value"]),
]


@pytest.mark.parametrize(("how", "rules"), BROKEN)
def test_each_breach_is_found(path, filled, how, rules):
    """Whatever somebody did to a ledger is named by the rule that it breaks."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(how)
        connection.commit()

    assert found(path)[0] == rules


def test_damage_is_found(path, filled):
    """A file whose indexes do not match its rows is damaged, though SQLite opens it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "PRAGMA writable_schema=ON;"
            "UPDATE sqlite_master SET sql = replace(sql, '(lease_until)', '(updated)') WHERE name = 'ix_reminder_lease';"
            "UPDATE sqlite_master SET sql = replace(sql, 'lease_run IS NOT NULL', 'run IS NOT NULL') "
            "WHERE name = 'ix_reminder_lease';"
        )
        connection.commit()

    assert "damaged" in found(path)[0]


def test_what_late_runs_leave_is_whole(path, open_ledger, claim_of, clock, now):
    """What a machine records that woke up late is a way that there is."""
    ledger = open_ledger(clock=clock)
    ledger.begin("r1", now)
    ledger.claim("r1", now, [claim_of(1)], [])
    (reminder,) = ledger.take("r1", now, 1)
    ledger.move("r1", now, [Change(reminder.id, State.SENDING, provider="p")])
    ledger.close()
    clock.now += LEASE
    other = open_ledger(clock=clock)
    other.begin("r2", now)
    other.move("r2", now, [Change(reminder.id, State.RETRY), Change(reminder.id, State.EXPIRED)])
    other.move("r1", now, [Change(reminder.id, State.ACCEPTED, attempt=1, message_id="m")])
    other.close()

    assert found(path)[0] == []


def test_beside_a_run(path, filled, open_ledger, claim_of, now):
    """A run at work is no reason to find anything."""
    ledger = open_ledger()
    ledger.begin("r2", now)
    ledger.claim("r2", now, [claim_of(20)], [])

    assert found(path)[0] == []


def test_more_than_a_page(path, open_ledger, now):
    """A ledger of many pages is looked through to its end."""
    ledger = open_ledger()
    first = Claim("a", "p", now, *_rest())
    claims = [Claim(f"a{n}", "p", now + timedelta(minutes=n), *_rest()) for n in range(1200)]
    ledger.claim("r1", now, [first, *claims], [])
    ledger.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE reminder SET attempts = 1 WHERE id = (SELECT max(id) FROM reminder)")
        connection.commit()

    rules, extent = found(path)

    assert (rules, extent.reminders) == (["attempts"], 1201)


def _rest():
    from fhirnotify.core.answer import Evidence
    from fhirnotify.core.model import ContactType

    return ContactType.VIDEO, Evidence("Appointment/a"), 2


def test_every_edge_leads_from_where_another_ends():
    """Every state but the first can be reached, so that the check can tell each way."""
    assert {before for before, _ in EDGES} <= {after for _, after in EDGES} | {State.CLAIMED}
