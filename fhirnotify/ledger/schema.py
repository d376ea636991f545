"""Whose database it is, which schema it has, and how a new one is made."""

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select, text

from fhirnotify.errors import LedgerError
from fhirnotify.ledger import tables

# As Alembic makes it: a fresh schema and a migrated one are the same.
_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def revision(connection: Connection, ledger: str) -> str | None:
    """Tell the revision of the schema; None for a database that holds nothing yet.

    Raises:
        LedgerError: the database is not a ledger, or a newer program's.
    """
    names = inspect(connection).get_table_names()
    if not names:
        return None
    found = connection.scalar(select(_version.c.version_num)) if _version.name in names else None
    if found is None or not found.startswith(tables.OURS):
        raise LedgerError(
            f"{ledger} is a database of something else.",
            "Let ledger.url name a ledger of fhirnotify, or a file that does not exist yet.",
        )
    if found not in tables.REVISIONS:
        raise LedgerError(
            f"{ledger} was made by a newer version of fhirnotify ({found}).",
            "Install that version, or a later one, on this machine.",
        )
    return str(found)


def require_head(found: str | None, ledger: str) -> None:
    """Let only the schema pass that this program writes.

    Raises:
        LedgerError: there is no schema yet, or an older one.
    """
    if found is None:
        raise missing(ledger)
    if found != tables.HEAD:
        raise LedgerError(
            f"{ledger} was made by an older version of fhirnotify ({found}).", "Run `fhirnotify ledger migrate`."
        )


def missing(ledger: str) -> LedgerError:
    """Make the error for a ledger that nobody has made yet."""
    return LedgerError(
        f"There is no ledger yet: {ledger} does not exist, or holds nothing.",
        "Run `fhirnotify ledger migrate`, or `fhirnotify run` for the first time; both create it.",
    )


def create(connection: Connection) -> None:
    """Make the newest schema in an empty database, within the caller's transaction."""
    tables.metadata.create_all(connection, checkfirst=False)
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=tables.HEAD))


def may_write(connection: Connection, *, there: bool) -> bool:
    """Tell whether this account may write the ledger, or make it if it is not there. Asks PostgreSQL."""
    if connection.scalar(text("SELECT pg_is_in_recovery()")):  # a standby
        return False
    if not there:
        return bool(connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")))
    asked = text("SELECT has_table_privilege(:table, 'INSERT') AND has_table_privilege(:table, 'UPDATE')")
    return all(connection.scalar(asked, {"table": table.name}) for table in tables.metadata.sorted_tables)
