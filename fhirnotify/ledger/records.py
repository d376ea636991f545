"""Between the values of the port and the rows of the tables."""

from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import Coding, ContactType
from fhirnotify.ledger.port import KeptVerdict, Reminder, State, Transition, Unmapped, Verdict
from fhirnotify.ledger.statements import COLUMNS

Item = TypeVar("Item")

_CHUNK = 500
"""How many values one ``IN`` holds; SQLite before 3.32 takes 999 parameters in a statement."""


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an ``INSERT`` that may say ``ON CONFLICT``, which is of a dialect each but reads the same."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def chunks(items: Collection[Item]) -> Iterator[list[Item]]:
    """Cut what goes into one ``IN`` into pieces that every database takes, without duplicates."""
    unique = list(dict.fromkeys(items))
    for first in range(0, len(unique), _CHUNK):
        yield unique[first : first + _CHUNK]


def reminder_of(row: Row[Any]) -> Reminder:
    """Read a reminder."""
    values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it
    values["state"] = State(values["state"])
    values["contact_type"] = ContactType(values["contact_type"])
    values["evidence"] = Evidence.from_json(values["evidence"])
    values.pop("lease_run", None)
    values.pop("lease_until", None)
    return Reminder(**values)


def values_of(reminder: Reminder) -> dict[str, Any]:
    """Write a reminder: the value of every column that is part of it."""
    values = {column.name: getattr(reminder, column.name) for column in COLUMNS}
    return values | {
        "state": reminder.state.value,
        "contact_type": reminder.contact_type.value,
        "evidence": reminder.evidence.as_json(),
    }


def transition_of(row: Row[Any]) -> Transition:
    """Read a change of state."""
    before = None if row.from_state is None else State(row.from_state)
    return Transition(row.reminder, row.at, row.run, before, State(row.to_state), row.code)


def verdict_of(row: Row[Any]) -> KeptVerdict:
    """Read a verdict."""
    verdict = Verdict(
        appointment=row.appointment,
        patient=row.patient or None,
        start=row.start,
        reason=row.reason,
        contact_type=None if row.contact_type is None else ContactType(row.contact_type),
        evidence=Evidence.from_json(row.evidence),
        detail=tuple(row.detail),
        unmapped=tuple(Coding(system, code) for system, code in row.unmapped),
        unit=row.unit,
    )
    return KeptVerdict(verdict, row.decided, row.run)


def values_of_verdict(kept: KeptVerdict) -> dict[str, Any]:
    """Write a verdict: the value of every column."""
    verdict = kept.verdict
    return {
        "appointment": verdict.appointment,
        "patient": verdict.patient or "",
        "start": verdict.start,
        "reason": verdict.reason,
        "contact_type": None if verdict.contact_type is None else verdict.contact_type.value,
        "evidence": verdict.evidence.as_json(),
        "detail": list(verdict.detail),
        "unmapped": [[coding.system, coding.code] for coding in verdict.unmapped],
        "decided": kept.decided,
        "run": kept.run,
        "unit": verdict.unit,
    }


def unmapped_of(row: Row[Any]) -> Unmapped:
    """Read a count of a code."""
    system, code, count, last_seen = tuple(row)
    return Unmapped(Coding(system or None, code), count, last_seen)
