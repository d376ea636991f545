"""``ledger``: the schema of the ledger."""

from dataclasses import asdict

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json

app = typer.Typer(no_args_is_help=True, help="The ledger of what was decided and sent.")


@app.callback()
def _group() -> None:
    pass  # so that "migrate" stays a command of its own name


@app.command()
@reported
def migrate(config: Config = None, *, as_json: Json = False) -> None:
    """Create the ledger's schema, or bring it up to this version."""
    from fhirnotify import settings, wiring  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415

    chosen = settings.load(config)
    done = wiring.migrate_ledger(chosen)
    out, place = Stdout(), wiring.ledger_name(chosen)
    if as_json:
        out.json({"ledger": place} | asdict(done))
    elif done.action == "unchanged":
        out.line(f"{place} is up to date ({done.to_revision}).")
    else:
        out.line(f"{place} was {done.action} ({done.from_revision or 'nothing'} → {done.to_revision}).")
