"""What became of visits: of which of them it is to be read, and what was read.

A visit is an appointment at one start, whichever of its patients were reminded of it. Nothing about a patient is added:
the appointment's id and start stand in the ledger already, and what was erased for a patient is not asked about.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select, tuple_, union
from sqlalchemy.sql.functions import coalesce

from fhirnotify.ledger import acting, tables
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.port import State
from fhirnotify.ledger.records import chunks, insert
from fhirnotify.ledger.statistics import ASKED_AGAIN, is_last_word

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
_WEEK = timedelta(days=7)

AHEAD = timedelta(hours=1)
"""By so much the clocks of two machines may differ; what is said to be read later than that was not read then."""

_STANDING = [state.value for state in State if state is not State.WITHDRAWN]


@dataclass(frozen=True, slots=True, order=True)
class Visit:
    """An appointment at the start at which it was reminded of, or decided against."""

    start: datetime
    appointment: str


class Visits(Protocol):
    """The port to the ledger: visits that are over, and what became of them."""

    def unread(self, since: datetime, until: datetime, real: datetime) -> Iterator[Sequence[Visit]]:
        """Give visits that start from ``since`` and before ``until``, of which nothing was read; page by page.

        ``until`` is a local midnight: days are those of its zone. What was read before the day of the visit was over,
        or later than it really is, was read by a clock that was ahead: it does not count.
        """
        ...

    def not_final(self, since: datetime, now: datetime, today: datetime) -> Iterator[Sequence[Visit]]:
        """Give visits from ``since`` that were read and are to be read again, page by page.

        Nothing final is known of them, and they were last read before ``today``, while their start is no longer ago
        than ``ASKED_AGAIN``; later, what was gone or could not be read, a week after it was read last.
        """
        ...

    def readable(self) -> str | None:
        """Give an appointment that could be read when it was asked for last, of all the one that was last; if any."""
        ...

    def record(self, run: str, at: datetime, became: Mapping[Visit, str]) -> None:
        """Record what became of visits, as it was read at a moment, and that it was read, by whom, and how much.

        What has left the ledger meanwhile stays away.
        """
        ...


class LedgerVisits:
    """The visits of a ledger in a database; satisfies ``Visits``.

    A page is read, and a batch written, in a short transaction each: no lock is held while the endpoint is asked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        if database.shared:  # so that nobody migrates it meanwhile; in SQLite this would keep runs out
            database.hold()

    def unread(self, since: datetime, until: datetime, real: datetime) -> Iterator[Sequence[Visit]]:
        """Give what nothing was read of, the latest day first: that is the one which any journal system still has.

        A day at a time, so that no page sorts more than a day has.
        """
        while since < until:
            day = max(since, _midnight_before(until))
            yield from self._pages(lambda last, day=day, until=until: _unread(day, until, real + AHEAD, last))  # type: ignore[misc]
            until = day

    def not_final(self, since: datetime, now: datetime, today: datetime) -> Iterator[Sequence[Visit]]:
        """Give what is not final: what was read the longest ago comes first, by days; of a day in the order of ids."""
        daily = (_o.start >= now - ASKED_AGAIN) & (_o.read_at < today)
        weekly = _o.status.in_([GONE, UNREADABLE]) & (_o.read_at < today - _WEEK + _DAY)
        is_due = _o.status.not_in(sorted(FINAL)) & (_o.start >= since) & (daily | weekly)
        key = tuple_(_o.appointment, _o.start)
        page = select(_o.appointment, _o.start).where(is_due).order_by(_o.appointment, _o.start).limit(PAGE)
        oldest = select(func.min(_o.read_at)).where(is_due)
        while first := self._database.read(lambda connection, oldest=oldest: connection.scalar(oldest)):  # type: ignore[misc]
            of_day = page.where(_o.read_at >= first, _o.read_at < first + _DAY)
            yield from self._pages(
                lambda last, of_day=of_day: (  # type: ignore[misc]
                    of_day if last is None else of_day.where(key > (last.appointment, last.start))
                )
            )
            oldest = oldest.where(_o.read_at >= first + _DAY)

    def _pages(self, wanted: Callable[[Visit | None], Select[Any]]) -> Iterator[Sequence[Visit]]:
        last: Visit | None = None
        while True:
            page = wanted(last)
            found = self._database.read(lambda connection, page=page: _visits(connection, page))  # type: ignore[misc]
            if not found:
                return
            yield found
            last = found[-1]

    def readable(self) -> str | None:
        """Give one that could be read; all outcomes are gone through for it."""
        found = select(_o.appointment).where(_o.status.not_in([GONE, UNREADABLE])).order_by(_o.read_at.desc()).limit(1)
        return self._database.read(lambda connection: connection.scalar(found))

    def record(self, run: str, at: datetime, became: Mapping[Visit, str]) -> None:
        """Record a batch, and the deed, in one transaction; what was read later stays."""

        def work(connection: Connection) -> None:
            appointments = sorted({visit.appointment for visit in became})
            _keep(connection, appointments)
            known = _known(connection, appointments)
            rows = [
                {"appointment": visit.appointment, "start": visit.start, "status": status, "read_at": at}
                for visit, status in sorted(became.items())
                if visit in known
            ]
            offer = insert(connection, tables.outcome)
            newer = {"status": offer.excluded.status, "read_at": offer.excluded.read_at}
            is_older = (_o.read_at <= offer.excluded.read_at) | (_o.read_at > at + AHEAD)
            keep = offer.on_conflict_do_update(index_elements=["appointment", "start"], set_=newer, where=is_older)
            if rows:
                connection.execute(keep, rows)
            acting.deed_so_far(connection, run, at, READ, Counter(became.values()))

        self._database.write(work)


