"""``harness scenarios``: which scenarios there are, and the form in which one is written."""

from pathlib import Path
from typing import Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Json

Scenarios = Annotated[
    Path | None,
    typer.Option("--scenarios", metavar="DIR", help="A directory of scenarios (default: those of the package)."),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NAME", help="Only these: a name or a pattern such as 'deny-*'; may be repeated."),
]


@reported
def scenarios(
    scenarios: Scenarios = None,
    only: Only = None,
    *,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a scenario file.")] = False,
    as_json: Json = False,
) -> None:
    """The scenarios, each with the promise it tests and what it shows; or the schema by which to write one."""
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.harness.scenarios import reading  # noqa: PLC0415

    out = Stdout()
    if schema:
        out.write(reading.schema())
        out.flush()
        return
    found = reading.read_all(scenarios or reading.bundled(), only or ())
    for name, scenario in found.items():
        promises = ", ".join(scenario.promises)
        if as_json:
            out.json({"scenario": name, "promises": scenario.promises, "shows": scenario.shows})
        else:
            out.line(f"{name} ({promises})\n    {scenario.shows}")
    if not as_json:
        out.line(f"\n{len(found)} scenarios.")
