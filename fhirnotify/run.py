"""The use case: one pass of the job, and the same pass as a plan that writes and sends nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from fhirnotify.core.schedule import quiet
from fhirnotify.errors import AccountFault, FhirnotifyError, LedgerError
from fhirnotify.follow_up import IN_A_RUN, Asking, FollowUp, note
from fhirnotify.job import Account, Job
from fhirnotify.ledger.overlay import Overlay
from fhirnotify.ledger.port import Ledger, Reminder, State
from fhirnotify.leftover import LeftOvers
from fhirnotify.record import row_of
from fhirnotify.recover import settle
from fhirnotify.rows import HELD, Row, Summary
from fhirnotify.scan import Fresh, Purpose, Scan
from fhirnotify.send import Send
from fhirnotify.sms.bucket import Pace, SharedPace, TokenBucket
from fhirnotify.sms.courier import PATIENCE, Courier
from fhirnotify.sms.failover import Failover
from fhirnotify.sms.route import Route


def run(job: Job) -> Summary:
    """Do one pass: follow up what was sent, settle what is uncertain, scan, decide, claim, re-check, send, record.

    Raises:
        FhirnotifyError: the run had to stop; its ``summary`` tells what was done until then.
    """
    assert job.ledger is not None  # wiring gives a run both
    assert job.route is not None
    account = Account(job)
    return _summed_up(account, _Run(job, account, job.ledger, job.route).work)


def plan(job: Job) -> Summary:
    """Decide as a run would at this moment, and tell what it would send. Writes nothing, sends nothing.

    Raises:
        FhirnotifyError: the facts could not be read; its ``summary`` tells what was decided until then.
    """
    account = Account(job)
    left = LeftOvers((), account.summary.now)
    return _summed_up(
        account, lambda: _on_scratch(job, account, left, purpose=Purpose.PLAN, base=job.ledger, outcome=None)
    )


def _summed_up(account: Account, work: Callable[[], None]) -> Summary:
    try:
        work()
    except FhirnotifyError as error:
        error.summary = account.sum_up(error)
        raise
    return account.sum_up()


def _on_scratch(
    job: Job, account: Account, left: LeftOvers, *, purpose: Purpose, base: Ledger | None, outcome: str | None
) -> None:
    """Scan without claiming in earnest, and tell what would be sent with this outcome."""
    summary, scratch = account.summary, job.scratch()
    records = base if purpose is Purpose.HOLD else None
    try:
        claims = Overlay(base, scratch)
        Scan(job, summary.run, summary.now, account, claims=claims, records=records, left=left, purpose=purpose).read()
        for reminder in scratch.in_state(State.CLAIMED):
            account.tell(row_of(reminder, "remind", outcome))
    finally:
        scratch.close()


class _Run:
    """One pass in earnest."""

    def __init__(self, job: Job, account: Account, ledger: Ledger, route: Route) -> None:
        self._job, self._account, self._ledger, self._route = job, account, ledger, route
        self._id, self._now = account.summary.run, account.summary.now
        self._failover = Failover(route)
        self._unasked: dict[str, AccountFault | None] = {}
        """The accounts that are not asked any more about what is uncertain: refused, or silent. They may well send."""

    def work(self) -> None:
        self._ledger.begin(self._id, self._now)
        error: FhirnotifyError | None = None
        try:
            self._pass()
        except LedgerError:
            raise
        except FhirnotifyError as stopped_by:
            error = stopped_by
        self._ledger.finish(self._id, self._job.clock.now(), self._account.sum_up(error).as_json())
        if error:
            raise error

    def _pass(self) -> None:
        """Follow up, settle, scan and send. Every appointment gets its row, also where an account is refused."""
        refused_to_tell = self._follow_up()
        self._settle(list(self._ledger.in_state(State.UNCERTAIN)))
        left = self._left_over()
        if quiet(self._now, self._job.rules):
            _on_scratch(self._job, self._account, left, purpose=Purpose.HOLD, base=self._ledger, outcome=HELD)
        else:
            self._scan_and_send(left)
        self._tell_uncertain(left)
        if fault := AccountFault.of(filter(None, [self._failover.told(), refused_to_tell, *self._unasked.values()])):
            raise fault

    def _follow_up(self) -> AccountFault | None:
        """Ask what became of what earlier runs sent, for a while. An account that is refused is told of at the end."""
        job = self._job
        asking = Asking(self._ledger, self._route, job.sending, job.clock, job.report, job.stop)
        return FollowUp(asking, lambda each, _: note(self._account.summary, each), IN_A_RUN).work()

    def _settle(self, reminders: list[Reminder]) -> None:
        """Ask about what is uncertain. An account that refuses that is told of at the end; it may send all the same."""
        asked = [gateway for gateway in self._failover.usable if gateway.account not in self._unasked]
        done = settle(self._job, self._id, self._now, self._ledger, asked, reminders)
        for account, fault in done.items():
            faults = [fault] if fault else []
            self._unasked[account] = AccountFault.of(faults, "It was asked for messages that are in doubt.")

    def _left_over(self) -> LeftOvers:
        states = (State.CLAIMED, State.RETRY, State.UNCERTAIN)
        return LeftOvers([r for state in states for r in self._ledger.in_state(state)], self._now)

    def _scan_and_send(self, left: LeftOvers) -> None:
        unknown: list[Reminder] = []
        scan = Scan(
            self._job,
            self._id,
            self._now,
            self._account,
            claims=self._ledger,
            records=self._ledger,
            left=left,
            purpose=Purpose.SEND,
        )
        try:
            scan.read()
            if not self._failover.is_over:
                self._send(_Telling(self._account, left, unknown), scan.fresh)
            if not self._failover.is_over:
                self._settle(self._anew(unknown))
        except LedgerError:
            raise
        except FhirnotifyError:
            self._tell_rest(left, unknown)
            raise
        self._tell_rest(left, unknown)

    def _send(self, telling: "_Telling", fresh: Fresh) -> None:
        sending = self._job.sending
        courier = Courier(
            pace=self._pace(),
            parallel=sending.parallel,
            attempts=sending.attempts,
            stop=self._job.stop,
            patience=min(PATIENCE, self._ledger.lease / 2),
        )
        try:
            Send(
                self._job,
                self._id,
                self._now,
                courier=courier,
                failover=self._failover,
                fresh=fresh,
                telling=telling,
            ).work()
        finally:
            courier.close()

    def _pace(self) -> Pace:
        """Give the pace of this run, or of all on the ledger together; where there can be one alone, it is the same.

        It is of all providers together, and kept under the first one's account.
        """
        rate, account = self._job.sending.rate, self._route.gateways[0].account
        if not (self._job.sending.rate_shared and self._ledger.shared):
            return TokenBucket(rate)
        return SharedPace(rate, lambda count: self._ledger.reserve(account, rate, count).total_seconds())

    def _tell_rest(self, left: LeftOvers, unknown: list[Reminder]) -> None:
        """Tell what has not been told: what is uncertain, what was claimed and not sent, and what was left over.

        What another run, at work at the same time, has taken further or holds is told as it is: ``already``.
        """
        for reminder in self._anew(unknown):
            left.settle(reminder)
            self._account.tell(row_of(reminder, "remind", reminder.state), reminder.provider)
        for some in _batches(self._ledger.untouched(self._id)):
            for reminder in some:
                left.settle(reminder)
            self._tell_unsent(some)
        self._tell_unsent(self._anew(left.untold()))

    def _tell_unsent(self, reminders: Sequence[Reminder]) -> None:
        held = self._ledger.held(self._id, [reminder.id for reminder in reminders]) if self._ledger.shared else ()
        for reminder in reminders:
            unsent = reminder.state in (State.CLAIMED, State.RETRY) and reminder.id not in held
            self._account.tell(row_of(reminder, "remind" if unsent else "already", reminder.state))

    def _tell_uncertain(self, left: LeftOvers) -> None:
        """Tell what is uncertain though its visit was cancelled: a person is needed all the same.

        Also for one whose visit was moved, or whose patient's records were merged: it has no row, and is counted.
        """
        summary, standing = self._account.summary, 0
        for reminder in self._ledger.in_state(State.UNCERTAIN):
            if reminder.start > self._now:
                standing += 1
                if left.is_unseen(reminder):
                    self._account.tell(row_of(reminder, "already", reminder.state))
        summary.unsettled = max(summary.unsettled, standing - summary.uncertain)

    def _anew(self, reminders: list[Reminder]) -> list[Reminder]:
        wanted = {reminder.id for reminder in reminders}
        found = self._ledger.of_appointments({reminder.appointment for reminder in reminders}) if wanted else []
        return [reminder for reminder in found if reminder.id in wanted]


@dataclass(frozen=True, slots=True)
class _Telling:
    """Tells what became of reminders, and keeps those of which nobody knows."""

    account: Account
    left: LeftOvers
    unsettled: list[Reminder]

    def settled(self, reminder: Reminder, row: Row) -> bool:
        if has_row := self.left.settle(reminder):
            self.account.tell(row, reminder.provider)
        return has_row

    def unknown(self, reminder: Reminder) -> None:
        self.unsettled.append(reminder)

    def postponed(self, reminder: Reminder) -> None:
        self.left.postpone(reminder)


def _batches(reminders: Iterable[Reminder]) -> Iterator[list[Reminder]]:
    all_of_them = iter(reminders)
    while some := list(islice(all_of_them, 500)):
        yield some
