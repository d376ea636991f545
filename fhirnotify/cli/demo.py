"""``demo``: the whole job on invented patients, on a machine with nothing but Python."""

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

_NOW = datetime.fromisoformat("2026-11-23T09:00:00+01:00")


@reported
def demo(*, as_json: Json = False) -> None:
    """The whole job on bundled, invented patients: every decision, and the texts that would be sent."""
    from fhirnotify import assets, settings, wiring  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.reporting import Silent  # noqa: PLC0415
    from fhirnotify.cli.run import finished, reporter  # noqa: PLC0415
    from fhirnotify.run import run  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="fhirnotify-demo-") as directory:
        outbox = Path(directory, "outbox.jsonl")
        chosen = settings.load(
            assets.directory("fixtures") / "demo" / "fhirnotify.toml",
            {
                "FHIRNOTIFY_LEDGER__URL": f"sqlite:///{directory}/ledger.db",
                "FHIRNOTIFY_SMS__PROVIDER": "outbox",
                "FHIRNOTIFY_SMS__OUTBOX__PATH": str(outbox),
            },
        )
        report = reporter(chosen, as_json=as_json)
        with wiring.job_to_run(chosen, report, _NOW) as job:
            code = finished(lambda: run(job), report, 0, logged=False)
        if not as_json:
            _show_texts(outbox, Stdout())
            with wiring.job_to_run(chosen, Silent(), _NOW) as job:
                again = run(job)
            Stdout().line(f"\nThe same pass once more sends {again.sent}: {again.already} were reminded already.")
    raise typer.Exit(code)


def _show_texts(outbox: Path, out: "Stdout") -> None:
    lines = outbox.read_text("utf-8").splitlines() if outbox.exists() else []
    out.line(f"\nThe {len(lines)} texts that went to the outbox (the persons are invented):")
    for line in lines:
        message = json.loads(line)
        out.line(f"\n{message['to']}  {message['text']}")
