"""What reports count, in SQL: groups, days, lead times, runs. No row of a patient is ever read for them.

What is counted is a visit: a reminder that stands, or the reason why there is none. A visit belongs to the local day
of its start. What was purged is counted from ``tally``, which knows no lead times. Each question is one that an index
alone answers, which is what keeps a year of a region within seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, bindparam, case, cast, exists, func, select
from sqlalchemy.sql.functions import coalesce

from fhirnotify.ledger import tables
from fhirnotify.ledger.port import State

_r, _d, _t, _run, _o = tables.reminder.c, tables.decision.c, tables.tally.c, tables.run.c, tables.outcome.c

REMINDED = (State.ACCEPTED, State.DELIVERED, State.UNDELIVERED)
"""The provider took the message: the patient was reminded, as far as anybody can tell who sends."""

MISSED = ("noshow",)
ATTENDED = ("fulfilled", "arrived", "checked-in")
OTHER_ENDS = ("cancelled", "entered-in-error", "moved")
"""What is known to be neither: there was no visit at that time to be missed. All else is not known, or not yet."""

ASKED_AGAIN = timedelta(days=14)
"""How long after its start a visit is asked about again; by then it has been closed, or nobody will."""

_STANDING = tuple(state for state in State if state is not State.WITHDRAWN)


def _within(column: ColumnElement[datetime], since: datetime, until: datetime) -> ColumnElement[bool]:
    return (column >= since) & (column < until)


def is_last_word() -> ColumnElement[bool]:
    """A verdict on nobody has been overtaken when the same appointment has got patients since."""
    other = tables.decision.alias("named")
    return (_d.patient != "") | ~exists().where(other.c.appointment == _d.appointment, other.c.patient != "")


_PURGED = (
    select(_t.day, _t.result, func.sum(_t.count))
    .where(_t.day.between(bindparam("first"), bindparam("last")))
    .group_by(_t.day, _t.result)
)
_DAY: Any = (bindparam("since", type_=tables.Instant), bindparam("until", type_=tables.Instant))
_STATES_OF_DAY = (
    select(_r.state, func.count())
    .where(_r.state.in_([state.value for state in _STANDING]), _within(_r.start, *_DAY))
    .group_by(_r.state)
)
_WITHOUT_OF_DAY = select(func.count()).where(_d.reason.is_not(None), _within(_d.start, *_DAY), is_last_word())


@dataclass(frozen=True, slots=True)
class Group:
    """How many visits of one unit and contact type ended in one way: a state, or a reason."""

    unit: str | None
    contact_type: str | None
    result: str
    count: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How many visits of one contact type and result there were, and how many of them ended in which way."""

    contact_type: str | None
    result: str
    count: int
    missed: int
    attended: int
    other: int


@dataclass(frozen=True, slots=True)
class RunTimes:
    """When a run began and ended; ``finished`` is None for one that died, or is at work."""

    begun: datetime
    finished: datetime | None


def groups(connection: Connection, since: datetime, until: datetime, days: tuple[str, str]) -> Iterator[Group]:
    """Count visits that start from ``since`` and before ``until``; ``days`` are the first and last local day.

    But for those decided against: see ``decided``.
    """
    reminders = (
        select(_r.unit, _r.contact_type, _r.state, func.count())
        .where(coalesce(_r.state, "").in_([state.value for state in _STANDING]), _within(_r.start, since, until))
        .group_by(_r.unit, _r.contact_type, _r.state)
    )
    purged = (
        select(_t.unit, _t.contact_type, _t.result, func.sum(_t.count))
        .where(_t.day.between(*days))
        .group_by(_t.unit, _t.contact_type, _t.result)
    )
    for each in (reminders, purged):
        for unit, contact_type, result, count in connection.execute(each):
            yield Group(unit or None, contact_type or None, result, int(count))


def ended(connection: Connection, since: datetime, until: datetime, days: tuple[str, str]) -> Iterator[Ended]:
    """Count visits as ``groups`` does, by what became of them."""
    reminders = (
        select(_r.contact_type, _r.state, func.count(), *_ends(_o.status))
        .outerjoin(tables.outcome, (_o.appointment == _r.appointment) & (_o.start == _r.start))
        .where(coalesce(_r.state, "").in_([state.value for state in _STANDING]), _within(_r.start, since, until))
        .group_by(_r.contact_type, _r.state)
    )
    purged = (
        select(_t.contact_type, _t.result, func.sum(_t.count), *_ends(_t.became, _t.count))
        .where(_t.day.between(*days))
        .group_by(_t.contact_type, _t.result)
    )
    for each in (reminders, purged):
        for contact_type, result, *counts in connection.execute(each):
            yield Ended(contact_type or None, result, *map(int, counts))


