"""What the ledger knows of write-back, in its database; beside runs at work, in short transactions."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
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
from fhirnotify.ledger.written import CORRECTED, LONGEST_WAIT, SPAN, TOLD, Standing, wait

_AT_A_TIME = 20
"""Little, so that what is told is what stood in the ledger some moments ago."""

_OUTBOX = "outbox/"
_INTERRUPTED = "interrupted"
"""Said of what was begun by a run that did not come to record what came of it."""
_LAST_SHORT_WAIT = 8

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
)


def _differs(state: State) -> ColumnElement[bool]:
    """Tell of a reminder in a state that something else is to be told than what was."""
    if state in CORRECTED:
        return and_(_b.written.is_not(None), _b.written != CORRECTED[state].value)
    to_tell: ColumnElement[Any] = literal(TOLD[state].value)
    if state is State.ACCEPTED:
        to_tell = case((_r.next_attempt.is_(None), Told.UNCONFIRMED.value), else_=Told.ACCEPTED.value)
    return or_(_b.written.is_(None), _b.written != to_tell)


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Tell that it was not tried in vain, or that the wait since then is over."""
    waits = [
        and_(_b.attempts == attempts, _b.at <= now - wait(attempts)) for attempts in range(1, _LAST_SHORT_WAIT + 1)
    ]
    return or_(
        func.coalesce(_b.attempts, 0) == 0, *waits, and_(_b.attempts > _LAST_SHORT_WAIT, _b.at <= now - LONGEST_WAIT)
    )


def _wanted(state: State, since: datetime, now: datetime) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .select_from(_BOTH)
        .where(
            _r.state == state.value,
            _r.start > since,
            ~func.coalesce(_r.provider, _OUTBOX).startswith(_OUTBOX),
            _differs(state),
            _is_due(now),
            ~_ERASED,
        )
    )


class SqlWrittenBack:
    """``WrittenBack`` in a database, of which it takes charge.

    Args:
        database: with this version's schema.
        clock: the real time; PostgreSQL has its own.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = real_time) -> None:
        self._database = database
        self._clock = clock

    def to_tell(self, now: datetime) -> Iterator[list[Notice]]:
        """Give what is to be told, a little at a time: state by state, the latest visit first."""
        if self._database.shared:
            self._database.hold()  # nobody changes the schema meanwhile
        for state in (*TOLD, *CORRECTED):
            last: Row[Any] | None = None
            while page := self._database.read(lambda each, state=state, last=last: self._page(each, state, now, last)):  # type: ignore[misc]
                if taken := self._database.write(lambda each, page=page: self._take(each, page)):  # type: ignore[misc]
                    yield taken
                last = page[-1]

    def _page(self, connection: Connection, state: State, now: datetime, last: Row[Any] | None) -> Sequence[Row[Any]]:
        wanted = _wanted(state, now - SPAN, self._time(connection)).order_by(_r.start.desc(), _r.id.desc())
        if last is not None:
            wanted = wanted.where(tuple_(_r.start, _r.id) < tuple_(literal(last.start, _r.start.type), last.id))
        return connection.execute(wanted.limit(_AT_A_TIME)).all()

    def _take(self, connection: Connection, page: Sequence[Row[Any]]) -> list[Notice]:
        """Count what is still to be told as tried, and give it as it stands now."""
        now, ids = self._time(connection), sorted(row.id for row in page)
        there = select(_r.id, literal(0)).where(_r.id.in_(ids)).order_by(_r.id)
        offer = insert(connection, tables.write_back).from_select(["reminder", "attempts"], there)
        connection.execute(offer.on_conflict_do_nothing(index_elements=["reminder"]))
        locked = select(_b.reminder).where(_b.reminder.in_(ids)).order_by(_b.reminder)
        free = list(connection.scalars(locked.with_for_update(skip_locked=True)))
        (state,) = {State(row.state) for row in page}
        earliest = min(row.start for row in page) - timedelta(seconds=1)
        # Asked anew: another run may have told of it, or changed it, since the page was read.
        rows = connection.execute(_wanted(state, earliest, now).where(_r.id.in_(free))).all()
        if rows:
            tried = update(tables.write_back).where(_b.reminder.in_([row.id for row in rows]))
            connection.execute(tried.values(attempts=_b.attempts + 1, at=now))
        in_order = {row.id: number for number, row in enumerate(page)}
        return [_notice(row) for row in sorted(rows, key=lambda row: in_order[row.id])]

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
        """Give back what was not tried: by the next run it is tried at once."""
        if not notices:
            return
        of_them = _b.reminder.in_([each.reminder for each in notices])
        untried = update(tables.write_back).where(of_them, _b.attempts > 0)
        earlier = untried.values(attempts=_b.attempts - 1, at=self._clock() - LONGEST_WAIT)
        self._database.write(lambda connection: connection.execute(earlier) and None)

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

    def in_vain(self, now: datetime) -> Counter[str]:
        """Count what was last tried in vain, by code."""
        failed = select(_b.code, func.count().label("number")).join(tables.reminder, _b.reminder == _r.id)
        wanted = failed.where(_b.attempts > 0, _r.start > now - SPAN).group_by(_b.code)

        def look(connection: Connection) -> Counter[str]:
            return Counter({row.code or _INTERRUPTED: row.number for row in connection.execute(wanted)})

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
