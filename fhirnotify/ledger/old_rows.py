"""What in the ledger is old, kind by kind, and how a batch of it is counted and deleted within a transaction."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, bindparam, delete, exists, func, or_, select

from fhirnotify.ledger import tables
from fhirnotify.ledger.port import State
from fhirnotify.ledger.records import chunks, insert

BATCH = 500
"""How many rows of a kind one transaction deletes: some ten milliseconds, while a run that wants to write waits."""

UNSENT = (State.CLAIMED, State.RETRY, State.SENDING)
SETTLED = tuple(state for state in State if state not in (*UNSENT, State.UNCERTAIN))
"""What nothing is done with any more, unless it is ``accepted`` and still to be asked about."""

PAST = timedelta(hours=1)
"""How long after its start a visit is past for every machine's clock, and after which no process has a row in hand."""

ASKED_NO_MORE = timedelta(days=3)
"""After this no provider is asked any more for what is ``uncertain``."""

_r, _t, _d, _p, _o = (
    tables.reminder.c,
    tables.transition.c,
    tables.decision.c,
    tables.past_decision.c,
    tables.outcome.c,
)
_run, _actor, _erase = tables.run.c, tables.actor.c, tables.to_erase.c

Counts = Counter[str]

UNTOLD = "actors"
"""Deleted, and not told of: what is known of who did what goes when nothing is left that was done."""


