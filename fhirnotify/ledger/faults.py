"""What a database says when it fails, as a ``LedgerError`` that tells a person what to do.

Nothing of SQLAlchemy's own text is passed on: it holds the statement, and could hold its parameters.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from fhirnotify.errors import LedgerError
from fhirnotify.ledger import faults_postgres

_KEEP_IT = "Do not delete the ledger: without it, reminders would be sent a second time."

_ACCESS = "Check ledger.url, that its directory exists, and that the account that runs fhirnotify may write it."
_ROOM = "Free space on its disk, then run again."
_DESCRIPTORS = "Let the program open more files (ulimit -n, LimitNOFILE in a service), then run again."
_SYSTEM = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EMFILE: _DESCRIPTORS,
    errno.ENFILE: _DESCRIPTORS,
}

# The primary result codes of SQLite, https://www.sqlite.org/rescode.html. "{}" is the ledger.
_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "{} is locked by another program.",
        "End the program that has it open (fuser tells which one), then run again.",
    ),
    sqlite3.SQLITE_READONLY: (
        "{} cannot be written.",
        "Give the account that runs fhirnotify the right to write it, its -wal and -shm, and the directory; run again.",
    ),
    sqlite3.SQLITE_IOERR: (
        "{} cannot be read or written: the disk or its directory fails.",
        f"See the log of the system and mend the disk, then run again. {_KEEP_IT}",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "{} is damaged.",
        f"Restore it from the newest backup, then run again. {_KEEP_IT}",
    ),
    sqlite3.SQLITE_FULL: (
        "{} cannot grow: the disk is full.",
        _ROOM,
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "{} cannot be opened.",
        "Check ledger.url, its directory, that the account that runs fhirnotify may read and write it, and ulimit -n.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "{} is not an SQLite database.",
        "Let ledger.url name a ledger of fhirnotify, or a file that does not exist yet.",
    ),
}
_SQLITE[sqlite3.SQLITE_LOCKED] = _SQLITE[sqlite3.SQLITE_BUSY]
_SQLITE[sqlite3.SQLITE_PROTOCOL] = _SQLITE[sqlite3.SQLITE_BUSY]
_SQLITE[sqlite3.SQLITE_PERM] = _SQLITE[sqlite3.SQLITE_CANTOPEN]
_SQLITE[sqlite3.SQLITE_AUTH] = _SQLITE[sqlite3.SQLITE_CANTOPEN]


@contextmanager
def told_of(ledger: str) -> Iterator[None]:
    """Turn whatever the driver raises inside into ``LedgerError`` about ``ledger`` (a name for people)."""
    try:
        yield
    except DBAPIError as error:
        raise fault(ledger, error.orig) from None
    except sqlite3.Error as error:
        raise fault(ledger, error) from None
    except OSError as error:
        raise of_system(f"{ledger} cannot be used", error) from None


def fault(ledger: str, error: BaseException | None) -> LedgerError:
    """Make the error for what the driver raised."""
    known = _told(error)
    if known is None:
        name = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or type(error).__name__
        return LedgerError(f"{ledger} failed ({name}).", "Run `fhirnotify check`, which looks through the ledger.")
    what, next_step = known
    return LedgerError(what.format(ledger), next_step)


def of_system(what: str, error: OSError, next_step: str = _ACCESS) -> LedgerError:
    """Make the error for what the operating system refused; ``next_step`` is for what is about rights."""
    return LedgerError(f"{what}: {error.strerror}.", _SYSTEM.get(error.errno or 0, next_step))


def not_allowed(ledger: str) -> LedgerError:
    """Make the error for a database that could be read, and could not be written."""
    what, next_step = faults_postgres.NOT_ALLOWED
    return LedgerError(what.format(ledger), next_step)


def _told(error: BaseException | None) -> tuple[str, str] | None:
    if hasattr(error, "sqlstate"):  # psycopg is not asked for its classes: it may not be installed
        return faults_postgres.told(getattr(error, "sqlstate", None))
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else _SQLITE.get(code & 0xFF)
