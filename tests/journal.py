"""A journal system of facts, and a job around it, for tests of the use case."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from facts import NOW, RULES, booking, person, statement

from fhirnotify.core.model import (
    Attendance,
    Booking,
    ConsentStatement,
    FhirVersion,
    Identifier,
    Link,
    PatientRef,
    Person,
    Telecom,
)
from fhirnotify.fhir.source import Appointment, Patient
from fhirnotify.job import Job, Sending
from fhirnotify.ledger.memory import MemoryLedger
from fhirnotify.rows import Row, Summary
from fhirnotify.run import plan, run
from fhirnotify.sms.memory import MemoryGateway
from fhirnotify.sms.route import Route


class Journal:
    """Answers as a server that honours every parameter; counts what it is asked."""

    version = FhirVersion.R4

    def __init__(self, page_size: int = 100) -> None:
        self.requests = 0
        self.page_size = page_size
        self.appointments_by: dict[str, Appointment] = {}
        self.people: dict[str, Patient] = {}
        self.statements: dict[str, ConsentStatement] = {}
        self.identifiers: dict[Identifier, list[str]] = {}
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.interrupt: Callable[[str], None] = lambda _: None
        self.in_order = True

    def put(self, *facts: Appointment | Patient | ConsentStatement) -> None:
        """Write resources; one with the same id is replaced."""
        for fact in facts:
            match fact:
                case Booking():
                    self.appointments_by[fact.id] = fact
                case Person():
                    self.people[fact.id] = fact
                case ConsentStatement():
                    self.statements[fact.id] = fact

    def appointments(self, after: datetime, before: datetime) -> Iterator[list[Appointment]]:
        found = [
            b for b in self.appointments_by.values() if b.status == "booked" and b.start and after < b.start < before
        ]
        if self.in_order:
            found.sort(key=lambda b: (b.start, b.id))
        for first in range(0, max(len(found), 1), self.page_size):
            self._ask("Appointment", [])
            yield found[first : first + self.page_size]

    def appointments_by_id(self, ids: Collection[str]) -> dict[str, Appointment]:
        self._ask("Appointment", ids)
        return {one: self.appointments_by[one] for one in ids if one in self.appointments_by}

    def patients(self, ids: Collection[str]) -> dict[str, Patient]:
        self._ask("Patient", ids)
        linking = [one.id for one in self.people.values() if any(link.other.id in ids for link in one.links)]
        return {one: self.people[one] for one in (*ids, *linking) if one in self.people}

    def patients_by_identifier(self, identifiers: Collection[Identifier]) -> dict[Identifier, list[Patient]]:
        self._ask("Patient", [str(one.value) for one in identifiers])
        return {one: [self.people[p] for p in self.identifiers.get(one, ())] for one in identifiers}

    def consents(
        self, patient_ids: Collection[str], identifiers: Collection[Identifier] = ()
    ) -> list[ConsentStatement]:
        self._ask("Consent", patient_ids)
        return [one for one in self.statements.values() if one.patient in patient_ids]

    def shortcomings(self) -> list[str]:
        return []

    def close(self) -> None:
        pass

    def _ask(self, what: str, ids: Iterable[str]) -> None:
        self.requests += 1
        self.asked.append((what, tuple(ids)))
        self.interrupt(what)


class Watch:
    """A clock that a test moves; both its times are the same."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def real(self) -> datetime:
        return self.moment.astimezone(UTC)


@dataclass
class Desk:
    """One journal, one ledger, one provider (or ``more``), and passes over them."""

    journal: Journal = field(default_factory=Journal)
    gateway: MemoryGateway = field(default_factory=MemoryGateway)
    watch: Watch = field(default_factory=Watch)
    settings: Any = RULES
    rows: list[Row] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    rate: float = 1000.0
    attempts: int = 1
    parallel: int = 4
    more: list[Any] = field(default_factory=list)
    failover_on_account_fault: bool = False
    on_progress: Callable[[str, int], None] = lambda stage, done: None

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(self.watch.real)

    def book(self, number: int = 1, **facts: Any) -> None:
        """Book a video visit of a patient of its own, who has consented."""
        patient = f"p{number}"
        mobile = Telecom("phone", f"070-174 06 {5 + number % 95:02}", "mobile")
        self.journal.put(
            booking(f"a{number}", **{"attendances": (Attendance(PatientRef(patient)),), **facts}),
            person(patient, telecoms=(mobile,)),
            statement(f"c{number}", patient=patient),
        )

    def row(self, row: Row) -> None:
        self.rows.append(row)

    def progress(self, stage: str, done: int) -> None:
        self.on_progress(stage, done)

    def job(self) -> Job:
        sending = Sending(
            "RegionVB", timedelta(hours=24), self.rate, self.parallel, self.attempts, timedelta(seconds=20)
        )
        route = Route([self.gateway, *self.more], failover_on_account_fault=self.failover_on_account_fault)
        return Job(
            self.journal,
            self.settings,
            self.watch,
            self,
            self.ledger,
            route,
            sending,
            MemoryLedger,
            self.stop,
        )

    def run(self, after: timedelta = timedelta(0)) -> Summary:
        """Do a pass, so much later."""
        self.watch.moment += after
        self.rows.clear()
        return run(self.job())

    def plan(self) -> Summary:
        """Plan a pass."""
        self.rows.clear()
        return plan(self.job())

    def told(self) -> dict[tuple[str, str | None], tuple[str, str | None, str | None]]:
        """What the last pass told: decision, reason and outcome by appointment and patient; each told once."""
        found = {(row.appointment, row.patient): (row.decision, row.reason, row.outcome) for row in self.rows}
        assert len(found) == len(self.rows)
        return found

    def states(self) -> dict[str, str]:
        """State of each reminder in the ledger, by appointment."""
        return {
            reminder.appointment: reminder.state
            for reminder in self.ledger.of_appointments(list(self.journal.appointments_by))
        }


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SENT = ("remind", None, "accepted")
"""What is told of a reminder that the provider took in this pass."""


def already(outcome):
    """What is told of a reminder that an earlier run made."""
    return ("already", None, outcome)


def skipped(reason, outcome=None):
    """What is told of somebody who is not reminded."""
    return ("skip", reason, outcome)


def merge(desk, old, new, *, back=True):
    """Merge one record into another, as a journal system does."""
    desk.journal.put(replace(desk.journal.people[old], active=False, links=(Link("replaced-by", PatientRef(new)),)))
    if back:
        desk.journal.put(replace(desk.journal.people[new], links=(Link("replaces", PatientRef(old)),)))


class Ticking:
    """A clock that goes on by some minutes each time it is asked for the run's time, and so does real time."""

    def __init__(self, desk, step):
        self._desk, self._step = desk, step

    def now(self):
        self._desk.watch.moment += self._step
        return self._desk.watch.moment

    def real(self):
        return self._desk.watch.moment


def ticking(desk, step):
    """Let the desk's clock go on while a pass is at work."""
    job = desk.job()
    desk.job = lambda: replace(job, clock=Ticking(desk, step), stop=desk.stop, route=Route([desk.gateway]))
