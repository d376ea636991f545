"""A ledger of the version before, with data in it, is upgraded whole, and works on."""

import json
import os
import sqlite3
from contextlib import closing
from datetime import timedelta

from alembic import command

from fhirnotify.ledger.migrate import configuration, migrate
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import State
from fhirnotify.ledger.sql import SqlLedger
from fhirnotify.ledger.sqlite import SqliteFile
from fhirnotify.ledger.subject import extract

BEFORE = "fhirnotify_0004"
AT = "2026-11-22T12:00:00.000000Z"
START = "2026-11-23T12:00:00.000000Z"
EVIDENCE = json.dumps({"appointment": "Appointment/a1", "patient": "Patient/p1", "consent": [], "mapping": []})


def older(path):
    """Make a ledger as the version before left it, after one run."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    database = SqliteFile(path, patience=0)
    database.write(lambda connection: command.upgrade(configuration(connection), BEFORE))
    database.close()
    rows = {
        "run": ["r1", AT, AT, "{}", "host-1", 7],
        "decision": ["a1", "p1", START, None, "video", EVIDENCE, "[]", "[]", AT, "r1", "Location/u"],
    }
    columns = "id, appointment, patient, start, kind, state, contact_type, evidence, segments, run, attempts, created"
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, values in rows.items():
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
        reminder = ["i1", "a1", "p1", START, "reminder", "claimed", "video", EVIDENCE, 2, "r1", 0, AT]
        connection.execute(f"INSERT INTO reminder ({columns}, updated) VALUES ({', '.join('?' * 13)})", [*reminder, AT])
        connection.execute("INSERT INTO transition VALUES (1, 'i1', ?, 'r1', NULL, 'claimed', NULL)", [AT])


def test_upgraded_with_all_it_holds(path, now, claim_of):
    """Nothing is lost; who ran is known by machine and process; what is decided anew keeps what was decided before."""
    older(path)
    url = f"sqlite:///{path}"

    assert migrate(url).from_revision == BEFORE

    with closing(SqlLedger(url, create=False)) as ledger:
        assert [each.appointment for each in ledger.in_state(State.CLAIMED)] == ["a1"]
        assert ledger.claim("r2", now + timedelta(hours=1), [claim_of(1)], []) == [False]
        (kept,) = ledger.verdicts("a1")
        ledger.begin("r2", now + timedelta(hours=1))
    with closing(sqlite3.connect(path)) as connection:
        actors = connection.execute("SELECT run, account IS NULL, host, pid FROM actor ORDER BY run").fetchall()
    assert actors[0] == ("r1", 1, "host-1", 7)
    assert actors[1][:2] == ("r2", 0)
    with closing(open_database(url, create=False, read_only=True, patience=0)) as database:
        found = extract(database, "p1")
    assert [held.reminder.id for held in found.reminders] == ["i1"]
    assert found.decisions == [kept]


def test_what_became_of_visits_outlives_the_upgrade(path):
    """A ledger of the version before that one, with outcomes in it, has them still, and is read by the new index."""
    older(path)
    database = SqliteFile(path, patience=0)
    database.write(lambda connection: command.upgrade(configuration(connection), "fhirnotify_0005"))
    database.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO outcome VALUES ('a1', ?, 'noshow', ?)", [START, AT])
        connection.execute("UPDATE reminder SET state = 'delivered'")

    migrate(f"sqlite:///{path}")

    with closing(open_database(f"sqlite:///{path}", create=False, read_only=True, patience=0)) as database:
        assert [each.status for each in extract(database, "p1").outcomes] == ["noshow"]
    with closing(sqlite3.connect(path)) as connection:
        indexes = {row[1] for row in connection.execute("PRAGMA index_list(reminder)")}
    assert "ix_reminder_outcome" in indexes
