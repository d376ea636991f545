"""PostgreSQL as a database of the ledger: the one that several machines share.

Connections are lost, servers are restarted. What only reads is read again; what writes is done again after the server
has forgotten it, which is certain while no commit was asked for. When the connection is lost *in* the commit, the
server itself is asked whether that very transaction was committed (``pg_xact_status``); nothing is guessed.

One server decides what is committed. A standby that takes over must have been synchronous: what it does not know may
be sent again. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
"""

import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from fhirnotify.errors import LedgerError, SettingsError
from fhirnotify.ledger import schema
from fhirnotify.ledger.address import shown
from fhirnotify.ledger.database import Answer
from fhirnotify.ledger.faults import told_of
from fhirnotify.ledger.faults_postgres import is_lock_timeout, is_lost, is_passing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

RECONNECT = 30.0
"""Seconds for which a lost server is waited for; a restart takes one to some ten."""

_PAUSE = 0.1

# So that a server that has gone without a word is noticed within half a minute; what the URL says goes before.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        "fallback_application_name": "fhirnotify",
    }
)

# What is committed must outlive a crash of the server, also where its settings say otherwise.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
_PATIENCE = "SELECT set_config('lock_timeout', %s, false)"
# A transaction that only reads sees one moment, as in SQLite, also when it asks several times.
_READS_ONLY = (
    "SELECT set_config('default_transaction_read_only', 'on', false), "
    "set_config('default_transaction_isolation', 'repeatable read', false)"
)

# Advisory locks are of one database; the second number tells ledgers in several schemas of it apart.
_LOCK = "(1718121582, hashtext(current_schema()))"

_BEGUN = text("SELECT pg_current_xact_id()::text AS transaction, clock_timestamp() AS now")
_STATUS = text("SELECT pg_xact_status(CAST(:transaction AS xid8))")


