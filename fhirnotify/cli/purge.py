"""``purge``: what is older than the retention time leaves the ledger."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fhirnotify.ledger.purging import Purge

NEEDS_A_PERSON = 6

_KEPT = {
    "uncertain": 'uncertain: "fhirnotify uncertain" tells of each where to look, and how to settle it',
    "unsent": "not yet sent or given up: the next run does that",
    "asked-about": "still asked about: what became of them is not known",
}

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be deleted; change nothing.")]
Minutes = Annotated[
    float, typer.Option("--minutes", min=0, help="How long it may take; the next purge goes on from there.")
]


@reported
def purge(
    config: Config = None,
    now: Now = None,
    *,
    dry_run: DryRun = False,
    minutes: Minutes = 10,
    as_json: Json = False,
) -> None:
    """Delete what is older than ledger.retention, also beside a run. Counts without ids stay for the report.

    What may still be sent, or is uncertain, is kept however old; exit code 6 if anything is uncertain.
    """
    from fhirnotify import ledgers, settings  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.run import stopped_by_signals  # noqa: PLC0415

    chosen, moment = settings.load(config), now or datetime.now(UTC)
    with _progress() as told, stopped_by_signals() as stop:
        done = ledgers.purge(chosen, moment, seconds=60 * minutes, stop=stop, told=told, dry_run=dry_run)
    out = Stdout()
    if as_json:
        out.json({"ledger": ledgers.name(chosen), "dry_run": dry_run} | _as_json(done))
    else:
        for line in _lines(done, chosen.reminder.time_zone, dry_run=dry_run):
            out.line(line)
    if done.kept["uncertain"]:
        raise typer.Exit(NEEDS_A_PERSON)


@contextmanager
def _progress() -> "Iterator[Callable[[Purge], None]]":
    """Show on stderr how much has been deleted, if a person is looking."""
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("Purging") as status:
        yield lambda done: status.update(f"Purging: {done.deleted.total()} rows deleted")


def _as_json(done: "Purge") -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    return {
        "before": instant(done.before),
        "deleted": dict(sorted(done.deleted.items())),
        "kept": dict(sorted(done.kept.items())),
        "complete": done.complete,
    }


def _lines(done: "Purge", zone: "ZoneInfo", *, dry_run: bool) -> Iterator[str]:
    from fhirnotify.cli.reporting import local  # noqa: PLC0415

    verb = "Would delete" if dry_run else "Deleted"
    what = ", ".join(f"{count} {kind}" for kind, count in sorted(done.deleted.items()))
    yield f"{verb} what is older than {local(done.before, zone)}: {what or 'nothing'}."
    for kind, count in sorted(done.kept.items()):
        yield f"Kept {count} older reminders, {_KEPT[kind]}."
    if not done.complete:
        yield "It was stopped before everything was deleted; the next purge goes on."
