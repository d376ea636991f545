"""``explain``: why one appointment was, or was not, reminded of."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now
from fhirnotify.core.answer import Reason
from fhirnotify.errors import SettingsError

if TYPE_CHECKING:
    from fhirnotify.core.answer import Evidence
    from fhirnotify.explain import Explanation, History
    from fhirnotify.ledger.port import KeptVerdict
    from fhirnotify.ledger.written import Standing
    from fhirnotify.rows import Row
    from fhirnotify.uncertain import Limits

Appointment = Annotated[str, typer.Argument(metavar="APPOINTMENT", help="The id of the Appointment.")]


@reported
def explain(appointment: Appointment, config: Config = None, now: Now = None, *, as_json: Json = False) -> None:
    """Why an appointment was or was not reminded of, from the ledger and from the live resources."""
    from fhirnotify import settings, wiring, write_backs  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.reporting import Silent, printable  # noqa: PLC0415
    from fhirnotify.explain import explain as explained  # noqa: PLC0415
    from fhirnotify.uncertain import Limits  # noqa: PLC0415

    chosen = settings.load(config)
    with wiring.job_to_plan(chosen, Silent(), now) as job:
        found = explained(job, appointment.removeprefix("Appointment/"))
    back = write_backs.standing(chosen, [history.reminder.id for history in found.history])
    out = Stdout()
    if as_json:
        out.json(_as_json(found, back))
    elif found.known:
        with closing(wiring.route(chosen)) as route:
            configured = {gateway.account for gateway in route.gateways}
        limits = Limits(chosen.sms.timeout, chosen.reminder.latest)
        for line in _lines(found, chosen.reminder.time_zone, limits, configured, back):
            out.line(printable(line))
    if not found.known:
        raise SettingsError(
            "Neither the FHIR endpoint nor the ledger knows this appointment.",
            "Check the id: it is the resource's logical id, as in Appointment/<id>.",
        )


def _lines(
    found: "Explanation",
    zone: ZoneInfo,
    limits: "Limits",
    configured: Collection[str],
    back: Mapping[str, "Standing"],
) -> Iterator[str]:
    from fhirnotify.cli.reporting import local  # noqa: PLC0415

    start = next((row.start for row in found.rows), None) or next((h.reminder.start for h in found.history), None)
    yield f"When      Appointment {found.appointment}, {local(start, zone)}. {_looked_at(found)}"
    for row in found.rows:
        yield from _of_patient(row, found)
    live = {row.patient: row.reason for row in found.rows}
    for kept in found.verdicts:
        patient, reason = kept.verdict.patient, kept.verdict.reason
        if patient not in live or live[patient] != reason:
            decided = f"{local(kept.decided, zone)} by run {kept.run}"
            yield f"Then      Patient {patient or '(none)'}, {decided}: {_decision(reason, kept.verdict.detail)}"
    if not found.history:
        yield "Message   No reminder of it stands in the ledger."
    for history in found.history:
        yield f"Message   To patient {history.reminder.patient}{_by(history)}: {_story(history, zone)}"
        if told := back.get(history.reminder.id):
            yield f"Journal   {_told(told, zone)}"
        yield from (f"To do     {line}" for line in _to_do(history, zone, limits, configured))


def _to_do(history: "History", zone: ZoneInfo, limits: "Limits", configured: Collection[str]) -> Iterator[str]:
    """Say what a person can do about the message, if anything."""
    from fhirnotify.cli.doubts import advice  # noqa: PLC0415
    from fhirnotify.cli.reasons import dead_number  # noqa: PLC0415
    from fhirnotify.ledger.states import DEAD_NUMBER, State, word  # noqa: PLC0415
    from fhirnotify.uncertain import doubt  # noqa: PLC0415

    reminder = history.reminder
    if reminder.state is State.UNCERTAIN:
        yield from advice(doubt(reminder, history.transitions, limits), zone, configured)
    if reminder.state is State.UNDELIVERED and word(reminder.code) == DEAD_NUMBER:
        code = (reminder.code or "").removeprefix(DEAD_NUMBER).strip()
        yield f"Patient {reminder.patient}: {dead_number(code)}"


def _looked_at(found: "Explanation") -> str:
    if not found.live:
        return "The FHIR endpoint does not have it now."
    if found.in_window:
        return "A run now would consider it."
    return "A run now would not look at it: its start lies outside the window (reminder.lead)."


def _of_patient(row: "Row", found: "Explanation") -> Iterator[str]:
    from fhirnotify.cli.reasons import SENTENCES  # noqa: PLC0415

    yield f"Who       Patient {row.patient or '(none)'}; read {', '.join(_resources(row.evidence))}"
    yield f"Decision  {_decision(row.reason, row.detail)}"
    if row.reason is not None:
        yield f"To change {SENTENCES[Reason(row.reason)][1]}"
    elif any(history.reminder.patient == row.patient for history in found.history):
        yield "To change Nothing: one booked time of one patient gives at most one reminder."
    else:
        yield f"To change Nothing: {row.contact_type}, {row.segments} segments."


def _decision(reason: str | None, detail: tuple[str, ...]) -> str:
    from fhirnotify.cli.reasons import SENTENCES  # noqa: PLC0415

    if reason is None:
        return "Remind: every rule says yes."
    where = f" ({', '.join(detail)})" if detail else ""
    return f"Skip, {reason}{where}: {SENTENCES[Reason(reason)][0]}"


def _resources(evidence: "Evidence") -> list[str]:
    return [each for each in (evidence.appointment, evidence.patient, *evidence.consent) if each]


def _by(history: "History") -> str:
    """Name the provider that it was handed to last; the account itself is told by its opaque name in JSON alone."""
    return f", by {history.reminder.provider.partition('/')[0]}" if history.reminder.provider else ""


def _story(history: "History", zone: ZoneInfo) -> str:
    from fhirnotify.cli.reasons import OUTCOMES, code_told  # noqa: PLC0415
    from fhirnotify.cli.reporting import local  # noqa: PLC0415

    steps = [
        f"{local(step.at, zone)} {step.to_state}{f' ({code_told(step.code)})' if step.code else ''}"
        for step in history.transitions
    ]
    return f"{OUTCOMES[history.reminder.state]}. {' → '.join(steps)}"


def _told(standing: "Standing", zone: ZoneInfo) -> str:
    """Say what the journal system was told of the message."""
    from fhirnotify.cli.reporting import local  # noqa: PLC0415

    told = f"It was told: {standing.written}." if standing.written else "It has not been told yet."
    if not standing.attempts:
        return told
    why = f" ({standing.code})" if standing.code else ""
    return f"{told} Tried in vain since: {standing.attempts}{why}, last {local(standing.at, zone)}."


def _as_json(found: "Explanation", back: Mapping[str, "Standing"]) -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    return {
        "appointment": found.appointment,
        "now": instant(found.now),
        "known": found.known,
        "live": found.live,
        "in_window": found.in_window,
        "decisions": [row.as_json() | {"detail": list(row.detail)} for row in found.rows],
        "verdicts": [_verdict_as_json(kept) for kept in found.verdicts],
        "reminders": [_reminder_as_json(history, back.get(history.reminder.id)) for history in found.history],
    }


def _verdict_as_json(kept: "KeptVerdict") -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    return {
        "patient": kept.verdict.patient,
        "start": instant(kept.verdict.start) if kept.verdict.start else None,
        "reason": kept.verdict.reason,
        "contact_type": kept.verdict.contact_type,
        "detail": list(kept.verdict.detail),
        "evidence": kept.verdict.evidence.as_json(),
        "decided": instant(kept.decided),
        "run": kept.run,
    }


def _reminder_as_json(history: "History", back: "Standing | None") -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    return {
        "id": history.reminder.id,
        "patient": history.reminder.patient,
        "start": instant(history.reminder.start),
        "state": history.reminder.state,
        "provider": history.reminder.provider,
        "message_id": history.reminder.message_id,
        "transitions": [
            {"at": instant(step.at), "run": step.run, "from": step.from_state, "to": step.to_state, "code": step.code}
            for step in history.transitions
        ],
        "write_back": None
        if back is None
        else {
            "written": back.written,
            "at": instant(back.at) if back.at else None,
            "attempts": back.attempts,
            "code": back.code,
        },
    }
