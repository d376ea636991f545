"""``fhirnotify harness``: the integration-test harness, one file a command."""

import typer

from fhirnotify.cli.harness import faults, probe, providers, run, scenarios, seed, serve

app = typer.Typer(
    name="harness",
    help="Tests a FHIR server, a mapping and a whole installation before the first patient is reminded.",
    no_args_is_help=True,
)

app.command()(run.run)
app.command()(faults.faults)
app.command()(probe.probe)
app.command()(providers.providers)
app.command()(scenarios.scenarios)
app.command()(seed.seed)
app.command()(serve.serve)
