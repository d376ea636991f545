"""What one pass of the job is given: the ports, the rules and the clock."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from fhirnotify.core.model import Rules
from fhirnotify.fhir.source import Source
from fhirnotify.ledger.port import Ledger
from fhirnotify.rows import Reporter, Row, Summary
from fhirnotify.sms.gateway import Gateway


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


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one pass needs. ``plan`` does without a gateway, and without a ledger if there is none yet."""

    source: Source
    rules: Rules
    clock: Clock
    report: Reporter
    ledger: Ledger | None
    gateway: Gateway | None
    sending: Sending
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class Account:
    """Counts and reports the rows of one pass."""

    summary: Summary
    report: Reporter

    def tell(self, row: Row) -> None:
        """Count one row and report it."""
        self.summary.count(row)
        self.report.row(row)
