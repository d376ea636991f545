"""``harness faults``: what a run makes of a FHIR server that misbehaves, fault by fault."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.endpoint import Auth, Fhir
from fhirnotify.cli.harness.server import SCENARIOS_FAILED, WriteTo, access_to, interrupted_once, may_write
from fhirnotify.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhirnotify.cli.output import Stdout
    from fhirnotify.harness.faults.matrix import Line

_AT_ONCE = 4
_WIDTH = 120
"""Of the table where there is no terminal to fit it to."""


@reported
def faults(
    fhir: Fhir,
    auth: Auth = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Only these: a name or a pattern such as 'gzip-*'; repeatable."),
    ] = None,
    write_to: WriteTo = None,
    *,
    as_json: Json = False,
) -> None:
    """What a run makes of your FHIR server when it misbehaves: a proxy before it plays one fault after the other.

    Each run is the real one, against five invented visits that are put on the server and taken away again. Exit
    code 1: a promise was not kept.
    """
    from fhirnotify import assets  # noqa: PLC0415
    from fhirnotify.cli.harness.progress import Told  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout, complain  # noqa: PLC0415
    from fhirnotify.harness.faults import matrix  # noqa: PLC0415
    from fhirnotify.harness.scenarios.session import Conditions, abreast_on_server  # noqa: PLC0415

    chosen = matrix.scenarios(only or ())
    foreign = may_write(fhir, write_to)
    at_once = min(_AT_ONCE, os.cpu_count() or 1, len(chosen))
    out = Stdout()
    lines: list[Line] = []
    conditions = Conditions(assets.directory("mappings"), apart=True)
    with (
        interrupted_once(),
        access_to(fhir, auth) as server,
        abreast_on_server(server, conditions, at_once, foreign=foreign, tell=complain) as players,
        Told(out, to_stderr=True) as told,
        server.ending.waiting(),  # it is the players that write, each in a thread of its own
    ):
        for line in matrix.played(players, chosen):
            lines.append(line)
            if as_json:
                out.json(_as_json(line))
            else:
                told(f"{len(lines)} of {len(chosen)}: {line.name}{'' if line.is_well else ' FAILED'}")
    kept = sum(line.is_well for line in lines)
    if as_json:
        out.json({"summary": {"faults": len(lines), "kept": kept, "broken": len(lines) - kept}})
    else:
        _show(out, sorted(lines, key=lambda line: list(chosen).index(line.name)))
        out.line(f"\n{len(lines)} faults: the promise was kept under {kept}, not under {len(lines) - kept}.")
    raise typer.Exit(0 if kept == len(lines) else SCENARIOS_FAILED)


def _as_json(line: "Line") -> dict[str, object]:
    return {
        "fault": line.name,
        "does": line.fault.does,
        "threatens": line.fault.threatens,
        "promised": line.promised,
        "seen": line.seen,
        "ok": line.is_well,
        "findings": line.played.findings,
        "seconds": round(line.played.seconds, 2),
    }


def _show(out: "Stdout", lines: "Iterable[Line]") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("Fault", "The server …", "Threatens", "Promised", "Seen")
    broken = []
    for line in lines:
        seen = "as promised" if line.is_well else f"FAILED {line.seen}"
        table.add_row(*map(Text, (line.name, line.fault.does, line.fault.threatens, line.promised, seen)))
        broken += [] if line.is_well else [line]
    Console(file=out, width=None if out.isatty() else _WIDTH).print(table)  # type: ignore[arg-type]
    for line in broken:
        out.line(f"\n{line.name}: {line.played.scenario.shows}")
        for finding in line.played.findings:
            out.line(f"  · {finding}")
