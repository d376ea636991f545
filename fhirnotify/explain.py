"""Why an appointment was or was not reminded of: by the live resources now, and by what the ledger holds."""

from dataclasses import dataclass
from datetime import datetime

from fhirnotify.attendees import attendees
from fhirnotify.core.decide import NOBODY, decide
from fhirnotify.core.model import Booking
from fhirnotify.core.schedule import window
from fhirnotify.core.together import Case, duplicates
from fhirnotify.fhir.source import Appointment
from fhirnotify.job import Job
from fhirnotify.ledger.port import KeptVerdict, Reminder, Transition
from fhirnotify.record import beside, case_row, standing
from fhirnotify.rows import Row


@dataclass(frozen=True, slots=True)
class History:
    """One reminder of the ledger and what happened to it, oldest first."""

    reminder: Reminder
    transitions: list[Transition]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything known of one appointment. No name, number or text.

    Attributes:
        live: the appointment could be read now.
        in_window: its start lies in the window now, so that a run would consider it.
        rows: what a run would decide now, one for each patient, whether in the window or not. What depends on
            other appointments of the same run (a number shared by two patients) shows in ``verdicts`` only.
        verdicts: the last decision kept for each patient.
        history: its reminders in the ledger.
    """

    appointment: str
    now: datetime
    live: bool
    in_window: bool
    rows: list[Row]
    verdicts: list[KeptVerdict]
    history: list[History]

    @property
    def known(self) -> bool:
        """Whether anything at all is known of it."""
        return self.live or bool(self.verdicts or self.history)


def explain(job: Job, appointment: str) -> Explanation:
    """Explain one appointment at this moment.

    Raises:
        FhirError: the live resources could not be read.
        LedgerError: the ledger could not be read.
    """
    now = job.clock.now()
    booking = job.source.appointments_by_id([appointment]).get(appointment)
    reminders = job.ledger.of_appointments([appointment]) if job.ledger else []
    return Explanation(
        appointment,
        now,
        live=booking is not None,
        in_window=booking is not None and _in_window(booking, now, job),
        rows=[] if booking is None else _rows(job, booking, now),
        verdicts=job.ledger.verdicts(appointment) if job.ledger else [],
        history=[History(r, job.ledger.transitions(r.id)) for r in reminders] if job.ledger else [],
    )


def _in_window(booking: Appointment, now: datetime, job: Job) -> bool:
    after, before = window(now, job.rules)
    return booking.start is not None and after < booking.start < before


def _rows(job: Job, booking: Appointment, now: datetime) -> list[Row]:
    people = attendees(job.source, [booking], now, job.rules)[0] if isinstance(booking, Booking) else [NOBODY]
    cases = [Case(booking.id, booking.start, person, decide(booking, person, now, job.rules)) for person in people]
    others = beside(job.ledger, cases) if job.ledger else []
    return [case_row(case) for case in duplicates(cases, [standing(one, yields=False) for one in others])[0]]
