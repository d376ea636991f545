"""``harness probe``: how a FHIR server really behaves, and what that means for reminders.

With ``--json`` one object is printed::

    {"fhir":"https://fhir.region.example/r4","window":["2026-11-23T08:00:00Z","2026-11-25T08:00:00Z"],"requests":28,
     "seconds":1.9,"findings":[{"name":"total","verdict":"warning","found":"not told, though asked for",
     "meaning":"…","next_step":"…"}, …]}

``name`` is one of ``Behaviour``, ``verdict`` one of ``Verdict`` (``fhirnotify/harness/probing/finding.py``); the other
three are sentences, which may be worded otherwise in another version. A behaviour that could not be tried, because of
an error before it, is not in the list. Exit 3 if there is an error among the findings, or if the server cannot be
asked at all: then nothing is printed, and the message stands on stderr.
"""

from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.endpoint import Auth, Fhir, settings_of
from fhirnotify.cli.options import Json, Now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhirnotify.cli.output import Stdout
    from fhirnotify.harness.probing.finding import Finding
    from fhirnotify.settings import Settings

_COLOURS = {"ok": "green", "warning": "yellow", "unknown": "cyan", "error": "red"}


@dataclass(frozen=True, slots=True)
class _Probed:
    """What was found, and what it took."""

    findings: "Sequence[Finding]"
    requests: int
    seconds: float


@reported
def probe(fhir: Fhir, auth: Auth = None, now: Now = None, *, as_json: Json = False) -> None:
    """Learn how a FHIR server behaves, by reading alone; next to nothing is read, and nothing of a patient shown."""
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.errors import FhirError  # noqa: PLC0415
    from fhirnotify.rows import instant  # noqa: PLC0415

    settings, since = settings_of(fhir, auth), now or datetime.now(UTC)
    probed, out = _probed(settings, since), Stdout()
    if as_json:
        out.json(
            {
                "fhir": settings.fhir.base_url,
                "window": [instant(since), instant(since + settings.reminder.lead)],
                "requests": probed.requests,
                "seconds": round(probed.seconds, 1),
                "findings": [asdict(finding) for finding in probed.findings],
            }
        )
    else:
        _show(out, probed)
    if any(finding.verdict == "error" for finding in probed.findings):
        raise typer.Exit(FhirError.exit_code)


def _probed(settings: "Settings", since: datetime) -> _Probed:
    import time  # noqa: PLC0415

    from fhirnotify import wiring  # noqa: PLC0415
    from fhirnotify.harness.probing import probe as probing  # noqa: PLC0415

    began = time.monotonic()
    if settings.fhir.directory is not None:
        with closing(wiring.source(settings)) as source:
            return _Probed([probing.directory(source.version)], 0, time.monotonic() - began)
    with closing(wiring.fhir_client(settings)) as client:
        findings = list(probing.probe(client, settings, since))
        return _Probed(findings, client.requests, time.monotonic() - began)


def _show(out: "Stdout", probed: _Probed) -> None:
    """Print a table on a terminal, and plain lines elsewhere; then the counts."""
    if out.isatty():
        _table(out, probed.findings)
    else:
        for finding in probed.findings:
            out.line(f"{finding.verdict:8} {finding.name:24} {finding.found}")
            for said in filter(None, (finding.meaning, finding.next_step and f"→ {finding.next_step}")):
                out.line(f"{'':33} {said}")
    counts: Counter[str] = Counter(finding.verdict for finding in probed.findings)
    out.line(
        ", ".join(f"{counts[verdict]} {verdict}" for verdict in _COLOURS if counts[verdict])
        + f". {probed.requests} FHIR requests, {probed.seconds:.1f} s; nothing was written."
    )
    if counts["error"]:
        out.line("The job cannot be right on this server as it is set.")


def _table(out: "Stdout", findings: "Sequence[Finding]") -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("Verdict", "Behaviour", "What was found, and what it means for reminders", show_lines=True)
    for finding in findings:
        said = Text(finding.found, style="bold")
        said.append(f"\n{finding.meaning}", style="not bold")
        if finding.next_step:
            said.append(f"\n→ {finding.next_step}", style="not bold cyan")
        table.add_row(Text(finding.verdict, style=_COLOURS[finding.verdict]), finding.name, said)
    Console(file=out, highlight=False).print(table)  # type: ignore[arg-type]
