"""``check``: goes through everything that a run needs, and says of each finding what to mend.

The parts are examined in the order in which their faults weigh; the first error decides the exit code.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json

if TYPE_CHECKING:
    from fhirnotify.cli.checkup import Finding


@reported
def check(config: Config = None, *, as_json: Json = False) -> None:
    """Settings, mappings, template, FHIR endpoint, ledger, SMS account, monitoring; sends and writes nothing."""
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
    if codes := [finding.exit_code for finding in findings if finding.exit_code]:
        raise typer.Exit(codes[0])
