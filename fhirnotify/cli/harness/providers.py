"""``harness providers``: what is made of each SMS provider when it accepts, refuses, fails or keeps silent."""

from typing import TYPE_CHECKING, Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.server import SCENARIOS_FAILED
from fhirnotify.cli.options import Json

if TYPE_CHECKING:
    from fhirnotify.cli.output import Stdout
    from fhirnotify.harness.provider_matrix import Row

_WIDTH = 150
"""Of the table where there is no terminal to fit it to."""


@reported
def providers(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PROVIDER", help="Only this provider, by its name in the settings; repeatable."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """What is made of each SMS provider when it accepts, refuses, fails or keeps silent.

    Each line is played against a stand-in on this machine, written from the provider's documents; nothing is sent.
    Exit code 1: a promise was not kept.
    """
    from dataclasses import asdict  # noqa: PLC0415

    from fhirnotify.cli.harness.progress import Told  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.errors import SettingsError  # noqa: PLC0415
    from fhirnotify.harness import provider_matrix  # noqa: PLC0415

    known = provider_matrix.providers()
    if strange := [each for each in only or () if each not in known]:
        raise SettingsError(f"There is no provider {strange[0]}.", f"There are {', '.join(known)}.")
    out = Stdout()
    rows: list[Row] = []
    with Told(out, to_stderr=True) as told:
        for row in provider_matrix.matrix(only or ()):
            rows.append(row)
            if as_json:
                out.json(asdict(row))
            else:
                told(f"{row.provider}: {row.situation}{'' if row.is_well else ' FAILED'}")
    kept = sum(row.is_well for row in rows)
    if as_json:
        out.json({"summary": {"rows": len(rows), "kept": kept, "broken": len(rows) - kept}})
    else:
        _show(out, rows)
        out.line(f"\n{len(rows)} lines: the promise was kept in {kept}, not in {len(rows) - kept}.")
    raise typer.Exit(0 if kept == len(rows) else SCENARIOS_FAILED)


def _show(out: "Stdout", rows: "list[Row]") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("Provider", "Situation", "Sending comes to", "Taken", "Asking tells", "")
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.provider != row.provider:
            table.add_section()
        cells = (row.provider, row.situation, row.outcome, str(row.taken), row.evidence or "-")
        table.add_row(*map(Text, cells), "ok" if row.is_well else "FAILED")
    Console(file=out, width=None if out.isatty() else _WIDTH).print(table)  # type: ignore[arg-type]
