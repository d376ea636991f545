"""How a reminder changes: the rules of the state machine that every adapter shares, without any storage."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from fhirnotify.errors import LedgerError
from fhirnotify.ledger.port import ACCEPTED_STATES, EDGES, LATE_EDGES, SENT_TWICE, Change, Claim, Reminder, State
from fhirnotify.ledger.states import ENDS

LEASE = timedelta(minutes=5)
"""How long, in real time, what a run has taken for sending is its own, unless it renews that.

As soon as this after a machine has died the others go on with its work. A run that reads for longer than this between
two batches loses nothing but what it had not begun.
"""


def real_time() -> datetime:
    """Give the machine's time, in UTC."""
    return datetime.now(UTC)


def claimed(claim: Claim, run: str) -> Reminder:
    """Make the reminder of a claim, with a random id that tells nothing about the patient or the visit."""
    return Reminder(
        id=uuid4().hex,
        appointment=claim.appointment,
        patient=claim.patient,
        start=claim.start,
        kind=claim.kind,
        state=State.CLAIMED,
        contact_type=claim.contact_type,
        evidence=claim.evidence,
        segments=claim.segments,
        run=run,
        unit=claim.unit,
    )


def revived(reminder: Reminder, claim: Claim, run: str) -> Reminder:
    """Claim a withdrawn reminder anew, on the facts of the new claim. Its attempts stay counted."""
    _check(reminder, State.CLAIMED)
    return replace(
        reminder,
        state=State.CLAIMED,
        contact_type=claim.contact_type,
        evidence=claim.evidence,
        segments=claim.segments,
        run=run,
        next_attempt=None,
        code=None,
        unit=claim.unit,
    )


def changed(reminder: Reminder, change: Change, run: str, real_time: datetime, *, holds: bool) -> Reminder | None:
    """Apply a change of state; None if another run was faster, so that it is not to be made.

    Args:
        reminder: as it is.
        change: what to make of it.
        run: who makes it.
        real_time: by the ledger's clock.
        holds: whether the run has a lease on it that lasts.

    Raises:
        LedgerError: ``EDGES`` does not hold the change, and no other run had to do with it.
    """
    if change.to is State.SENDING and not holds:
        return None
    is_stale = change.attempt is not None and change.attempt != reminder.attempts
    if change.to is State.ACCEPTED and change.code in ENDS:
        return None if is_stale else _ended(reminder, change, run)
    if is_stale or (reminder.run != run and (reminder.state, change.to) not in EDGES):
        return _too_late(reminder, change, run)
    _check(reminder, change.to)
    return _applied(reminder, change, run, real_time)


def _ended(reminder: Reminder, change: Change, run: str) -> Reminder | None:
    """Ask no more; if another run has learnt what became of it, or has ended the asking, that stands."""
    if reminder.state is not State.ACCEPTED or reminder.next_attempt is None:
        return None
    return replace(reminder, run=run, code=change.code, next_attempt=None)


def _too_late(reminder: Reminder, change: Change, run: str) -> Reminder | None:
    """Take from what a run says that has lost the reminder the one thing that stays true: it was accepted."""
    if change.to is not State.ACCEPTED:
        return None
    if reminder.state not in ACCEPTED_STATES:
        assert (reminder.state, change.to) in EDGES | LATE_EDGES
        return _applied(reminder, change, run)
    return replace(reminder, run=run, code=SENT_TWICE) if _is_another(reminder, change) else None


def _is_another(reminder: Reminder, change: Change) -> bool:
    """Tell whether two messages were accepted: by their ids, or, where a provider gives none, by their attempts."""
    if change.message_id is not None and reminder.message_id is not None:
        return change.message_id != reminder.message_id
    return change.attempt is not None and change.attempt != reminder.attempts


def _applied(reminder: Reminder, change: Change, run: str, real_time: datetime | None = None) -> Reminder:
    begins = change.to is State.SENDING
    return replace(
        reminder,
        state=change.to,
        run=run,
        code=reminder.code if change.code is None else change.code,
        provider=reminder.provider if change.provider is None else change.provider,
        message_id=reminder.message_id if change.message_id is None else change.message_id,
        next_attempt=reminder.sending_since if change.to is State.ACCEPTED else change.next_attempt,
        evidence=reminder.evidence if change.evidence is None else change.evidence,
        contact_type=reminder.contact_type if change.contact_type is None else change.contact_type,
        segments=reminder.segments if change.segments is None else change.segments,
        attempts=reminder.attempts + begins,
        sending_since=real_time if begins else reminder.sending_since,
    )


def in_order(reminders: Iterable[Reminder]) -> list[Reminder]:
    """Order reminders as they are sent: by start, then appointment and patient."""
    return sorted(reminders, key=lambda each: (each.start, each.appointment, each.patient))


def gone(reminder: str) -> LedgerError:
    """Make the error for a reminder that the ledger does not hold."""
    return LedgerError(
        f"The ledger holds no reminder {reminder}.",
        "Somebody has changed the ledger during the run; let nobody else write it, then run again.",
    )


def _check(reminder: Reminder, to: State) -> None:
    if (reminder.state, to) not in EDGES:
        raise LedgerError(
            f"The reminder {reminder.id} cannot go from {reminder.state} to {to}.",
            "Somebody has changed the ledger during the run; let nobody else write it, then run again.",
        )
