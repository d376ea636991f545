"""SQLite as a database of the ledger: a file of which nothing is changed."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from fhirnotify.errors import LedgerError
from fhirnotify.ledger import schema
from fhirnotify.ledger.database import Answer
from fhirnotify.ledger.faults import told_of
from fhirnotify.ledger.sqlite import connect, engine_of, read


class SqliteFileRead:
    """A ledger in a file of which not a byte is changed, nor anything laid beside it.

    SQLite makes ``-wal`` and ``-shm`` files even for a reader of a database in WAL mode, and cannot read at all
    where it may not write the directory. So while nobody has the file open (no ``-wal``, no ``-journal`` beside it), it
    is opened as immutable, without locks. Whether a run has begun meanwhile is seen by the files afterwards; then what
    was read is thrown away and read again.

    Raises:
        LedgerError: the file is missing, cannot be read, or is not a ledger.
    """

    shared = False
    _TRIES = 10

    def __init__(self, path: Path, *, patience: float) -> None:
        self.name = f"The ledger {path}"
        self._path = path
        self._patience = patience
        with told_of(self.name):
            if not path.exists():
                raise schema.missing(self.name)
            self._look()

    def revision(self) -> str | None:
        """Tell the revision of the schema; None if the database is empty."""
        return self.read(lambda connection: schema.revision(connection, self.name))

    def _look(self) -> None:
        self._seen = self._state()
        self._alone = not any(self._beside())
        mode = "mode=ro&immutable=1" if self._alone else "mode=ro"
        self._engine = engine_of(lambda: connect(f"{self._path.as_uri()}?{mode}", self._patience))

    def _beside(self) -> tuple[bool, ...]:
        return tuple(self._path.with_name(self._path.name + suffix).exists() for suffix in ("-wal", "-journal"))

    def _state(self) -> tuple[object, ...]:
        found = self._path.stat()
        return *self._beside(), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction that only reads; again, if a run wrote the file meanwhile."""
        with told_of(self.name):
            for _ in range(self._TRIES):
                try:
                    answer = read(self._engine, work)
                except Exception:  # whatever it is: reading a file that is being written can fail in any way
                    if not self._changed():
                        raise
                else:
                    if not self._changed():
                        return answer
                self._engine.dispose()
                self._look()
        raise LedgerError(f"{self.name} is being written again and again.", "Wait for the runs to end, then try again.")

    def _changed(self) -> bool:
        return self._alone and self._state() != self._seen

    def write(self, work: Callable[[Connection], Answer]) -> Answer:  # noqa: ARG002  # as a Database has it
        """Refuse: nothing is written here."""
        raise LedgerError(f"{self.name} was opened for reading only.", "Use a command that may change the ledger.")

    def make(self, work: Callable[[Connection], None]) -> None:
        """Refuse: nothing is made here."""
        self.write(work)

    def time(self, connection: Connection) -> None:
        """Give none."""

    def hold(self) -> None:
        """Refuse: nothing is run here."""
        self.write(lambda _: None)

    def hold_alone(self) -> None:
        """Refuse."""
        self.hold()

    def let_go(self) -> None:
        """Do nothing: nothing is held."""

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()
