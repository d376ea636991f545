"""What staff could mend before a visit, so that the patient is reminded of it, or of the next one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from fhirnotify.core.answer import Reason
from fhirnotify.ledger import tables
from fhirnotify.ledger.port import State
from fhirnotify.ledger.statistics import is_last_word

MENDABLE = (
    Reason.NO_MOBILE_NUMBER,
    Reason.NO_CONSENT,
    Reason.CONSENT_EXPIRED,
    Reason.CONSENT_UNDETERMINED,
    Reason.CONTACT_TYPE_UNMAPPED,
    Reason.CONTACT_TYPE_CONFLICT,
    Reason.INVALID_RESOURCE,
    Reason.PATIENT_UNREADABLE,
    Reason.PATIENT_INACTIVE,
    Reason.NO_FIRST_NAME,
    Reason.PRIVACY_BLOCKED,
)
"""The reasons that somebody can do something about; not, for example, that the patient has said no."""

UNDELIVERABLE = "undeliverable"
"""The reminder was sent, and the message could not be delivered: the number is wrong, or nobody's."""

_d, _r = tables.decision.c, tables.reminder.c


@dataclass(frozen=True, slots=True)
class Mendable:
    """One visit to come of one patient. ``detail`` holds the paths of elements at fault, or codes; never values."""

    unit: str | None
    start: datetime
    appointment: str
    patient: str | None
    reason: str
    detail: tuple[str, ...] = ()


def mendable(connection: Connection, after: datetime, until: datetime | None = None) -> Iterator[Mendable]:
    """Give what can be mended of visits later than ``after``, by unit, the soonest visit first."""
    decisions = select(_d.unit, _d.start, _d.appointment, _d.patient, _d.reason, _d.detail, _d.unmapped).where(
        _d.start > after, _d.reason.in_([reason.value for reason in MENDABLE]), is_last_word()
    )
    failed = select(_r.unit, _r.start, _r.appointment, _r.patient).where(
        _r.start > after, _r.state.in_([State.UNDELIVERED.value, State.REJECTED.value])
    )
    if until is not None:
        decisions, failed = decisions.where(_d.start < until), failed.where(_r.start < until)
    found = [
        Mendable(
            row.unit,
            row.start,
            row.appointment,
            row.patient or None,
            row.reason,
            tuple(row.detail) or tuple(f"{system or ''}|{code}" for system, code in row.unmapped),
        )
        for row in connection.execute(decisions)
    ]
    found += [Mendable(*row, UNDELIVERABLE) for row in connection.execute(failed)]
    yield from sorted(found, key=lambda one: (one.unit or "￿", one.start, one.appointment, one.patient or ""))
