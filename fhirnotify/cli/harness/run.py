"""``harness run``: plays scenarios on a FHIR server with the real command, and compares."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.endpoint import Auth, Fhir, credentials, settings_of
from fhirnotify.cli.harness.scenarios import Only, Scenarios
from fhirnotify.cli.options import Json, OneOf
from fhirnotify.errors import SettingsError

if TYPE_CHECKING:
    from fhirnotify.harness.scenarios.performance import Strategy
    from fhirnotify.harness.scenarios.playing import Player
    from fhirnotify.harness.scenarios.session import Conditions

SCENARIOS_FAILED = 1
"""The exit code when a scenario did not go as it says."""

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
    write_to: Annotated[
        str | None,
        typer.Option("--write-to", metavar="URL", help="The same URL again: write though others' Patients are there."),
    ] = None,
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
        else _on_server(fhir, auth, conditions, foreign=_may_write(fhir, write_to))
    )
    with _termination_as_interruption(), playing as player:
        for played in player.play(chosen):
            results.add(played)
    results.sum_up()
    if junit is not None:
        xml.write(junit, fhir, results.played)
    raise typer.Exit(0 if results.are_well else SCENARIOS_FAILED)


@contextmanager
def _on_server(fhir: str, auth: Path | None, conditions: "Conditions", *, foreign: bool) -> Iterator["Player"]:
    from fhirnotify import access, wiring  # noqa: PLC0415
    from fhirnotify.cli.output import complain  # noqa: PLC0415
    from fhirnotify.harness import faults  # noqa: PLC0415
    from fhirnotify.harness.scenarios.session import Access, on_server  # noqa: PLC0415

    settings = settings_of(fhir, auth)
    if settings.fhir.directory is not None:
        raise SettingsError(
            "A directory with data is not written to.", "Write --fhir file: alone to play in a directory made for it."
        )
    faulty = faults.before(settings.fhir.base_url, verify=access.verification(settings))
    with closing(wiring.fhir_client(settings)) as reader, wiring.fhir_writer(settings) as writer:
        server = Access(settings.fhir.base_url, reader, writer, credentials(settings), faulty)
        with on_server(server, conditions, foreign=foreign, tell=complain) as player:
            yield player


def _may_write(fhir: str, write_to: str | None) -> bool:
    """Tell whether the server may be written to though it holds others' Patients.

    Raises:
        SettingsError: another URL was given the second time.
    """
    if write_to is None:
        return False
    if write_to.rstrip("/") != fhir.rstrip("/"):
        raise SettingsError("--write-to names another URL than --fhir.", "Write the same URL twice.")
    return True


@contextmanager
def _termination_as_interruption() -> Iterator[None]:
    """Let TERM, too, take away what stands on the server before the command ends."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
