"""A consistent copy of a ledger in SQLite, taken while runs are at work."""

import os
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from fhirnotify.errors import LedgerError, SettingsError
from fhirnotify.ledger import schema
from fhirnotify.ledger.address import is_postgres, shown, sqlite_path
from fhirnotify.ledger.faults import told_of
from fhirnotify.ledger.opening import is_there
from fhirnotify.ledger.sqlite import connect
from fhirnotify.ledger.sqlite_reading import SqliteFileRead

_PATIENCE = 5.0


def backup(url: str, target: Path, *, replace: bool = False) -> None:
    """Copy the ledger as it is at one moment; the copy is whole and on the disk when it has its name.

    It is made beside ``target`` under another name, for its owner alone (0600), then given its name. What is written
    meanwhile is not in it; nobody waits for it. The copy is a ledger, and can be put in the place of a lost one.

    Raises:
        SettingsError: there is a file of that name and ``replace`` is not set; or PostgreSQL keeps the ledger.
        LedgerError: there is no ledger, it cannot be read, or the copy cannot be written.
    """
    if is_postgres(url):
        raise SettingsError(
            "A ledger in PostgreSQL is copied by PostgreSQL's own tools, also while runs are at work.",
            f"Run: pg_dump --format=custom --file={target} {shown(url)}",
        )
    file = sqlite_path(url)
    if file is None or not is_there(url):
        raise schema.missing(f"The ledger {file}")
    _see_to(target, file, replace=replace)
    with told_of(f"The copy {target}"):
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.absolute().parent)
        os.close(descriptor)
        partial = Path(name)
    try:
        with told_of(f"The ledger {file}"), closing(connect(f"{file.as_uri()}?mode=ro", _PATIENCE)) as connection:
            connection.execute("VACUUM INTO ?", [str(partial)])
        with closing(SqliteFileRead(partial, patience=_PATIENCE)) as copy:
            schema.require_head(copy.revision(), copy.name)
        with told_of(f"The copy {target}"):
            _name(partial, target, replace=replace)
    finally:
        partial.unlink(missing_ok=True)


def _see_to(target: Path, file: Path, *, replace: bool) -> None:
    with suppress(FileNotFoundError):
        if target.samefile(file):
            raise SettingsError(f"{target} is the ledger itself.", "Name another file.")
        if not replace or target.is_dir():
            raise SettingsError(f"There is a {target} already.", "Name another file, or add --force to replace it.")


def _name(partial: Path, target: Path, *, replace: bool) -> None:
    """Give the copy its name when all of it is on the disk; without ``replace`` never over another file."""
    with partial.open("rb") as copy:
        os.fsync(copy.fileno())
    try:
        if replace:
            partial.replace(target)
        else:
            target.hardlink_to(partial)
    except FileExistsError:
        raise LedgerError(f"There is a {target} already.", "Another program has just made it; look at it.") from None
    directory = os.open(target.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
