"""How decisions and reminders are told: as rows for people and machines, and as verdicts for the ledger."""

from fhirnotify.core.model import Skip
from fhirnotify.core.together import Case
from fhirnotify.ledger.port import Reminder, Verdict
from fhirnotify.rows import DecisionWord, Row


def row_of(
    reminder: Reminder,
    decision: DecisionWord,
    outcome: str | None,
    *,
    patient: str | None = None,
    reason: str | None = None,
) -> Row:
    """Make the row of a reminder in the ledger; ``patient`` names it by another record of the same person."""
    segments = None if decision == "skip" else reminder.segments
    return Row(
        reminder.appointment,
        patient or reminder.patient,
        reminder.start,
        decision,
        reminder.contact_type,
        reason,
        reminder.evidence,
        outcome,
        segments,
    )


def skip_row(case: Case, skip: Skip) -> Row:
    """Make the row of a patient who is not reminded."""
    return Row(
        case.appointment,
        case.attendee.id,
        case.start,
        "skip",
        skip.contact_type,
        skip.reason,
        skip.evidence,
        None,
        None,
        skip.detail,
    )


def verdict_of(case: Case) -> Verdict:
    """Make the verdict that the ledger keeps of a decision."""
    skip = case.decision if isinstance(case.decision, Skip) else None
    return Verdict(
        case.appointment,
        case.attendee.id,
        case.start,
        skip.reason if skip else None,
        case.decision.contact_type,
        case.decision.evidence,
        skip.detail if skip else (),
        skip.unmapped if skip else (),
    )
