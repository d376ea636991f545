"""From the URL of a ledger to a database that holds this program's schema."""

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from fhirnotify.errors import LedgerError, SettingsError
from fhirnotify.ledger import schema
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.faults import told_of
from fhirnotify.ledger.sqlite import SqliteFile, SqlitePrivate
from fhirnotify.ledger.sqlite_reading import SqliteFileRead


def open_database(url: str, *, create: bool, read_only: bool, patience: float) -> Database:
    """Open the database at a URL; with ``create``, make what is missing.

    Raises:
        SettingsError: the URL is none that the ledger knows.
        LedgerError: the database cannot be used, or holds another schema.
    """
    path = sqlite_path(url)
    if path is None:
        return SqlitePrivate()
    with told_of(f"The ledger {path}"):
        if path.is_dir():
            raise LedgerError(f"The ledger {path} is a directory.", "Let ledger.url name a file in it.")
    database = SqliteFileRead(path, patience=patience) if read_only else SqliteFile(path, patience=patience)
    try:
        found = database.revision()
        if found is None and create and isinstance(database, SqliteFile):
            database.make(schema.create)
            found = database.revision()
        schema.require_head(found, database.name)
        if isinstance(database, SqliteFile):
            database.write_ahead()
    except LedgerError:
        database.close()
        raise
    return database


def sqlite_path(url: str) -> Path | None:
    """Give the file of a SQLite URL, absolute; None for a private database.

    Raises:
        SettingsError: it is no URL that the ledger knows. What it says is not repeated: it may hold a password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "sqlite" or parsed.query:
        raise SettingsError("ledger.url does not name a ledger.", 'Write it as ledger.url = "sqlite:///fhirnotify.db".')
    if parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database)).absolute()
