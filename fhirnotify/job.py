"""What one pass of the job is given: the ports, the rules and the clock."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from fhirnotify.core.rules import Rules
from fhirnotify.errors import FhirError, FhirnotifyError, LedgerError
from fhirnotify.fhir.source import Source
from fhirnotify.ledger.port import Ledger, State
from fhirnotify.rows import Reporter, Row, Summary
from fhirnotify.sms.route import Route


class Clock(Protocol):
    """Two times, in UTC: the run's own, which ``--now`` fixes for rehearsals, and the real one."""

    def now(self) -> datetime:
        """Give the run's time: what rules and records go by."""
        ...

    def real(self) -> datetime:
        """Give real time: what freshness, leases and providers go by."""
        ...


@dataclass(frozen=True, slots=True)
class Sending:
    """How messages are sent: the settings of ``[sms]``."""

    sender: str
    validity: timedelta
    rate: float
    parallel: int
    attempts: int
    timeout: timedelta
    rate_shared: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one pass needs. ``plan`` does without a route, and without a ledger if there is none yet.

    ``scratch`` makes an empty ledger that lasts as long as it is held: for claims that are not made in earnest.
    """

    source: Source
    rules: Rules
    clock: Clock
    report: Reporter
    ledger: Ledger | None
    route: Route | None
    sending: Sending
    scratch: Callable[[], Ledger]
    stop: threading.Event = field(default_factory=threading.Event)


class Account:
    """Counts and reports the rows of one pass, and sums it up."""

    def __init__(self, job: Job) -> None:
        self.summary = Summary(uuid4().hex, job.clock.now())
        self._source, self._report = job.source, job.report
        self._first = job.route.gateways[0].account if job.route else None
        self._began, self._requests = time.monotonic(), job.source.requests

    def tell(self, row: Row, provider: str | None = None) -> None:
        """Count one row and report it; ``provider`` is the account that the reminder was handed to, if it was."""
        self.summary.count(row)
        is_sent = row.decision == "remind" and row.outcome == State.ACCEPTED
        self.summary.failed_over += is_sent and provider not in (None, self._first)
        self._report.row(row)

    def sum_up(self, error: FhirnotifyError | None = None) -> Summary:
        """Complete the summary; ``error`` is what stopped the pass.

        What the pass took is taken once: what the ledger keeps and what is printed is the same.
        """
        if not self.summary.seconds:
            self.summary.seconds = time.monotonic() - self._began
            self.summary.fhir_requests = self._source.requests - self._requests
        self.summary.complete = not isinstance(error, FhirError | LedgerError)
        return self.summary
