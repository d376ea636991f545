"""``harness run``: plays scenarios on a FHIR server with the real command, and compares."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.endpoint import Auth, Fhir
from fhirnotify.cli.harness.scenarios import Only, Scenarios
from fhirnotify.cli.harness.server import SCENARIOS_FAILED, WriteTo, access_to, interrupted_once, may_write
from fhirnotify.cli.options import Json, OneOf
from fhirnotify.errors import FhirnotifyError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fhirnotify.cli.harness.results import Results
    from fhirnotify.harness.scenarios.model import Scenario
    from fhirnotify.harness.scenarios.playing import Player
    from fhirnotify.harness.scenarios.session import Conditions
    from fhirnotify.settings.appointments import Strategy

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
        str | None,
        typer.Option(parser=OneOf("R4", "R5"), metavar="R4|R5", help="With --fhir file: the version to play in."),
    ] = None,
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

    Everything that is put on the server is taken away again. No real SMS provider is ever used. The package's faults of
    servers are played by "harness faults", or where --only names them. Exit code 1: a scenario did not go as it says,
    or none could be played there. With --json each scenario is an object (scenario, status, promises, findings,
    seconds), and the last one is the summary.
    """
    if read_only:
        from fhirnotify.cli.harness.probe import probe  # noqa: PLC0415

        _refuse_what_is_for_playing(scenarios, only, mappings, write_to, junit, fhir_version)
        return probe(fhir, auth, as_json=as_json)
    from fhirnotify.cli.harness.results import Results  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.core.model import FhirVersion  # noqa: PLC0415
    from fhirnotify.harness.scenarios.session import Conditions, in_directory  # noqa: PLC0415

    chosen = _chosen(scenarios, only or ())
    conditions = Conditions(_mappings(mappings), cast("Strategy", appointments), apart)
    results = Results(Stdout(), as_json=as_json)
    foreign = may_write(fhir, write_to)
    if fhir == _DIRECTORY:
        playing = in_directory(FhirVersion(fhir_version or "R4"), conditions)
    elif fhir_version:
        raise SettingsError("--fhir-version is for --fhir file: alone.", "A server tells its version itself.")
    else:
        playing = _on_server(fhir, auth, conditions, chosen, foreign=foreign)
    with _told(results, chosen, fhir, junit), interrupted_once(), playing as player:
        for played in player.play(chosen):
            results.add(played)
    raise typer.Exit(0 if results.are_well else SCENARIOS_FAILED)


def _chosen(directory: Path | None, only: "Sequence[str]") -> "dict[str, Scenario]":
    from fhirnotify.cli.output import complain  # noqa: PLC0415
    from fhirnotify.harness.scenarios import reading  # noqa: PLC0415

    bundled = reading.bundled()
    chosen = reading.read_all(directory or bundled, only)
    if only or (directory or bundled).resolve() != bundled.resolve():
        return chosen
    plain = {name: scenario for name, scenario in chosen.items() if not scenario.has_faults}
    complain(f'{len(chosen) - len(plain)} scenarios of faults are left to "fhirnotify harness faults", or to --only')
    return plain


@contextmanager
def _told(results: "Results", chosen: "Mapping[str, Scenario]", fhir: str, junit: Path | None) -> Iterator[None]:
    """Tell in the end what is known, whatever ends the run; a file is tried at once, and tells of a run under way."""
    from fhirnotify.harness.scenarios import junit as xml  # noqa: PLC0415

    stopped: str | None = "The run has not come to its end."
    if junit is not None:
        xml.write(junit, fhir, chosen, (), stopped)
    try:
        yield
        stopped = None
    except FhirnotifyError as error:
        stopped = str(error)
        raise
    finally:
        results.sum_up(len(chosen))
        if junit is not None:
            xml.write(junit, fhir, chosen, results.played, stopped)


def _mappings(chosen: Path | None) -> Path:
    from fhirnotify import assets  # noqa: PLC0415

    directory = chosen or assets.directory("mappings")
    if not (directory / "elements.toml").is_file():
        raise SettingsError(f"{directory} holds no mappings.", "Name a directory with elements.toml and ConceptMaps.")
    return directory


def _refuse_what_is_for_playing(*options: object) -> None:
    if any(option for option in options):
        raise SettingsError(
            "--read-only only probes: it plays no scenario.",
            "Leave out --scenarios, --only, --mappings, --write-to, --junit and --fhir-version, or --read-only.",
        )


@contextmanager
def _on_server(
    fhir: str, auth: Path | None, conditions: "Conditions", chosen: "Mapping[str, Scenario]", *, foreign: bool
) -> Iterator["Player"]:
    from fhirnotify.cli.output import complain  # noqa: PLC0415
    from fhirnotify.harness.scenarios.session import kinds, on_server  # noqa: PLC0415

    put = kinds(chosen.values())
    with (
        access_to(fhir, auth) as server,
        on_server(server, conditions, foreign=foreign, put=put, tell=complain) as player,
    ):
        yield player
