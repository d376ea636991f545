"""A place of work from which the journal system is told, at a time that no option names."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from lying_fhir import NOW
from place import Place
from typer.testing import Result
from writable_fhir import WritableFhir

from fhirnotify import wiring
from fhirnotify.clock import FixedClock
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.resources import CONSENT_CODE
from fhirnotify.rows import instant

RUNNER = Path(__file__).parent / "clocked_runner.py"


class Telling(Place):
    """A place whose real clock stands at ``NOW``, or where a command is given another: with ``--now`` nothing is told."""

    def configure(self, inbox: Inbox, fhir: WritableFhir, *more: str) -> None:
        """Write settings by which the journal system is told."""
        account = inbox.settings("infobip")["sms.infobip"]
        lines = [
            f'[fhir]\nbase_url = "{fhir.base_url}"\nattempts = 1\ntimeout = "1s"\nwrite_back = true',
            f'[consent]\ncodes = ["{CONSENT_CODE}"]',
            '[sms]\nprovider = "infobip"\nrate = 1000',
            "[sms.infobip]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in account.items()),
        ]
        self.config.write_text("\n".join([*lines, *more]) + "\n", "utf-8")

    def replace(self, old: str, new: str) -> None:
        """Change the settings."""
        settings = self.config.read_text("utf-8")
        assert old in settings
        self.config.write_text(settings.replace(old, new), "utf-8")

    def at(self, moment: datetime, *arguments: str) -> Result:
        """Run a command in this process, at another time."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wiring, "clock", lambda now: FixedClock(now or moment))
            return self.run(*arguments)

    def told(self, moment: datetime = NOW, command: str = "run") -> Result:
        """Do one pass."""
        return self.at(moment, command, "--json")

    def process(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """Run a command in a process of its own, at ``NOW``."""
        return subprocess.Popen(
            [sys.executable, str(RUNNER), instant(NOW), *arguments, "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.directory,
            env={name: value for name, value in os.environ.items() if not name.startswith("FHIRNOTIFY_")},
            **options,
        )

    def wait_is_over(self) -> None:
        """Let the time pass after which what was in vain is tried again."""
        with closing(sqlite3.connect(self.ledger)) as database, database:
            database.execute("UPDATE write_back SET at = '2020-01-01T00:00:00.000000Z'")


def summary(result: Result) -> dict[str, Any]:
    """Give what a command said at the end."""
    said: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])["summary"]
    return said
