"""What the tables promise: moments that sort, and indexes that the statements use."""

import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from fhirnotify.ledger import statements
from fhirnotify.ledger.sql import SqlLedger
from fhirnotify.ledger.tables import Instant

HOUR = timezone(timedelta(hours=1))
MOMENTS = [
    datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=2))),
    datetime(2026, 10, 25, 2, 30, tzinfo=HOUR),
    datetime(2026, 11, 24, 9, tzinfo=UTC),
    datetime(2026, 11, 24, 10, 0, 0, 1, tzinfo=HOUR),
    datetime(2026, 11, 24, 9, 0, 1, tzinfo=UTC),
]


def test_moments_sort_as_text():
    """In SQLite moments are texts of one length in UTC that sort by time, to the microsecond."""
    texts = [Instant().process_bind_param(moment, sqlite.dialect()) for moment in MOMENTS]

    assert texts == sorted(texts)
    assert texts[3:5] == ["2026-11-24T09:00:00.000000Z", "2026-11-24T09:00:00.000001Z"]
    assert {len(text) for text in texts} == {27}


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_moments_come_back(dialect):
    """A moment comes back as the same moment, in UTC; so does none."""
    for moment in [*MOMENTS, None]:
        back = Instant().process_result_value(Instant().process_bind_param(moment, dialect), dialect)
        assert back == moment
        assert back is None or back.tzinfo is UTC


def test_moment_without_zone():
    """A moment without a time zone is a mistake, and no guess is made."""
    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(datetime(2026, 11, 24), sqlite.dialect())  # noqa: DTZ001  # that is the point


# These sort no more than a page's own rows, and the few whose lease has run out.
MAY_SORT = (statements.OF_APPOINTMENTS, statements.OF_PATIENTS, statements.DUE_AFTER_LEASE)


def plan_of(statement, values):
    """How SQLite goes about a statement, as it is sent."""
    ledger = SqlLedger("sqlite://")

    def explain(connection):
        sent = []
        driver = connection.connection.driver_connection
        driver.set_trace_callback(sent.append)
        connection.execute(statement, values)
        driver.set_trace_callback(None)
        return [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sent[-1]}")]

    plan = " / ".join(ledger._database.write(explain))
    ledger.close()
    return plan


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (statements.DUE, "SCAN reminder USING INDEX ix_reminder_takeable"),
        (statements.DUE_AFTER_LEASE, "ix_reminder_lease (lease_until<?)"),
        (statements.END_ALL_LEASES, "USING INDEX ix_reminder_lease"),
        (statements.OF_APPOINTMENTS, "sqlite_autoindex_reminder_2 (appointment=?)"),
        (statements.OF_PATIENTS, "ix_reminder_patient (patient=? AND start>? AND start<?)"),
        (statements.UNDERWAY, "ix_reminder_underway (next_attempt>? AND next_attempt<?)"),
        (statements.MESSAGE_IDS, "ix_reminder_sent (sending_since>? AND sending_since<?)"),
        (statements.page(of_run=False, continued=True), "ix_reminder_state (state=? AND (start,id)>(?,?))"),
        (statements.page(of_run=True, continued=False), "ix_reminder_state (state=?)"),
    ],
)
def test_statements_use_their_index(statement, index):
    """No statement that runs often reads the whole table, or sorts it."""
    moment = MOMENTS[0]
    values = {
        "at": moment,
        "limit": 1,
        "real_time": moment,
        "holder": "r",
        "first": moment,
        "last": moment,
        "since": moment,
        "until": moment,
        "appointments": ["a"],
        "patients": ["p"],
        "in_state": "claimed",
        "of_run": "r",
        "last_start": moment,
        "last_id": "x",
        "due": moment,
    }
    known = statement.compile().params

    plan = plan_of(statement, {name: value for name, value in values.items() if name in known})

    assert index in plan
    assert re.search("SCAN reminder(?! USING INDEX ix_reminder_(takeable|lease))", plan) is None
    assert "TEMP B-TREE" not in plan or statement in MAY_SORT


def test_statements_are_for_postgresql_too():
    """PostgreSQL locks what is about to be changed, and passes over what another machine is taking."""
    due = str(statements.DUE.compile(dialect=postgresql.dialect()))
    to_change = str(statements.TO_CHANGE.compile(dialect=postgresql.dialect()))

    assert due.endswith("FOR UPDATE SKIP LOCKED")
    assert to_change.endswith("FOR UPDATE")


def test_upsert_is_known():
    """The SQLite that Python brings knows ``ON CONFLICT`` (3.24) and row values (3.15)."""
    assert sqlite3.sqlite_version_info >= (3, 24)


def test_port_is_free_of_sqlalchemy():
    """What the commands import to answer ``--help`` does not bring SQLAlchemy along."""
    code = """
import sys
import fhirnotify.ledger.port, fhirnotify.ledger.memory, fhirnotify.ledger.overlay
sys.exit("sqlalchemy" in sys.modules or "alembic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
