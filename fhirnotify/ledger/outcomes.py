"""What became of visits: of which of them it is to be read, and what was read.

A visit is an appointment at one start, whichever of its patients were reminded of it. Nothing about a patient is added:
the appointment's id and start stand in the ledger already, and what was erased for a patient is not asked about.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Select, exists, select, tuple_, union
from sqlalchemy.sql.functions import coalesce

from fhirnotify.ledger import acting, tables
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.port import State
from fhirnotify.ledger.records import chunks, insert
from fhirnotify.ledger.statistics import is_last_word

MOVED = "moved"
"""The appointment is at another time by now: at the time that the ledger knows there was no visit to be missed."""

GONE = "gone"
"""The endpoint does not have the appointment any more, or did not when it was asked."""

UNREADABLE = "unreadable"
"""The appointment could not be read; so nothing of it is believed, its status neither."""

FINAL = frozenset({"fulfilled", "noshow", "cancelled", "entered-in-error", MOVED})
"""What will not become anything else; the rest may still: visits are closed late, and faults mended."""

READ = "outcomes-read"
"""The deed: what became of visits was read from the journal system."""

PAGE = 500
"""How many visits are taken from the ledger at a time."""

_r, _d, _o, _erase = tables.reminder.c, tables.decision.c, tables.outcome.c, tables.to_erase.c

_DAY = timedelta(days=1)

_STANDING = [state.value for state in State if state is not State.WITHDRAWN]


@dataclass(frozen=True, slots=True, order=True)
class Visit:
    """An appointment at the start at which it was reminded of, or decided against."""

    start: datetime
    appointment: str


class Visits(Protocol):
    """The port to the ledger: visits that are over, and what became of them."""

    def never_read(self, since: datetime, until: datetime) -> Iterator[Sequence[Visit]]:
        """Give visits that start from ``since`` and before ``until``, of which nothing was ever read; page by page."""
        ...

    def not_final(self, since: datetime, before: datetime) -> Iterator[Sequence[Visit]]:
        """Give visits from ``since`` of which nothing final is known, last read before ``before``; page by page."""
        ...

    def record(self, at: datetime, became: Mapping[Visit, str]) -> None:
        """Record what became of visits, as it was read at a moment. What has left the ledger meanwhile stays away."""
        ...

    def close_with(self, run: str, at: datetime, read: Counter[str]) -> None:
        """Record that it was read, by whom, and how much."""
        ...


class LedgerVisits:
    """The visits of a ledger in a database; satisfies ``Visits``.

    A page is read, and a batch written, in a short transaction each: no lock is held while the endpoint is asked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        if database.shared:  # so that nobody migrates it meanwhile; in SQLite this would keep runs out
            database.hold()

    def never_read(self, since: datetime, until: datetime) -> Iterator[Sequence[Visit]]:
        """Give what nothing was ever read of, the oldest first: it leaves the ledger first.

        A day at a time, so that no page sorts more than a day has.
        """
        while since < until:
            before = min(since + _DAY, until)
            yield from self._pages(lambda last, since=since, before=before: _never_read(since, before, last))  # type: ignore[misc]
            since = before

    def not_final(self, since: datetime, before: datetime) -> Iterator[Sequence[Visit]]:
        """Give what is not final, in the order of ids: as the table is kept, so that it is gone through but once."""
        wanted = select(_o.appointment, _o.start).where(
            _o.status.not_in(sorted(FINAL)), _o.start >= since, _o.read_at < before
        )
        wanted = wanted.order_by(_o.appointment, _o.start).limit(PAGE)
        key = tuple_(_o.appointment, _o.start)
        yield from self._pages(
            lambda last: wanted if last is None else wanted.where(key > (last.appointment, last.start))
        )

    def _pages(self, wanted: Callable[[Visit | None], Select[Any]]) -> Iterator[Sequence[Visit]]:
        last: Visit | None = None
        while True:
            page = wanted(last)
            found = self._database.read(lambda connection, page=page: _visits(connection, page))  # type: ignore[misc]
            if not found:
                return
            yield found
            last = found[-1]

    def record(self, at: datetime, became: Mapping[Visit, str]) -> None:
        """Record a batch, in one transaction; what was read later stays."""

        def work(connection: Connection) -> None:
            known = _known(connection, [visit.appointment for visit in became])
            rows = [
                {"appointment": visit.appointment, "start": visit.start, "status": status, "read_at": at}
                for visit, status in sorted(became.items())
                if visit in known
            ]
            offer = insert(connection, tables.outcome)
            newer = {"status": offer.excluded.status, "read_at": offer.excluded.read_at}
            is_older = _o.read_at <= offer.excluded.read_at
            keep = offer.on_conflict_do_update(index_elements=["appointment", "start"], set_=newer, where=is_older)
            if rows:
                connection.execute(keep, rows)

        self._database.write(work)

    def close_with(self, run: str, at: datetime, read: Counter[str]) -> None:
        """Record the deed, unless there was nothing to read."""
        if read:
            detail = dict(sorted(read.items()))
            self._database.write(lambda connection: acting.deed(connection, run, at, READ, detail))


def _of_reminders(state: ColumnElement[str] = _r.state) -> Select[Any]:
    """Find the visits whose reminder stands, also where it was never sent; not what was erased for the patient."""
    erased = exists().where(_erase.reminder == _r.id)
    return select(_r.appointment, _r.start).where(state.in_(_STANDING), ~erased)


def _of_decisions() -> Select[Any]:
    return select(_d.appointment, _d.start).where(_d.reason.is_not(None), _d.start.is_not(None), is_last_word())


def _never_read(since: datetime, until: datetime, after: Visit | None) -> Select[Any]:
    def over(start: ColumnElement[Any]) -> ColumnElement[bool]:
        return (start >= since) & (start < until)

    visit = union(_of_reminders().where(over(_r.start)), _of_decisions().where(over(_d.start))).subquery().c
    read = exists().where(_o.appointment == visit.appointment, _o.start == visit.start)
    wanted = select(visit.appointment, visit.start).where(~read).order_by(visit.start, visit.appointment).limit(PAGE)
    return wanted if after is None else wanted.where(tuple_(visit.start, visit.appointment) > _key(after))


def _key(visit: Visit) -> tuple[Any, ...]:
    return visit.start, visit.appointment


def _known(connection: Connection, appointments: Sequence[str]) -> set[Visit]:
    known: set[Visit] = set()
    by_id = _of_reminders(coalesce(_r.state, ""))  # else SQLite goes through all that stand to find a hundred
    for chunk in chunks(sorted(appointments)):
        for wanted, of in ((by_id, _r.appointment), (_of_decisions(), _d.appointment)):
            known.update(_visits(connection, wanted.where(of.in_(chunk))))
    return known


def _visits(connection: Connection, wanted: Select[Any]) -> list[Visit]:
    return [Visit(start, appointment) for appointment, start in connection.execute(wanted)]
