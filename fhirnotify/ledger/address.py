"""The URL of a ledger: which kind it is, and how it is shown to people."""

from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from fhirnotify.errors import SettingsError

_POSTGRES = "postgresql://"


def is_postgres(url: str) -> bool:
    """Tell whether a URL names a database of PostgreSQL."""
    return url.startswith(_POSTGRES)


def shown(url: str) -> str:
    """Give a URL without user, password and parameters."""
    if not is_postgres(url):
        return url
    parts = urlsplit(url)
    return f"{_POSTGRES}{parts.netloc.rpartition('@')[2]}{parts.path}"


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
        raise SettingsError(
            "ledger.url does not name a ledger.",
            'Write it as ledger.url = "sqlite:///fhirnotify.db", or "postgresql://USER@HOST/DATABASE".',
        )
    if parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database)).absolute()
