"""Send: take what is claimed in the order of start, re-check it, and send it in parallel.

The main thread alone writes the ledger. ``sending`` is committed before a request is written, and only for
messages that are begun at once; each outcome is committed as soon as it is known.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from fhirnotify.core.answer import Reason, Remind, Skip
from fhirnotify.core.schedule import quiet
from fhirnotify.core.together import Case
from fhirnotify.errors import AccountFault, FhirError
from fhirnotify.job import Job
from fhirnotify.ledger.port import Change, Reminder, State, Verdict
from fhirnotify.recheck import recheck
from fhirnotify.record import case_row, row_of, verdict_of
from fhirnotify.rows import Row
from fhirnotify.scan import Fresh, Ready
from fhirnotify.sms.courier import Courier, elapsed
from fhirnotify.sms.gateway import Accepted, Deferred, Outcome, Rejected, Sms, Unknown

_BATCH = 100
_SHARED_BATCH = 25
"""Few, so that several runs on one ledger end at the same time."""
_WAIT = 0.5
_LONGEST_WAIT = timedelta(minutes=15)

Tell = Callable[[Reminder, Row], bool]


@dataclass(frozen=True, slots=True)
class Item:
    """A reminder that may be sent as it is rendered."""

    reminder: Reminder
    ready: Ready
    patient: str | None = None
    """The record by which the re-check names the patient, if there was one."""

    def as_sent(self) -> Reminder:
        """Give the reminder with what was found when it was rendered, which is what the ledger holds by then."""
        remind = self.ready.remind
        return replace(
            self.reminder, contact_type=remind.contact_type, evidence=remind.evidence, segments=remind.segments
        )


class Send:
    """One sending phase.

    Args:
        job: what the pass is given.
        run: id of the run.
        now: when the run began: what is due by then is sent, what is deferred after waits for a later run.
        courier: hands messages to the provider.
        fresh: decisions of this run's scan that need not be read again yet.
        tell: takes each row with its reminder once it is settled; says whether it was told.
        unknown: takes those of which nobody here knows what became of them; they are not told.
    """

    def __init__(
        self, job: Job, run: str, now: datetime, *, courier: Courier, fresh: Fresh, tell: Tell, unknown: list[Reminder]
    ) -> None:
        assert job.ledger is not None  # a run has both
        assert job.route is not None
        self._job, self._run, self._began = job, run, now
        self._ledger, self._provider = job.ledger, job.route.gateways[0].account
        self._courier, self._fresh, self._tell, self._unknown = courier, fresh, tell, unknown
        self._queue: deque[Item] = deque()
        self._begun: dict[str, Item] = {}
        self._batch = _SHARED_BATCH if self._ledger.shared else _BATCH
        self._renewed = elapsed()
        self._handled = 0
        self._fault: AccountFault | None = None

    def work(self) -> None:
        """Send until nothing is due, a signal comes, or quiet hours begin; then wait for what is in flight.

        Raises:
            AccountFault: after everything that was in flight has been recorded.
            FhirError: a re-check could not read everything; likewise.
            LedgerError: at once, since nothing can be recorded any more.
        """
        try:
            while self._fill():
                self._turn(self._courier.capacity(_WAIT) if self._queue else 0)
        except FhirError:
            self._drain()
            raise
        self._drain()
        if self._fault:
            raise self._fault

    def _fill(self) -> bool:
        """Take the next batch if there is nothing at hand; tell whether there is anything to do."""
        if self._fault or self._job.stop.is_set() or quiet(self._now(), self._job.rules):
            return False
        while not self._queue:
            taken = self._ledger.take(self._run, self._began, self._batch)
            if not taken:
                return bool(self._begun)
            self._queue.extend(self._checked(taken))
        return True

    def _turn(self, room: int) -> None:
        """Record what has finished and begin as many as there is room for, in one commit; then hand these over.

        What another run has taken over meanwhile is left to it: its row is told at the end, by what it is then.
        """
        self._renew()
        items = self._next_items(room)  # first, since it may fail, and what has finished must not be lost
        finished = self._courier.finished(0 if items else _WAIT)
        outcomes = [self._change(sms.reference, outcome) for sms, outcome in finished]
        if self._fault:
            self._queue.extendleft(reversed(items))
            items.clear()
        since = elapsed()
        lost = self._ledger.move(self._run, self._now(), outcomes + [self._sending(item) for item in items])
        for change in outcomes:
            self._recorded(change, is_lost=change.reminder in lost)
        for item in items:
            if item.reminder.id not in lost:
                self._begun[item.reminder.id] = item
                self._courier.send(self._sms(item), since)

    def _renew(self) -> None:
        """Keep what has been taken, well before the lease runs out."""
        if elapsed() - self._renewed > self._ledger.lease.total_seconds() / 4:
            self._renewed = elapsed()
            self._ledger.renew(self._run)

    def _next_items(self, room: int) -> list[Item]:
        items: list[Item] = []
        while self._queue and len(items) < room:
            item = self._queue.popleft()
            if item.ready.is_fresh(self._job.clock.real()):
                items.append(item)
            else:
                self._queue = deque(self._checked([item.reminder, *(other.reminder for other in self._queue)]))
        return items

    def _sending(self, item: Item) -> Change:
        remind = item.ready.remind
        return Change(
            item.reminder.id,
            State.SENDING,
            provider=self._provider,
            evidence=remind.evidence,
            contact_type=remind.contact_type,
            segments=remind.segments,
        )

    def _sms(self, item: Item) -> Sms:
        remind, sending = item.ready.remind, self._job.sending
        return Sms(item.reminder.id, remind.number, remind.text, sending.sender, sending.validity)

    def _drain(self) -> None:
        """Wait for what is in flight, and record it. The courier ends it within the provider's timeout."""
        while self._begun:
            self._turn(0)
        self._ledger.release(self._run, [item.reminder.id for item in self._queue])

    def _recorded(self, change: Change, *, is_lost: bool) -> None:
        item = self._begun.pop(change.reminder)
        if is_lost or change.to in (State.UNCERTAIN, State.CLAIMED):
            self._unknown.append(item.reminder)
        else:
            self._settled(item.reminder, row_of(item.as_sent(), "remind", change.to, patient=item.patient))

    def _change(self, reminder: str, outcome: Outcome | AccountFault) -> Change:
        attempt = self._begun[reminder].reminder.attempts + 1
        return replace(self._change_by(reminder, outcome), attempt=attempt)

    def _change_by(self, reminder: str, outcome: Outcome | AccountFault) -> Change:
        match outcome:
            case Accepted():
                return Change(reminder, State.ACCEPTED, message_id=outcome.message_id)
            case Rejected():
                return Change(reminder, State.REJECTED, code=outcome.code)
            case Deferred():
                return Change(reminder, State.RETRY, code=outcome.code, next_attempt=self._next(reminder, outcome))
            case Unknown():
                return Change(reminder, State.UNCERTAIN, code=outcome.cause)
            case AccountFault():
                self._fault = self._fault or outcome
                return Change(reminder, State.CLAIMED, code="account-fault")
        assert_never(outcome)

    def _next(self, reminder: str, deferred: Deferred) -> datetime:
        """When to try again in a later run: as the provider asks, else after 1, 2, 4 … minutes, 15 at the most."""
        attempts = self._begun[reminder].reminder.attempts
        wait = deferred.retry_after or timedelta(minutes=2 ** min(attempts, 4))
        return self._now() + min(wait, _LONGEST_WAIT)

    def _checked(self, reminders: Sequence[Reminder]) -> list[Item]:
        """Render what may be sent, from fresh facts; withdraw or expire the rest."""
        now, read = self._now(), self._job.clock.real()
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
        self._give_up(refused, now)
        return [items[reminder.id] for reminder in reminders if reminder.id in items]

    def _together(self, reminders: Sequence[Reminder]) -> frozenset[str]:
        """Give those beside which another has come to stand since the scan: only another run can have claimed it."""
        if not self._ledger.shared:
            return frozenset()
        standing = self._ledger.at_starts({each.start for each in reminders}, {each.patient for each in reminders})
        count = Counter((each.patient, each.start) for each in standing if each.stands)
        return frozenset(each.id for each in reminders if count[each.patient, each.start] > 1)

    def _give_up(self, cases: Sequence[tuple[Reminder, Case]], now: datetime) -> None:
        """Withdraw what the re-check says no to; what it finds too late has expired."""
        if not cases:
            return
        lost = self._ledger.move(self._run, now, [_given_up(reminder, case) for reminder, case in cases])
        verdicts: list[Verdict] = []
        for reminder, case in cases:
            if reminder.id in lost:
                continue
            if _reason(case) is Reason.TOO_LATE:
                self._settled(reminder, row_of(reminder, "remind", State.EXPIRED, patient=case.attendee.id))
            elif self._settled(reminder, replace(case_row(case), outcome=State.WITHDRAWN)):
                verdicts.append(verdict_of(case))
        self._ledger.claim(self._run, now, [], verdicts)

    def _settled(self, reminder: Reminder, row: Row) -> bool:
        self._handled += 1
        told = self._tell(reminder, row)
        self._job.report.progress("send", self._handled)
        return told

    def _now(self) -> datetime:
        return self._job.clock.now()


def _reason(case: Case) -> Reason | None:
    return case.decision.reason if isinstance(case.decision, Skip) else None


def _given_up(reminder: Reminder, case: Case) -> Change:
    reason = _reason(case)
    if reason is Reason.TOO_LATE:
        return Change(reminder.id, State.EXPIRED)
    return Change(reminder.id, State.WITHDRAWN, code=reason)
