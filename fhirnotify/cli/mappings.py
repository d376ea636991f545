"""``mappings``: what is wrong with the ConceptMaps, and which codes they lack."""

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json
from fhirnotify.errors import SettingsError

app = typer.Typer(no_args_is_help=True, help="The mappings from codes to kinds of visit.")


@app.command()
@reported
def check(config: Config = None, *, as_json: Json = False) -> None:
    """Find what is wrong with the ConceptMaps and elements.toml."""
    from dataclasses import asdict  # noqa: PLC0415

    from fhirnotify import settings, wiring  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415

    chosen = settings.load(config)
    findings = wiring.lint_mappings(chosen)
    errors = sum(finding.severity == "error" for finding in findings)
    out = Stdout()
    if as_json:
        out.json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            out.line(f"{finding.severity}: {finding}. {finding.next_step}")
        warnings = len(findings) - errors
        out.line(f"{chosen.mappings.directory}: {errors} errors, {warnings} warnings.")
    if errors:
        raise typer.Exit(SettingsError.exit_code)


@app.command()
@reported
def unmapped(config: Config = None, *, as_json: Json = False) -> None:
    """List the codes seen on appointments whose kind of visit could not be told, the most frequent first."""
    from fhirnotify import settings, wiring  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.reporting import local, printable  # noqa: PLC0415
    from fhirnotify.rows import instant  # noqa: PLC0415

    chosen = settings.load(config)
    codes = wiring.unmapped_codes(chosen)
    out = Stdout()
    if as_json:
        out.json(
            [
                {
                    "system": seen.coding.system,
                    "code": seen.coding.code,
                    "count": seen.count,
                    "last_seen": instant(seen.last_seen),
                }
                for seen in codes
            ]
        )
        return
    for seen in codes:
        last = local(seen.last_seen, chosen.reminder.time_zone)
        out.line(printable(f"{seen.count:6}  {last}  {seen.coding.system or '(no system)'}  {seen.coding.code}"))
    out.line(
        f"{len(codes)} codes without a mapping. Add them to a ConceptMap in {chosen.mappings.directory}."
        if codes
        else "No code without a mapping has been seen."
    )
