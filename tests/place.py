"""A place of work for the commands: a settings file, a world of FHIR resources, an outbox and a ledger."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from fhirnotify.cli.main import app
from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness import resources
from fhirnotify.harness.inbox import Inbox

NOW = "2026-11-23T09:00:00+01:00"
START = datetime.fromisoformat("2026-11-24T09:00:00+00:00")
VISIT = ContactType.VIDEO


@dataclass
class Place:
    """A directory with ``fhirnotify.toml`` in it, and what commands do there."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "fhirnotify.toml"

    @property
    def ledger(self) -> Path:
        return self.directory / "fhirnotify.db"

    @property
    def outbox(self) -> Path:
        return self.directory / "outbox.jsonl"

    def settings(self, text: str = "", base_url: str = "file:world") -> None:
        """Write the settings file: the smallest that works, and what is given."""
        self.config.write_text(
            f'[fhir]\nbase_url = "{base_url}"\nattempts = 1\n[consent]\ncodes = ["{resources.CONSENT_CODE}"]\n{text}',
            "utf-8",
        )

    def provider(self, inbox: Inbox, name: str, **more: Any) -> None:
        """Write the settings file so that a provider's messages go to its stand-in; ``more`` is of its section."""
        account = inbox.settings(name)[f"sms.{name}"] | more
        keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in account.items())
        self.settings(f'[sms]\nprovider = "{name}"\nrate = 1000\n[sms.{name}]\n{keys}')

    def world(self, everything: Iterable[dict[str, Any]]) -> None:
        """Write the resources that the endpoint has."""
        folder = self.directory / "world"
        folder.mkdir(exist_ok=True)
        (folder / "all.ndjson").write_text("\n".join(json.dumps(each) for each in everything), "utf-8")

    def messages(self) -> list[dict[str, str]]:
        """Give what went to the outbox."""
        return (
            [json.loads(line) for line in self.outbox.read_text("utf-8").splitlines()] if self.outbox.exists() else []
        )

    def run(self, *arguments: str) -> Result:
        """Run a command in this process."""
        return CliRunner().invoke(app, [*arguments, "--config", str(self.config)])

    def process(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Run a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "fhirnotify", *arguments, "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.directory,
            env={name: value for name, value in os.environ.items() if not name.startswith("FHIRNOTIFY_")},
            **options,
        )


def visits(count: int, *, consenting: bool = True) -> list[dict[str, Any]]:
    """Build ordinary visits, each of a patient of its own; half an hour apart, beginning at START."""
    made = []
    for number in range(count):
        start = START + timedelta(minutes=number)
        made.append(resources.patient(f"p{number}", resources.fictional_number(number)))
        made.append(resources.appointment(FhirVersion.R4, f"a{number}", start, f"p{number}", kind=VISIT))
        if consenting:
            made.append(resources.consent(FhirVersion.R4, f"c{number}", f"p{number}"))
    return made
