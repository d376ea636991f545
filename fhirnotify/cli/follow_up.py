"""``follow-up``: what became of the messages that providers took."""

import threading
from functools import partial
from typing import TYPE_CHECKING

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now

if TYPE_CHECKING:
    from fhirnotify.rows import Summary


@reported
def follow_up(config: Config = None, now: Now = None, *, as_json: Json = False) -> None:
    """Only ask the providers what became of the messages that they took; read no FHIR, send nothing.

    It asks about everything of which nothing final is known, once. Every run asks about some of it, too.
    Then, with fhir.write_back, the journal system is told of the reminders, for a while.
    """
    from fhirnotify import settings, wiring, write_backs  # noqa: PLC0415
    from fhirnotify.cli.asking_reported import AskingForPeople  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.reporting import JsonLines  # noqa: PLC0415
    from fhirnotify.cli.run import finished, stopped_by_signals  # noqa: PLC0415
    from fhirnotify.follow_up import follow_up as asked  # noqa: PLC0415

    chosen = settings.load(config)
    report = JsonLines(Stdout()) if as_json else AskingForPeople(Stdout(), chosen.reminder.time_zone)

    def work(stop: threading.Event) -> "Summary":
        with wiring.asking(chosen, report, now, stop) as asking:
            return asked(asking)

    with stopped_by_signals() as stop:
        told = partial(write_backs.with_write_back, chosen, now, stop, lambda: work(stop))
        done = finished(told, report, 0, now=now)
    raise typer.Exit(done)