class Postgres:
    """A database at ``postgresql://…``, as libpq reads it: PG* variables, ``~/.pgpass`` and service files count.

    Args:
        url: a URI of libpq.
        patience: seconds to wait for a lock that another program holds.
        read_only: nothing can be written; the server itself refuses it.
        reconnect: seconds for which a lost server is waited for.

    Raises:
        SettingsError: the driver is not installed, or libpq cannot read the URL.
    """

    shared = True

    def __init__(self, url: str, *, patience: float, read_only: bool = False, reconnect: float = RECONNECT) -> None:
        self.name = f"The ledger {shown(url)}"
        self._url, self._patience, self._reconnect = url, patience, reconnect
        self._read_only = read_only
        self._held: str | None = None
        self._now: datetime | None = None
        self._was_there = False
        given = _parameters(url)
        self._defaults = {key: value for key, value in _DEFAULTS.items() if key not in given}
        self._engine = self._engine_of()

    def _engine_of(self) -> Engine:
        engine = create_engine(
            "postgresql+psycopg://", creator=self._connect, hide_parameters=True, use_native_hstore=False
        )
        event.listen(engine, "begin", self._forget_time)
        return engine

    def _forget_time(self, connection: Connection) -> None:  # noqa: ARG002  # as SQLAlchemy calls it
        self._now = None

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        import psycopg  # noqa: PLC0415

        connection = psycopg.connect(self._url, **self._defaults)
        try:
            connection.execute(_DURABLE)
            connection.execute(_PATIENCE, [f"{int(self._patience * 1000) or 1}ms"])
            if self._read_only:
                connection.execute(_READS_ONLY)
            if self._held is not None:
                connection.execute(self._held.encode())
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self._was_there = True
        return connection

    def revision(self) -> str | None:
        """Tell the revision of the schema; None if the database is empty."""
        return self.read(lambda connection: schema.revision(connection, self.name))

    def make(self, work: Callable[[Connection], None]) -> None:
        """Run ``work`` on the database if it is still empty, as the only one at work."""

        def make(connection: Connection) -> None:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock{_LOCK}")
            if schema.revision(connection, self.name) is None:
                work(connection)

        self.write(make)

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction that only reads; again, if the connection is lost."""

        def read() -> Answer:
            with self._engine.connect() as connection:
                return work(connection)

        with told_of(self.name):
            return self._until_there(read)

    def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction and commit it; again, if the server has undone it."""
        if self._read_only:
            raise LedgerError(f"{self.name} was opened for reading only.", "Use a command that may change the ledger.")
        with told_of(self.name):
            return self._until_there(lambda: self._write(work))

    def _write(self, work: Callable[[Connection], Answer]) -> Answer:
        with self._engine.connect() as connection:
            begun: Row[Any] = connection.execute(_BEGUN).one()
            self._now = begun.now
            answer = work(connection)
            try:
                connection.commit()
            except DBAPIError as error:
                if not is_lost(error) or not self._was_committed(str(begun.transaction)):
                    raise
            return answer

    def _was_committed(self, transaction: str) -> bool:
        """Ask the server what became of a transaction in whose commit the connection was lost."""

        def ask() -> str | None:
            with self._engine.connect() as connection:
                status: str | None = connection.scalar(_STATUS, {"transaction": transaction})
                return status

        deadline = time.monotonic() + self._reconnect
        status = "in progress"
        with suppress(DBAPIError):
            while (status := self._until_there(ask) or "") == "in progress" and time.monotonic() < deadline:
                time.sleep(_PAUSE)  # the server has not yet noticed that nobody listens
        if status not in ("committed", "aborted"):
            raise LedgerError(
                f"{self.name} was lost in the middle of a commit, and cannot tell whether it was made.",
                "Run again when the server is back: what may have been sent is asked for, nothing is sent twice.",
            )
        return status == "committed"

    def _until_there(self, once: Callable[[], Answer]) -> Answer:
        """Do something until the server is there to do it; the very first time it has to be there."""
        deadline = time.monotonic() + self._reconnect
        while True:
            try:
                return once()
            except DBAPIError as error:
                if not self._was_there or not is_passing(error) or time.monotonic() >= deadline:
                    raise
            time.sleep(_PAUSE)

    def time(self, connection: Connection) -> datetime | None:
        """Give the server's clock, which is one for all machines: as the transaction began, or now in one that reads.

        A transaction that writes and had to wait for another's rows goes by a moment that is too early, never too late.
        """
        now: datetime | None = self._now
        return now or connection.scalar(text("SELECT clock_timestamp()"))

    def hold(self) -> None:
        """Hold the schema for one run, so that nobody migrates it meanwhile; other runs may be at work as well."""
        self._hold("SELECT pg_advisory_lock_shared")

    def hold_alone(self) -> None:
        """Hold the schema as the only one."""
        self._hold("SELECT pg_advisory_lock")

    def _hold(self, lock: str) -> None:
        try:
            with told_of(self.name), _told_of_lock(), self._engine.connect() as connection:
                connection.exec_driver_sql(f"{lock}{_LOCK}")
        except LedgerError:
            self.let_go()
            raise
        self._held = f"{lock}{_LOCK}"  # taken again after a reconnection

    def let_go(self) -> None:
        """End what ``hold`` began: the lock ends with the connection."""
        self._held = None
        self._engine.dispose()

    def close(self) -> None:
        """Close the connection."""
        self.let_go()


@contextmanager
def _told_of_lock() -> "Iterator[None]":
    try:
        yield
    except DBAPIError as error:
        if not is_lock_timeout(error):
            raise
        raise LedgerError(
            "Another run is at work on the ledger, or its schema is being changed.",
            "Wait until no machine is running fhirnotify, then migrate; run again when that is done.",
        ) from None


def _parameters(url: str) -> Mapping[str, Any]:
    """Read the URL as libpq does, and see that the driver is there.

    Raises:
        SettingsError: it is not, or the URL cannot be read. What it says is not repeated: it may hold a password.
    """
    try:
        import psycopg  # noqa: PLC0415
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415
    except ImportError:
        raise SettingsError(
            "A ledger in PostgreSQL needs the driver psycopg, which is not installed here.",
            "Install it: python -m pip install 'fhirnotify[postgres]'",
        ) from None
    try:
        return conninfo_to_dict(url)
    except psycopg.Error:
        raise SettingsError(
            "ledger.url is not a PostgreSQL URL that can be read.",
            'Write it as "postgresql://USER@HOST:5432/DATABASE"; see 34.1.1.2 of PostgreSQL\'s manual.',
        ) from None
