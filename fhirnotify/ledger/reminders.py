"""The statements on reminders and their transitions, each within a transaction that the caller holds.

Rows are read with ``FOR UPDATE`` before they are changed. SQLite leaves that out: there the whole transaction was
begun for writing (``BEGIN IMMEDIATE``), so nobody else writes meanwhile.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text, tuple_, update

from fhirnotify.ledger import tables
from fhirnotify.ledger.changes import LEASE, changed, claimed, gone, revived
from fhirnotify.ledger.port import Change, Claim, Identity, Reminder, State
from fhirnotify.ledger.records import chunks, insert, reminder_of, reminders, values_of

_c = tables.reminder.c
_IDENTITY = (_c.appointment, _c.patient, _c.start, _c.kind)
_IN_ORDER = (_c.start, _c.appointment, _c.patient)
_TAKEABLE_STATES = (State.CLAIMED.value, State.RETRY.value)

Step = tuple[Reminder, State | None, str | None]
"""A reminder as it is after a change, the state it had before, and the code of the change."""


def of_appointments(connection: Connection, appointments: Collection[str]) -> list[Reminder]:
    """Read every reminder of these appointments."""
    found: list[Row[Any]] = []
    for chunk in chunks(appointments):
        found += connection.execute(reminders().where(_c.appointment.in_(chunk)).order_by(*_IN_ORDER)).all()
    return [reminder_of(row) for row in found]


def at_starts(connection: Connection, starts: Collection[datetime], patients: Collection[str]) -> list[Reminder]:
    """Read every reminder of these patients at these starts.

    A patient has few visits, so they are looked up by patient within the range and the starts are compared here:
    two ``IN`` would make the database try each patient with each start.
    """
    if not starts:
        return []
    moments = {start.astimezone(UTC) for start in starts}
    found: list[Row[Any]] = []
    for chunk in chunks(patients):
        of_these = reminders().where(_c.patient.in_(chunk), _c.start.between(min(moments), max(moments)))
        found += connection.execute(of_these.order_by(*_IN_ORDER)).all()
    return [reminder_of(row) for row in found if row.start in moments]


def page_in_state(
    connection: Connection, state: State, run: str | None, after: Reminder | None, limit: int
) -> list[Reminder]:
    """Read the reminders in a state, by start, that come after the last one of the page before."""
    wanted = reminders().where(_c.state == state.value).order_by(_c.start, _c.id).limit(limit)
    if run is not None:
        wanted = wanted.where(_c.run == run)
    if after is not None:
        wanted = wanted.where(tuple_(_c.start, _c.id) > (after.start, after.id))
    return [reminder_of(row) for row in connection.execute(wanted)]


def message_ids(connection: Connection, since: datetime, until: datetime) -> frozenset[str]:
    """Read the provider's ids of messages whose sending began between two moments."""
    wanted = select(_c.message_id).where(text("message_id IS NOT NULL"), _c.sending_since.between(since, until))
    return frozenset(connection.scalars(wanted))


def claim(connection: Connection, run: str, at: datetime, claims: Sequence[Claim]) -> list[bool]:
    """Claim what nobody holds; for each claim, tell whether it is claimed now."""
    if not claims:
        return []
    new = [claimed(each, run) for each in claims]
    offer = insert(connection, tables.reminder).on_conflict_do_nothing(index_elements=_IDENTITY)
    connection.execute(offer, [values_of(each) | {"created": at, "updated": at} for each in new])
    # Whose insert counted is told by the id that stands there now: row counts of a batch tell nothing.
    taken = _existing(connection, [each.id for each in new])
    refused = [each for each, reminder in zip(claims, new, strict=True) if reminder.id not in taken]
    again = _revive(connection, run, at, refused)
    _record(connection, at, [(reminder, None, None) for reminder in new if reminder.id in taken])
    return [
        reminder.id in taken or again.pop(id(each), None) is not None
        for each, reminder in zip(claims, new, strict=True)
    ]


