"""Scan: read the window page by page, decide, and claim what is due, one transaction a page.

Nothing is sent while pages are outstanding, since an open search expires.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from fhirnotify.attendees import attendees
from fhirnotify.core.answer import Reason, Remind, Skip
from fhirnotify.core.decide import NOBODY, Attendee, decide
from fhirnotify.core.model import Booking
from fhirnotify.core.schedule import window
from fhirnotify.core.together import Case, Uses, duplicates, shared_numbers
from fhirnotify.errors import IncompleteRead
from fhirnotify.fhir.source import Appointment
from fhirnotify.job import Account, Job
from fhirnotify.ledger.port import Change, Claim, Ledger, Reminder, State, Verdict
from fhirnotify.leftover import LeftOvers
from fhirnotify.record import beside, case_row, row_of, standing, verdict_of, withdrawn_verdict
from fhirnotify.rows import Row

FRESH = timedelta(minutes=5)
"""Facts older than this are read anew before sending (promise 6)."""

_MOST_KEPT = 5_000

Key = tuple[str, str, datetime]
"""A reminder's identity within one kind: appointment, patient, start."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A reminder rendered from facts read at ``read`` (real time), and all records by which they know the patient."""

    read: datetime
    remind: Remind
    aliases: frozenset[str]

    def is_fresh(self, real: datetime) -> bool:
        """Tell whether the facts are young enough to send on; of those from after ``real`` nobody knows their age."""
        return timedelta(0) <= real - self.read <= FRESH


class Fresh:
    """A few thousand decisions to remind, in memory only, so that what is fresh is not read twice."""

    def __init__(self) -> None:
        self._kept: dict[Key, Ready] = {}

    def keep(self, key: Key, ready: Ready) -> None:
        """Keep a decision while there is room: the first to be decided are the first to be sent."""
        if len(self._kept) < _MOST_KEPT:
            self._kept[key] = ready

    def pop(self, reminder: Reminder, real: datetime) -> Ready | None:
        """Give the decision for a reminder, if it was kept and is fresh."""
        ready = self._kept.pop((reminder.appointment, reminder.patient, reminder.start), None)
        return ready if ready is not None and ready.is_fresh(real) else None


class Purpose(Enum):
    """What a scan is for: due reminders are sent after it, held over quiet hours, or only told of."""

    SEND = "send"
    HOLD = "hold"
    PLAN = "plan"


