"""Reminders and their transitions in SQL, each function within a transaction that the caller holds."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from fhirnotify.ledger import statements, tables
from fhirnotify.ledger.changes import changed, claimed, gone, in_order, revived
from fhirnotify.ledger.port import RUN_DIED, Change, Claim, Identity, Reminder, State
from fhirnotify.ledger.records import chunks, insert, reminder_of, values_of
from fhirnotify.ledger.states import LONGEST_RETRY


@dataclass(frozen=True, slots=True)
class Lease:
    """From when, by the ledger's clock, until when what a run takes now is its own."""

    begins: datetime
    lasts: timedelta

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self.begins + self.lasts


Step = tuple[Reminder, State | None, str | None]
"""A reminder as it is after a change, the state it had before, and the code of the change."""


def of_appointments(connection: Connection, appointments: Collection[str]) -> list[Reminder]:
    """Read every reminder of these appointments."""
    found: list[Row[Any]] = []
    for chunk in chunks(appointments):
        found += connection.execute(statements.OF_APPOINTMENTS, {"appointments": chunk})
    return [reminder_of(row) for row in found]


def of_ids(connection: Connection, ids: Collection[str]) -> list[Reminder]:
    """Read the reminders with these ids."""
    found = [row for chunk in chunks(ids) for row in connection.execute(statements.OF_IDS, {"ids": chunk})]
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
        span = {"first": min(moments), "last": max(moments)}
        found += connection.execute(statements.OF_PATIENTS, {"patients": chunk, **span})
    return [reminder_of(row) for row in found if row.start in moments]


def page_in_state(
    connection: Connection, state: State, run: str | None, after: Reminder | None, limit: int
) -> list[Reminder]:
    """Read the reminders in a state, by start, that come after the last one of the page before."""
    values: dict[str, Any] = {"in_state": state.value, "limit": limit}
    values |= {} if run is None else {"of_run": run}
    values |= {} if after is None else {"last_start": after.start, "last_id": after.id}
    page = statements.page(of_run=run is not None, continued=after is not None)
    return [reminder_of(row) for row in connection.execute(page, values)]


def message_ids(connection: Connection, since: datetime, until: datetime) -> frozenset[str]:
    """Read the provider's ids of messages whose sending began between two moments."""
    return frozenset(connection.scalars(statements.MESSAGE_IDS, {"since": since, "until": until}))


def unidentified(connection: Connection, account: str, since: datetime, until: datetime) -> list[Reminder]:
    """Read what an account has, or may have, under an id that nobody knows."""
    values = {"account": account, "since": since, "until": until}
    return [reminder_of(row) for row in connection.execute(statements.UNIDENTIFIED, values)]


def to_follow_up(
    connection: Connection, due: datetime, limit: int, again: Callable[[Reminder], datetime]
) -> list[Reminder]:
    """Read what is to be asked about, the longest due first, and put each off."""
    found = [reminder_of(row) for row in connection.execute(statements.UNDERWAY, {"due": due, "limit": limit})]
    if found:
        connection.execute(statements.PUT_OFF, [{"the_id": each.id, "until": again(each)} for each in found])
    return found


def claim(connection: Connection, run: str, at: datetime, claims: Sequence[Claim]) -> list[bool]:
    """Claim what nobody holds; for each claim, tell whether it is claimed now."""
    if not claims:
        return []
    new = [claimed(each, run) for each in claims]
    by_identity = sorted(new, key=lambda each: each.identity)  # in one order on every machine, as locks are taken
    offer = insert(connection, tables.reminder).on_conflict_do_nothing(index_elements=statements.IDENTITY)
    connection.execute(offer, [values_of(each) | {"created": at, "updated": at} for each in by_identity])
    # Whose insert counted is told by the id that stands there now: row counts of a batch tell nothing.
    ours = _existing(connection, [each.id for each in new])
    _record(connection, at, [(reminder, None, None) for reminder in new if reminder.id in ours])
    refused = [each for each, reminder in zip(claims, new, strict=True) if reminder.id not in ours]
    again = iter(_revive(connection, run, at, refused))
    return [reminder.id in ours or next(again) for reminder in new]


def _existing(connection: Connection, ids: Collection[str]) -> set[str]:
    return {id_ for chunk in chunks(ids) for id_ in connection.scalars(statements.EXISTING, {"ids": chunk})}


def _revive(connection: Connection, run: str, at: datetime, claims: Sequence[Claim]) -> list[bool]:
    """Claim anew what was withdrawn; for each claim, tell whether it is claimed now."""
    withdrawn: dict[Identity, Reminder] = {}
    for chunk in chunks([each.appointment for each in claims]):
        rows = connection.execute(statements.WITHDRAWN, {"appointments": chunk})
        withdrawn |= {each.identity: each for each in map(reminder_of, rows)}
    found = [(each, withdrawn.pop(each.identity, None)) for each in claims]
    steps: list[Step] = [
        (revived(before, each, run), State.WITHDRAWN, None) for each, before in found if before is not None
    ]
    _write(connection, at, None, steps)
    return [before is not None for _, before in found]


