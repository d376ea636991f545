"""What the ledger's statements need of a database; the differences between databases stand behind this."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

Answer = TypeVar("Answer")


class Database(Protocol):
    """Runs work in transactions. Whatever fails, raises ``LedgerError``, and then nothing has been changed."""

    name: str
    """How people call it; without a password."""

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction that only reads. It may be run twice, so it must not keep anything."""
        ...

    def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction and commit it durably."""
        ...

    def hold(self) -> None:
        """Hold the database for one run; when this returns, every other run is dead."""
        ...

    def let_go(self) -> None:
        """End ``hold``."""
        ...

    def close(self) -> None:
        """Give everything free."""
        ...
