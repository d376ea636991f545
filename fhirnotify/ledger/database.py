"""What the ledger's statements need of a database; the differences between databases stand behind this."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection

Answer = TypeVar("Answer")


class Database(Protocol):
    """Runs work in transactions. Whatever fails, raises ``LedgerError``, and then nothing has been changed."""

    name: str
    """How people call it; without a password."""
    shared: bool
    """Whether several runs may be at work at the same time."""

    def revision(self) -> str | None:
        """Tell the revision of the schema; None if there is none yet."""
        ...

    def make(self, work: Callable[[Connection], None]) -> None:
        """Run ``work`` on the database if it is still empty, as the only one at work; make it if it is missing."""
        ...

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction that only reads. It may be run twice, so it must not keep anything."""
        ...

    def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction and commit it durably."""
        ...

    def time(self, connection: Connection) -> datetime | None:
        """Give the database's own clock; None where it has none, and the machine's is the one there is."""
        ...

    def hold(self) -> None:
        """Hold the database for a run. Unless it is shared, every other run is dead when this returns."""
        ...

    def hold_alone(self) -> None:
        """Hold the database as the only one: when this returns no run is at work, nor can one begin."""
        ...

    def let_go(self) -> None:
        """End ``hold``."""
        ...

    def close(self) -> None:
        """Give everything free."""
        ...