@dataclass(frozen=True, slots=True)
class Age:
    """The moment of a purge, and that before which everything is too old to be kept."""

    now: datetime
    retention: timedelta

    @property
    def before(self) -> datetime:
        """What is older than this is too old."""
        return self.now - self.retention


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rows. ``deleted`` deletes a batch, and adds what is counted of it to the tally."""

    counted: Callable[[Connection, Age], Counts]
    deleted: Callable[[Connection, Age, ZoneInfo], Counts]


def is_old(age: Age) -> ColumnElement[bool]:
    """Tell of a reminder that its visit is too long ago, and that nothing is done with it any more."""
    return and_(_r.start < age.before, _is_settled())


def is_erasable(age: Age) -> ColumnElement[bool]:
    """Tell of a reminder that it was to be deleted once its visit is past, and that it is, and nobody is at it."""
    marked = select(_erase.reminder).where(_erase.since < age.now - PAST)
    given_up = and_(_r.state == State.UNCERTAIN.value, _r.start < age.now - ASKED_NO_MORE)
    return and_(_r.id.in_(marked), _r.start < age.now - PAST, or_(_is_settled(), given_up))


def _is_settled() -> ColumnElement[bool]:
    done = _r.state.in_([state.value for state in SETTLED])
    return and_(done, or_(_r.state != State.ACCEPTED.value, _r.next_attempt.is_(None)))


def _counted(name: str, wanted: Callable[[Age], Select[Any]]) -> Callable[[Connection, Age], Counts]:
    def count(connection: Connection, age: Age) -> Counts:
        found = connection.scalar(select(func.count()).select_from(wanted(age).subquery()))
        return Counter({name: found or 0})

    return count


# Decisions go before reminders, so that none is counted beside the reminder that was sent all the same.
def _decisions(age: Age) -> Select[Any]:
    is_past = or_(_d.start < age.before, and_(_d.start.is_(None), _d.decided < age.before))
    return select(_d.appointment, _d.patient, _d.start, _d.reason, _d.unit, _d.contact_type).where(is_past)


def _delete_decisions(connection: Connection, age: Age, zone: ZoneInfo) -> Counts:
    found = connection.execute(_locked(_decisions(age))).all()
    reminded = _reminded(connection, {row.appointment for row in found})
    tallied = [row for row in found if row.reason and (row.appointment, row.patient, row.start) not in reminded]
    _tally(connection, zone, ((row, row.reason) for row in tallied))
    keys = [(row.appointment, row.patient) for row in found]
    _delete_by_two(connection, tables.decision, keys)
    return Counter({"decisions": len(keys)})


def _reminded(connection: Connection, appointments: Iterable[str]) -> set[tuple[str, str, datetime]]:
    stands = select(_r.appointment, _r.patient, _r.start).where(_r.state != State.WITHDRAWN.value)
    return {
        (row.appointment, row.patient, row.start)
        for chunk in chunks(sorted(appointments))
        for row in connection.execute(stands.where(_r.appointment.in_(chunk)))
    }


def _past_decisions(age: Age) -> Select[Any]:
    return select(_p.id).where(_p.decided < age.before)


def _delete_past_decisions(connection: Connection, age: Age, zone: ZoneInfo) -> Counts:  # noqa: ARG001  # as the others
    return _delete(connection, "decisions", tables.past_decision, connection.scalars(_locked(_past_decisions(age))))


def _reminders(age: Age) -> Select[Any]:
    columns = (_r.id, _r.appointment, _r.start, _r.state, _r.unit, _r.contact_type)
    return select(*columns).where(or_(is_old(age), is_erasable(age)))


def _count_reminders(connection: Connection, age: Age) -> Counts:
    ids = _reminders(age).with_only_columns(_r.id)
    steps = select(func.count()).select_from(tables.transition).where(_t.reminder.in_(ids))
    return _counted("reminders", _reminders)(connection, age) + Counter({"transitions": connection.scalar(steps) or 0})


def _delete_reminders(connection: Connection, age: Age, zone: ZoneInfo) -> Counts:
    found = connection.execute(_locked(_reminders(age))).all()
    stood = [row for row in found if row.state != State.WITHDRAWN.value]  # those are counted by their decision
    _tally(connection, zone, ((row, row.state) for row in stood))
    ids = [row.id for row in found]
    steps = select(func.count()).select_from(tables.transition).where(_t.reminder.in_(ids))
    transitions = connection.scalar(steps) or 0 if ids else 0
    return _delete(connection, "reminders", tables.reminder, ids) + Counter({"transitions": transitions})


def _outcomes(age: Age) -> Select[Any]:
    """Find the outcomes that are too old, but for those of reminders that stay: they are counted together."""
    of_visit = (_r.appointment == _o.appointment, _r.start == _o.start)
    stays = exists().where(*of_visit, ~is_old(age), ~is_erasable(age))
    return select(_o.appointment, _o.start).where(_o.start < age.before, ~stays)


def _delete_outcomes(connection: Connection, age: Age, zone: ZoneInfo) -> Counts:  # noqa: ARG001
    keys = [(row.appointment, row.start) for row in connection.execute(_locked(_outcomes(age)))]
    _delete_by_two(connection, tables.outcome, keys)
    return Counter({"outcomes": len(keys)})


def _runs(age: Age) -> Select[Any]:
    return select(_run.id).where(_run.begun < age.before)


def _delete_runs(connection: Connection, age: Age, zone: ZoneInfo) -> Counts:  # noqa: ARG001
    return _delete(connection, "runs", tables.run, connection.scalars(_locked(_runs(age))))


def _actors(age: Age) -> Select[Any]:
    """Find those of whose work nothing is left. A run lasts less than a day."""
    still = [
        ~exists().where(of.run == _actor.run, when < age.before).correlate(tables.actor)
        for of, when in ((_t, _t.at), (_d, _d.decided), (tables.deed.c, tables.deed.c.at))
    ]
    return select(_actor.run).where(_actor.since < age.before - timedelta(days=1), *still)


def _delete_actors(connection: Connection, age: Age, zone: ZoneInfo) -> Counts:  # noqa: ARG001
    return _delete(connection, UNTOLD, tables.actor, connection.scalars(_locked(_actors(age))))


def _locked(wanted: Select[Any]) -> Select[Any]:
    return wanted.limit(BATCH).with_for_update(skip_locked=True)


def _delete(connection: Connection, name: str, table: Table, keys: Iterable[str | int]) -> Counts:
    """Delete rows by their only key; what hangs on a reminder goes with it."""
    (key,) = table.primary_key
    found = list(keys)
    for chunk in chunks(found):
        connection.execute(delete(table).where(key.in_(chunk)))
    return Counter({name: len(found)})


def _delete_by_two(connection: Connection, table: Table, keys: Sequence[tuple[Any, Any]]) -> None:
    """Delete rows by their key of two columns, one by one: SQLite would look for a list of pairs in the whole table."""
    one, other = table.primary_key
    if keys:
        is_it = and_(one == bindparam("one", type_=one.type), other == bindparam("other", type_=other.type))
        pairs = [{"one": first, "other": second} for first, second in keys]
        connection.execute(delete(table).where(is_it), pairs)


def _tally(connection: Connection, zone: ZoneInfo, rows: Iterable[tuple[Any, str]]) -> None:
    """Add to the counts of the local days on which the visits were."""
    counted = [(row, result) for row, result in rows if row.start is not None]
    became = _became(connection, {row.appointment for row, _ in counted})
    keys: Counter[tuple[str, ...]] = Counter(
        (
            row.start.astimezone(zone).date().isoformat(),
            row.unit or "",
            row.contact_type or "",
            result,
            became.get((row.appointment, row.start), ""),
        )
        for row, result in counted
    )
    if not keys:
        return
    names = ("day", "unit", "contact_type", "result", "became")
    offer = insert(connection, tables.tally)
    more = {"count": tables.tally.c.count + offer.excluded["count"]}
    add = offer.on_conflict_do_update(index_elements=names, set_=more)
    connection.execute(add, [dict(zip(names, key, strict=True)) | {"count": n} for key, n in sorted(keys.items())])


def _became(connection: Connection, appointments: Iterable[str]) -> dict[tuple[str, datetime], str]:
    known = select(_o.appointment, _o.start, _o.status)
    return {
        (row.appointment, row.start): row.status
        for chunk in chunks(sorted(appointments))
        for row in connection.execute(known.where(_o.appointment.in_(chunk)))
    }


KINDS = (
    Kind(_counted("decisions", _decisions), _delete_decisions),
    Kind(_counted("decisions", _past_decisions), _delete_past_decisions),
    Kind(_count_reminders, _delete_reminders),
    Kind(_counted("outcomes", _outcomes), _delete_outcomes),
    Kind(_counted("runs", _runs), _delete_runs),
    Kind(lambda *_: Counts(), _delete_actors),
)
"""Every kind of rows that grows old, in the order in which they go."""
