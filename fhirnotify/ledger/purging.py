"""What is older than the retention time leaves the ledger, a little at a time, beside runs at work.

A reminder is as old as its visit. Kept, however old, is what is not settled: what may still be sent, is being sent, may
have been sent (``uncertain``: a person is to find out), or is still to be asked about. A visit that is still to come is
never older than the retention time, so nothing that is deleted could be reminded of again. What was erased for a
patient goes as soon as its visit is past. Counts without ids stay, in ``tally``.

Each batch is a transaction of its own, and after it others have the ledger for as long as it took. What is deleted from
SQLite is overwritten in the file (``secure_delete``). Its room is used again by what comes: the file stays as large as
it once was, and a compact one is what ``ledger backup`` makes. ``VACUUM`` would lock runs out for its whole time, and
``auto_vacuum`` would move pages about in every commit of a run to save room that is needed again the same day.
https://www.sqlite.org/pragma.html#pragma_secure_delete
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from fhirnotify.ledger import acting, tables
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.old_rows import KINDS, SETTLED, UNTOLD, Age, Counts, Kind, is_erasable, is_old
from fhirnotify.ledger.port import State
from fhirnotify.rows import instant

_LONGEST_PAUSE = 0.5
_PURGED = "purged"

_r = tables.reminder.c


@dataclass(slots=True)
class Purge:
    """What a purge has done so far, or, when it only looks, would do.

    Attributes:
        before: what is older than this goes.
        deleted: how many rows of each kind.
        kept: how many reminders are older and stay: ``uncertain``, ``unsent``, or ``asked-about``.
        complete: False when it was stopped, or its time was over: the next one goes on.
    """

    before: datetime
    deleted: Counts = field(default_factory=Counter)
    kept: Counts = field(default_factory=Counter)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a purge may take, and how it learns that it is to stop."""

    seconds: float
    stop: threading.Event


def purge(
    database: Database, run: str, age: Age, zone: ZoneInfo, bounds: Bounds, told: Callable[[Purge], None]
) -> Purge:
    """Delete what is too old, batch by batch; ``told`` hears of the progress after each. Counts stay by local day.

    That it was done is recorded, unless there was nothing to do.

    Raises:
        LedgerError: the ledger cannot be used; every batch before was deleted for good.
    """
    done, until = Purge(age.before), time.monotonic() + bounds.seconds
    if database.shared:  # so that nobody migrates it meanwhile; in SQLite this would keep runs out
        database.hold()
    for kind in KINDS:
        while done.complete and (counts := _batch(database, kind, age, zone, bounds.stop)):
            done.deleted += counts
            told(done)
            done.complete = not bounds.stop.is_set() and time.monotonic() < until
    del done.deleted[UNTOLD]
    done.kept = database.read(lambda connection: _kept(connection, age))
    if done.deleted:
        database.write(lambda connection: _record(connection, run, age, done))
    return done


def looked(database: Database, age: Age) -> Purge:
    """Tell what ``purge`` would do now; change nothing.

    Raises:
        LedgerError: the ledger cannot be read.
    """

    def look(connection: Connection) -> Purge:
        counts = Counts()
        for kind in KINDS:
            counts.update(kind.counted(connection, age))
        return Purge(age.before, +counts, _kept(connection, age))

    return database.read(look)


def _batch(database: Database, kind: Kind, age: Age, zone: ZoneInfo, stop: threading.Event) -> Counts:
    """Delete one batch, then leave the ledger to others for as long as it took."""
    began = time.monotonic()

    def batch(connection: Connection) -> Counts:
        overwrite(connection)
        return +kind.deleted(connection, age, zone)

    counts = database.write(batch)
    stop.wait(min(time.monotonic() - began, _LONGEST_PAUSE))
    return counts


def overwrite(connection: Connection) -> None:
    """Let what this connection deletes be overwritten with zeros. In PostgreSQL its own ``VACUUM`` frees it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


def _kept(connection: Connection, age: Age) -> Counts:
    """Count the reminders that are older and stay."""
    old = select(_r.state, func.count()).where(_r.start < age.before, ~is_old(age), ~is_erasable(age))
    counts = Counts()
    for state, count in connection.execute(old.group_by(_r.state)):
        counts[_why_kept(State(state))] += count
    return counts


def _why_kept(state: State) -> str:
    if state in SETTLED:  # of these only what is accepted can be kept
        return "asked-about"
    return "uncertain" if state is State.UNCERTAIN else "unsent"


def _record(connection: Connection, run: str, age: Age, done: Purge) -> None:
    detail = {"before": instant(age.before), "deleted": dict(sorted(done.deleted.items())), "complete": done.complete}
    acting.deed(connection, run, age.now, _PURGED, detail)
