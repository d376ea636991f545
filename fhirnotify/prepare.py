"""Prepare: what may be sent is rendered from fresh facts, and the rest withdrawn or expired."""

from collections import Counter
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
        items: dict[str, Item] = {}
        stale: list[Reminder] = []
        refused: list[tuple[Reminder, Case]] = []
        together = self._together(reminders)
        for reminder in reminders:
            if (ready := self._fresh.pop(reminder, read)) and reminder.id not in together:
                items[reminder.id] = Item(reminder, ready)
            else:
                stale.append(reminder)
        for reminder, case in recheck(self._job, self._ledger, stale, now):
            if isinstance(case.decision, Remind):
                items[reminder.id] = Item(reminder, Ready(read, case.decision), case.attendee.id)
            else:
                refused.append((reminder, case))
        self._give_up(refused)
        return [items[reminder.id] for reminder in reminders if reminder.id in items]

    def _together(self, reminders: Sequence[Reminder]) -> frozenset[str]:
        """Give those beside which another has come to stand since the scan: only another run can have claimed it."""
        if not self._ledger.shared:
            return frozenset()
        standing = self._ledger.at_starts({each.start for each in reminders}, {each.patient for each in reminders})
        count = Counter((each.patient, each.start) for each in standing if each.stands)
        return frozenset(each.id for each in reminders if count[each.patient, each.start] > 1)

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


def _reason(case: Case) -> Reason | None:
    return case.decision.reason if isinstance(case.decision, Skip) else None


def _given_up(reminder: Reminder, case: Case) -> Change:
    reason = _reason(case)
    if reason is Reason.TOO_LATE:
        return Change(reminder.id, State.EXPIRED)
    return Change(reminder.id, State.WITHDRAWN, code=reason)
