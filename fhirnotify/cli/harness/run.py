"""``harness run``: plays scenarios on a FHIR server with the real command, and compares."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.endpoint import Auth, Fhir
from fhirnotify.cli.harness.scenarios import Only, Scenarios
from fhirnotify.cli.harness.server import SCENARIOS_FAILED, WriteTo, access_to, may_write, termination_as_interruption
from fhirnotify.cli.options import Json, OneOf

if TYPE_CHECKING:
    from fhirnotify.harness.scenarios.performance import Strategy
    from fhirnotify.harness.scenarios.playing import Player
    from fhirnotify.harness.scenarios.session import Conditions

_DIRECTORY = "file:"


@reported
def run(  # noqa: PLR0913, PLR0917 - each is an option
    fhir: Fhir,
    auth: Auth = None,
    scenarios: Scenarios = None,
    only: Only = None,
    mappings: Annotated[
        Path | None, typer.Option("--mappings", metavar="DIR", help="The mappings to test (default: the package's).")
    ] = None,
    appointments: Annotated[
        str,
        typer.Option(
            parser=OneOf("by-date", "by-location", "by-patient"), help="How they are searched.", metavar="HOW"
        ),
    ] = "by-date",
    fhir_version: Annotated[
        str, typer.Option(parser=OneOf("R4", "R5"), metavar="R4|R5", help="With --fhir file: the version to play in.")
    ] = "R4",
    write_to: WriteTo = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit XML.")
    ] = None,
    *,
    apart: Annotated[bool, typer.Option("--apart", help="Play each scenario in a run of its own.")] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Write nothing: only probe the server.")] = False,
    as_json: Json = False,
) -> None:
    """Play scenarios on a FHIR server (or in a directory, with --fhir file:) with the real command, and compare.

    Everything that is put on the server is taken away again. No real SMS provider is ever used. Exit code 1: a
    scenario did not go as it says.
    """
    if read_only:
        from fhirnotify.cli.harness.probe import probe  # noqa: PLC0415

        return probe(fhir, auth, as_json=as_json)
    from fhirnotify import assets  # noqa: PLC0415
    from fhirnotify.cli.harness.results import Results  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.core.model import FhirVersion  # noqa: PLC0415
    from fhirnotify.harness.scenarios import junit as xml  # noqa: PLC0415
    from fhirnotify.harness.scenarios import reading  # noqa: PLC0415
    from fhirnotify.harness.scenarios.session import Conditions, in_directory  # noqa: PLC0415

    chosen = reading.read_all(scenarios or reading.bundled(), only or ())
    conditions = Conditions(mappings or assets.directory("mappings"), cast("Strategy", appointments), apart)
    results = Results(Stdout(), as_json=as_json)
    playing = (
        in_directory(FhirVersion(fhir_version), conditions)
        if fhir == _DIRECTORY
        else _on_server(fhir, auth, conditions, foreign=may_write(fhir, write_to))
    )
    with termination_as_interruption(), playing as player:
        for played in player.play(chosen):
            results.add(played)
    results.sum_up()
    if junit is not None:
        xml.write(junit, fhir, results.played)
    raise typer.Exit(0 if results.are_well else SCENARIOS_FAILED)


@contextmanager
def _on_server(fhir: str, auth: Path | None, conditions: "Conditions", *, foreign: bool) -> Iterator["Player"]:
    from fhirnotify.cli.output import complain  # noqa: PLC0415
    from fhirnotify.harness.scenarios.session import on_server  # noqa: PLC0415

    with access_to(fhir, auth) as server, on_server(server, conditions, foreign=foreign, tell=complain) as player:
        yield player
