"""``check``: goes through everything that a run needs, and says of each finding what to mend.

The parts are examined in the order in which their faults weigh; the first error decides the exit code.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json

if TYPE_CHECKING:
    from fhirnotify.cli.checkup import Finding
    from fhirnotify.settings.explained import Explained

Explain = Annotated[
    bool, typer.Option("--explain", help="Tell every setting instead: its value, where it was set, and what it does.")
]


@reported
def check(config: Config = None, *, explain: Explain = False, as_json: Json = False) -> None:
    """Settings, mappings, template, FHIR endpoint, ledger, SMS account, monitoring; sends and writes nothing."""
    if explain:
        _explain(config, as_json=as_json)
        return
    raise typer.Exit(examined(config, as_json=as_json))


def examined(config: Path | None, *, as_json: bool = False) -> int:
    """Examine each part and tell what is found; give the exit code."""
    from fhirnotify.cli.checkup import examine  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415

    out = Stdout()
    findings: list[Finding] = []
    for finding in examine(config):
        findings.append(finding)
        if not as_json:
            out.line(f"{finding.level:8} {finding.part:10} {finding.what}".replace("\n", "\n" + " " * 20))
            if finding.next_step:
                out.line(f"{'':19} → {finding.next_step}")
    if as_json:
        out.json([asdict(finding) for finding in findings])
    return next((finding.exit_code for finding in findings if finding.exit_code), 0)


def _explain(config: Path | None, *, as_json: bool) -> None:
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.settings.explained import explained  # noqa: PLC0415

    out, settings = Stdout(), explained(config)
    if as_json:
        out.json([asdict(each) for each in settings])
        return
    for each in settings:
        value = "-" if each.value is None else json.dumps(each.value, ensure_ascii=False)
        out.line(f"{each.key} = {value}")
        out.line(f"    {_where(each)}. {each.what}")


def _where(setting: "Explained") -> str:
    if setting.origin in ("default", "unset"):
        return "Default" if setting.origin == "default" else "Not set"
    file = f", the file {setting.secret_file}" if setting.secret_file else ""
    return f"{setting.where}{file}"
