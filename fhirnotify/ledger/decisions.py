"""The statements on decisions and on codes without a mapping, each within a transaction that the caller holds."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from fhirnotify.core.model import Coding
from fhirnotify.ledger import tables
from fhirnotify.ledger.port import KeptVerdict, Unmapped, Verdict
from fhirnotify.ledger.records import chunks, insert, unmapped_of, values_of_verdict, verdict_of

_decision = tables.decision
_unmapped = tables.unmapped
_Key = tuple[str, str | None]

_OF_APPOINTMENTS = select(_decision).where(_decision.c.appointment.in_(bindparam("appointments", expanding=True)))
_OF_APPOINTMENTS_LOCKED = _OF_APPOINTMENTS.order_by(_decision.c.appointment, _decision.c.patient).with_for_update()

_IDENTITY = ["appointment", "patient"]
_COLUMNS = [column.name for column in _decision.c]
_IS_IT = (_decision.c.appointment == bindparam("the_appointment")) & (_decision.c.patient == bindparam("the_patient"))
_PUT_BY = tables.past_decision.insert().from_select(_COLUMNS, select(*_decision.c).where(_IS_IT))


def keep(connection: Connection, run: str, at: datetime, verdicts: Sequence[Verdict]) -> None:
    """Keep the verdicts that differ from the last ones kept, and count their unmapped codes.

    What had been decided before stays, as a past decision.
    """
    last = _last(connection, [verdict.appointment for verdict in verdicts])
    different: dict[_Key, Verdict] = {}
    codings: Counter[Coding] = Counter()
    for verdict in verdicts:
        key = verdict.appointment, verdict.patient
        if last.get(key) != verdict:
            last[key] = different[key] = verdict
            codings.update(verdict.unmapped)
    # In one order everywhere, so that two machines that keep the same verdicts never wait for each other in a circle.
    ordered = [different[key] for key in sorted(different, key=lambda key: (key[0], key[1] or ""))]
    _write(connection, [KeptVerdict(verdict, at, run) for verdict in ordered])
    _count(connection, at, codings)


def _last(connection: Connection, appointments: Sequence[str], *, lock: bool = False) -> dict[_Key, Verdict]:
    statement = _OF_APPOINTMENTS_LOCKED if lock else _OF_APPOINTMENTS
    kept = (
        verdict_of(row).verdict
        for chunk in chunks(appointments)
        for row in connection.execute(statement, {"appointments": chunk})
    )
    return {(verdict.appointment, verdict.patient): verdict for verdict in kept}


def _write(connection: Connection, kept: Sequence[KeptVerdict]) -> None:
    """Write what is new, and replace what differs; another machine may have decided the same in this moment."""
    if not kept:
        return
    offer = insert(connection, _decision)
    rows = [values_of_verdict(each) for each in kept]
    written = connection.execute(offer.on_conflict_do_nothing(index_elements=_IDENTITY), rows)
    if written.rowcount == len(rows):  # all are new
        return
    there = _last(connection, [each.verdict.appointment for each in kept], lock=True)
    different = [
        row
        for each, row in zip(kept, rows, strict=True)
        if there.get((each.verdict.appointment, each.verdict.patient)) != each.verdict
    ]
    if different:
        keys = [{"the_appointment": row["appointment"], "the_patient": row["patient"]} for row in different]
        connection.execute(_PUT_BY, keys)
        new = {name: offer.excluded[name] for name in _COLUMNS if name not in _IDENTITY}
        connection.execute(offer.on_conflict_do_update(index_elements=_IDENTITY, set_=new), different)


def _count(connection: Connection, at: datetime, codings: Counter[Coding]) -> None:
    if not codings:
        return
    offer = insert(connection, _unmapped)
    add = offer.on_conflict_do_update(
        index_elements=["system", "code"],
        set_={"count": _unmapped.c.count + offer.excluded["count"], "last_seen": offer.excluded.last_seen},
    )
    ordered = sorted((coding.system or "", coding.code, count) for coding, count in codings.items())
    rows = [{"system": system, "code": code, "count": count, "last_seen": at} for system, code, count in ordered]
    connection.execute(add, rows)


def of_appointment(connection: Connection, appointment: str) -> list[KeptVerdict]:
    """Read the last verdict kept for each patient of an appointment, by patient."""
    wanted = select(_decision).where(_decision.c.appointment == appointment).order_by(_decision.c.patient)
    return [verdict_of(row) for row in connection.execute(wanted)]


def unmapped(connection: Connection) -> list[Unmapped]:
    """Read the codes seen without a mapping, the most frequent first."""
    wanted = select(_unmapped).order_by(_unmapped.c.count.desc(), _unmapped.c.system, _unmapped.c.code)
    return [unmapped_of(row) for row in connection.execute(wanted)]