def _existing(connection: Connection, ids: Collection[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(ids):
        found |= set(connection.scalars(select(_c.id).where(_c.id.in_(chunk))))
    return found


def _revive(connection: Connection, run: str, at: datetime, claims: Sequence[Claim]) -> dict[int, Reminder]:
    withdrawn: dict[Identity, Reminder] = {}
    for chunk in chunks([each.appointment for each in claims]):
        rows = reminders().where(_c.appointment.in_(chunk), _c.state == State.WITHDRAWN.value).with_for_update()
        withdrawn |= {each.identity: each for each in map(reminder_of, connection.execute(rows))}
    again = {}
    for each in claims:
        before = withdrawn.pop(each.identity, None)
        if before is not None:
            again[id(each)] = revived(before, each, run)
    steps: list[Step] = [(after, State.WITHDRAWN, None) for after in again.values()]
    _write(connection, at, steps, lease_until=None)
    _record(connection, at, steps)
    return again


def take(connection: Connection, run: str, at: datetime, real_time: datetime, limit: int) -> list[Reminder]:
    """Take what is due and free, under a lease, the earliest start first."""
    _end_leases(connection, _c.lease_until <= real_time, _c.lease_run != run)
    due = (
        reminders()
        .where(text(tables.TAKEABLE))
        .where((_c.state == State.CLAIMED.value) | _c.next_attempt.is_(None) | (_c.next_attempt <= at))
        .order_by(*_IN_ORDER)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = [reminder_of(row) for row in connection.execute(due)]
    _lease(connection, run, real_time + LEASE, [reminder.id for reminder in taken])
    return taken


def release(connection: Connection, run: str, real_time: datetime, ids: Collection[str]) -> None:
    """Let the leases of these run out. The holder stays noted, so that it is not given them again."""
    mine = [
        id_
        for chunk in chunks(ids)
        for id_ in connection.scalars(select(_c.id).where(_c.id.in_(chunk), _c.lease_run == run).with_for_update())
    ]
    _lease(connection, run, real_time, mine)


def end_leases_of(connection: Connection, run: str) -> None:
    """End the leases of a run on what it has not begun."""
    _end_leases(connection, _c.lease_run == run)


def end_all_leases(connection: Connection) -> None:
    """End every lease on what was not begun: no other run lives."""
    _end_leases(connection)


def _end_leases(connection: Connection, *conditions: Any) -> None:  # noqa: ANN401  # SQLAlchemy's conditions
    ended = update(tables.reminder).where(text("lease_run IS NOT NULL"), _c.state.in_(_TAKEABLE_STATES), *conditions)
    connection.execute(ended.values(lease_run=None, lease_until=None))


def _lease(connection: Connection, run: str, until: datetime, ids: Collection[str]) -> None:
    for chunk in chunks(ids):
        connection.execute(
            update(tables.reminder).where(_c.id.in_(chunk)).values(lease_run=run, lease_until=until),
        )


def move(connection: Connection, run: str, at: datetime, real_time: datetime, changes: Sequence[Change]) -> None:
    """Change states, each with its transition.

    Raises:
        LedgerError: a reminder is gone, or the change is not one there is. The caller rolls back.
    """
    now: dict[str, Reminder] = {}
    for chunk in chunks([change.reminder for change in changes]):
        rows = connection.execute(reminders().where(_c.id.in_(chunk)).with_for_update())
        now |= {reminder.id: reminder for reminder in map(reminder_of, rows)}
    steps: list[Step] = []
    for change in changes:
        before = now.get(change.reminder)
        if before is None:
            raise gone(change.reminder)
        now[before.id] = changed(before, change, run, real_time)
        steps.append((now[before.id], before.state, change.code))
    _write(connection, at, steps, lease_until=real_time + LEASE)
    _record(connection, at, steps)


def _write(connection: Connection, at: datetime, steps: Sequence[Step], lease_until: datetime | None) -> None:
    """Write changed reminders. Each names the state that it leaves, so that nothing else is ever overwritten."""
    if not steps:
        return
    statement = (
        update(tables.reminder)
        .where(_c.id == bindparam("the_id"), _c.state == bindparam("before"))
        .values({column: bindparam(f"new_{column}") for column in _CHANGING})
    )
    connection.execute(statement, [_new_values(step, at, lease_until) for step in steps])


_CHANGING = (
    "state",
    "contact_type",
    "evidence",
    "segments",
    "run",
    "provider",
    "message_id",
    "attempts",
    "sending_since",
    "next_attempt",
    "code",
    "lease_run",
    "lease_until",
    "updated",
)


def _new_values(step: Step, at: datetime, lease_until: datetime | None) -> dict[str, Any]:
    after, before, _ = step
    sending = after.state is State.SENDING
    values = values_of(after) | {
        "lease_run": after.run if sending else None,
        "lease_until": lease_until if sending else None,
        "updated": at,
    }
    assert before is not None
    return {f"new_{column}": values[column] for column in _CHANGING} | {"the_id": after.id, "before": before.value}


def _record(connection: Connection, at: datetime, steps: Iterable[Step]) -> None:
    rows = [
        {
            "reminder": after.id,
            "at": at,
            "run": after.run,
            "from_state": None if before is None else before.value,
            "to_state": after.state.value,
            "code": code,
        }
        for after, before, code in steps
    ]
    if rows:
        connection.execute(tables.transition.insert(), rows)


def ids_in_state(connection: Connection, state: State) -> list[str]:
    """Read which reminders are in a state: for those few that a dead run left in ``sending``."""
    return list(connection.scalars(select(_c.id).where(_c.state == state.value).order_by(_c.start, _c.id)))
