"""Follow up: ask the providers what became of the messages that they took, until they say something final.

When each is asked about, and how that ends, stands in ``delivery.py``.

How providers are spared, and runs

    Each account is asked about one message until it has answered, then about ``sms.parallel`` at once, within
    ``sms.rate``. One that asks to be left alone (429, 503), refuses the account, or gives no answer to three requests
    one after another is not asked any more in this pass. A run asks for 10 seconds at most, and 500 requests, about
    what is due, and then goes on to its own work whatever is still unanswered. The command asks about everything that
    is underway, once.

A refused account is told of when all is done; it keeps nobody from sending, who will see for himself.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from uuid import uuid4

from fhirnotify import delivery
from fhirnotify.delivery import Step
from fhirnotify.errors import AccountFault, FhirnotifyError
from fhirnotify.job import Clock, Sending
from fhirnotify.ledger.port import Ledger, Reminder, State
from fhirnotify.ledger.states import DEAD_NUMBER, word
from fhirnotify.record import row_of
from fhirnotify.rows import Reporter, Summary, Undeliverable
from fhirnotify.sms.bucket import TokenBucket
from fhirnotify.sms.gateway import Gateway, NotNow
from fhirnotify.sms.inquiries import Inquiries, Learnt
from fhirnotify.sms.route import Route

_BATCH = 100
_WAIT = 0.5
_SILENCES = 3
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asking:
    """What following up needs."""

    ledger: Ledger
    route: Route
    sending: Sending
    clock: Clock
    report: Reporter
    stop: threading.Event


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is asked in one pass: so many requests, for so many seconds."""

    requests: int
    seconds: float


IN_A_RUN = Bounds(500, 10.0)


def follow_up(asking: Asking) -> Summary:
    """Ask about everything that is underway, and tell a row for each: ``already``, with its state by now.

    The summary's reasons count why nothing final is known of those that stay ``accepted``.

    Raises:
        AccountFault: a provider refuses the account; the others have been asked.
        LedgerError: nothing can be recorded. Each error's ``summary`` tells what was done until then.
    """
    summary, began = Summary(uuid4().hex, asking.clock.now()), time.monotonic()

    def heard(reminder: Reminder, learnt: str) -> None:
        row = replace(row_of(reminder, "already", reminder.state), detail=(learnt,) if learnt else ())
        summary.count(row)
        if reminder.state is State.ACCEPTED:
            summary.reasons[learnt] += 1
        note(summary, reminder)
        asking.report.row(row)

    try:
        fault = FollowUp(asking, heard).work()
        if fault:
            raise fault
    except FhirnotifyError as error:
        summary.complete = isinstance(error, AccountFault)
        error.summary = summary
        raise
    finally:
        summary.seconds = time.monotonic() - began
    return summary


def note(summary: Summary, reminder: Reminder) -> None:
    """Note a number to which no message will ever come, if this is one: data to mend."""
    if reminder.state is State.UNDELIVERED and word(reminder.code) == DEAD_NUMBER:
        code = (reminder.code or "").removeprefix(DEAD_NUMBER).strip()
        summary.undeliverable.append(Undeliverable(reminder.appointment, reminder.patient, reminder.start, code))


