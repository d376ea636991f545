"""A place of work for runs under which the machine fails, and what must be true when it has been mended."""

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import host
import warm

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.elks46 import PASSWORD, USERNAME, FakeElks46
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.world import World, ordinary_world
from fhirnotify.rows import instant
from fhirnotify.sms.courier import PATIENCE

NOW = datetime(2031, 9, 1, 10, tzinfo=LOCAL)
REMINDERS = 12
LATENCY = 0.04
TIMEOUT = timedelta(seconds=1)
SETTLED = PATIENCE + 2 * TIMEOUT + timedelta(seconds=5)
"""After this the provider's history tells for certain what it never took."""
SECONDS = 60
SENT = {"accepted", "delivered"}


@dataclass(frozen=True)
class Ended:
    """How a run ended and what it said."""

    code: int
    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    said: str

    def outcomes(self) -> Counter:
        """Count the rows by their outcome."""
        return Counter(row["outcome"] for row in self.rows)


@dataclass
class Place:
    """An installation with a provider's stand-in, and a journal system of twelve visits."""

    installation: Installation
    provider: FakeElks46
    world: World
    settings: dict[str, dict[str, Any]]
    runs: int = 0

    @property
    def ledger(self) -> Path:
        """Where the ledger is."""
        return Path(self.settings["ledger"]["url"].removeprefix("sqlite:///"))

    def configure(self, changed: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Write the settings, for now with these changed."""
        self.installation.configure(self.settings, changed or {})

    def start(self, before: Callable[[], None] | None = None, now: datetime | None = NOW) -> BaseProcess:
        """Start a run; ``now`` is None for the machine's clock."""
        self.runs += 1
        clock = ["--now", instant(now), "--rehearsal"] if now else []
        return warm.start(["run", "--config", str(self.installation.config), "--json", *clock], self.output, before)

    def run(self, before: Callable[[], None] | None = None, now: datetime | None = NOW) -> Ended:
        """Run to the end."""
        return self.end(self.start(before, now))

    def end(self, process: BaseProcess) -> Ended:
        """Wait until a run has ended."""
        process.join(SECONDS)
        assert process.exitcode is not None, "it hangs"
        lines = [json.loads(line) for line in self.output.read_text("utf-8").splitlines()]
        said = Path(f"{self.output}.log").read_text("utf-8")
        assert "Traceback" not in said, said
        rows = [line for line in lines if "summary" not in line]
        return Ended(process.exitcode, rows, lines[-1]["summary"] if len(lines) > len(rows) else {}, said)

    @property
    def output(self) -> Path:
        """What the last run prints; its log is beside it."""
        return self.installation.directory / f"run-{self.runs}"

    def taken(self) -> int:
        return len(self.provider.taken)

    def amid(self, process: BaseProcess, count: int = 3) -> BaseProcess:
        """Wait until a run has sent so many."""
        end = time.monotonic() + SECONDS
        while self.taken() < count:
            assert process.is_alive(), "it ended too early"
            assert time.monotonic() < end, "it hangs"
            time.sleep(0.005)
        return process

    def goes_on(self, now: datetime = NOW) -> None:
        """Run as usual, at once and later: in the end each reminder has been sent once, and none is in doubt."""
        first = self.run(now=now + timedelta(minutes=1))
        doubtful = first.outcomes()["uncertain"]
        assert first.code == (6 if doubtful else 0), first
        assert len(first.rows) == REMINDERS
        if first.outcomes().keys() - SENT:
            last = self.run(partial(host.later, SETTLED), now + timedelta(minutes=20))
            assert last.code == 0, last
        got = Counter((message.to, message.text) for message in self.provider.taken)
        assert got == self.world.inbox
        assert self.states().keys() <= SENT

    def states(self) -> Counter:
        """Read the ledger."""
        with closing(sqlite3.connect(self.ledger)) as ledger:
            return Counter(state for (state,) in ledger.execute("SELECT state FROM reminder"))

    def interrupted(self) -> None:
        """Let a run be stopped when it has sent some."""
        process = self.amid(self.start())
        os.kill(process.pid or 0, signal.SIGTERM)
        ended = self.end(process)
        assert ended.code == 0
        assert 0 < ended.summary["sent"] < REMINDERS


def made(directory: Path, provider: FakeElks46, now: datetime, **reminder: Any) -> Place:
    """Make a place of work."""
    world = ordinary_world(now, FhirVersion.R4, REMINDERS)
    (directory / "journal").mkdir()
    lines = [json.dumps(resource | {"meta": {"versionId": "1"}}) for resource in world.resources]
    (directory / "journal" / "world.ndjson").write_text("\n".join(lines), "utf-8")
    settings = {
        **world.settings,
        "fhir": {"base_url": "file:journal", "attempts": 1},
        "reminder": reminder,
        "ledger": {"url": f"sqlite:///{directory}/fhirnotify.db"},
        "sms": {"provider": "46elks", "rate": 1000, "parallel": 2, "timeout": f"{TIMEOUT.seconds}s", "attempts": 1},
        "sms.46elks": {"base_url": provider.base_url, "username": USERNAME, "password": PASSWORD},
    }
    place = Place(Installation(directory), provider, world, settings)
    place.configure()
    return place
