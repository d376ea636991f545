"""Copies of a ledger."""

import sqlite3
import threading
from contextlib import closing

import pytest

from fhirnotify.errors import LedgerError, SettingsError
from fhirnotify.ledger.backup import backup
from fhirnotify.ledger.sql import SqlLedger


@pytest.fixture
def copy(path):
    """Where the copy goes."""
    return path.with_name("copy.db")


def appointments(path):
    """What a ledger holds."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(row[0] for row in connection.execute("SELECT appointment FROM reminder"))


def test_a_copy_is_a_ledger(path, open_ledger, claim_of, now, copy):
    """The copy holds everything, is for its owner alone, and can be worked on as it is."""
    ledger = open_ledger()
    ledger.claim("r1", now, [claim_of(1), claim_of(2)], [])
    ledger.close()

    backup(f"sqlite:///{path}", copy)

    assert appointments(copy) == ["a1", "a2"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.stat().st_nlink == 1
    with closing(SqlLedger(f"sqlite:///{copy}")) as again:
        again.begin("r2", now)
        assert again.claim("r2", now, [claim_of(2), claim_of(3)], []) == [False, True]


def test_beside_a_run_that_writes(path, open_ledger, claim_of, now, copy):
    """While a run writes each copy is one moment: transactions are in it whole or not at all, and the run goes on."""
    ledger = open_ledger()
    ledger.begin("r1", now)
    stop, copies = threading.Event(), []

    def copy_again_and_again():
        while not stop.is_set():
            copies.append(copy.with_name(f"copy{len(copies)}.db"))
            backup(f"sqlite:///{path}", copies[-1])

    copying = threading.Thread(target=copy_again_and_again)
    copying.start()
    for n in range(0, 200, 2):
        assert ledger.claim("r1", now, [claim_of(n), claim_of(n + 1)], []) == [True, True]
    stop.set()
    copying.join()

    assert copies
    for each in copies:
        held = set(appointments(each))
        assert len(held) % 2 == 0
        assert held == {f"a{n}" for n in range(len(held))}


def test_nothing_is_written_over(path, open_ledger, copy):
    """A file that is there stays, unless it is to be replaced."""
    open_ledger().close()
    copy.write_text("something else")

    with pytest.raises(SettingsError, match="already"):
        backup(f"sqlite:///{path}", copy)
    assert copy.read_text() == "something else"

    backup(f"sqlite:///{path}", copy, replace=True)
    assert appointments(copy) == []


@pytest.mark.parametrize("replace", [False, True])
def test_never_over_the_ledger_itself(path, open_ledger, claim_of, now, replace):
    """By whatever name, the ledger is not its own copy."""
    ledger = open_ledger()
    ledger.claim("r1", now, [claim_of(1)], [])
    ledger.close()
    path.with_name("other.db").symlink_to(path)

    with pytest.raises(SettingsError, match="the ledger itself"):
        backup(f"sqlite:///{path}", path.with_name("other.db"), replace=replace)

    assert appointments(path) == ["a1"]


def test_no_ledger_no_copy(path, copy):
    """There is nothing to copy, and nothing is left."""
    with pytest.raises(LedgerError, match="no ledger yet"):
        backup(f"sqlite:///{path}", copy)

    assert list(path.parent.iterdir()) == []


def test_what_is_no_ledger_is_not_copied(path, copy):
    """A database of something else is refused, and nothing is left."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")

    with pytest.raises(LedgerError, match="something else"):
        backup(f"sqlite:///{path}", copy)

    assert list(path.parent.iterdir()) == [path]


def test_where_nothing_can_be_written(path, open_ledger):
    """A directory that is not there is told of."""
    open_ledger().close()

    with pytest.raises(LedgerError, match=r"The copy .*nowhere.*cannot be used"):
        backup(f"sqlite:///{path}", path.parent / "nowhere" / "copy.db")


def test_postgres_has_its_own_tools(copy):
    """For PostgreSQL the command to use is told, without a password."""
    with pytest.raises(SettingsError) as caught:
        backup("postgresql://u:secret@h:5432/d", copy)

    assert f"pg_dump --format=custom --file={copy} postgresql://h:5432/d" in caught.value.next_step
    assert "secret" not in str(caught.value)
