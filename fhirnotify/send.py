"""Send: take what is claimed in the order of start, hand it to a provider in parallel, and record what becomes of it.

The main thread alone writes the ledger. ``sending``, with the provider's account, is committed before a request is
written, and only for messages that are begun at once; each outcome is committed as soon as it is known.

A message that a provider has certainly not taken, and that goes to another (``Failover``), becomes ``retry``, due at
once: it is taken again by this run, or by another if this one dies, re-checked and begun anew, as everything is.
"""

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, assert_never

from fhirnotify.core.schedule import quiet
from fhirnotify.errors import AccountFault, FhirError
from fhirnotify.job import Job
from fhirnotify.ledger.port import Change, Reminder, State
from fhirnotify.ledger.states import LONGEST_RETRY
from fhirnotify.prepare import Item, Preparing
from fhirnotify.record import row_of
from fhirnotify.rows import Row
from fhirnotify.scan import Fresh
from fhirnotify.sms.courier import STALLED, Courier, Result, elapsed
from fhirnotify.sms.failover import Failover
from fhirnotify.sms.gateway import Accepted, Deferred, Gateway, Rejected, Sms, Unknown

_BATCH = 100
_SHARED_BATCH = 25
"""Few, so that several runs on one ledger end at the same time."""
_WAIT = 0.5
_REFUSED = "account-fault"


class Telling(Protocol):
    """Where it is told what became of reminders: of each once, in the end."""

    def settled(self, reminder: Reminder, row: Row) -> bool:
        """Take the row of a reminder that is settled, for this run; say whether it was told."""
        ...

    def unknown(self, reminder: Reminder) -> None:
        """Take one of which nobody here knows what became of it."""
        ...

    def postponed(self, reminder: Reminder) -> None:
        """Take one that is to be tried again in this run, if it comes to that."""
        ...


@dataclass(frozen=True, slots=True)
class _Begun:
    """A message that is recorded as ``sending`` by this provider."""

    item: Item
    gateway: Gateway

    @property
    def reminder(self) -> Reminder:
        return self.item.reminder

    @property
    def account(self) -> str:
        return self.gateway.account

    def as_sent(self) -> Reminder:
        """Give the reminder with what was found when it was rendered, which is what the ledger holds by then."""
        remind = self.item.ready.remind
        return replace(
            self.reminder,
            contact_type=remind.contact_type,
            evidence=remind.evidence,
            segments=remind.segments,
            provider=self.account,
        )


