"""``audit``: what was decided and done in a period, for the region's log archive; and whether that is still whole."""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now
from fhirnotify.errors import LedgerError, SettingsError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fhirnotify.chain import Verified

app = typer.Typer(invoke_without_command=True)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter("write a day such as 2026-11-23") from None


def _chain(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise typer.BadParameter("write the 64 digits with which the export before ends")
    return text


From = Annotated[
    date | None, typer.Option("--from", metavar="DAY", parser=_day, help="The first day (default: as --until).")
]
Until = Annotated[
    date | None, typer.Option("--until", metavar="DAY", parser=_day, help="The last day (default: yesterday).")
]
Output = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="A new file (default: stdout).")]
After = Annotated[
    str | None, typer.Option("--after", metavar="CHAIN", parser=_chain, help="With what the export before ended.")
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Exports, in their order.", show_default=False)]


@app.callback()
def _group(
    context: typer.Context,
    first: From = None,
    last: Until = None,
    output: Output = None,
    after: After = None,
    config: Config = None,
    now: Now = None,
    *,
    as_json: Json = False,
) -> None:
    """Export decisions and changes of state of whole days as JSON lines: who, where, when, which ids, what and why.

    Each line holds the one before by a hash, and each export the one before it, if --after tells with what that ended.
    """
    if context.invoked_subcommand is None:
        audit(first, last, output, after, config, now, as_json=as_json)


@reported
def audit(
    first: date | None,
    last: date | None,
    output: Path | None,
    after: str | None,
    config: Path | None,
    now: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Export the days."""
    from fhirnotify import chain, ledgers, logs, settings  # noqa: PLC0415
    from fhirnotify.cli.output import complain  # noqa: PLC0415

    chosen, moment = settings.load(config), now or datetime.now(UTC)
    since, until = _period(first, last, moment, chosen.reminder.time_zone)
    lines, end = 0, after or chain.BEGINNING
    with ledgers.audited(chosen, since, until, moment, end) as (head, made), _written_to(output) as write:
        for text, end in made:  # noqa: B007  # the last one is told
            write(text)
            lines += 1
    told = {"file": str(output) if output else None, "lines": lines, "end": end, "purged_before": head["purged_before"]}
    logs.log(logs.Event.AUDIT_EXPORTED, chain=end)
    _tell(told, since, as_json=as_json and output is not None)
    if head["purged_before"] and datetime.fromisoformat(head["purged_before"]) > since:
        complain(f"It is not complete: visits before {head['purged_before']} had been purged.")


def _period(first: date | None, last: date | None, now: datetime, zone: "ZoneInfo") -> tuple[datetime, datetime]:
    """Give the first moment of the first day, and that after the last.

    Raises:
        SettingsError: the period ends before it starts.
    """
    last = last or now.astimezone(zone).date() - timedelta(days=1)
    first = first or last
    if last < first:
        raise SettingsError(
            f"The period ends ({last}) before it starts ({first}).", "Give --from a day that is not after --until."
        )
    begins = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    return next(begins), next(begins)


@contextmanager
def _written_to(output: Path | None) -> Iterator[Callable[[str], object]]:
    """Write to a new file, which is there when all of it is on the disk, for its owner alone; or to stdout.

    Raises:
        SettingsError: it cannot be written, or there is a file of that name.
    """
    try:
        if output is None:
            yield sys.stdout.write
            sys.stdout.flush()
            return
        if output.exists():
            raise SettingsError(
                f"There is a {output} already.", "Name another file: what was exported is not replaced."
            )
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=output.absolute().parent) as partial:
            yield partial.write
            partial.flush()
            os.fsync(partial.fileno())
            output.hardlink_to(partial.name)
    except OSError as error:
        if output is None:  # else the interpreter tries again as it ends, and complains
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        name = output or "The output"
        raise SettingsError(f"{name} cannot be written: {error.strerror}.", "Nothing was exported; mend it.") from None


def _tell(told: dict[str, Any], since: datetime, *, as_json: bool) -> None:
    """Tell with what it ends; on stderr when the export itself is on stdout."""
    from fhirnotify.cli.output import Stdout, complain  # noqa: PLC0415
    from fhirnotify.rows import instant  # noqa: PLC0415

    if as_json:
        Stdout().json(told | {"from": instant(since)})
        return
    tell = Stdout().line if told["file"] else complain
    tell(f"{told['file'] or 'It'} has {told['lines']} lines, and ends with {told['end']}")
    tell("Keep that elsewhere, and give it to the next export as --after.")


@app.command()
@reported
def verify(files: Files, after: After = None, *, as_json: Json = False) -> None:
    """Find out whether exports are whole, and follow each other without a gap. Exit code 5 if anything is wrong."""
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415

    out, wrong = Stdout(), 0
    for name, found, faults in _looked(files, after):
        wrong += len(faults)
        if as_json:
            out.json(_as_json(name, found, faults))
            continue
        for fault in faults:
            out.line(f"{name}: {fault}.")
        if not faults:
            out.line(f"{name}: {found.lines} lines, whole; ends with {found.end}")
    if wrong:
        raise typer.Exit(LedgerError.exit_code)


def _looked(files: Iterable[Path], after: str | None) -> "Iterator[tuple[Path, Verified, list[str]]]":
    """Look through exports in their order.

    Raises:
        SettingsError: one cannot be read.
    """
    from fhirnotify.chain import Verified, verified  # noqa: PLC0415
    from fhirnotify.rows import instant  # noqa: PLC0415

    before = Verified(0, None, end=after)
    for name in files:
        try:
            with closing(name.open("rb")) as file:
                found = verified(file)
        except OSError as error:
            what = f"{name} cannot be read: {error.strerror}."
            raise SettingsError(what, "Name exports of `fhirnotify audit`.") from None
        faults = [found.broken] if found.broken else []
        if found.follows is not None and before.end not in (None, found.follows):
            faults.append("it does not follow the export before it: one is missing, or they are in another order")
        if before.until and found.since and found.since != before.until:
            faults.append(f"its period begins {instant(found.since)}, and the one before ends {instant(before.until)}")
        if found.since and found.purged_before and found.purged_before > found.since:
            faults.append(f"it is not complete: visits before {instant(found.purged_before)} had been purged")
        yield name, found, faults
        before = found


def _as_json(name: Path, found: "Verified", faults: list[str]) -> dict[str, Any]:
    from fhirnotify.rows import instant  # noqa: PLC0415

    since, until = (instant(moment) if moment else None for moment in (found.since, found.until))
    period = {"from": since, "until": until}
    return {"file": str(name), "lines": found.lines, "whole": not faults, "faults": faults, **period, "end": found.end}
