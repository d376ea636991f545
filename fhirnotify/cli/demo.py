"""``demo``: the whole job on invented patients, on a machine with nothing but Python.

What it plays is the first step of the scenario ``one-morning``.
"""

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Json

if TYPE_CHECKING:
    from fhirnotify.cli.output import Stdout
    from fhirnotify.settings.model import Settings

SCENARIO = "one-morning.yaml"

NOW = datetime.fromisoformat("2026-11-23T09:00:00+01:00")


@reported
def demo(*, as_json: Json = False) -> None:
    """The whole job on bundled, invented patients: every decision, and the texts that would be sent."""
    from fhirnotify import wiring  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.reporting import Silent  # noqa: PLC0415
    from fhirnotify.cli.run import finished, reporter  # noqa: PLC0415
    from fhirnotify.run import run  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="fhirnotify-demo-") as directory:
        chosen = _staged(Path(directory))
        report = reporter(chosen, as_json=as_json)
        with wiring.job_to_run(chosen, report, NOW) as job:
            code = finished(lambda: run(job), report, 0, logged=False)
        if not as_json:
            _show_texts(chosen.sms.outbox.path, Stdout())
            with wiring.job_to_run(chosen, Silent(), NOW) as job:
                again = run(job)
            Stdout().line(f"\nThe same pass once more sends {again.sent}: {again.already} were reminded already.")
    raise typer.Exit(code)


def _staged(directory: Path) -> "Settings":
    """Put the scenario's resources as they stand on that morning in a directory; give the settings that read them."""
    from fhirnotify import settings  # noqa: PLC0415
    from fhirnotify.harness.installation import Installation  # noqa: PLC0415
    from fhirnotify.harness.resources import CONSENT_CODE  # noqa: PLC0415
    from fhirnotify.harness.scenarios import reading, staging, targets  # noqa: PLC0415

    scenario = reading.read(reading.bundled() / SCENARIO)
    world = targets.Directory(directory / "world", scenario.fhir[0])
    stage = staging.Stage(scenario.fhir[0], world.base_url, NOW, prefix="", tags=())
    world.put(staging.Staging("demo", scenario, stage).put(scenario.resources))
    installation = Installation(directory)
    installation.configure({"fhir": {"base_url": world.base_url}, "consent": {"codes": [CONSENT_CODE]}})
    return settings.load(installation.config, {})


def _show_texts(outbox: Path, out: "Stdout") -> None:
    lines = outbox.read_text("utf-8").splitlines() if outbox.exists() else []
    out.line(f"\nThe {len(lines)} texts that went to the outbox (the persons are invented):")
    for line in lines:
        message = json.loads(line)
        out.line(f"\n{message['to']}  {message['text']}")