class Send:
    """One sending phase.

    Args:
        job: what the pass is given.
        run: id of the run.
        now: when the run began: what is due by then is sent, what is deferred after waits for a later run.
        courier: hands messages to providers.
        failover: says to which.
        fresh: decisions of this run's scan that need not be read again yet.
        telling: where it is told what became of them.
    """

    def __init__(
        self,
        job: Job,
        run: str,
        now: datetime,
        *,
        courier: Courier,
        failover: Failover,
        fresh: Fresh,
        telling: Telling,
    ) -> None:
        assert job.ledger is not None  # a run has both
        assert job.route is not None
        self._job, self._run, self._began = job, run, now
        self._ledger, self._providers = job.ledger, len(job.route.gateways)
        self._courier, self._failover, self._telling = courier, failover, telling
        self._preparing = Preparing(job, run, job.ledger, fresh=fresh, settled=self._settled)
        self._queue: deque[Item] = deque()
        self._begun: dict[str, _Begun] = {}
        self._tried: dict[str, dict[str, timedelta]] = {}
        """Of what goes to another provider, by reminder: who has not taken it, and when it could be tried again."""
        self._batch = _SHARED_BATCH if self._ledger.shared else _BATCH
        self._renewed = elapsed()
        self._handled = 0

    def work(self) -> None:
        """Send until nothing is due, a signal comes, or quiet hours begin; then wait for what is in flight.

        Likewise when there is no provider left to send by (``failover.is_over``), or what is begun ends in doubt
        (``failover.only_doubts``): what is due then stays claimed, for the next run.

        Raises:
            FhirError: a re-check could not read everything; after everything that was in flight has been recorded.
            LedgerError: at once, since nothing can be recorded any more.
        """
        try:
            while self._fill():
                self._turn(self._courier.capacity(_WAIT) if self._queue else 0)
        except FhirError:
            self._drain()
            raise
        self._drain()

    def _fill(self) -> bool:
        """Take the next batch if there is nothing at hand; tell whether there is anything to do."""
        failover = self._failover
        if failover.is_over or failover.only_doubts or self._job.stop.is_set() or quiet(self._now(), self._job.rules):
            return False
        while not self._queue:
            taken = self._ledger.take(self._run, self._began, self._batch)
            if not taken:
                return bool(self._begun)
            self._queue.extend(self._preparing.checked(taken))
        return True

    def _turn(self, room: int) -> None:
        """Record what has finished and begin as many as there is room for, in one commit; then hand these over.

        What another run has taken over meanwhile is left to it: its row is told at the end, by what it is then.
        """
        self._renew()
        items = self._next_items(room)  # first, since it may fail, and what has finished must not be lost
        finished = self._courier.finished(0 if items else _WAIT)
        outcomes = [self._change(self._begun[sms.reference], result) for sms, result in finished]
        if self._failover.is_over:
            self._queue.extendleft(reversed(items))
            items.clear()
        beginning = [_Begun(item, self._failover.choose(self._tried.get(item.reminder.id, ()))) for item in items]
        since = elapsed()
        lost = self._ledger.move(self._run, self._now(), outcomes + [self._sending(each) for each in beginning])
        for change in outcomes:
            self._recorded(change, is_lost=change.reminder in lost)
        for each in beginning:
            if each.reminder.id in lost:
                self._failover.learn(each.account, None)
            else:
                self._begun[each.reminder.id] = each
                self._courier.send(self._sms(each.item), each.gateway, since)

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
                stale = [item.reminder, *(other.reminder for other in self._queue)]
                self._queue = deque(self._preparing.checked(stale))
        return items

    def _sending(self, begun: _Begun) -> Change:
        remind = begun.item.ready.remind
        return Change(
            begun.reminder.id,
            State.SENDING,
            code=begun.gateway.name if self._providers > 1 else None,  # so that each attempt tells whose it was
            provider=begun.account,
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
        begun = self._begun.pop(change.reminder)
        if is_lost or change.to in (State.UNCERTAIN, State.CLAIMED):
            self._tried.pop(change.reminder, None)
            self._telling.unknown(begun.reminder)
        elif change.reminder in self._tried:
            self._telling.postponed(begun.reminder)
        else:
            sent = begun.as_sent()
            self._settled(sent, row_of(sent, "remind", change.to, patient=begun.item.patient))

    def _change(self, begun: _Begun, result: Result) -> Change:
        self._failover.learn(begun.account, result)
        return replace(self._change_by(begun, result), attempt=begun.reminder.attempts + 1)

    def _change_by(self, begun: _Begun, result: Result) -> Change:
        reminder, before = begun.reminder, self._tried.pop(begun.reminder.id, {})
        match result:
            case Accepted():
                return Change(reminder.id, State.ACCEPTED, provider=begun.account, message_id=result.message_id)
            case Rejected():
                return Change(reminder.id, State.REJECTED, code=result.code)
            case Unknown():
                return Change(reminder.id, State.UNCERTAIN, code=result.cause)
            case AccountFault() if self._failover.is_over:
                return Change(reminder.id, State.CLAIMED, code=_REFUSED)
            case Deferred() | AccountFault():
                return self._not_taken(begun, result, before)
        assert_never(result)

    def _not_taken(self, begun: _Begun, result: Deferred | AccountFault, before: dict[str, timedelta]) -> Change:
        """Let another provider have it at once, else leave it to a later run."""
        deferred = result if isinstance(result, Deferred) else Deferred(_REFUSED)
        tried = before | {begun.account: deferred.retry_after or self._back_off(begun.reminder)}
        to_another = not self._job.stop.is_set() and deferred != STALLED and self._failover.another(tried)
        if to_another:
            self._tried[begun.reminder.id] = tried
        not_before = max(self._began, self._now())  # a clock that is set back must not make it due in this run
        next_attempt = self._began if to_another else not_before + min(*tried.values(), LONGEST_RETRY)
        return Change(begun.reminder.id, State.RETRY, code=deferred.code, next_attempt=next_attempt)

    def _back_off(self, reminder: Reminder) -> timedelta:
        """When to try again in a later run, unless the provider says: after 1, 2, 4 … minutes, 15 at the most."""
        return timedelta(minutes=2 ** min(reminder.attempts // self._providers, 4))

    def _settled(self, reminder: Reminder, row: Row) -> bool:
        self._handled += 1
        told = self._telling.settled(reminder, row)
        self._job.report.progress("send", self._handled)
        return told

    def _now(self) -> datetime:
        return self._job.clock.now()
