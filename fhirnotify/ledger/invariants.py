"""What must hold in every ledger, whatever happened: looked through, and never mended, by ``ledger check``.

Reminders are read with their transitions a page at a time, each page as it is at one moment, so a ledger of any size is
looked through in little memory, also while runs are at work.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, select

from fhirnotify.ledger import tables
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.port import EDGES, LATE_EDGES, SENT_TWICE, Reminder, State, Transition
from fhirnotify.ledger.records import reminder_of, transition_of
from fhirnotify.ledger.statements import COLUMNS
from fhirnotify.ledger.states import ENDS, SETTLED_NOT_SENT, SETTLED_SENT, word

_PAGE = 500
_MOST = 20
"""How many of one kind are told of what the database itself finds."""

_DAMAGED = (
    "Take a copy (`fhirnotify ledger backup`), then restore the newest one in which this check finds nothing: "
    "what that lacks may be sent again."
)
_TELL = "`fhirnotify explain` shows what happened; tell the patient, and report it with the provider's message ids."

_SETTLED = {SETTLED_SENT: State.ACCEPTED, SETTLED_NOT_SENT: State.RETRY}
"""What a person may settle, and only what was uncertain."""

_r, _d, _t = tables.reminder.c, tables.decision.c, tables.transition.c

_REMINDERS: Select[Any] = select(*COLUMNS).where(_r.id > bindparam("last")).order_by(_r.id).limit(_PAGE)
_STEPS = select(tables.transition).where(_t.reminder.in_(bindparam("ids", expanding=True))).order_by(_t.reminder, _t.id)
_CONTRADICTED = (
    select(_r.id)
    .join(tables.decision, (_d.appointment == _r.appointment) & (_d.patient == _r.patient) & (_d.start == _r.start))
    .where(
        _r.id.in_(bindparam("ids", expanding=True)),
        _r.state != State.WITHDRAWN.value,
        _d.reason.is_not(None),
        _d.run == _r.run,
    )
)
_ORPHANS = select(_t.reminder).where(~exists().where(_r.id == _t.reminder)).distinct().limit(_MOST)
_ONE_MESSAGE_TWICE = (
    select(_r.message_id)
    .where(_r.message_id.is_not(None))
    .group_by(_r.provider, _r.message_id)
    .having(func.count() > 1)
    .limit(_MOST)
)


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that must not be. ``reminder`` and ``appointment`` say where, if it is about one."""

    rule: str
    what: str
    next_step: str
    appointment: str | None = None
    reminder: str | None = None


@dataclass(slots=True)
class Extent:
    """How much has been looked through."""

    reminders: int = 0
    transitions: int = 0


_Page = list[tuple[Reminder, list[Transition], bool]]


def breaches(database: Database, extent: Extent) -> Iterator[Breach]:
    """Look a ledger through; ``extent`` counts what was seen.

    Raises:
        LedgerError: it cannot be read.
    """
    for look in (_damage, _schema, _orphans, _one_message_twice):
        yield from database.read(look)
    last = ""
    try:
        while page := database.read(_page_after(last)):
            for reminder, steps, is_contradicted in page:
                extent.reminders += 1
                extent.transitions += len(steps)
                yield from of_reminder(reminder, steps)
                if is_contradicted:
                    yield _about(reminder, "decision", "was decided against by the run that took it further", _DAMAGED)
            last = page[-1][0].id
    except (ValueError, KeyError, TypeError, AttributeError):
        # Of a row that cannot be read nothing can be told, not even which: what it says is not repeated.
        yield Breach(
            "value", f"A row holds a value that is none of the ledger's (after {last or 'the first'}).", _DAMAGED
        )


def of_reminder(reminder: Reminder, steps: Sequence[Transition]) -> Iterator[Breach]:
    """Hold one reminder and its changes of state against the state machine."""
    path = [None, *(step.to_state for step in steps)]
    if any(step.from_state is not before for step, before in zip(steps, path, strict=False)):
        yield _about(reminder, "path", "has changes of state that do not follow each other", _DAMAGED)
    for step in steps:
        if not _is_edge(step):
            yield _about(reminder, "path", f"went from {step.from_state or 'nothing'} to {step.to_state}", _DAMAGED)
    if path[-1] is not reminder.state:
        yield _about(reminder, "state", f"is {reminder.state}, but was last made {path[-1] or 'nothing'}", _DAMAGED)
    if reminder.attempts != path.count(State.SENDING):
        yield _about(reminder, "attempts", f"was begun {path.count(State.SENDING)} times", _DAMAGED)
    if any(step.code == SENT_TWICE for step in steps):
        yield _about(reminder, "twice", "was accepted by the provider twice", _TELL)


def _is_edge(step: Transition) -> bool:
    if step.from_state is None:
        return step.to_state is State.CLAIMED
    if step.from_state is step.to_state:
        return step.code == SENT_TWICE or (step.to_state is State.ACCEPTED and step.code in ENDS)
    if (said := word(step.code)) in _SETTLED:
        return (step.from_state, step.to_state) == (State.UNCERTAIN, _SETTLED[said])
    return (step.from_state, step.to_state) in EDGES | LATE_EDGES


def _about(reminder: Reminder, rule: str, what: str, next_step: str) -> Breach:
    where = f"The reminder {reminder.id} of appointment {reminder.appointment}"
    return Breach(rule, f"{where} {what}.", next_step, reminder.appointment, reminder.id)


def _page_after(last: str) -> Callable[[Connection], _Page]:
    def page(connection: Connection) -> _Page:
        reminders = [reminder_of(row) for row in connection.execute(_REMINDERS, {"last": last})]
        ids = {"ids": [reminder.id for reminder in reminders]}
        steps: defaultdict[str, list[Transition]] = defaultdict(list)
        for row in connection.execute(_STEPS, ids):
            steps[row.reminder].append(transition_of(row))
        contradicted = set(connection.scalars(_CONTRADICTED, ids))
        return [(each, steps[each.id], each.id in contradicted) for each in reminders]

    return page


def _damage(connection: Connection) -> list[Breach]:
    """Ask SQLite to look through its own file; PostgreSQL does that as it reads, and keeps its constraints."""
    if connection.dialect.name != "sqlite":
        return []
    said = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})").scalars().all()
    return [Breach("damaged", f"SQLite finds the file damaged: {line}.", _DAMAGED) for line in said if line != "ok"]


def _schema(connection: Connection) -> list[Breach]:
    """Hold the tables against what the program knows of them."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415
    from alembic.migration import MigrationContext  # noqa: PLC0415

    context = MigrationContext.configure(connection, opts={"compare_type": True})
    found = compare_metadata(context, tables.metadata)
    kinds = sorted({str((each[0] if isinstance(each, list) else each)[0]) for each in found})
    if not kinds:
        return []
    what = f"The schema is not as the program made it: to mend it would take {', '.join(kinds)}."
    return [Breach("schema", what, _DAMAGED)]


def _orphans(connection: Connection) -> list[Breach]:
    found = connection.scalars(_ORPHANS)
    return [Breach("orphan", f"There are changes of a reminder {id_} that is not there.", _DAMAGED) for id_ in found]


def _one_message_twice(connection: Connection) -> list[Breach]:
    found = connection.scalars(_ONE_MESSAGE_TWICE)
    return [Breach("message", f"The message {id_} stands for more than one reminder.", _TELL) for id_ in found]
