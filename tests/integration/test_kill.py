"""The promises under ``kill -9``: at most one, none forgotten, and what cannot be known is said."""

import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import warm

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.elks46 import PASSWORD, USERNAME, FakeElks46
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.world import World, ordinary_world
from fhirnotify.rows import instant
from fhirnotify.sms.courier import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]  # warm starts go through a Unix socket

SEED = 20261123
MOMENTS = 100
REMINDERS = 40
AT_ONCE = 4
LATENCY = 0.05
TIMEOUT = timedelta(seconds=1)
SETTLED = PATIENCE + 2 * TIMEOUT + timedelta(seconds=1)
"""After this the provider's history tells for certain what it never took."""

NOW = datetime(2031, 9, 1, 10, tzinfo=LOCAL)


@dataclass
class Trial:
    """One run that is killed, and those that come after it.

    It is killed ``moment`` seconds after the provider has been asked ``asked`` times; with 0, after its start.
    """

    installation: Installation
    provider: FakeElks46
    asked: int
    moment: float
    killed: float = 0.0
    sent_before: int = 0
    sending: int = 0

    def start(self, name: str, now: datetime) -> BaseProcess:
        """Start the command; what it prints goes to a file of this name."""
        arguments = ["run", "--config", str(self.installation.config), "--json", "--now", instant(now), "--rehearsal"]
        return warm.start(arguments, self.installation.directory / name)

    def run(self, name: str, now: datetime) -> int | None:
        """Run the command to its end; give its exit code."""
        process = self.start(name, now)
        process.join(120)
        return process.exitcode

    def kill(self) -> None:
        """Let a run be killed, and note how far it had come."""
        process = self.start("killed", NOW)
        while len(self.provider.requests) < self.asked and process.is_alive():
            process.join(0.002)
        process.join(self.moment)
        process.kill()
        process.join()
        self.killed = time.monotonic()
        self.sent_before = len(self.provider.taken)
        self.sending = self.states()["sending"]

    def states(self) -> Counter:
        """Read the ledger, if the run came as far as making one."""
        place = self.installation.directory / "fhirnotify.db"
        if not place.exists():
            return Counter()
        with closing(sqlite3.connect(place)) as ledger:
            if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'reminder'").fetchall():
                return Counter()
            return Counter(state for (state,) in ledger.execute("SELECT state FROM reminder"))

    def rows(self, name: str) -> list[dict]:
        """Give what a run printed of patients."""
        lines = (self.installation.directory / name).read_text("utf-8").splitlines()
        return [row for row in map(json.loads, lines) if "summary" not in row]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """Give forty reminders to forty numbers, and the directory that holds them."""
    made = ordinary_world(NOW, FhirVersion.R4, REMINDERS)
    place = tmp_path_factory.mktemp("journal")
    lines = [json.dumps(resource | {"meta": {"versionId": "1"}}) for resource in made.resources]
    (place / "world.ndjson").write_text("\n".join(lines), "utf-8")
    return made, place


@pytest.fixture(scope="module")
def trials(world: tuple[World, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Trial]]:
    """Kill runs at a hundred random moments: half anywhere between start and end, half while they send."""
    made, journal = world
    with ExitStack() as providers:

        def trial(asked: int = 0, moment: float = 0.0) -> Trial:
            provider = providers.enter_context(FakeElks46(latency=LATENCY))
            installation = Installation(tmp_path_factory.mktemp("trial"))
            sms = {"provider": "46elks", "rate": 1000, "parallel": 4, "timeout": f"{TIMEOUT.seconds}s"}
            account = {"base_url": provider.base_url, "username": USERNAME, "password": PASSWORD}
            reads = {"fhir": {"base_url": f"file:{journal}"}}
            installation.configure(made.settings, reads, {"sms": sms, "sms.46elks": account})
            return Trial(installation, provider, asked, moment)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            trial().run("warming", NOW)
            whole = max(pool.map(_duration, [trial() for _ in range(AT_ONCE)]))
            chosen = random.Random(SEED)
            begun = [trial(0, chosen.uniform(0, whole)) for _ in range(MOMENTS // 2)]
            begun += [trial(chosen.randint(1, REMINDERS), chosen.uniform(0, 2 * LATENCY)) for _ in range(MOMENTS // 2)]
            list(pool.map(Trial.kill, begun))
        yield begun


def _duration(trial: Trial) -> float:
    """Measure a run that nobody kills, as many at once as later."""
    begun = time.monotonic()
    assert trial.run("whole", NOW) == 0
    return time.monotonic() - begun


def test_at_most_one_and_none_forgotten(trials, world):
    """After a kill at any moment a normal run gives each patient one reminder, or says that it cannot know."""
    made, _ = world
    _hit_every_phase(trials)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hasty = [trial for trial in trials if trial.sending][::4]
        codes = list(pool.map(_hasty, hasty))
        assert [code for code in codes if code == 6], "at once after a kill nothing was in doubt"
        for trial, code in zip(hasty, codes, strict=True):
            in_doubt = [row for row in trial.rows("hasty") if row["outcome"] == "uncertain"]
            assert code == (6 if in_doubt else 0)
            assert max(Counter(message.to for message in trial.provider.taken).values(), default=0) <= 1
        time.sleep(max(0.0, max(trial.killed for trial in trials) + SETTLED.total_seconds() - time.monotonic()))
        codes = list(pool.map(_normal, trials))
    expected = made.inbox
    for trial, code in zip(trials, codes, strict=True):
        taken = Counter((message.to, message.text) for message in trial.provider.taken)
        uncertain = {row["appointment"] for row in trial.rows("normal") if row["outcome"] == "uncertain"}
        forgotten = {row.number for row in made.visits if row.appointment not in uncertain}
        forgotten -= {number for number, _ in taken}
        assert len(trial.rows("normal")) == REMINDERS
        assert taken <= expected, f"somebody has two ({trial.moment:.3f} s after request {trial.asked})"
        assert not forgotten, f"somebody has none ({trial.moment:.3f} s after request {trial.asked})"
        assert code == (6 if uncertain else 0)
        assert set(trial.states()) <= {"accepted", "delivered", "uncertain"}


def _hit_every_phase(trials: list[Trial]) -> None:
    """Some runs must have died before anything was sent, many amid sending: else this proves nothing."""
    sent = [trial.sent_before for trial in trials]
    assert sum(count == 0 for count in sent) >= 5
    assert sum(0 < count < REMINDERS for count in sent) >= 20
    assert sum(trial.sending > 0 for trial in trials) >= 20


def _hasty(trial: Trial) -> int | None:
    return trial.run("hasty", NOW + timedelta(seconds=30))


def _normal(trial: Trial) -> int | None:
    return trial.run("normal", NOW + timedelta(minutes=2))
