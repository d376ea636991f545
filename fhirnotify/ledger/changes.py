"""How a reminder changes: the rules of the state machine that every adapter shares, without any storage."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from fhirnotify.errors import LedgerError
from fhirnotify.ledger.port import EDGES, Change, Claim, Reminder, State

LEASE = timedelta(minutes=15)
"""How long, in real time, what a run has taken for sending is its own; as long as the longest wait for a provider."""


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
    )


def changed(reminder: Reminder, change: Change, run: str, real_time: datetime) -> Reminder:
    """Apply a change of state.

    Raises:
        LedgerError: ``EDGES`` does not hold the change.
    """
    _check(reminder, change.to)
    begins = change.to is State.SENDING
    return replace(
        reminder,
        state=change.to,
        run=run,
        code=reminder.code if change.code is None else change.code,
        provider=reminder.provider if change.provider is None else change.provider,
        message_id=reminder.message_id if change.message_id is None else change.message_id,
        next_attempt=change.next_attempt,
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
