"""Re-check: decide anew, on facts read anew, for reminders that stand in the ledger and are about to be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from fhirnotify.attendees import attendees
from fhirnotify.core.answer import Reason, Skip
from fhirnotify.core.decide import NOBODY, Attendee, decide
from fhirnotify.core.model import Booking, InvalidBooking
from fhirnotify.core.together import Case
from fhirnotify.fhir.source import Appointment
from fhirnotify.job import Job
from fhirnotify.ledger.port import Ledger, Reminder, State
from fhirnotify.record import beside

_UNSENT = (State.CLAIMED, State.RETRY)


def recheck(
    job: Job, run: str, ledger: Ledger, reminders: Sequence[Reminder], now: datetime
) -> list[tuple[Reminder, Case]]:
    """Give the decision of this moment for each reminder, with the patient by the record that has survived.

    A visit that is gone, or was moved, is no longer booked at the reminder's time. The run must have taken them.

    Raises:
        FhirError: something could not be read.
        LedgerError: the ledger cannot be used.
    """
    if not reminders:
        return []
    found = job.source.appointments_by_id(sorted({reminder.appointment for reminder in reminders}))
    bookings = [booking for booking in found.values() if isinstance(booking, Booking)]
    also = {reminder.patient for reminder in reminders}
    people = attendees(job.source, bookings, now, job.rules, also) if bookings else []
    by_id = {booking.id: persons for booking, persons in zip(bookings, people, strict=True)}
    cases = [(reminder, _decided(job, reminder, found.get(reminder.appointment), by_id, now)) for reminder in reminders]
    return _without_others(ledger, run, cases)


def _decided(
    job: Job,
    reminder: Reminder,
    booking: Appointment | None,
    by_id: Mapping[str, Sequence[Attendee]],
    now: datetime,
) -> Case:
    nobody = Attendee(reminder.patient, aliases=frozenset({reminder.patient}))
    if isinstance(booking, InvalidBooking):
        decision = decide(booking, NOBODY, now, job.rules)
        return Case(reminder.appointment, reminder.start, nobody, decision, booking.unit)
    if booking is None or booking.start != reminder.start:
        gone = Skip(Reason.NOT_BOOKED, reminder.evidence)
        return Case(reminder.appointment, reminder.start, nobody, gone, reminder.unit)
    for attendee in by_id[booking.id]:
        if reminder.patient in attendee.aliases:
            decision = decide(booking, attendee, now, job.rules)
            return Case(reminder.appointment, reminder.start, attendee, decision, booking.unit)
    absent = Skip(Reason.NOT_ATTENDING, reminder.evidence)
    return Case(reminder.appointment, reminder.start, nobody, absent, booking.unit)


def _without_others(ledger: Ledger, run: str, cases: list[tuple[Reminder, Case]]) -> list[tuple[Reminder, Case]]:
    """Skip what has become a duplicate since it was claimed: the records of two patients may have been merged.

    What stands is read again after it was asked what others hold, so that what one has sent meanwhile is seen as sent.
    What one takes after that, it looks at after that too, and sees these held by this run.
    """
    ours, decided = {reminder.id for reminder, _ in cases}, [case for _, case in cases]
    standing = beside(ledger, decided)
    held: frozenset[str] = frozenset()
    if others := [other.id for other in standing if other.state in _UNSENT and other.id not in ours]:
        held = ledger.held(run, others)
        standing = beside(ledger, decided)
    return [
        (reminder, _duplicate(case) if any(_precedes(other, reminder, case, held) for other in standing) else case)
        for reminder, case in cases
    ]


def _precedes(other: Reminder, reminder: Reminder, case: Case, held: frozenset[str]) -> bool:
    """Tell whether another reminder is of the same person and visit, and is the one that is, or was, sent.

    Of those that nobody has begun to send, it is the one that another run has taken (``held``): it may have been looked
    at before this one was claimed, and is not looked at again. Of the rest it is the smallest appointment id. Should
    two runs find each other so, neither is sent now, and the next run claims one anew.
    """
    if other.id == reminder.id or other.start != reminder.start or other.patient not in case.attendee.aliases:
        return False
    if other.appointment != reminder.appointment and other.contact_type is not case.decision.contact_type:
        return False
    if other.state in _UNSENT and other.id not in held:
        return (other.appointment, other.patient) < (reminder.appointment, reminder.patient)
    return True


def _duplicate(case: Case) -> Case:
    if isinstance(case.decision, Skip):
        return case
    skip = Skip(Reason.DUPLICATE_BOOKING, case.decision.evidence, case.decision.contact_type)
    return replace(case, decision=skip)
