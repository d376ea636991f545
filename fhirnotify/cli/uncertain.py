"""``uncertain``: what may or may not have been sent, and what a person found out about it."""

import getpass
import os
import re
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now
from fhirnotify.errors import SettingsError

if TYPE_CHECKING:
    from fhirnotify.settings import Settings
    from fhirnotify.uncertain import Limits, Settled

app = typer.Typer(invoke_without_command=True)

NEEDS_A_PERSON = 6

_NAME = re.compile(r"[A-Za-zÅÄÖåäö][\w.@\\-]{0,63}")

Reminder = Annotated[str, typer.Argument(metavar="ID", help='Its id, as "fhirnotify uncertain" shows it.')]
Sent = Annotated[
    bool,
    typer.Option(
        "--sent/--not-sent",
        help="What the provider's own record shows. A wrong --not-sent sends the patient a second message; "
        "a wrong --sent leaves the patient without one.",
    ),
]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="LOGIN", help="Who found it out; your login name by default (sudo's, if it is used)."),
]


@app.callback()
def _group(context: typer.Context, config: Config = None, *, as_json: Json = False) -> None:
    """What may or may not have been sent, and how to find out; exit code 6 if there is anything.

    The program asks the providers itself, at each run. What is listed here they could not tell it.
    """
    context.obj = (config, as_json)
    if context.invoked_subcommand is None:
        uncertain(config, as_json=as_json)


@reported
def uncertain(config: Path | None, *, as_json: bool) -> None:
    """List what is uncertain."""
    from fhirnotify import ledgers, settings, wiring  # noqa: PLC0415
    from fhirnotify.cli import doubts as words  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.reporting import printable  # noqa: PLC0415
    from fhirnotify.uncertain import doubts  # noqa: PLC0415

    chosen = settings.load(config)
    out, count, zone = Stdout(), 0, chosen.reminder.time_zone
    with closing(wiring.route(chosen)) as route, closing(ledgers.existing(chosen, read_only=True)) as book:
        accounts = {gateway.account for gateway in route.gateways}
        for doubt in doubts(book, _limits(chosen)):
            count += 1
            if as_json:
                out.json(words.as_json(doubt, accounts))
                continue
            out.line(printable(words.headline(doubt, zone)))
            for line in words.advice(doubt, zone, accounts):
                out.line(printable(f"    {line}"))
    if as_json:
        out.json({"summary": {"uncertain": count}})
    else:
        out.line(f"{count} uncertain." if count else "Nothing is uncertain.")
    if count:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
@reported
def settle(
    context: typer.Context,
    reminder: Reminder,
    sent: Sent,  # an option, which must be given
    by: By = None,
    config: Config = None,
    now: Now = None,
    *,
    as_json: Json = False,
) -> None:
    """Record what you found out about an uncertain reminder, with your name; what is recorded stands.

    With --not-sent it is sent by the next run, if there is still time, after everything has been read anew.
    """
    from fhirnotify import ledgers, settings  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.uncertain import settle as settled_by  # noqa: PLC0415

    for_all, for_all_json = context.obj
    chosen, who, as_json = settings.load(config or for_all), _who(by), as_json or for_all_json
    with closing(ledgers.existing(chosen)) as book:
        done = settled_by(book, reminder, who, now or datetime.now(UTC), _limits(chosen), sent=sent)
    out = Stdout()
    if as_json:
        out.json(_as_json(done, sent=sent))
    else:
        out.line(_told(done, chosen, sent=sent))


def _limits(settings: "Settings") -> "Limits":
    from fhirnotify.uncertain import Limits  # noqa: PLC0415

    return Limits(settings.sms.timeout, settings.reminder.latest)


def _who(by: str | None) -> str:
    """Give the name of the person at the keyboard.

    Raises:
        SettingsError: there is none, or it is not a login name: a sentence does not belong in the ledger.
    """
    try:
        name = by if by is not None else os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        raise SettingsError("This account has no login name.", "Say who you are: --by LOGIN.") from None
    if not _NAME.fullmatch(name):
        raise SettingsError("That is no login name.", "Write --by with letters, digits and . _ - @ alone.")
    return name


def _told(done: "Settled", settings: "Settings", *, sent: bool) -> str:
    from fhirnotify.cli.reasons import OUTCOMES  # noqa: PLC0415
    from fhirnotify.cli.reporting import local, printable  # noqa: PLC0415

    reminder, when = done.reminder, local(done.at, settings.reminder.time_zone)
    what = "it was sent" if sent else "it was not sent"
    known = "Recorded" if done.is_new else "Known already"
    return printable(
        f"{known}: {done.by} found out, {when}, that {what}. "
        f"Appointment {reminder.appointment}, patient {reminder.patient}: {OUTCOMES[reminder.state]}."
    )


def _as_json(done: "Settled", *, sent: bool) -> dict[str, object]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    reminder = done.reminder
    return {
        "id": reminder.id,
        "appointment": reminder.appointment,
        "patient": reminder.patient,
        "start": instant(reminder.start),
        "sent": sent,
        "by": done.by,
        "at": instant(done.at),
        "state": reminder.state,
        "new": done.is_new,
    }
