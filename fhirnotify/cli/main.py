"""The command line: ``fhirnotify`` and its commands.

Nothing heavy is imported here: adapters are imported by the wiring, when a command runs.
"""

import sys
from typing import Annotated

import typer

from fhirnotify import __version__
from fhirnotify.cli import (
    audit,
    check,
    demo,
    deploy,
    explain,
    follow_up,
    harness,
    init,
    ledger,
    mappings,
    outcomes,
    purge,
    report,
    run,
    settings,
    subject,
    uncertain,
)

app = typer.Typer(
    name="fhirnotify",
    help="Reminds patients of their care visits by SMS, from FHIR, when they have consented.",
    epilog="Exit codes: 0 done · 2 settings or usage · 3 FHIR endpoint · 4 SMS account · 5 ledger · "
    "6 messages need a person · 7 too few appointments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(demo.demo)
app.command()(run.run)
app.command()(run.plan)
app.command()(follow_up.follow_up)
app.command()(explain.explain)
app.command()(outcomes.outcomes)
app.command()(report.report)
app.command()(check.check)
app.command()(init.init)
app.command()(purge.purge)
app.command()(subject.subject)
app.add_typer(audit.app, name="audit")
app.add_typer(uncertain.app, name="uncertain")
app.add_typer(ledger.app, name="ledger")
app.add_typer(mappings.app, name="mappings")
app.add_typer(settings.app, name="settings")
app.add_typer(deploy.app, name="deploy")
app.add_typer(harness.app, name="harness")


def _show_version(asked: bool) -> None:  # noqa: FBT001  # an option's callback
    if asked:
        typer.echo(f"fhirnotify {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[  # acts by its callback
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    sys.exit(app(standalone_mode=True))