class FollowUp:
    """One pass of asking.

    Args:
        asking: what it is given.
        heard: is told of every message that was looked at, as it is then, and what was learnt in a word or two.
        bounds: how much is asked, and then only about what is due; None for everything that is underway.
    """

    def __init__(self, asking: Asking, heard: Callable[[Reminder, str], None], bounds: Bounds | None = None) -> None:
        self._asking, self._heard, self._bounds = asking, heard, bounds
        self._ledger, self._route, self._sending = asking.ledger, asking.route, asking.sending
        self._run = uuid4().hex  # not the run's own: what is learnt here is of messages that earlier runs sent
        self._pace = TokenBucket(asking.sending.rate)
        self._inquiries = Inquiries(asking.sending.parallel, asking.stop)
        self._due = self._ledger.real_time() + (timedelta(0) if bounds else delivery.SELDOM)
        self._until = time.monotonic() + (bounds.seconds if bounds else 0)
        self._queue: deque[Reminder] = deque()
        self._asked: dict[str, Reminder] = {}
        self._answering: set[str] = set()
        self._silences: Counter[str] = Counter()
        self._left_alone: set[str] = set()
        self._faults: list[AccountFault] = []
        self._requests = 0
        self._looked_at = 0

    def work(self) -> AccountFault | None:
        """Ask, and record what is learnt; give what is to be told of accounts that were refused, if any was.

        Raises:
            LedgerError: nothing can be recorded.
        """
        try:
            while not self._is_over() and (self._fill() or self._asked):
                self._ask()
                self._learn(self._inquiries.answers(max(0.0, min(_WAIT, self._left()))))
        finally:
            self._inquiries.close()
        return AccountFault.of(self._faults, "It was asked what became of messages.")

    def _is_over(self) -> bool:
        return self._asking.stop.is_set() or self._left() <= 0

    def _left(self) -> float:
        """Give the seconds that are left."""
        return self._until - time.monotonic() if self._bounds else _WAIT

    def _fill(self) -> bool:
        """Take what is to be asked about next, if there is nothing at hand; tell whether there is."""
        while not self._queue and not self._is_over() and (most := self._most()) > 0:
            now = self._ledger.real_time()
            taken = self._ledger.to_follow_up(self._due, most, lambda reminder: self._again(reminder, now))  # noqa: B023
            if not taken:
                break
            for reminder in taken:
                self._queue.append(reminder)
            self._settle_unasked(now)
        return bool(self._queue)

    def _most(self) -> int:
        """Give how many can be asked about in what is left: what is taken and not asked about loses its turn."""
        if self._bounds is None:
            return _BATCH
        return min(_BATCH, self._bounds.requests - self._requests, ceil(self._left() * self._sending.rate))

    def _again(self, reminder: Reminder, now: datetime) -> datetime:
        then = delivery.again(reminder, self._route.by_account(reminder.provider), self._sending.validity, now)
        return then if self._bounds else max(then, self._due + _TICK)  # so that this pass is not given it again

    def _settle_unasked(self, now: datetime) -> None:
        """Settle what there is nobody to ask about; leave the others in the queue."""
        steps = []
        for _ in range(len(self._queue)):
            reminder = self._queue.popleft()
            gateway = self._route.by_account(reminder.provider)
            if step := delivery.unasked(reminder, gateway, self._sending.validity, now):
                steps.append(step)
            else:
                self._queue.append(reminder)
        self._record(steps)

    def _ask(self) -> None:
        while self._inquiries.room and (reminder := self._next()):
            assert reminder.message_id is not None  # else nobody is asked about it
            self._asked[reminder.id] = reminder
            self._requests += 1
            self._inquiries.ask(self._gateway(reminder), reminder.id, reminder.message_id, self._pace.take())

    def _next(self) -> Reminder | None:
        """Give the next one whose account may be asked now."""
        waiting = {reminder.provider for reminder in self._asked.values()} - self._answering
        for _ in range(len(self._queue)):
            reminder = self._queue.popleft()
            if reminder.provider in self._left_alone:
                self._leave(reminder)
            elif reminder.provider in waiting:
                self._queue.append(reminder)
            else:
                return reminder
        return None

    def _leave(self, reminder: Reminder) -> None:
        now, validity = self._ledger.real_time(), self._sending.validity
        self._record([delivery.not_asked(reminder, self._gateway(reminder), validity, now, "not-asked")])

    def _learn(self, answers: Sequence[tuple[str, Learnt]]) -> None:
        if not answers:
            return
        now, steps = self._ledger.real_time(), []
        for id_, learnt in answers:
            reminder = self._asked.pop(id_)
            gateway = self._gateway(reminder)
            self._judge(gateway.account, learnt)
            steps.append(delivery.answered(reminder, gateway, self._sending.validity, now, learnt))
        self._record(steps)

    def _judge(self, account: str, learnt: Learnt) -> None:
        """Take note of how an account answers, and leave it alone where it does not."""
        if isinstance(learnt, AccountFault):
            self._faults.append(learnt)
            self._left_alone.add(account)
        elif isinstance(learnt, NotNow):
            self._silences[account] += 1
            if learnt.is_busy or self._silences[account] >= _SILENCES:
                self._left_alone.add(account)
        else:
            self._silences[account] = 0
            self._answering.add(account)

    def _record(self, steps: Sequence[Step]) -> None:
        """Record what was learnt, in one commit, and tell of it. What another machine was faster with stands."""
        changes = [step.change for step in steps if step.change]
        lost = self._ledger.move(self._run, self._asking.clock.now(), changes) if changes else ()
        others = {each.id: each for each in self._ledger.of_ids(lost)} if lost else {}
        for step in steps:
            self._looked_at += 1
            self._heard(others.get(step.reminder.id) or step.after, step.learnt)
        self._asking.report.progress("ask", self._looked_at)

    def _gateway(self, reminder: Reminder) -> Gateway:
        gateway = self._route.by_account(reminder.provider)
        assert gateway is not None  # else nobody is asked about it
        return gateway
