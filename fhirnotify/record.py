"""How decisions and reminders are told: as rows for people and machines, as verdicts for the ledger, to one another."""

from collections.abc import Iterable

from fhirnotify.core.answer import Remind, Skip
from fhirnotify.core.together import Case, Standing
from fhirnotify.ledger.port import Ledger, Reminder, Verdict
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


def case_row(case: Case) -> Row:
    """Make the row of a decision about which nothing stands in the ledger."""
    decision = case.decision
    skip = decision if isinstance(decision, Skip) else None
    return Row(
        case.appointment,
        case.attendee.id,
        case.start,
        "skip" if skip else "remind",
        decision.contact_type,
        skip.reason if skip else None,
        decision.evidence,
        None,
        decision.segments if isinstance(decision, Remind) else None,
        skip.detail if skip else (),
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
        case.unit,
    )


def withdrawn_verdict(reminder: Reminder, reason: str) -> Verdict:
    """Make the verdict of a reminder that is not sent after all."""
    return Verdict(
        reminder.appointment,
        reminder.patient,
        reminder.start,
        reason,
        reminder.contact_type,
        reminder.evidence,
        unit=reminder.unit,
    )


def beside(ledger: Ledger, cases: Iterable[Case]) -> list[Reminder]:
    """Give what stands in the ledger of the same persons at the same starts as those to be reminded."""
    reminding = [case for case in cases if isinstance(case.decision, Remind)]
    if not reminding:
        return []
    starts = {case.start for case in reminding if case.start is not None}
    people = {alias for case in reminding for alias in case.attendee.aliases}
    return [reminder for reminder in ledger.at_starts(starts, people) if reminder.stands]


def standing(reminder: Reminder, *, yields: bool) -> Standing:
    """Make of a reminder what the rules that concern several decisions need of it."""
    return Standing(
        reminder.id, reminder.appointment, reminder.patient, reminder.start, reminder.contact_type, yields=yields
    )
