"""The ledgers that last, and a look at their rows."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from fhirnotify.ledger.database import Database
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.sql import SqlLedger


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, url_of: Callable[[str], str]) -> str:
    """Where an empty ledger of each kind stands in turn."""
    return url_of(request.param)


@pytest.fixture
def ledger(url: str, clock: Callable[[], Any]) -> Iterator[SqlLedger]:
    """The ledger, as a run has it open."""
    made = SqlLedger(url, clock=clock)
    yield made
    made.close()


@pytest.fixture
def database(ledger: SqlLedger, url: str) -> Iterator[Database]:  # who makes it
    """The same ledger, opened beside the run."""
    made = open_database(url, create=False, read_only=False, patience=5)
    yield made
    made.close()


@pytest.fixture
def rows(database: Database) -> Callable[[str], list[tuple[Any, ...]]]:
    """Read rows from the ledger."""

    def read(query: str) -> list[tuple[Any, ...]]:
        return database.read(lambda connection: [tuple(row) for row in connection.execute(text(query))])

    return read


@pytest.fixture
def stop() -> threading.Event:
    """What tells a command to stop."""
    return threading.Event()
