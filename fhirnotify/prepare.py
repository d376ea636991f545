"""Prepare: what may be sent is rendered from fresh facts, and the rest withdrawn or expired."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fhirnotify.core.answer import Reason, Remind, Skip
from fhirnotify.core.together import Case
from fhirnotify.job import Job
from fhirnotify.ledger.port import Change, Ledger, Reminder, State
from fhirnotify.recheck import recheck
from fhirnotify.record import case_row, row_of, verdict_of
from fhirnotify.rows import Row
from fhirnotify.scan import Fresh, Ready

Tell = Callable[[Reminder, Row], bool]
"""Takes the row of a reminder that is settled; says whether it was told."""


@dataclass(frozen=True, slots=True)
class Item:
    """A reminder that may be sent as it is rendered."""

    reminder: Reminder
    ready: Ready
    patient: str | None = None
    """The record by which the re-check names the patient, if there was one."""


class Preparing:
    """Prepares what one run has taken.

    Args:
        job: what the pass is given.
        run: id of the run.
        ledger: where the reminders stand.
        fresh: decisions of this run's scan that need not be read again yet.
        settled: takes each row with its reminder once it is settled.
    """

    def __init__(self, job: Job, run: str, ledger: Ledger, *, fresh: Fresh, settled: Tell) -> None:
        self._job, self._run, self._ledger = job, run, ledger
        self._fresh, self._settled = fresh, settled

    def checked(self, reminders: Sequence[Reminder]) -> list[Item]:
        """Give what may be sent, in the order in which it was given; settle the rest.

        Raises:
            FhirError: a re-check could not read everything.
            LedgerError: nothing can be recorded any more.
        """
        now, read = self._job.clock.now(), self._job.clock.real()
        fresh = [Item(reminder, ready) for reminder in reminders if (ready := self._fresh.pop(reminder, read))]
        together = self._together(fresh)
        items = {item.reminder.id: item for item in fresh if item.reminder.id not in together}
        stale = [reminder for reminder in reminders if reminder.id not in items]
        refused: list[tuple[Reminder, Case]] = []
        for reminder, case in recheck(self._job, self._run, self._ledger, stale, now):
            if isinstance(case.decision, Remind):
                ready = Ready(read, case.decision, case.attendee.aliases)
                items[reminder.id] = Item(reminder, ready, case.attendee.id)
            else:
                refused.append((reminder, case))
        self._give_up(refused)
        return [items[reminder.id] for reminder in reminders if reminder.id in items]

    def _together(self, fresh: Sequence[Item]) -> frozenset[str]:
        """Give those beside which another has come to stand since the scan: only another run can have claimed it.

        It is of the same person by any record that the scan knew of, or of the same visit: the records may have been
        merged since either of the two was read.
        """
        if not (fresh and self._ledger.shared):
            return frozenset()
        starts = {item.reminder.start for item in fresh}
        near = self._ledger.at_starts(starts, {alias for item in fresh for alias in item.ready.aliases})
        near += self._ledger.of_appointments({item.reminder.appointment for item in fresh})
        standing = [reminder for reminder in near if reminder.stands]
        return frozenset(item.reminder.id for item in fresh if any(_may_be_of_one(item, each) for each in standing))

    def _give_up(self, cases: Sequence[tuple[Reminder, Case]]) -> None:
        """Withdraw what the re-check says no to; what it finds too late has expired."""
        if not cases:
            return
        now = self._job.clock.now()
        lost = self._ledger.move(self._run, now, [_given_up(reminder, case) for reminder, case in cases])
        verdicts = []
        for reminder, case in cases:
            if reminder.id in lost:
                continue
            if _reason(case) is Reason.TOO_LATE:
                self._settled(reminder, row_of(reminder, "remind", State.EXPIRED, patient=case.attendee.id))
            elif self._settled(reminder, replace(case_row(case), outcome=State.WITHDRAWN)):
                verdicts.append(verdict_of(case))
        self._ledger.claim(self._run, now, [], verdicts)


def _may_be_of_one(item: Item, other: Reminder) -> bool:
    """Tell whether another reminder may be of the same person at the same time."""
    reminder = item.reminder
    if other.id == reminder.id or other.start != reminder.start:
        return False
    return other.appointment == reminder.appointment or other.patient in item.ready.aliases


def _reason(case: Case) -> Reason | None:
    return case.decision.reason if isinstance(case.decision, Skip) else None


def _given_up(reminder: Reminder, case: Case) -> Change:
    reason = _reason(case)
    if reason is Reason.TOO_LATE:
        return Change(reminder.id, State.EXPIRED)
    return Change(reminder.id, State.WITHDRAWN, code=reason)
