"""From the URL of a ledger to a database that holds this program's schema."""

import os
from contextlib import closing
from pathlib import Path

from fhirnotify.errors import LedgerError
from fhirnotify.ledger import faults, schema
from fhirnotify.ledger.address import is_postgres, shown, sqlite_path
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.faults import told_of
from fhirnotify.ledger.sqlite import SqliteFile, SqlitePrivate
from fhirnotify.ledger.sqlite_reading import SqliteFileRead


def open_database(url: str, *, create: bool, read_only: bool, patience: float) -> Database:
    """Open the database at a URL, with this program's schema; with ``create``, make what is missing.

    Raises:
        SettingsError: the URL is none that the ledger knows, or its driver is not installed.
        LedgerError: the database cannot be used, or holds another schema.
    """
    database = database_at(url, read_only=read_only, patience=patience)
    try:
        found = database.revision()
        if found is None and create and not read_only:
            if isinstance(database, SqliteFile):
                database.require_unused()
            database.make(schema.create)
            found = database.revision()
        schema.require_head(found, database.name)
        if isinstance(database, SqliteFile):
            database.write_ahead()
    except LedgerError:
        database.close()
        raise
    return database


def database_at(url: str, *, read_only: bool, patience: float) -> Database:
    """Give the database at a URL, whatever it holds.

    Raises:
        SettingsError: the URL is none that the ledger knows, or its driver is not installed.
        LedgerError: it is a file that cannot be used.
    """
    if is_postgres(url):
        from fhirnotify.ledger.postgres import Postgres  # noqa: PLC0415

        return Postgres(url, patience=patience, read_only=read_only)
    path = sqlite_path(url)
    if path is None:
        return SqlitePrivate()
    with told_of(f"The ledger {path}"):
        if path.is_dir():
            raise LedgerError(f"The ledger {path} is a directory.", "Let ledger.url name a file in it.")
    return SqliteFileRead(path, patience=patience) if read_only else SqliteFile(path, patience=patience)


def is_there(url: str) -> bool:
    """Tell whether a ledger has been made at a URL, without changing anything there.

    Raises:
        SettingsError: the URL is none that the ledger knows, or its driver is not installed.
        LedgerError: nobody can tell, since it cannot be reached.
    """
    if not is_postgres(url):
        file = sqlite_path(url)
        return file is None or _holds_something(file)
    with closing(database_at(url, read_only=True, patience=5.0)) as database:
        return database.revision() is not None


def _holds_something(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise LedgerError(f"The ledger {file} cannot be reached: {why}.", "See ledger.url.") from None


def standing(url: str) -> str:
    """Say in one line how it stands with the ledger at a URL that lasts.

    Raises:
        SettingsError: as ``is_there``.
        LedgerError: it cannot be read, or could not be written.
    """
    there = is_there(url)
    if there:
        open_database(url, create=False, read_only=True, patience=5.0).close()
    elif isinstance(missing := database_at(url, read_only=False, patience=5.0), SqliteFile):
        missing.require_unused()
    file = None if is_postgres(url) else sqlite_path(url)
    if file is None:
        with closing(database_at(url, read_only=True, patience=5.0)) as database:
            if not database.read(lambda connection: schema.may_write(connection, there=there)):
                raise faults.not_allowed(database.name)
    elif not os.access(nearest := file if there else file.parent, os.W_OK):
        raise LedgerError(f"The ledger {file} cannot be written.", f"Let the program's user write to {nearest}.")
    name = shown(url) if file is None else str(file)
    return f"{name} has this version's schema" if there else f"{name} does not exist yet: the first run makes it"
