"""``ledger``: its schema, what must hold in it, and copies of it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json

app = typer.Typer(no_args_is_help=True, help="The ledger of what was decided and sent.")


@app.command()
@reported
def migrate(config: Config = None, *, as_json: Json = False) -> None:
    """Create the ledger's schema, or bring it up to this version."""
    from fhirnotify import ledgers, settings  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415

    chosen = settings.load(config)
    done = ledgers.migrate(chosen)
    out, place = Stdout(), ledgers.name(chosen)
    if as_json:
        out.json({"ledger": place} | asdict(done))
    elif done.action == "unchanged":
        out.line(f"{place} is up to date ({done.to_revision}).")
    else:
        out.line(f"{place} was {done.action} ({done.from_revision or 'nothing'} → {done.to_revision}).")


@app.command()
@reported
def check(config: Config = None, *, as_json: Json = False) -> None:
    """Look the ledger through for what must not be; change nothing. Exit code 5 if anything is wrong."""
    from fhirnotify import ledgers, settings  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.errors import LedgerError  # noqa: PLC0415

    chosen = settings.load(config)
    out, found = Stdout(), 0
    with ledgers.examined(chosen) as (breaches, extent):
        for found, breach in enumerate(breaches, start=1):  # noqa: B007  # how many is told at the end
            if as_json:
                out.json(asdict(breach))
            else:
                out.line(f"{breach.rule:9} {breach.what}")
                out.line(f"{'':9} → {breach.next_step}")
    if as_json:
        out.json({"summary": asdict(extent) | {"ledger": ledgers.name(chosen), "breaches": found}})
    else:
        seen = f"{extent.reminders} reminders with {extent.transitions} changes of state"
        out.line(f"{ledgers.name(chosen)}: {seen}; {f'{found} breaches' if found else 'nothing wrong'}.")
    if found:
        raise typer.Exit(LedgerError.exit_code)


@app.command()
@reported
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    config: Config = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the ledger as it is at one moment, also while a run is at work (SQLite)."""
    from fhirnotify import ledgers, settings  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415

    chosen = settings.load(config)
    ledgers.back_up(chosen, file, replace=force)
    out = Stdout()
    if as_json:
        out.json({"ledger": ledgers.name(chosen), "copy": str(file)})
    else:
        out.line(f"{ledgers.name(chosen)} was copied to {file}.")
