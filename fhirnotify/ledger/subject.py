"""Everything that the ledger holds about one patient, and its erasure.

What the law says of it is for the region's data protection officer to weigh; what is built here is built on this:
articles 15 and 17 of the GDPR give the patient a copy, and erasure where the region finds that there is a right to it.
Whoever erases must not do the patient harm by it: were nothing left of a reminder whose visit is still to come, the
next run would send it once more. A salted mark in its place would be no better, since who holds the key still holds
personal data (recital 26), and it could not tell of merged records and double bookings. So the bare claim stays until
the visit is past: which appointment, whose, when, of what kind, by which message, and its changes of state; not what
was decided, nor on what it rested. The first purge after the visit deletes it. What is not settled yet, or may be in
some process's hands, stays as long.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, String, Table, cast, delete, or_, select, update

from fhirnotify.ledger import acting, tables
from fhirnotify.ledger.database import Database
from fhirnotify.ledger.old_rows import PAST, SETTLED
from fhirnotify.ledger.port import KeptVerdict, Reminder, State, Transition
from fhirnotify.ledger.purging import overwrite
from fhirnotify.ledger.records import chunks, insert, reminder_of, transition_of, verdict_of
from fhirnotify.ledger.statements import COLUMNS

_ERASED = "erased"

_r, _d, _p, _t = tables.reminder.c, tables.decision.c, tables.past_decision.c, tables.transition.c


@dataclass(frozen=True, slots=True)
class WrittenBack:
    """What the journal system was told of a reminder: what it was told last, if it was; and the last attempt."""

    written: str | None
    at: datetime | None
    attempts: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Became:
    """What had become of a visit when that was read."""

    appointment: str
    start: datetime
    status: str
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """One reminder with all that hangs on it; ``to_erase``: it was erased, and stays bare until the visit is past."""

    reminder: Reminder
    transitions: list[Transition]
    written_back: WrittenBack | None
    to_erase: bool


@dataclass(frozen=True, slots=True)
class Extract:
    """What the ledger holds about a patient: ``records`` are all ids by which it knows the patient.

    Two records are known to be one patient's where a decision about the one rested on the other; a merge that the
    ledger never came upon it does not know. ``runs`` are those whose summary names the patient's number as one to mend.
    ``outcomes`` are of every visit, reminded of or not.
    """

    records: list[str]
    reminders: list[Held]
    decisions: list[KeptVerdict]
    past_decisions: list[KeptVerdict]
    outcomes: list[Became]
    runs: list[str]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all."""
        return not (self.reminders or self.decisions or self.past_decisions or self.runs)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, in rows; and how many reminders stay bare, until the last of their visits is past."""

    reminders: int
    decisions: int
    runs: int
    kept: int
    until: datetime | None


def extract(database: Database, patient: str) -> Extract:
    """Give everything that the ledger holds about a patient.

    Raises:
        LedgerError: it cannot be read.
    """
    return database.read(lambda connection: _extract(connection, _records(connection, patient)))


def erase(database: Database, run: str, now: datetime, patient: str) -> Erasure:
    """Erase a patient from the ledger, in one short transaction, and record by whom it was done, but not of whom.

    Raises:
        LedgerError: it cannot be done; then nothing is erased.
    """
    if database.shared:
        database.hold()

    # Beforehand, since it reads the whole ledger: while something is written, runs wait.
    records = database.read(lambda connection: _records(connection, patient))

    def work(connection: Connection) -> Erasure:
        overwrite(connection)
        found = _extract(connection, records, lock=True)
        done = _erase(connection, now, found)
        if not found.is_empty:
            counts = {"reminders": done.reminders, "decisions": done.decisions, "runs": done.runs, "kept": done.kept}
            acting.deed(connection, run, now, _ERASED, counts)
        return done

    return database.write(work)


def _extract(connection: Connection, records: list[str], *, lock: bool = False) -> Extract:
    mine: Select[Any] = select(*COLUMNS).where(_r.patient.in_(records)).order_by(_r.start, _r.id)
    reminders = [reminder_of(row) for row in connection.execute(mine.with_for_update() if lock else mine)]
    decisions = _verdicts(connection, tables.decision, records)
    past = _verdicts(connection, tables.past_decision, records)
    held = [_held(connection, reminder) for reminder in reminders]
    visits: set[tuple[str, datetime | None]] = {(each.appointment, each.start) for each in reminders}
    visits |= {(each.verdict.appointment, each.verdict.start) for each in (*decisions, *past)}
    became = _became(connection, visits)
    return Extract(records, held, decisions, past, became, [run for run, _ in _runs(connection, records)])


def _records(connection: Connection, patient: str) -> list[str]:
    """Give every id by which the ledger knows a patient: those on which decisions rested, and so on."""
    known, new = {patient}, {patient}
    while new:
        found: set[str] = set()
        for table in (tables.reminder, tables.decision, tables.past_decision):
            rested = table.c.evidence["patient"].as_string()
            refs = [f"Patient/{each}" for each in sorted(new)]
            theirs = [rested.startswith(f"{ref}/", autoescape=True) for ref in refs]
            wanted = select(table.c.patient, rested).where(or_(table.c.patient.in_(new), rested.in_(refs), *theirs))
            for of, ref in connection.execute(wanted.distinct()):
                found |= {of, (ref or "").removeprefix("Patient/").partition("/")[0]}
        new = found - known - {""}
        known |= new
    return sorted(known)


def _verdicts(connection: Connection, table: Table, records: list[str]) -> list[KeptVerdict]:
    wanted = select(table).where(table.c.patient.in_(records)).order_by(table.c.decided, table.c.appointment)
    return [verdict_of(row) for row in connection.execute(wanted)]


def _held(connection: Connection, reminder: Reminder) -> Held:
    steps = connection.execute(select(tables.transition).where(_t.reminder == reminder.id).order_by(_t.id))
    back, marked = tables.write_back.c, tables.to_erase.c
    columns = back.written, back.at, back.attempts, back.code
    told = connection.execute(select(*columns).where(back.reminder == reminder.id)).one_or_none()
    return Held(
        reminder,
        [transition_of(step) for step in steps],
        None if told is None else WrittenBack(*told),
        connection.scalar(select(marked.since).where(marked.reminder == reminder.id)) is not None,
    )


def _became(connection: Connection, visits: Collection[tuple[str, datetime | None]]) -> list[Became]:
    outcome = tables.outcome.c
    found = [
        Became(*row)
        for chunk in chunks(sorted({appointment for appointment, _ in visits}))
        for row in connection.execute(
            select(outcome.appointment, outcome.start, outcome.status, outcome.read_at)
            .where(outcome.appointment.in_(chunk))
            .order_by(outcome.start, outcome.appointment)
        )
    ]
    return [each for each in found if (each.appointment, each.start) in visits]


def _runs(connection: Connection, records: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    """Find the runs whose summary names one of these among the numbers to be mended."""
    of, names = tables.run.c, set(records)
    may = or_(*(cast(of.summary, String).contains(f'"{name}"', autoescape=True) for name in sorted(names)))
    found = connection.execute(select(of.id, of.summary).where(may).order_by(of.begun)).all()
    named = [(id_, summary) for id_, summary in found if summary]
    return [
        (id_, summary)
        for id_, summary in named
        if any(each.get("patient") in names for each in summary.get("undeliverable", ()))
    ]


def _erase(connection: Connection, now: datetime, found: Extract) -> Erasure:
    gone = [held.reminder for held in found.reminders if _can_go(held.reminder, now)]
    stay = [held.reminder for held in found.reminders if not _can_go(held.reminder, now)]
    for chunk in chunks([reminder.id for reminder in gone]):
        connection.execute(delete(tables.reminder).where(_r.id.in_(chunk)))
    for reminder in stay:
        _bare(connection, now, reminder)
    for table in (tables.decision, tables.past_decision):
        connection.execute(delete(table).where(table.c.patient.in_(found.records)))
    for run, summary in _runs(connection, found.records):
        others = [each for each in summary["undeliverable"] if each.get("patient") not in found.records]
        cleared = update(tables.run).where(tables.run.c.id == run)
        connection.execute(cleared.values(summary=summary | {"undeliverable": others}))
    verdicts = [kept.verdict for kept in (*found.decisions, *found.past_decisions)]
    of = {held.reminder.appointment for held in found.reminders} | {verdict.appointment for verdict in verdicts}
    _forget_outcomes(connection, of)
    until = max((reminder.start for reminder in stay), default=None)
    return Erasure(len(gone), len(verdicts), len(found.runs), len(stay), until)


def _can_go(reminder: Reminder, now: datetime) -> bool:
    is_settled = reminder.state in SETTLED and (reminder.state is not State.ACCEPTED or reminder.next_attempt is None)
    return is_settled and reminder.start < now - PAST


def _bare(connection: Connection, now: datetime, reminder: Reminder) -> None:
    """Leave of a reminder what keeps a second one from being sent; of one that is not settled, what settling needs."""
    if reminder.state in SETTLED:
        bare: dict[str, Any] = {
            "appointment": f"Appointment/{reminder.appointment}",
            "patient": None,
            "consent": [],
            "mapping": [],
        }
        stripped = update(tables.reminder).where(_r.id == reminder.id)
        connection.execute(stripped.values(evidence=bare, next_attempt=None))
    mark = insert(connection, tables.to_erase).on_conflict_do_nothing(index_elements=["reminder"])
    connection.execute(mark, {"reminder": reminder.id, "since": now})


def _forget_outcomes(connection: Connection, appointments: Iterable[str]) -> None:
    """Delete what became of visits of which nothing else is left, of no patient, but what stays bare."""
    bare = select(tables.to_erase.c.reminder)
    for chunk in chunks(sorted(appointments)):
        stand = select(_r.appointment).where(_r.appointment.in_(chunk), _r.id.not_in(bare))
        others = set(connection.scalars(stand))
        others |= set(connection.scalars(select(_d.appointment).where(_d.appointment.in_(chunk))))
        if alone := [each for each in chunk if each not in others]:
            connection.execute(delete(tables.outcome).where(tables.outcome.c.appointment.in_(alone)))
