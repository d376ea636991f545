"""SQLite as a database of the ledger: a file, and a private one for a while."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event

from fhirnotify.errors import LedgerError
from fhirnotify.ledger import schema
from fhirnotify.ledger.database import Answer
from fhirnotify.ledger.faults import told_of
from fhirnotify.ledger.lock import RunLock

_WRITES = "fhirnotify_writes"
_RUN, _MAKE = "run", "make"
"""What the lock is taken for."""


def engine_of(connect: Callable[[], sqlite3.Connection]) -> Engine:
    """Make an engine on one connection; what SQLAlchemy tells of an error holds no parameters."""
    # One connection: only one thread uses a ledger, and a private database lives as long as its connection.
    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # A transaction that began to read and then wants to write can be refused without a wait: so begin to write.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def connect(target: str, patience: float, *pragmas: str) -> sqlite3.Connection:
    """Open a database by its URI; wait up to ``patience`` seconds for whoever has it locked."""
    # isolation_level None: transactions begin where _begin says, and nowhere else.
    connection = sqlite3.connect(target, uri=True, timeout=patience, isolation_level=None)
    try:
        for pragma in ("foreign_keys=ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def read(engine: Engine, work: Callable[[Connection], Answer]) -> Answer:
    """Run ``work`` in a transaction that is not committed."""
    with engine.connect() as connection:
        return work(connection)


def write(engine: Engine, work: Callable[[Connection], Answer]) -> Answer:
    """Run ``work`` in a transaction that may write from its beginning, and commit it."""
    with engine.execution_options(**{_WRITES: True}).begin() as connection:
        return work(connection)


class SqliteFile:
    """A database in a file, in WAL mode; every commit is on the disk before it returns (``synchronous=FULL``).

    The file is made with rights for its owner alone (0600), and SQLite gives the same to those it lays beside.
    """

    shared = False

    def __init__(self, path: Path, *, patience: float) -> None:
        self.name = f"The ledger {path}"
        self._path = path
        self._patience = patience
        self._lock = RunLock(path.with_name(f"{path.name}.lock"), patience)
        self._engine = engine_of(self._connect)
        self._identity: tuple[int, int] | None = None

    def _connect(self) -> sqlite3.Connection:
        connection = self._connection()
        self._identity = self._identity or self._identity_now()
        return connection

    def _connection(self) -> sqlite3.Connection:
        # mode=rw: SQLite itself never creates the file, so that one that was deleted is missed.
        return connect(f"{self._path.as_uri()}?mode=rw", self._patience, "synchronous=FULL")

    def _identity_now(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def revision(self) -> str | None:
        """Tell the revision of the schema; None if the file is missing or the database empty."""
        with told_of(self.name):
            if self._identity_now() is None:
                return None
        return self.read(lambda connection: schema.revision(connection, self.name))

    def make(self, work: Callable[[Connection], None]) -> None:
        """Make the file if it is missing, and run ``work`` on it if it is still empty, as the only one at work."""
        self._lock.take(_MAKE)
        try:
            with told_of(self.name), suppress(FileExistsError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            if self.revision() is None:
                self.write_ahead()
                self.write(work)
        finally:
            self._lock.give_back()

    def require_unused(self) -> None:
        """Let a missing or empty file pass only if no run has ever been at work on it: the lock beside it tells.

        Raises:
            LedgerError: there was a ledger here.
        """
        with told_of(self.name):
            was_used = self._lock.last_purpose == _RUN
        if was_used and self.revision() is None:
            raise LedgerError(
                f"{self.name} is missing or empty, though runs have been at work on it.",
                "Put it back, or its newest backup: what it does not hold would be sent again. "
                "If nothing is to be kept, `fhirnotify ledger migrate` makes a new one.",
            )

    def write_ahead(self) -> None:
        """Put the file into WAL mode, if it is not. Only for a file known to be ours: the mode is written into it."""
        with told_of(self.name), closing(self._connection()) as connection:
            connection.execute("PRAGMA journal_mode=WAL")

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction that only reads."""
        with told_of(self.name):
            return read(self._engine, work)

    def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction and commit it to the disk."""
        with told_of(self.name):
            answer = write(self._engine, work)
            # A file that was deleted or replaced takes writes as before, but nobody will ever read them. After the
            # commit: what was written before the file went is as lost as what was written after.
            now = self._identity_now()
            if now != self._identity:
                raise self._lost("deleted" if now is None else "replaced")
            return answer

    def _lost(self, how: str) -> LedgerError:
        return LedgerError(
            f"{self.name} was {how} while it was in use.",
            "Put it back, or its newest backup, before anything is sent: what it does not hold may be sent again.",
        )

    def time(self, connection: Connection) -> None:
        """Give none: all that is at work here is on one machine."""

    def hold(self) -> None:
        """Hold the lock beside the file, so that this is the only run on it."""
        self._lock.take(_RUN)

    def hold_alone(self) -> None:
        """Hold the same lock: there is never another."""
        self._lock.take(_MAKE)

    def let_go(self) -> None:
        """Give the lock back."""
        self._lock.give_back()

    def close(self) -> None:
        """Close the file, which folds the WAL into it, and give the lock back."""
        self._engine.dispose()
        self._lock.give_back()


class SqlitePrivate:
    """A ledger that lives as long as this object: SQLite's private temporary database, with an empty file name.

    SQLite keeps it in a file that is unlinked at once, with a cache of bounded size, so memory stays flat. Nothing
    is synced, since nothing of it outlives the process. https://www.sqlite.org/inmemorydb.html#temp_db
    """

    name = "The temporary ledger"
    shared = False

    def __init__(self) -> None:
        pragmas = ("synchronous=OFF", "journal_mode=MEMORY", "temp_store=FILE")
        self._engine = engine_of(lambda: connect("", 0, *pragmas))
        self.write(schema.create)

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction that only reads."""
        with told_of(self.name):
            return read(self._engine, work)

    def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction."""
        with told_of(self.name):
            return write(self._engine, work)

    def revision(self) -> str | None:
        """Tell the revision of the schema."""
        return self.read(lambda connection: schema.revision(connection, self.name))

    def make(self, work: Callable[[Connection], None]) -> None:
        """Do nothing: it was made with a schema."""

    def time(self, connection: Connection) -> None:
        """Give none."""

    def hold(self) -> None:
        """Do nothing: nobody else can see it."""

    def hold_alone(self) -> None:
        """Do nothing."""

    def let_go(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Forget everything."""
        self._engine.dispose()
