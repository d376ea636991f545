"""``fhirnotify harness``: the integration-test harness, one file a command."""

import typer

app = typer.Typer(
    name="harness",
    help="Tests a FHIR server, a mapping and a whole installation before the first patient is reminded.",
    no_args_is_help=True,
)