def decided(
    connection: Connection, since: datetime, until: datetime, settled: datetime
) -> Iterator[tuple[Group, Ended]]:
    """Count the visits decided against; and those of them before ``settled`` by what became of them.

    In one go: what takes the time is to find those that were overtaken.
    """
    old = _d.start < settled
    wanted = (
        select(_d.unit, _d.contact_type, _d.reason, func.count(), func.sum(case((old, 1), else_=0)), *_ends(_o.status))
        .outerjoin(tables.outcome, (_o.appointment == _d.appointment) & (_o.start == _d.start) & old)
        .where(_d.reason.is_not(None), _within(_d.start, since, until), is_last_word())
        .group_by(_d.unit, _d.contact_type, _d.reason)
    )
    for unit, kind, reason, count, *ends in connection.execute(wanted):
        yield Group(unit or None, kind or None, reason, count), Ended(kind or None, reason, *map(int, ends))


def _ends(status: ColumnElement[str], count: ColumnElement[int] | int = 1) -> list[ColumnElement[int]]:
    # A CASE of single values: SQLite looks through a list of three as through a table, which takes twice the time.
    return [
        coalesce(func.sum(case(dict.fromkeys(words, count), value=status)), 0)
        for words in (MISSED, ATTENDED, OTHER_ENDS)
    ]


def of_days(connection: Connection, days: Iterable[tuple[str, datetime, datetime]]) -> Iterator[tuple[int, int]]:
    """Count the visits of each day, given in order, with its first moment and that after it: reminded of, and not."""
    asked_days = list(days)
    if not asked_days:
        return
    purged: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for day, result, count in connection.execute(_PURGED, {"first": asked_days[0][0], "last": asked_days[-1][0]}):
        purged[day][result] = int(count)
    for day, since, until in asked_days:
        asked = {"since": since, "until": until}
        counted = Counter(dict(tuple(row) for row in connection.execute(_STATES_OF_DAY, asked))) + purged[day]
        reminded = sum(counted.pop(state.value, 0) for state in REMINDED)
        yield reminded, counted.total() + (connection.scalar(_WITHOUT_OF_DAY, asked) or 0)


def leads(connection: Connection, since: datetime, until: datetime, hours: Sequence[int]) -> list[int]:
    """Count the reminders by the hours from their sending to the visit: below each of ``hours``, and the rest."""
    taken = coalesce(_r.state, "").in_([state.value for state in REMINDED])
    # OFFSET 0 keeps the database from working the difference out anew for each bound.
    lead = select(_hours(connection).label("lead")).where(taken, _within(_r.start, since, until)).offset(0).subquery()
    sums = [func.sum(case((lead.c.lead < bound, 1), else_=0)) for bound in hours]
    below = [int(each or 0) for each in connection.execute(select(*sums, func.count(lead.c.lead))).one()]
    return [count - before for before, count in zip([0, *below], below, strict=False)]


def _hours(connection: Connection) -> ColumnElement[float]:
    if connection.dialect.name == "sqlite":
        return (func.julianday(_r.start) - func.julianday(_r.sending_since)) * 24
    return cast(func.extract("epoch", _r.start - _r.sending_since) / 3600, Float)


def runs(connection: Connection, since: datetime, until: datetime) -> Iterator[RunTimes]:
    """Give the runs that began from ``since`` and before ``until``, the earliest first."""
    wanted = select(_run.begun, _run.finished).where(_within(_run.begun, since, until)).order_by(_run.begun)
    for begun, finished in connection.execute(wanted):
        yield RunTimes(begun, finished)


def extent(connection: Connection) -> tuple[datetime, datetime] | None:
    """Give the first and the last start of any visit that the ledger holds; None for an empty ledger."""
    wanted = [
        select(func.min(_r.start), func.max(_r.start)),
        select(func.min(_d.start), func.max(_d.start)).where(_d.reason.is_not(None)),
    ]
    found = [tuple(row) for each in wanted for row in connection.execute(each) if row[0] is not None]
    return (min(first for first, _ in found), max(last for _, last in found)) if found else None


def length(run: RunTimes) -> timedelta | None:
    """Tell how long a run took; None if it did not end."""
    return None if run.finished is None else run.finished - run.begun
