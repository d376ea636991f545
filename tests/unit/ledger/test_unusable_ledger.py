"""A ledger that cannot be used stops the run with what is wrong and what to do, and loses nothing."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fhirnotify.errors import LedgerError, SettingsError
from fhirnotify.ledger import tables
from fhirnotify.ledger.migrate import migrate
from fhirnotify.ledger.opening import standing
from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.sql import SqlLedger


def execute(path, *statements):
    """Do something to the file from outside."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_first_opening_makes_the_file(path, open_ledger):
    """A missing file is made with the schema, for its owner alone, and nothing else is left beside it but the lock."""
    open_ledger().close()

    assert sorted(each.name for each in path.parent.iterdir()) == ["ledger.db", "ledger.db.lock"]
    assert [oct(each.stat().st_mode & 0o777) for each in sorted(path.parent.iterdir())] == ["0o600", "0o600"]


def test_files_beside_it_are_for_the_owner_alone(path, open_ledger, claim_of, now):
    """What SQLite lays beside the file while a run is at work has the same rights."""
    old = os.umask(0)
    try:
        ledger = open_ledger()
        ledger.claim("r1", now, [claim_of(1)], [])
    finally:
        os.umask(old)

    found = {each.name: oct(each.stat().st_mode & 0o777) for each in path.parent.iterdir()}
    assert set(found) == {"ledger.db", "ledger.db.lock", "ledger.db-wal", "ledger.db-shm"}
    assert set(found.values()) == {"0o600"}


