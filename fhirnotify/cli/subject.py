"""``subject``: what the ledger holds about one patient, and its erasure."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now
from fhirnotify.errors import SettingsError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fhirnotify.ledger.port import KeptVerdict
    from fhirnotify.ledger.subject import Became, Erasure, Extract, Held, WrittenBack

Patient = Annotated[str, typer.Argument(metavar="PATIENT", help="The id of the Patient, by any record of the patient.")]
Erase = Annotated[bool, typer.Option("--erase", help="Erase it, without making a second reminder possible.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether to erase.")]


@reported
def subject(
    patient: Patient,
    config: Config = None,
    now: Now = None,
    *,
    erase: Erase = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """All that the ledger holds about one patient, as for a register extract; with --erase it is erased.

    A reminder of a visit that is still to come stays, bare, until the first purge after it.
    """
    from fhirnotify import ledgers, settings  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.reporting import printable  # noqa: PLC0415

    chosen, id_ = settings.load(config), patient.removeprefix("Patient/")
    zone, out = chosen.reminder.time_zone, Stdout()
    found = ledgers.subject(chosen, id_)
    if not erase:
        if as_json:
            out.json(_as_json(id_, found))
        else:
            for line in _lines(found, zone):
                out.line(printable(line))
        return
    if not (yes or found.is_empty):
        _confirm(found)
    done = ledgers.erase(chosen, id_, now or datetime.now(UTC))
    if as_json:
        out.json(_erasure_as_json(done))
    else:
        for line in _told(done, zone):
            out.line(line)


def _confirm(found: "Extract") -> None:
    """Ask on the terminal.

    Raises:
        SettingsError: nobody is there to answer, or the answer is no.
    """
    what = _counted(found)
    refused = SettingsError("Nothing was erased: it was not confirmed.", "Answer y, or add --yes.")
    if sys.stdin is None:
        raise refused
    try:
        if not typer.confirm(f"Erase {what}?", err=True):
            raise refused
    except typer.Abort:
        raise refused from None


def _counted(found: "Extract") -> str:
    decisions = len(found.decisions) + len(found.past_decisions)
    return (
        f"{len(found.reminders)} reminders, {decisions} decisions and {len(found.runs)} mentions in summaries of runs"
    )


def _lines(found: "Extract", zone: "ZoneInfo") -> Iterator[str]:
    from fhirnotify.cli.reporting import local  # noqa: PLC0415

    if found.is_empty:
        yield "The ledger holds nothing about this patient."
        return
    yield f"The ledger holds {_counted(found)} about this patient; no name, number or text."
    if len(found.records) > 1:
        yield f"Known as  {', '.join(found.records)}"
    for held in found.reminders:
        yield from _of_reminder(held, zone)
    for title, kept in (("Decided", found.decisions), ("Before", found.past_decisions)):
        for each in kept:
            verdict = each.verdict
            what = f"not to remind: {verdict.reason}" if verdict.reason else "to remind"
            of = f"appointment {verdict.appointment}, {local(verdict.start, zone)}"
            rests_on = ", ".join(_resources(each))
            yield f"{title:9} {local(each.decided, zone)} by run {each.run}, {of}: {what} ({rests_on})"
    for became in found.outcomes:
        visit = f"appointment {became.appointment}, {local(became.start, zone)}"
        yield f"Became    {became.status}, as of {local(became.read_at, zone)}: {visit}"
    for run in found.runs:
        yield f"Named     in the summary of run {run}: no message comes to the number"


def _of_reminder(held: "Held", zone: "ZoneInfo") -> Iterator[str]:
    from fhirnotify.cli.reasons import code_told  # noqa: PLC0415
    from fhirnotify.cli.reporting import local  # noqa: PLC0415

    reminder = held.reminder
    by = f", by {reminder.provider.partition('/')[0]} as {reminder.message_id}" if reminder.provider else ""
    yield f"Reminder  of appointment {reminder.appointment}, {local(reminder.start, zone)}, {reminder.contact_type}{by}"
    for step in held.transitions:
        yield f"          {local(step.at, zone)} {step.to_state}{f' ({code_told(step.code)})' if step.code else ''}"
    if held.written_back:
        told = held.written_back
        last = f", last tried {local(told.at, zone)}" if told.at else ""
        yield f"          written to the journal system as {told.written or 'nothing yet'}{last}"
    if held.to_erase:
        yield "          erased; stays until the first purge after the visit, so that no second one is sent"


def _resources(kept: "KeptVerdict") -> list[str]:
    evidence = kept.verdict.evidence
    return [each for each in (evidence.appointment, evidence.patient, *evidence.consent, *evidence.mapping) if each]


def _told(done: "Erasure", zone: "ZoneInfo") -> Iterator[str]:
    from fhirnotify.cli.reporting import local  # noqa: PLC0415

    yield f"Erased {done.reminders} reminders, {done.decisions} decisions, {done.runs} mentions in summaries of runs."
    if done.kept:
        yield (
            f"{done.kept} reminders stay, bare, so that no second one is sent, until the first purge after "
            f"{local(done.until, zone)}."
        )
    yield "A visit to come is decided on anew by the next run: consent is withdrawn in the journal."


def _as_json(patient: str, found: "Extract") -> dict[str, Any]:
    return {
        "patient": patient,
        "records": found.records,
        "reminders": [_held_as_json(held) for held in found.reminders],
        "decisions": [_verdict_as_json(kept) for kept in found.decisions],
        "past_decisions": [_verdict_as_json(kept) for kept in found.past_decisions],
        "outcomes": [_became_as_json(became) for became in found.outcomes],
        "runs": found.runs,
    }


def _held_as_json(held: "Held") -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    reminder = held.reminder
    return {
        "id": reminder.id,
        "appointment": reminder.appointment,
        "patient": reminder.patient,
        "start": instant(reminder.start),
        "unit": reminder.unit,
        "contact_type": reminder.contact_type,
        "state": reminder.state,
        "evidence": reminder.evidence.as_json(),
        "segments": reminder.segments,
        "provider": reminder.provider,
        "message_id": reminder.message_id,
        "attempts": reminder.attempts,
        "sending_since": instant(reminder.sending_since) if reminder.sending_since else None,
        "next_attempt": instant(reminder.next_attempt) if reminder.next_attempt else None,
        "code": reminder.code,
        "run": reminder.run,
        "transitions": [
            {"at": instant(step.at), "run": step.run, "from": step.from_state, "to": step.to_state, "code": step.code}
            for step in held.transitions
        ],
        "written_back": _written_as_json(held.written_back),
        "erased": held.to_erase,
    }


def _written_as_json(told: "WrittenBack | None") -> dict[str, Any] | None:
    from fhirnotify.rows import instant  # noqa: PLC0415

    if told is None:
        return None
    at = instant(told.at) if told.at else None
    return {"written": told.written, "at": at, "attempts": told.attempts, "code": told.code}


def _became_as_json(became: "Became") -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    start, read = instant(became.start), instant(became.read_at)
    return {"appointment": became.appointment, "start": start, "status": became.status, "read_at": read}


def _verdict_as_json(kept: "KeptVerdict") -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    verdict = kept.verdict
    return {
        "appointment": verdict.appointment,
        "patient": verdict.patient,
        "start": instant(verdict.start) if verdict.start else None,
        "unit": verdict.unit,
        "decision": "skip" if verdict.reason else "remind",
        "reason": verdict.reason,
        "contact_type": verdict.contact_type,
        "detail": list(verdict.detail),
        "unmapped": [{"system": each.system, "code": each.code} for each in verdict.unmapped],
        "evidence": verdict.evidence.as_json(),
        "decided": instant(kept.decided),
        "run": kept.run,
    }


def _erasure_as_json(done: "Erasure") -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    until = instant(done.until) if done.until else None
    erased = {"reminders": done.reminders, "decisions": done.decisions, "runs": done.runs}
    return {"erased": erased, "kept": {"reminders": done.kept, "until": until}}