class Scan:
    """One scan at one moment.

    Args:
        job: what the pass is given.
        run: id of the run.
        now: the moment of all its decisions.
        account: where rows go.
        claims: the ledger to claim in: the real one, or an overlay when nothing is to be sent.
        records: the ledger that keeps the verdicts, if any does.
        left: what earlier runs left to be taken further.
        purpose: what becomes of what is due.
    """

    def __init__(
        self,
        job: Job,
        run: str,
        now: datetime,
        account: Account,
        *,
        claims: Ledger,
        records: Ledger | None,
        left: LeftOvers,
        purpose: Purpose,
    ) -> None:
        self._job, self._run, self._now, self._account = job, run, now, account
        self._claims, self._records, self._left, self._purpose = claims, records, left, purpose
        self._uses: Uses = {}
        self._read = 0
        self.fresh = Fresh()

    def read(self) -> None:
        """Read, decide and claim the whole window.

        Raises:
            IncompleteRead: something may be missing, or the run was told to stop before everything was read.
        """
        asked = self._job.clock.real()  # a server may have found by then what it gives on a later page
        for page in self._job.source.appointments(*window(self._now, self._job.rules)):
            if self._job.stop.is_set():
                raise IncompleteRead(
                    "The run was told to stop before every appointment was read.", "Nothing was sent. Run it again."
                )
            self._page(page, asked)
            self._read += len(page)
            self._job.report.progress("read", self._read)

    def _page(self, page: Sequence[Appointment], read: datetime) -> None:
        held = self._held(page)
        undecided = [booking for booking in page if not self._tell_if_all_held(booking, held)]
        cases = self._without_shared_numbers(self._decided(undecided, held))
        self._claim(self._apart([case for case in cases if not self._tell_if_held(case, held)]), read)

    def _held(self, page: Iterable[Appointment]) -> dict[tuple[str, datetime], list[Reminder]]:
        found: dict[tuple[str, datetime], list[Reminder]] = {}
        for reminder in self._claims.of_appointments([booking.id for booking in page]):
            if reminder.stands:
                found.setdefault((reminder.appointment, reminder.start), []).append(reminder)
        return found

    def _tell_if_all_held(self, booking: Appointment, held: dict[tuple[str, datetime], list[Reminder]]) -> bool:
        """Without reading any patient, when the ledger holds each of them as the appointment names it."""
        if not isinstance(booking, Booking) or booking.start is None or self._job.rules.shared_number == "skip":
            return False
        reminders = {reminder.patient: reminder for reminder in held.get((booking.id, booking.start), ())}
        named = {attendance.patient.id for attendance in booking.attendances}
        if not named or None in named or not named <= reminders.keys():
            return False
        plans_or_could_be_one = self._purpose is Purpose.PLAN or len(named) > 1
        if plans_or_could_be_one and any(map(self._left.is_due, reminders.values())):
            return False
        for patient in sorted(patient for patient in named if patient is not None):
            self._tell_held(reminders[patient], patient)
        return True

    def _decided(self, page: Sequence[Appointment], held: dict[tuple[str, datetime], list[Reminder]]) -> list[Case]:
        bookings = [booking for booking in page if isinstance(booking, Booking)]
        also = {reminder.patient for b in bookings if b.start is not None for reminder in held.get((b.id, b.start), ())}
        people = attendees(self._job.source, bookings, self._now, self._job.rules, also) if bookings else []
        by_id: dict[str, list[Attendee]] = {b.id: persons for b, persons in zip(bookings, people, strict=True)}
        return [
            Case(booking.id, booking.start, person, decide(booking, person, self._now, self._job.rules), booking.unit)
            for booking in page
            for person in by_id.get(booking.id, [NOBODY])
        ]

    def _tell_if_held(self, case: Case, held: dict[tuple[str, datetime], list[Reminder]]) -> bool:
        if case.start is None:
            return False
        theirs = [r for r in held.get((case.appointment, case.start), ()) if r.patient in case.attendee.aliases]
        if not theirs:
            return False
        reminder, *others = sorted(theirs, key=self._left.is_due)
        for other in others:
            self._left.hush(other)
        if self._purpose is Purpose.PLAN and self._left.is_due(reminder):
            self._tell(case_row(case))
        else:
            self._tell_held(reminder, case.attendee.id)
        return True

    def _tell_held(self, reminder: Reminder, patient: str | None) -> None:
        if self._purpose is Purpose.SEND and self._left.is_due(reminder):
            self._left.wait(reminder)
            return
        self._left.see(reminder.appointment, (reminder.patient,), reminder.start)
        if reminder.state in (State.SENDING, State.UNCERTAIN):
            self._left.hush(reminder)  # should another run give it back, and this one take it, it has its row already
        ours = reminder.run == self._run and reminder.state is not State.CLAIMED
        self._tell(row_of(reminder, "remind" if ours else "already", reminder.state, patient=patient))

    def _without_shared_numbers(self, cases: list[Case]) -> list[Case]:
        if self._job.rules.shared_number == "allow":
            return cases
        cases, newly_shared = shared_numbers(cases, self._uses)
        named = {(user.appointment, user.patient) for user in newly_shared}
        users = self._claims.of_appointments([appointment for appointment, _ in named]) if named else []
        shared = [r for r in users if (r.appointment, r.patient) in named and self._yields(r)]
        self._withdraw(shared, Reason.NO_MOBILE_NUMBER)
        return cases

    def _apart(self, cases: list[Case]) -> list[Case]:
        """Settle which of several bookings of one visit is reminded of.

        Another run may have begun to send what was to give way: then that is the one, and it is settled anew.
        """
        while True:
            cases, yielded = self._without_duplicates(cases)
            if not self._withdraw(yielded, Reason.DUPLICATE_BOOKING):
                return cases

    def _without_duplicates(self, cases: list[Case]) -> tuple[list[Case], list[Reminder]]:
        """Give the cases decided together, and the claims of this run that give way to a smaller id."""
        others = {reminder.id: reminder for reminder in beside(self._claims, cases)}
        cases, yielded = duplicates(cases, [standing(one, yields=self._yields(one)) for one in others.values()])
        return cases, [others[other.reminder] for other in yielded]

    def _yields(self, reminder: Reminder) -> bool:
        """Tell whether it was claimed by this very scan, so that nothing has been told of it yet."""
        return reminder.run == self._run and reminder.state is State.CLAIMED

    def _withdraw(self, reminders: Sequence[Reminder], reason: Reason) -> bool:
        """Withdraw what was claimed from an earlier page and must give way; tell whether another run has any of it."""
        if not reminders:
            return False
        changes = [Change(reminder.id, State.WITHDRAWN, code=reason) for reminder in reminders]
        lost = self._claims.move(self._run, self._now, changes)
        withdrawn = [reminder for reminder in reminders if reminder.id not in lost]
        self._keep([withdrawn_verdict(reminder, reason) for reminder in withdrawn])
        for reminder in withdrawn:
            self._tell(row_of(reminder, "skip", None, reason=reason))
        return bool(lost)

    def _keep(self, verdicts: Sequence[Verdict]) -> None:
        if self._records is not None:
            self._records.claim(self._run, self._now, [], verdicts)

    def _claim(self, cases: Sequence[Case], read: datetime) -> None:
        claims = [
            Claim(
                case.appointment,
                case.attendee.id,
                case.start,
                d.contact_type,
                d.evidence,
                d.segments,
                unit=case.unit,
            )
            for case in cases
            if isinstance(d := case.decision, Remind) and case.attendee.id is not None and case.start is not None
        ]
        verdicts = [verdict_of(case) for case in cases]
        if self._records is self._claims:
            taken = self._claims.claim(self._run, self._now, claims, verdicts)
        else:
            taken = self._claims.claim(self._run, self._now, claims, [])
            self._keep(verdicts)
        ours = {
            (claim.appointment, claim.patient, claim.start)
            for claim, is_ours in zip(claims, taken, strict=True)
            if is_ours
        }
        for case in cases:
            self._left.see(case.appointment, case.attendee.aliases, case.start)
            if isinstance(case.decision, Skip):
                self._tell(case_row(case))
            elif case.attendee.id is not None and case.start is not None:
                key = (case.appointment, case.attendee.id, case.start)
                if key in ours:
                    self.fresh.keep(key, Ready(read, case.decision, case.attendee.aliases))
                else:
                    self._tell_taken_by_another(key)

    def _tell_taken_by_another(self, key: Key) -> None:
        for reminder in self._claims.of_appointments([key[0]]):
            if (reminder.appointment, reminder.patient, reminder.start) == key:
                self._tell_held(reminder, reminder.patient)

    def _tell(self, row: Row) -> None:
        if row.patient is not None:
            self._left.see(row.appointment, (row.patient,), row.start)
        self._account.tell(row)