def test_commits_reach_the_disk(open_ledger):
    """The connection that writes is durable: a WAL, synced in full at each commit, with foreign keys held."""
    pragma = open_ledger()._database._engine.raw_connection().execute

    found = {name: pragma(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")}

    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_empty_file_becomes_a_ledger(path, open_ledger, claim_of, now):
    """A file of no bytes, as a first run that was cut off leaves it, is taken for a missing one."""
    path.touch()

    assert open_ledger().claim("r1", now, [claim_of(1)], []) == [True]


@pytest.mark.parametrize("options", [{"create": False}, {"read_only": True}])
@pytest.mark.parametrize("empty", [False, True])
def test_missing_is_refused_where_nothing_may_be_made(path, open_ledger, options, empty):
    """Where the ledger may not be made, a missing or empty one is refused, and not made."""
    if empty:
        path.touch()
    before = sorted(path.parent.iterdir())

    with pytest.raises(LedgerError, match="There is no ledger yet") as caught:
        open_ledger(**options)

    assert "fhirnotify ledger migrate" in caught.value.next_step
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("options", [{}, {"create": False}, {"read_only": True}])
@pytest.mark.parametrize(
    ("statements", "what", "next_step"),
    [
        (["CREATE TABLE t (x)"], "is a database of something else", "ledger.url"),
        (
            ["CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('9f2c')"],
            "is a database of something else",
            "ledger.url",
        ),
        (["CREATE TABLE alembic_version (version_num)"], "is a database of something else", "ledger.url"),
        (
            ["CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('fhirnotify_9999')"],
            "made by a newer version of fhirnotify (fhirnotify_9999)",
            "Install that version",
        ),
    ],
)
def test_what_is_not_ours_is_left_alone(path, open_ledger, statements, what, next_step, options):
    """Another program's database, and a newer schema, are refused, and not a byte of them changes."""
    execute(path, *statements)
    before = path.read_bytes()

    with pytest.raises(LedgerError) as caught:
        open_ledger(**options)

    assert what in caught.value.what
    assert next_step in caught.value.next_step
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("options", [{}, {"read_only": True}])
def test_older_schema(path, open_ledger, monkeypatch, options):
    """An older schema is refused until it has been migrated."""
    open_ledger().close()
    monkeypatch.setattr(tables, "REVISIONS", (*tables.REVISIONS, "fhirnotify_9999"))
    monkeypatch.setattr(tables, "HEAD", "fhirnotify_9999")

    with pytest.raises(LedgerError, match="older version of fhirnotify") as caught:
        open_ledger(**options)

    assert caught.value.next_step == "Run `fhirnotify ledger migrate`."


@pytest.mark.parametrize("options", [{}, {"read_only": True}])
def test_not_a_database(path, open_ledger, options):
    """A file that is no database is refused and left as it is."""
    path.write_text("påminnelser\n" * 1000)
    before = path.read_bytes()

    with pytest.raises(LedgerError, match="is not an SQLite database"):
        open_ledger(**options)

    assert path.read_bytes() == before


@pytest.mark.parametrize("options", [{}, {"read_only": True}])
def test_a_directory(path, open_ledger, options):
    """A directory in place of the file is refused."""
    path.mkdir()

    with pytest.raises(LedgerError, match="is a directory"):
        open_ledger(**options)


def test_no_directory(path):
    """A directory that does not exist is named."""
    with pytest.raises(LedgerError, match=r"directory .*nowhere of the ledger does not exist"):
        SqlLedger(f"sqlite:///{path.parent}/nowhere/ledger.db")


@pytest.mark.parametrize("url", ["", "fhirnotify.db", "mysql://x/y", "sqlite:///a?mode=ro", "sqlite", "file:a.db"])
def test_url_that_is_none(url):
    """A URL that names no ledger is a matter of the settings; it is not repeated, since it may hold a password."""
    with pytest.raises(SettingsError, match=r"^ledger\.url does not name a ledger") as caught:
        SqlLedger(url)

    assert "sqlite:///fhirnotify.db" in caught.value.next_step


def test_locked_by_another_program(path, open_ledger, claim_of, now):
    """While another program has it locked the ledger is refused; afterwards it works."""
    ledger = open_ledger()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="is locked by another program"):
            ledger.begin("r1", now)
        with pytest.raises(LedgerError, match="is locked by another program"):
            ledger.claim("r1", now, [claim_of(1)], [])
        other.execute("ROLLBACK")

    ledger.begin("r1", now)
    assert ledger.claim("r1", now, [claim_of(1)], []) == [True]


def test_locked_while_its_mode_is_mended(path, open_ledger):
    """A ledger that was restored in another journal mode, and is being written, is told of as locked."""
    open_ledger().close()
    execute(path, "PRAGMA journal_mode=DELETE")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="is locked by another program"):
            open_ledger()
        other.execute("ROLLBACK")

    open_ledger()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_disk_full(path, open_ledger, claim_of, now):
    """On a full disk nothing of the page is kept, and what was kept before stays; with space again it goes on."""
    ledger = open_ledger()
    ledger.claim("r1", now, [claim_of(0)], [])
    limit_of = ledger._database._engine.raw_connection().execute
    pages = limit_of("PRAGMA page_count").fetchone()[0]
    limit_of(f"PRAGMA max_page_count={pages + 1}")

    for _ in range(2):
        with pytest.raises(LedgerError, match="the disk is full"):
            ledger.claim("r1", now, [claim_of(n) for n in range(1000)], [])
        assert [each.appointment for each in ledger.in_state(State.CLAIMED)] == ["a0"]

    limit_of("PRAGMA max_page_count=1000000")
    assert sum(ledger.claim("r1", now, [claim_of(n) for n in range(1000)], [])) == 999


def test_a_full_disk_stops_the_sending(path, open_ledger, claim_of, now):
    """When ``sending`` cannot be recorded the caller is told, so that no request is made."""
    ledger = open_ledger()
    ledger.claim("r1", now, [claim_of(n) for n in range(500)], [])
    ledger.take("r1", now, 500)
    limit_of = ledger._database._engine.raw_connection().execute
    limit_of(f"PRAGMA max_page_count={limit_of('PRAGMA page_count').fetchone()[0]}")
    changes = [Change(each.id, State.SENDING, provider="x" * 200) for each in ledger.in_state(State.CLAIMED)]

    with pytest.raises(LedgerError, match="the disk is full"):
        ledger.move("r1", now, changes)

    assert len(list(ledger.in_state(State.CLAIMED))) == 500
    assert list(ledger.in_state(State.SENDING)) == []


