"""What the ledger knows of write-back, in its database; beside runs at work, in short transactions."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from fhirnotify.core.notice import Notice, Told
from fhirnotify.ledger import tables
from fhirnotify.ledger.changes import real_time
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.records import chunks, insert
from fhirnotify.ledger.states import DEAD_NUMBER, State, word
from fhirnotify.ledger.written import CORRECTED, FIRST_WAIT, LONGEST_WAIT, NOT_TRIED, SPAN, TOLD, Standing, wait

_AT_A_TIME = 20
"""Little, so that what is told is what stood in the ledger some moments ago."""

_OUTBOX = "outbox/"
_INTERRUPTED = "interrupted"
"""Said of what was begun by a run that did not come to record what came of it."""
_LAST_SHORT_WAIT = 8
_STATES = (*TOLD, *CORRECTED)

_r, _b, _t = tables.reminder.c, tables.write_back.c, tables.transition.c
_BOTH = tables.reminder.outerjoin(tables.write_back, _b.reminder == _r.id)
_ERASED = exists().where(tables.to_erase.c.reminder == _r.id).correlate(tables.reminder)
_LEARNT = (
    select(func.min(_t.at))
    .where(_t.reminder == _r.id, _t.to_state == State.DELIVERED.value)
    .correlate(tables.reminder)
    .scalar_subquery()
)
_COLUMNS = (
    _r.id,
    _r.appointment,
    _r.patient,
    _r.start,
    _r.state,
    _r.next_attempt,
    _r.sending_since,
    _r.code,
    _LEARNT.label("learnt"),
    _b.attempts,
    _b.at,
)
_TRIED = and_(_b.attempts > 0, _r.state.in_([state.value for state in _STATES]))
"""Whatever was told before: an attempt may have been taken, and nobody knows of it, so anything may stand there."""


def _untried(state: State) -> ColumnElement[bool]:
    """Tell of a reminder in a state that something else is to be told than what was, and was not tried yet."""
    is_it = and_(_r.state == state.value, func.coalesce(_b.attempts, 0) == 0)
    if state in CORRECTED:
        return and_(is_it, _b.written.is_not(None), _b.written != CORRECTED[state].value)
    to_tell: ColumnElement[Any] = literal(TOLD[state].value)
    if state is State.ACCEPTED:
        to_tell = case((_r.next_attempt.is_(None), Told.UNCONFIRMED.value), else_=Told.ACCEPTED.value)
    return and_(is_it, or_(_b.written.is_(None), _b.written != to_tell))


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Tell of what was tried that the wait since then is over, or that it was by a clock that was ahead."""
    waits = [
        and_(_b.attempts == attempts, _b.at <= now - wait(attempts)) for attempts in range(1, _LAST_SHORT_WAIT + 1)
    ]
    return or_(*waits, and_(_b.attempts > _LAST_SHORT_WAIT, _b.at <= now - LONGEST_WAIT), _b.at > now + FIRST_WAIT)


def _wanted(columns: Iterable[ColumnElement[Any]], which: ColumnElement[bool], since: datetime) -> Select[Any]:
    outbox = func.coalesce(_r.provider, _OUTBOX).startswith(_OUTBOX)
    return select(*columns).select_from(_BOTH).where(_r.start > since, which, ~outbox, ~_ERASED)


@dataclass(frozen=True, slots=True)
class _Round:
    """One round of what is to be told: which, by the real time, and in which order."""

    which: Callable[[datetime], ColumnElement[bool]]
    by: Column[Any]
    falling: bool = False

    def page(self, now: datetime, since: datetime, last: Row[Any] | None) -> Select[Any]:
        """Ask for some, after the last one that was given."""
        wanted = _wanted(_COLUMNS, self.which(now), since).limit(_AT_A_TIME)
        wanted = wanted.order_by(*(each.desc() if self.falling else each for each in (self.by, _r.id)))
        if last is None:
            return wanted
        here, there = tuple_(self.by, _r.id), tuple_(literal(getattr(last, self.by.key), self.by.type), last.id)
        return wanted.where(here < there if self.falling else here > there)


_ROUNDS = (
    *(_Round(lambda _, state=state: _untried(state), _r.start, falling=True) for state in _STATES),  # type: ignore[misc]
    _Round(lambda now: and_(_TRIED, _is_due(now)), _b.at),
)
"""What was tried before comes after everything else, so that what is refused again and again keeps nothing waiting."""