def _midnight_before(until: datetime) -> datetime:
    return datetime.combine((until - timedelta.resolution).date(), time(), until.tzinfo)


def _keep(connection: Connection, appointments: Sequence[str]) -> None:
    """Let nobody delete what is known of appointments until this transaction ends; wait for who is at it.

    Else what is erased between the look at it and the record would come back. SQLite lets one write at a time anyway.
    """
    if connection.dialect.name == "sqlite":
        return
    of_reminders, of_decisions = select(_r.id).order_by(_r.id), select(_d.patient).order_by(_d.appointment, _d.patient)
    for chunk in chunks(appointments):
        for wanted, of in ((of_reminders, _r.appointment), (of_decisions, _d.appointment)):
            connection.execute(wanted.where(of.in_(chunk)).with_for_update(read=True, key_share=True)).all()


def _of_reminders(state: ColumnElement[str] = _r.state) -> Select[Any]:
    """Find the visits whose reminder stands, also where it was never sent; not what was erased for the patient."""
    erased = exists().where(_erase.reminder == _r.id)
    return select(_r.appointment, _r.start).where(state.in_(_STANDING), ~erased)


def _of_decisions() -> Select[Any]:
    return select(_d.appointment, _d.start).where(_d.reason.is_not(None), _d.start.is_not(None), is_last_word())


def _unread(since: datetime, until: datetime, ahead: datetime, after: Visit | None) -> Select[Any]:
    def over(start: ColumnElement[Any]) -> ColumnElement[bool]:
        return (start >= since) & (start < until)

    visit = union(_of_reminders().where(over(_r.start)), _of_decisions().where(over(_d.start))).subquery().c
    in_time = (_o.read_at >= until) & (_o.read_at <= ahead)
    read = exists().where(_o.appointment == visit.appointment, _o.start == visit.start, in_time)
    wanted = select(visit.appointment, visit.start).where(~read).order_by(visit.start, visit.appointment).limit(PAGE)
    return wanted if after is None else wanted.where(tuple_(visit.start, visit.appointment) > _key(after))


def _key(visit: Visit) -> tuple[Any, ...]:
    return visit.start, visit.appointment


def _known(connection: Connection, appointments: Sequence[str]) -> set[Visit]:
    known: set[Visit] = set()
    by_id = _of_reminders(coalesce(_r.state, ""))  # else SQLite goes through all that stand to find a hundred
    for chunk in chunks(appointments):
        for wanted, of in ((by_id, _r.appointment), (_of_decisions(), _d.appointment)):
            known.update(_visits(connection, wanted.where(of.in_(chunk))))
    return known


def _visits(connection: Connection, wanted: Select[Any]) -> list[Visit]:
    return [Visit(start, appointment) for appointment, start in connection.execute(wanted)]