@pytest.mark.parametrize("how", ["deleted", "replaced", "directory deleted"])
def test_gone_while_in_use(path, open_ledger, claim_of, now, how, tmp_path):
    """A file that is deleted or replaced under a run takes no more for recorded: every change raises."""
    ledger = open_ledger()
    ledger.begin("r1", now)
    ledger.claim("r1", now, [claim_of(1)], [])
    if how == "directory deleted":
        path.parent.rename(tmp_path / "elsewhere")
    else:
        path.unlink()
    if how == "replaced":
        path.touch()

    for n in (2, 3):
        with pytest.raises(LedgerError, match=how.removeprefix("directory ")) as caught:
            ledger.claim("r1", now, [claim_of(n)], [])

    assert "backup" in caught.value.next_step
    if how == "directory deleted":
        (tmp_path / "elsewhere").rename(path.parent)


def test_damaged(path, open_ledger, claim_of, now):
    """A damaged file is told of, with the advice to keep it."""
    ledger = open_ledger()
    ledger.claim("r1", now, [claim_of(n) for n in range(500)], [])
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))

    with pytest.raises(LedgerError, match="is damaged") as caught:
        list(open_ledger().in_state(State.CLAIMED))

    assert "Restore it from the newest backup" in caught.value.next_step


def test_file_without_the_right_to_write(path, open_ledger, as_another, now):
    """A file that the account may read but not write is refused when the run begins."""
    open_ledger().close()
    path.chmod(0o444)
    path.with_name("ledger.db.lock").chmod(0o666)
    path.parent.chmod(0o777)

    said = as_another(lambda: SqlLedger(f"sqlite:///{path}", patience=0.1).begin("r1", now))

    assert said.startswith(f"LedgerError: The ledger {path} cannot be written.\nGive the account")


def test_directory_without_the_right_to_write(path, as_another):
    """A directory in which the account may make nothing is refused before anything is read."""
    path.parent.chmod(0o555)

    said = as_another(lambda: SqlLedger(f"sqlite:///{path}", patience=0.1))

    assert said.startswith(f"LedgerError: The lock {path}.lock of the ledger cannot be taken: Permission denied.")


def test_lock_of_another_account(path, open_ledger, as_another, now):
    """A lock that belongs to another account is told of."""
    open_ledger().close()
    path.chmod(0o666)
    path.parent.chmod(0o777)

    said = as_another(lambda: SqlLedger(f"sqlite:///{path}", patience=0.1).begin("r1", now))

    assert "cannot be taken: Permission denied.\nRun fhirnotify as the account that owns the ledger" in said


def test_errors_hold_no_values(path, open_ledger, claim_of, now):
    """What the database says of an error is not passed on with the values of the statement."""
    ledger = open_ledger()
    execute(path, "DROP TABLE transition")

    with pytest.raises(LedgerError) as caught:
        ledger.claim("r1", now, [claim_of(7191212)], [])

    assert "7191212" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert "7191212" not in str(caught.value.__context__)


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_ledger_that_is_lost_is_not_made_anew(path, lose, now):
    """An empty one in its place would send everything again: only who says so gets one."""
    ledger = SqlLedger(f"sqlite:///{path}")
    ledger.begin("r1", now)
    ledger.close()
    lose(path)
    with pytest.raises(LedgerError, match="missing or empty, though runs have been at work on it"):
        SqlLedger(f"sqlite:///{path}")
    with pytest.raises(LedgerError, match="missing or empty"):
        standing(f"sqlite:///{path}")

    assert migrate(f"sqlite:///{path}").action == "created"

    SqlLedger(f"sqlite:///{path}").close()


def test_a_ledger_that_no_run_has_used_is_made_anew(path):
    """Where the first run died while it made it, the next one makes it."""
    SqlLedger(f"sqlite:///{path}").close()
    path.unlink()
    SqlLedger(f"sqlite:///{path}").close()
    assert path.exists()
