"""What PostgreSQL says when it fails: which of it passes, and what a person is told.

By SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html. The server's own text is passed on to
nobody: it is in any language, and may hold what stood in a row.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

_UNREACHABLE = (
    "{} cannot be reached, or does not let this account in.",
    "See that the server runs and takes connections from here, and that ledger.url (or PGHOST, ~/.pgpass …) is right.",
)
NOT_ALLOWED = (
    "{} does not let this account do what is needed.",
    "Let it own the ledger's tables, or grant it SELECT, INSERT, UPDATE and DELETE on them and USAGE on the sequences.",
)
_BUSY = (
    "{} is locked by another program.",
    "End what holds its tables (pg_stat_activity tells), then run again.",
)
_FULL = ("{} cannot grow: the server has no space or memory left.", "Free some on the server, then run again.")
_DAMAGED = (
    "{} is damaged.",
    "See the server's log and restore the newest backup. Without the ledger, reminders would be sent a second time.",
)

# By the whole code, else by its first two characters, the class.
_TOLD: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "08": _UNREACHABLE,
        "28": _UNREACHABLE,
        "3D000": ("{} does not exist.", "Create the database (CREATE DATABASE), or mend ledger.url."),
        "3F000": ("{} has no schema to keep tables in.", "Create it (CREATE SCHEMA), or mend search_path."),
        "42501": NOT_ALLOWED,
        "25006": (
            "{} is read-only: a standby, or a server that is being changed over.",
            "Let ledger.url name the primary (several hosts with target_session_attrs=read-write find it).",
        ),
        "40": _BUSY,
        "55": _BUSY,
        "57014": _BUSY,
        "57": _UNREACHABLE,
        "53300": ("{} takes no more connections.", "Raise max_connections on the server, or end what holds them."),
        "53": _FULL,
        "58": _DAMAGED,
        "XX": _DAMAGED,
        "42P01": ("{} lacks a table that it had.", "Somebody has changed the ledger; restore the newest backup."),
    }
)

_PASSING = ("08", "40", "55P03", "57P01", "57P02", "57P03", "57P05", "53300")
"""Lost connections, deadlocks, locks, a server that is stopping or starting: gone after a while."""


def sqlstate(error: DBAPIError) -> str | None:
    """Give the five characters by which the server names its error; None for one that never came to the server."""
    code: str | None = getattr(error.orig, "sqlstate", None)
    return code


def is_lost(error: DBAPIError) -> bool:
    """Tell whether the connection was lost, so that nobody knows what the server did last."""
    code = sqlstate(error)
    if code is None:
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return error.connection_invalidated or code.startswith(("08", "57P0"))


def is_passing(error: DBAPIError) -> bool:
    """Tell whether the same may go well in a while."""
    return is_lost(error) or (sqlstate(error) or "").startswith(_PASSING)


def is_lock_timeout(error: DBAPIError) -> bool:
    """Tell whether a lock was not given free in time."""
    return sqlstate(error) == "55P03"


def told(code: str | None) -> tuple[str, str] | None:
    """Give what happened, with ``{}`` for the ledger, and what to do; None where nothing better is known."""
    return _UNREACHABLE if code is None else _TOLD.get(code) or _TOLD.get(code[:2])