class SqlWrittenBack:
    """``WrittenBack`` in a database, of which it takes charge.

    Args:
        database: with this version's schema.
        clock: the real time; PostgreSQL has its own.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = real_time) -> None:
        self._database = database
        self._clock = clock
        self._taken: list[Row[Any]] = []

    def to_tell(self, now: datetime) -> Iterator[list[Notice]]:
        """Give what is to be told, a little at a time.

        First what was not tried yet, state by state, the latest visit first; then what was tried in vain the longest
        ago.
        """
        if self._database.shared:
            self._database.hold()  # nobody changes the schema meanwhile
        since = now - SPAN
        for each in _ROUNDS:
            last: Row[Any] | None = None
            while page := self._page(each, since, last):
                self._taken = self._take(each, since, page)
                if self._taken:
                    yield [_notice(row) for row in self._taken]
                last = page[-1]

    def _page(self, each: _Round, since: datetime, last: Row[Any] | None) -> Sequence[Row[Any]]:
        return self._database.read(
            lambda connection: connection.execute(each.page(self._time(connection), since, last)).all()
        )

    def _take(self, each: _Round, since: datetime, page: Sequence[Row[Any]]) -> list[Row[Any]]:
        """Count what is still to be told as tried, and give it as it stands now, with how often it was tried before."""
        ids = sorted(row.id for row in page)

        def work(connection: Connection) -> list[Row[Any]]:
            now = self._time(connection)
            there = select(_r.id, literal(0)).where(_r.id.in_(ids)).order_by(_r.id)
            offer = insert(connection, tables.write_back).from_select(["reminder", "attempts"], there)
            connection.execute(offer.on_conflict_do_nothing(index_elements=["reminder"]))
            locked = select(_b.reminder).where(_b.reminder.in_(ids)).order_by(_b.reminder)
            free = list(connection.scalars(locked.with_for_update(skip_locked=True)))
            # Asked anew: another run may have told of it, or changed it, since the page was read.
            rows = list(connection.execute(_wanted(_COLUMNS, each.which(now), since).where(_r.id.in_(free))))
            if rows:
                tried = update(tables.write_back).where(_b.reminder.in_([row.id for row in rows]))
                connection.execute(tried.values(attempts=_b.attempts + 1, at=now))
            return rows

        in_order = {row.id: number for number, row in enumerate(page)}
        return sorted(self._database.write(work), key=lambda row: in_order[row.id])

    def told(self, notices: Mapping[Notice, str | None]) -> None:
        """Record what came of telling."""
        taken = [{"of": each.reminder, "to": each.told.value} for each, code in notices.items() if code is None]
        in_vain = [{"of": each.reminder, "to": code} for each, code in notices.items() if code is not None]
        is_it = _b.reminder == bindparam("of")

        def work(connection: Connection) -> None:
            if taken:
                done = update(tables.write_back).where(is_it).values(written=bindparam("to"), attempts=0, code=None)
                connection.execute(done, taken)
            if in_vain:
                connection.execute(update(tables.write_back).where(is_it).values(code=bindparam("to")), in_vain)

        self._database.write(work)

    def give_back(self, notices: list[Notice]) -> None:
        """Give back what was not tried, of what was given last: it stands as it stood before."""
        ids = {each.reminder for each in notices}
        before = [{"of": row.id, "tried": row.attempts, "then": row.at} for row in self._taken if row.id in ids]
        if not before:
            return
        # Unless another run, which found this one to take too long, has begun with it.
        still_ours = and_(_b.reminder == bindparam("of"), _b.attempts == bindparam("tried", type_=Integer) + 1)
        then = bindparam("then", type_=_b.at.type)
        untried = update(tables.write_back).where(still_ours).values(attempts=bindparam("tried"), at=then)
        self._database.write(lambda connection: connection.execute(untried, before) and None)

    def standing(self, reminders: list[str]) -> dict[str, Standing]:
        """Give how it stands with reminders."""

        def look(connection: Connection) -> dict[str, Standing]:
            found = {}
            for chunk in chunks(reminders):
                for row in connection.execute(select(tables.write_back).where(_b.reminder.in_(chunk))):
                    written = None if row.written is None else Told(row.written)
                    found[row.reminder] = Standing(written, row.at, row.attempts, row.code)
            return found

        return self._database.read(look)

    def outstanding(self, now: datetime) -> Counter[str]:
        """Count what is still to be told, by the code of why it was in vain."""
        code = case((_b.attempts > 0, func.coalesce(_b.code, _INTERRUPTED)), else_=NOT_TRIED)
        which = or_(_TRIED, *map(_untried, _STATES))
        wanted = _wanted((code.label("why"), func.count().label("number")), which, now - SPAN).group_by("why")

        def look(connection: Connection) -> Counter[str]:
            return Counter({row.why: row.number for row in connection.execute(wanted)})

        return self._database.read(look)

    def close(self) -> None:
        """Release the ledger."""
        self._database.close()

    def _time(self, connection: Connection) -> datetime:
        return self._database.time(connection) or self._clock()


def _notice(row: Row[Any]) -> Notice:
    state = State(row.state)
    told = TOLD[state] if state in TOLD else CORRECTED[state]
    if state is State.ACCEPTED and row.next_attempt is None:
        told = Told.UNCONFIRMED
    dead_number = state is State.UNDELIVERED and word(row.code) == DEAD_NUMBER
    return Notice(row.id, row.appointment, row.patient, told, row.sending_since, row.learnt, dead_number)
