"""Creating and upgrading the schema, by Alembic without any file of settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from fhirnotify.errors import SettingsError
from fhirnotify.ledger import tables
from fhirnotify.ledger.address import is_postgres, sqlite_path
from fhirnotify.ledger.opening import database_at


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What became of the schema; ``from_revision`` is None for one that was created."""

    action: Literal["created", "upgraded", "unchanged"]
    from_revision: str | None
    to_revision: str


def migrate(url: str, *, patience: float = 5.0) -> MigrationResult:
    """Bring the schema at a database URL to this program's; create the ledger if it is missing.

    All or nothing, in one transaction, and never beside a run: the ledger is held meanwhile.

    Raises:
        SettingsError: the URL names no ledger that lasts.
        LedgerError: the ledger cannot be used, is held by a run, is a newer program's, or is not ours.
    """
    if not is_postgres(url) and sqlite_path(url) is None:
        raise SettingsError("A temporary ledger has nothing to migrate.", "Let ledger.url name a file.")
    database = database_at(url, read_only=False, patience=patience)
    try:
        database.hold_alone()
        before = database.revision()
        if before == tables.HEAD:
            return MigrationResult("unchanged", before, before)
        if before is None:
            database.make(upgrade)
            return MigrationResult("created", None, tables.HEAD)
        database.write(upgrade)
        return MigrationResult("upgraded", before, tables.HEAD)
    finally:
        database.close()


def upgrade(connection: Connection) -> None:
    """Run what is missing of the migrations, within the caller's transaction."""
    command.upgrade(configuration(connection), "head")


def configuration(connection: Connection | None = None) -> Config:
    """Give Alembic's configuration: where the migrations stand, and the connection to run them on."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