def take(connection: Connection, run: str, at: datetime, lease: Lease, limit: int) -> list[Reminder]:
    """Take what is due and free, under a lease, the earliest start first."""
    due = {"at": at, "limit": limit}
    others = {"real_time": lease.begins, "holder": run}
    found = [*connection.execute(statements.DUE, due), *connection.execute(statements.DUE_AFTER_LEASE, due | others)]
    taken = in_order(map(reminder_of, found))[:limit]
    _lease(connection, run, lease.until, [reminder.id for reminder in taken])
    return taken


def renew(connection: Connection, run: str, lease: Lease) -> None:
    """Let the leases of a run that have not run out last longer."""
    connection.execute(statements.RENEW, {"holder": run, "real_time": lease.begins, "until": lease.until})


def held(connection: Connection, run: str, real_time: datetime, ids: Collection[str]) -> frozenset[str]:
    """Tell which of these another run has taken."""
    others = {"holder": run, "real_time": real_time}
    chunked = [connection.scalars(statements.HELD, {"ids": chunk} | others).all() for chunk in chunks(ids)]
    return frozenset(id_ for chunk in chunked for id_ in chunk)


def page_untouched(connection: Connection, run: str, after: str, limit: int) -> list[Reminder]:
    """Read what a run claimed and did nothing more with, by id, after the last one of the page before."""
    values = {"claimed_by": run, "last_id": after, "limit": limit}
    return [reminder_of(row) for row in connection.execute(statements.UNTOUCHED, values)]


def release(connection: Connection, run: str, real_time: datetime, ids: Collection[str]) -> None:
    """Let the leases of these run out. The holder stays noted, so that it is not given them again."""
    mine: list[str] = []
    for chunk in chunks(ids):
        mine += connection.scalars(statements.LEASED_BY, {"ids": chunk, "holder": run})
    _lease(connection, run, real_time, mine)


def _lease(connection: Connection, run: str, until: datetime, ids: Collection[str]) -> None:
    for chunk in chunks(ids):
        connection.execute(statements.LEASE, {"ids": chunk, "holder": run, "until": until})


def end_leases_of(connection: Connection, run: str) -> None:
    """End the leases of a run on what it has not begun."""
    connection.execute(statements.END_LEASES_OF, {"holder": run})


def bring_forward(connection: Connection, at: datetime) -> None:
    """Make due what was put further ahead than any is: by a clock that was wrong, and has been put right."""
    connection.execute(statements.BRING_FORWARD, {"at": at, "never_ahead": at + LONGEST_RETRY})


def bury(connection: Connection, run: str, at: datetime) -> None:
    """Settle what dead runs left, when no other run lives: what they began is uncertain, what they took is free."""
    connection.execute(statements.END_ALL_LEASES)
    _leave_in_doubt(connection, run, at, connection.execute(statements.BEGUN))


def bury_expired(connection: Connection, run: str, at: datetime, real_time: datetime) -> None:
    """Make uncertain what runs began whose lease on it has run out. What they took, ``take`` gives to others."""
    _leave_in_doubt(connection, run, at, connection.execute(statements.BEGUN_AND_LEFT, {"real_time": real_time}))


def _leave_in_doubt(connection: Connection, run: str, at: datetime, rows: Iterable[Row[Any]]) -> None:
    left = map(reminder_of, rows)
    steps: list[Step] = [
        (replace(each, state=State.UNCERTAIN, run=run, code=RUN_DIED), each.state, RUN_DIED) for each in left
    ]
    _write(connection, at, None, steps)


def move(connection: Connection, run: str, at: datetime, lease: Lease, changes: Sequence[Change]) -> frozenset[str]:
    """Change states, each with its transition; give the ids of those that another run was faster with.

    Raises:
        LedgerError: a reminder is gone, or the change is not one there is. The caller rolls back.
    """
    now: dict[str, Reminder] = {}
    holding: set[str] = set()
    for chunk in chunks([change.reminder for change in changes]):
        for row in connection.execute(statements.TO_CHANGE, {"ids": chunk}):
            now[row.id] = reminder_of(row)
            if row.lease_run == run and row.lease_until > lease.begins:
                holding.add(row.id)
    steps: list[Step] = []
    lost: set[str] = set()
    for change in changes:
        before = now.get(change.reminder)
        if before is None:
            raise gone(change.reminder)
        after = changed(before, change, run, lease.begins, holds=before.id in holding)
        if after is None:
            lost.add(before.id)
            continue
        now[before.id] = after
        steps.append((after, before.state, after.code if after.state is before.state else change.code))
    _write(connection, at, lease.until, steps)
    return frozenset(lost)


def _write(connection: Connection, at: datetime, until: datetime | None, steps: Sequence[Step]) -> None:
    """Write changes of state; ``until`` is when the lease ends of what is being sent from now on."""
    if steps:
        connection.execute(statements.CHANGE, [_new_values(step, at, until) for step in steps])
        _record(connection, at, steps)


def _new_values(step: Step, at: datetime, until: datetime | None) -> dict[str, Any]:
    after, before, _ = step
    assert before is not None
    sending = after.state is State.SENDING
    values = values_of(after) | {
        "lease_run": after.run if sending else None,
        "lease_until": until if sending else None,
        "updated": at,
    }
    new = {f"new_{column}": values[column] for column in statements.CHANGING}
    return new | {"the_id": after.id, "before": before.value}


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
        connection.execute(statements.RECORD, rows)
