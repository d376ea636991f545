"""What was decided, done, read and deleted in a period, in order, with who did it; memory stays flat."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, select, tuple_

from fhirnotify.core.answer import Evidence
from fhirnotify.errors import SettingsError
from fhirnotify.ledger import tables
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.outcomes import READ
from fhirnotify.rows import instant

_PAGE = 500
_LONGEST_RUN = timedelta(days=1)

_t, _r, _a, _deeds, _run = tables.transition.c, tables.reminder.c, tables.actor.c, tables.deed.c, tables.run.c
_ACTOR = (_a.account, _a.host, _a.pid)

_Record = dict[str, Any]
_Ordered = tuple[datetime, int, int, _Record]


@dataclass(frozen=True, slots=True)
class _Stream:
    """Rows of one kind, in the order of ``key``, whose first column is the time; read a page at a time."""

    wanted: Select[Any]
    key: tuple[Column[Any], ...]
    record: Callable[[Row[Any]], _Record]
    place: int

    def read(self, database: Database, since: datetime, until: datetime) -> Iterator[_Ordered]:
        page = self.wanted.where(self.key[0] >= since, self.key[0] < until).order_by(*self.key).limit(_PAGE)
        last: tuple[Any, ...] | None = None
        number = 0
        while True:
            after = page if last is None else page.where(tuple_(*self.key) > last)
            found = database.read(lambda connection, after=after: connection.execute(after).all())  # type: ignore[misc]
            for row in found:
                number += 1
                yield getattr(row, self.key[0].name), self.place, number, self.record(row)
            if len(found) < _PAGE:
                return
            last = tuple(getattr(found[-1], column.name) for column in self.key)


def records(database: Database, since: datetime, until: datetime) -> Iterator[_Record]:
    """Give every decision, change of state, reading and deletion from ``since`` until before ``until``, in order.

    At one and the same moment decisions come before changes of state, as they are reached.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    streams = [stream.read(database, since, until) for stream in _STREAMS]
    for _, _, _, record in merge(*streams, key=lambda each: each[:3]):
        yield record


def purged_before(database: Database) -> datetime | None:
    """Tell up to when visits have been purged from the ledger; None if none has been."""

    def look(connection: Connection) -> datetime | None:
        deeds = connection.execute(select(_deeds.detail).where(_deeds.what == "purged")).scalars()
        return max((datetime.fromisoformat(detail["before"]) for detail in deeds), default=None)

    return database.read(look)


def see_that_it_is_over(database: Database, until: datetime, now: datetime) -> None:
    """See that nothing more can be recorded for the time before ``until``: a run records with the time it began.

    Raises:
        SettingsError: the period is not over, or a run that belongs to it may still be at work.
        LedgerError: the ledger cannot be read.
    """
    if until > now:
        raise SettingsError("The period is not over yet.", "Give --until a day before today; it is included.")

    def look(connection: Connection) -> datetime | None:
        at_work = select(_run.begun).where(_run.finished.is_(None), _run.begun < until, _run.begun > now - _LONGEST_RUN)
        if not database.shared:  # there one run begins when every other is over
            latest = select(_run.begun).order_by(_run.begun.desc()).limit(1).scalar_subquery()
            at_work = at_work.where(_run.begun == latest)
        return connection.scalar(at_work.order_by(_run.begun).limit(1))

    if begun := database.read(look):
        raise SettingsError(
            f"The run that began {instant(begun)} has not ended: what it does belongs to the period.",
            "Export again when it has, or the next run has begun; or give --until an earlier day.",
        )


def _decision(row: Row[Any]) -> _Record:
    return {
        "at": instant(row.decided),
        "kind": "decision",
        "run": row.run,
        **_who(row),
        "appointment": row.appointment,
        "patient": row.patient or None,
        "start": None if row.start is None else instant(row.start),
        "unit": row.unit,
        "decision": "skip" if row.reason else "remind",
        "reason": row.reason,
        "contact_type": row.contact_type,
        "detail": row.detail,
        "evidence": Evidence.from_json(row.evidence).as_json(),
    }


def _transition(row: Row[Any]) -> _Record:
    return {
        "at": instant(row.at),
        "kind": "transition",
        "run": row.run,
        **_who(row),
        "appointment": row.appointment,
        "patient": row.patient,
        "start": instant(row.start),
        "unit": row.unit,
        "reminder": row.reminder,
        "recorded": row.id,
        "from": row.from_state,
        "to": row.to_state,
        "code": row.code,
    }


def _deed(row: Row[Any]) -> _Record:
    who = {"run": row.run, **_who(row)}
    kind, counted = ("reading", "visits") if row.what == READ else ("deletion", "rows")
    return {"at": instant(row.at), "kind": kind, **who, "what": row.what, counted: row.detail}


def _who(row: Row[Any]) -> _Record:
    return {"account": row.account, "host": row.host, "pid": row.pid}


def _with_actor(wanted: Select[Any], of: Table) -> Select[Any]:
    return wanted.add_columns(*_ACTOR).outerjoin(tables.actor, of.c.run == _a.run)


def _decisions(of: Table, place: int, *more: Column[Any]) -> _Stream:
    key = (of.c.decided, of.c.appointment, of.c.patient, *more)
    return _Stream(_with_actor(select(of), of), key, _decision, place)


_OF_REMINDERS = select(*_t, _r.appointment, _r.patient, _r.start, _r.unit).join(tables.reminder, _t.reminder == _r.id)

_STREAMS = (
    _decisions(tables.past_decision, 0, tables.past_decision.c.id),
    _decisions(tables.decision, 1),
    _Stream(_with_actor(_OF_REMINDERS, tables.transition), (_t.at, _t.id), _transition, 2),
    _Stream(_with_actor(select(tables.deed), tables.deed), (_deeds.at, _deeds.id), _deed, 3),
)
