"""``run`` and ``plan``: one pass of the job, and the same without writing or sending anything."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now
from fhirnotify.errors import FhirnotifyError, SettingsError

if TYPE_CHECKING:
    from fhirnotify.cli.reporting import ForPeople, JsonLines, Quiet
    from fhirnotify.monitoring.watch import Seen
    from fhirnotify.rows import Summary
    from fhirnotify.settings import Settings

Rehearsal = Annotated[
    bool, typer.Option("--rehearsal", help="Let --now send through a real provider: a test account, please.")
]
ToSayLittle = Annotated[
    bool, typer.Option("--quiet", help="One line when it has ended, and none for each appointment: for a schedule.")
]


@reported
def run(
    config: Config = None,
    now: Now = None,
    *,
    as_json: Json = False,
    quiet: ToSayLittle = False,
    rehearsal: Rehearsal = False,
) -> None:
    """One scheduled pass: follow up, settle what is uncertain, scan, decide, claim, re-check, send, record.

    Then, with fhir.write_back, the journal system is told of the reminders, for a while.
    """
    from fhirnotify import settings, wiring, write_backs  # noqa: PLC0415
    from fhirnotify.run import run as pass_of_the_job  # noqa: PLC0415

    chosen = settings.load(config)
    if now is not None and chosen.sms.provider != ("outbox",) and not rehearsal:
        raise SettingsError(
            f'--now would send through {", ".join(chosen.sms.provider)} at a time that is not, so "run" refuses it.',
            'Set sms.provider = "outbox", or add --rehearsal if it is a test account.',
        )
    report = reporter(chosen, as_json=as_json, quiet=quiet)

    def work(stop: threading.Event) -> "Summary":
        with wiring.job_to_run(chosen, report, now, stop) as job:
            return pass_of_the_job(job)

    with stopped_by_signals() as stop, _watched(chosen, now) as seen:
        expected = chosen.monitoring.expect_appointments
        done = partial(write_backs.with_write_back, chosen, now, stop, lambda: work(stop))
        seen.exit_code = finished(lambda: seen.keep(done()), report, expected, now=now)
    raise typer.Exit(seen.exit_code)


@reported
def plan(config: Config = None, now: Now = None, *, as_json: Json = False) -> None:
    """Decisions only: read FHIR, and the ledger if there is one; write nothing, send nothing."""
    from fhirnotify import settings, wiring  # noqa: PLC0415
    from fhirnotify.run import plan as pass_without_sending  # noqa: PLC0415

    chosen = settings.load(config)
    report = reporter(chosen, as_json=as_json)

    def work() -> "Summary":
        with wiring.job_to_plan(chosen, report, now) as job:
            return pass_without_sending(job)

    raise typer.Exit(finished(work, report, chosen.monitoring.expect_appointments, now=now))


@contextmanager
def _watched(settings: "Settings", now: datetime | None) -> "Iterator[Seen]":
    """Let those of ``[monitoring]`` know of the run; nobody is told of a rehearsal."""
    from fhirnotify.monitoring.watch import watched  # noqa: PLC0415
    from fhirnotify.settings.monitoring import Monitoring  # noqa: PLC0415

    with watched(settings.monitoring if now is None else Monitoring()) as seen:
        yield seen


def reporter(settings: "Settings", *, as_json: bool, quiet: bool = False) -> "JsonLines | ForPeople | Quiet":
    """Choose how rows are shown."""
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.reporting import ForPeople, JsonLines, Quiet  # noqa: PLC0415

    if as_json:
        return JsonLines(Stdout(), only_the_end=quiet)
    return Quiet(Stdout()) if quiet else ForPeople(Stdout(), settings.reminder.time_zone)


def finished(
    work: "Callable[[], Summary]",
    report: "JsonLines | ForPeople | Quiet",
    expected: int,
    *,
    now: datetime | None = None,
    logged: bool = True,
) -> int:
    """Do the work, print its summary and log it, also when it had to stop; give the exit code.

    A mistake in the settings is found before anything begins: then there is nothing to sum up.

    Raises:
        FhirnotifyError: what stopped the work, when the summary of what was done until then is printed.
    """
    try:
        summary = work()
    except SettingsError:
        raise
    except FhirnotifyError as error:
        until_then: Summary = error.summary or _nothing_done(now)
        report.end(until_then, error.exit_code)
        _log(until_then, error.exit_code, logged=logged)
        raise
    finally:
        report.close()
    code = summary.exit_code(expected)
    report.end(summary, code)
    _log(summary, code, logged=logged)
    return code


def _nothing_done(now: datetime | None) -> "Summary":
    """Sum up a pass that could not even begin, such as one whose ledger cannot be opened."""
    from fhirnotify.rows import Summary  # noqa: PLC0415

    return Summary(uuid4().hex, now or datetime.now(UTC), complete=False)


def _log(summary: "Summary", exit_code: int, *, logged: bool) -> None:
    if not logged:
        return
    from fhirnotify import logs  # noqa: PLC0415

    told = {key: value for key, value in summary.as_json().items() if key in logs.KEYS}
    logs.log(logs.Event.RUN_ENDED, **told, exit_code=exit_code)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Turn the first TERM or INT into an event, so that what is in flight is recorded; a second ends at once."""
    from fhirnotify import logs  # noqa: PLC0415

    stop = threading.Event()

    def received(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        logs.log(logs.Event.SIGNAL, signal=signal.Signals(number).name)

    before = {number: signal.signal(number, received) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
