"""The composition root's part about the ledger itself: its schema, its soundness, its copies."""

import threading
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fhirnotify.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhirnotify.ledger.invariants import Breach, Extent
    from fhirnotify.ledger.migrate import MigrationResult
    from fhirnotify.ledger.port import Ledger
    from fhirnotify.ledger.purging import Purge
    from fhirnotify.ledger.subject import Erasure, Extract


def existing(settings: Settings, *, read_only: bool = False) -> "Ledger":
    """Open a ledger that there is, to change what stands in it, or only to read it.

    Raises:
        LedgerError: there is none, or it cannot be used.
    """
    from fhirnotify.ledger.sql import SqlLedger  # noqa: PLC0415

    return SqlLedger(settings.ledger.url, create=False, read_only=read_only)


def state(settings: Settings) -> str:
    """Say in one line how it stands with the ledger.

    Raises:
        LedgerError: it cannot be used.
    """
    from fhirnotify.ledger.opening import standing  # noqa: PLC0415

    return standing(settings.ledger.url)


def name(settings: Settings) -> str:
    """Give the ledger's address as it is shown to people: without a password."""
    from fhirnotify.ledger.address import shown  # noqa: PLC0415

    return shown(settings.ledger.url)


def migrate(settings: Settings) -> "MigrationResult":
    """Create the schema or bring it up to this version.

    Raises:
        LedgerError: it cannot be done; the ledger is as it was.
    """
    from fhirnotify.ledger import migrate as schema  # noqa: PLC0415

    return schema.migrate(settings.ledger.url)


@contextmanager
def examined(settings: Settings) -> "Iterator[tuple[Iterator[Breach], Extent]]":
    """Look the ledger through: what must not be, as it is found, and how much has been seen by then.

    Raises:
        LedgerError: there is none, or it cannot be read.
    """
    from fhirnotify.ledger.invariants import Extent, breaches  # noqa: PLC0415
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415

    extent = Extent()
    with closing(open_database(settings.ledger.url, create=False, read_only=True, patience=5.0)) as database:
        yield breaches(database, extent), extent


def back_up(settings: Settings, target: Path, *, replace: bool) -> None:
    """Copy the ledger while it may be in use.

    Raises:
        SettingsError: there is a file of that name, or the ledger is not in SQLite.
        LedgerError: it cannot be done; there is no copy then.
    """
    from fhirnotify.ledger.backup import backup  # noqa: PLC0415

    backup(settings.ledger.url, target, replace=replace)


def purge(
    settings: Settings,
    now: datetime,
    *,
    seconds: float,
    stop: threading.Event,
    told: "Callable[[Purge], None]",
    dry_run: bool = False,
) -> "Purge":
    """Delete what is older than the retention time, beside runs at work; with ``dry_run`` only tell what that is.

    Raises:
        LedgerError: there is no ledger, or it cannot be used.
    """
    from fhirnotify.ledger import purging  # noqa: PLC0415
    from fhirnotify.ledger.old_rows import Age  # noqa: PLC0415
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415

    age, url = Age(now, settings.ledger.retention), settings.ledger.url
    with closing(open_database(url, create=False, read_only=dry_run, patience=5.0)) as database:
        if dry_run:
            return purging.looked(database, age)
        bounds, zone = purging.Bounds(seconds, stop), settings.reminder.time_zone
        return purging.purge(database, uuid4().hex, age, zone, bounds, told)


def subject(settings: Settings, patient: str) -> "Extract":
    """Give all that the ledger holds about a patient.

    Raises:
        LedgerError: there is no ledger, or it cannot be read.
    """
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415
    from fhirnotify.ledger.subject import extract  # noqa: PLC0415

    with closing(open_database(settings.ledger.url, create=False, read_only=True, patience=5.0)) as database:
        return extract(database, patient)


def erase(settings: Settings, patient: str, now: datetime) -> "Erasure":
    """Erase a patient from the ledger, without making a second reminder possible.

    Raises:
        LedgerError: it cannot be done; then nothing is erased.
    """
    from fhirnotify.ledger import subject as subjects  # noqa: PLC0415
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415

    with closing(open_database(settings.ledger.url, create=False, read_only=False, patience=5.0)) as database:
        return subjects.erase(database, uuid4().hex, now, patient)


@contextmanager
def audited(
    settings: Settings, since: datetime, until: datetime, now: datetime, follows: str
) -> "Iterator[tuple[dict[str, Any], Iterator[tuple[str, str]]]]":
    """Export what was recorded from ``since`` until before ``until``: what stands first, and the lines.

    Raises:
        SettingsError: the period is not over.
        LedgerError: there is no ledger, or it cannot be read.
    """
    import os  # noqa: PLC0415
    import socket  # noqa: PLC0415

    from fhirnotify import __version__  # noqa: PLC0415
    from fhirnotify.chain import chained  # noqa: PLC0415
    from fhirnotify.ledger import audit  # noqa: PLC0415
    from fhirnotify.ledger.acting import account  # noqa: PLC0415
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415
    from fhirnotify.rows import instant  # noqa: PLC0415

    with closing(open_database(settings.ledger.url, create=False, read_only=True, patience=5.0)) as database:
        audit.see_that_it_is_over(database, until, now)
        purged = audit.purged_before(database)
        head = {
            "format": 1,
            "program": f"fhirnotify {__version__}",
            "ledger": name(settings),
            "from": instant(since),
            "until": instant(until),
            "made": instant(now),
            "account": account(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "purged_before": instant(purged) if purged else None,
        }
        yield head, chained(head, audit.records(database, since, until), follows)
