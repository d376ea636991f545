"""The use case: one pass of the job, and the same pass as a plan that writes and sends nothing."""

import time
from collections.abc import Callable
from uuid import uuid4

from fhirnotify.core.schedule import quiet
from fhirnotify.errors import FhirError, FhirnotifyError, LedgerError
from fhirnotify.job import Account, Job
from fhirnotify.ledger.overlay import Overlay, scratch_ledger
from fhirnotify.ledger.port import Ledger, Reminder, State
from fhirnotify.record import row_of
from fhirnotify.recover import settle
from fhirnotify.rows import HELD, Row, Summary
from fhirnotify.scan import Pair, Scan
from fhirnotify.send import Send
from fhirnotify.sms.courier import Courier
from fhirnotify.sms.gateway import Gateway


def run(job: Job) -> Summary:
    """Do one pass: settle what is uncertain, scan, decide, claim, re-check, send, record.

    Raises:
        FhirnotifyError: the run had to stop; its ``summary`` tells what was done until then.
    """
    assert job.ledger is not None  # wiring gives a run both
    assert job.gateway is not None
    account = _account(job)
    return _measured(job, account, _Run(job, account, job.ledger, job.gateway).work)


def plan(job: Job) -> Summary:
    """Decide as a run would at this moment, and tell what it would send. Writes nothing, sends nothing.

    Raises:
        FhirnotifyError: the facts could not be read; its ``summary`` tells what was decided until then.
    """
    account = _account(job)
    return _measured(job, account, lambda: _plan(job, account))


def _account(job: Job) -> Account:
    return Account(Summary(uuid4().hex, job.clock.now()), job.report)


def _measured(job: Job, account: Account, work: Callable[[], None]) -> Summary:
    summary, began, requests = account.summary, time.monotonic(), job.source.requests

    def close() -> None:
        summary.seconds = time.monotonic() - began
        summary.fhir_requests = job.source.requests - requests

    try:
        work()
    except FhirnotifyError as error:
        summary.complete = not isinstance(error, FhirError | LedgerError)
        close()
        error.summary = summary
        raise
    close()
    return summary


def _plan(job: Job, account: Account) -> None:
    _on_scratch(job, account, records=None, base=job.ledger, outcome=None)


def _on_scratch(
    job: Job, account: Account, *, records: Ledger | None, base: Ledger | None, outcome: str | None
) -> None:
    """Scan without claiming in earnest, and tell what would be sent with this outcome."""
    summary, scratch = account.summary, scratch_ledger()
    try:
        overlay = Overlay(base, scratch)
        scan = Scan(job, summary.run, summary.now, account, claims=overlay, records=records, taking=False)
        scan.read()
        for reminder in scratch.in_state(State.CLAIMED):
            account.tell(row_of(reminder, "remind", outcome))
    finally:
        scratch.close()


class _Run:
    """One pass in earnest."""

    def __init__(self, job: Job, account: Account, ledger: Ledger, gateway: Gateway) -> None:
        self._job, self._account, self._ledger, self._gateway = job, account, ledger, gateway
        self._id, self._now = account.summary.run, account.summary.now

    def work(self) -> None:
        self._ledger.begin(self._id, self._now)
        try:
            settle(self._job, self._id, self._ledger, self._gateway, list(self._ledger.in_state(State.UNCERTAIN)))
            if quiet(self._now, self._job.rules):
                _on_scratch(self._job, self._account, records=self._ledger, base=self._ledger, outcome=HELD)
            else:
                self._scan_and_send()
        except LedgerError:
            raise
        except FhirnotifyError:
            self._finish(complete=False)
            raise
        self._finish(complete=True)

    def _finish(self, *, complete: bool) -> None:
        self._ledger.finish(self._id, self._job.clock.now(), self._account.summary.as_json() | {"complete": complete})

    def _scan_and_send(self) -> None:
        scan = Scan(
            self._job,
            self._id,
            self._now,
            self._account,
            claims=self._ledger,
            records=self._ledger,
            watched=self._left_over(),
            taking=True,
        )
        unknown: list[Reminder] = []
        try:
            scan.read()
            self._send(scan, unknown)
            settle(self._job, self._id, self._ledger, self._gateway, self._anew(unknown))
        except LedgerError:
            raise
        except FhirnotifyError:
            self._tell_rest(scan, unknown)
            raise
        self._tell_rest(scan, unknown)

    def _left_over(self) -> set[Pair]:
        states = (State.CLAIMED, State.RETRY)
        return {(r.appointment, r.patient) for state in states for r in self._ledger.in_state(state)}

    def _send(self, scan: Scan, unknown: list[Reminder]) -> None:
        def tell(reminder: Reminder, row: Row) -> None:
            scan.later.pop(reminder.id, None)
            if scan.seen.get((reminder.appointment, reminder.patient), reminder.start) == reminder.start:
                self._account.tell(row)

        sending = self._job.sending
        courier = Courier(
            self._gateway,
            rate=sending.rate,
            parallel=sending.parallel,
            attempts=sending.attempts,
            stop=self._job.stop,
        )
        try:
            Send(self._job, self._id, courier=courier, fresh=scan.fresh, tell=tell, unknown=unknown).work()
        finally:
            courier.close()

    def _tell_rest(self, scan: Scan, unknown: list[Reminder]) -> None:
        """Tell what has not been told: what is uncertain, what was claimed and not sent, what was not taken further."""
        for reminder in self._anew(unknown):
            scan.later.pop(reminder.id, None)
            self._account.tell(row_of(reminder, "remind", reminder.state))
        for reminder in self._ledger.in_state(State.CLAIMED, self._id):
            scan.later.pop(reminder.id, None)
            self._account.tell(row_of(reminder, "remind", reminder.state))
        for reminder in self._anew(list(scan.later.values())):
            self._account.tell(row_of(reminder, "already", reminder.state))

    def _anew(self, reminders: list[Reminder]) -> list[Reminder]:
        wanted = {reminder.id for reminder in reminders}
        found = self._ledger.of_appointments({reminder.appointment for reminder in reminders}) if wanted else []
        return [reminder for reminder in found if reminder.id in wanted]
