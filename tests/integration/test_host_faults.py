"""What the machine does to a run: full disks, lost and broken ledgers, clocks, signals, closed streams, no descriptors.

Each fault has its exit code and says what to do next. When it has been mended the job goes on by itself: whatever it
was, the provider's journal holds each reminder once in the end.
"""

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import host
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

NOW = datetime(2031, 9, 1, 10, tzinfo=LOCAL)
REMINDERS = 12
LATENCY = 0.04
TIMEOUT = timedelta(seconds=1)
SETTLED = PATIENCE + 2 * TIMEOUT + timedelta(seconds=5)
"""After this the provider's history tells for certain what it never took."""
SECONDS = 60


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
        last = self.run(partial(host.later, SETTLED), now + timedelta(minutes=20))
        assert last.code == 0, last
        got = Counter((message.to, message.text) for message in self.provider.taken)
        assert got == self.world.inbox
        assert set(self.states()) <= {"accepted", "delivered"}

    def states(self) -> Counter:
        """Read the ledger."""
        with closing(sqlite3.connect(self.ledger)) as ledger:
            return Counter(state for (state,) in ledger.execute("SELECT state FROM reminder"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give a place of work."""
    with FakeElks46(latency=LATENCY) as provider:
        yield made(tmp_path, provider, NOW)


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


# Disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a directory on a disk of eight megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        told = f"a small disk cannot be mounted (as root: mount -t tmpfs): {mounted.stderr}"
        pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path) -> Path:
    """Write a file until nothing more can be written."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return ballast


@pytest.mark.parametrize("amid", [True, False])
def test_a_full_disk(place: Place, small_disk: Path, *, amid: bool) -> None:
    """In mid-run, or from the beginning: the run stops with exit 5 and says so; with room again it goes on."""
    place.settings["ledger"] = {"url": f"sqlite:///{small_disk}/fhirnotify.db"}
    place.configure()
    if amid:
        process = place.amid(place.start())
        ballast = fill(small_disk)
        ended = place.end(process)
    else:
        ballast = fill(small_disk)
        ended = place.run()
        assert place.taken() == 0
    assert ended.code == 5, ended
    assert f"The ledger {place.ledger} cannot grow: the disk is full." in ended.said
    assert "Free space on its disk, then run again." in ended.said
    assert ended.summary["complete"] is False
    ballast.unlink()
    place.goes_on()


def test_a_file_that_may_not_grow(place: Place) -> None:
    """What a limit or a quota refuses stops the run as a full disk does."""
    process = place.amid(place.start())
    size = Path(f"{place.ledger}-wal").stat().st_size
    resource.prlimit(process.pid or 0, resource.RLIMIT_FSIZE, (size, size))
    ended = place.end(process)
    assert ended.code == 5, ended
    assert "See the log of the system and mend the disk, then run again." in ended.said
    place.goes_on()


# Ledgers that cannot be written


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_ledger_that_may_not_be_written(place: Place, what: str, *, first: bool) -> None:
    """Its file, or the directory where it is or would be: nothing is sent, and the message says whose right is missing."""
    disk = place.installation.directory / "disk"
    disk.mkdir()
    place.settings["ledger"] = {"url": f"sqlite:///{disk}/fhirnotify.db"}
    place.configure()
    if first:
        place.ledger.touch()
    else:
        interrupted(place)
    sent = place.taken()
    barred = place.ledger if what == "file" else disk
    barred.chmod(0o500 if barred.is_dir() else 0o400)
    ended = place.run(host.obeying_modes)
    assert ended.code == 5, ended
    assert "the account that" in ended.said
    assert place.taken() == sent
    barred.chmod(0o700)
    if first and what == "file":
        place.ledger.unlink()
    place.goes_on()


def interrupted(place: Place) -> None:
    """Let a run be stopped when it has sent some."""
    process = place.amid(place.start())
    os.kill(process.pid or 0, signal.SIGTERM)
    ended = place.end(process)
    assert ended.code == 0
    assert 0 < ended.summary["sent"] < REMINDERS


# Ledgers that are lost, broken or replaced


def delete(ledger: Path) -> None:
    """Take it away."""
    ledger.unlink()


def empty(ledger: Path) -> None:
    """Leave nothing in it."""
    ledger.write_bytes(b"")


def cut_short(ledger: Path) -> None:
    """Leave half of it."""
    os.truncate(ledger, ledger.stat().st_size // 2 // 4096 * 4096)


def overwrite(ledger: Path) -> None:
    """Spoil all of it."""
    with ledger.open("r+b") as file:
        file.write(random.Random(1).randbytes(ledger.stat().st_size))


def scribble(ledger: Path) -> None:
    """Spoil all but the first page."""
    with ledger.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(1).randbytes(ledger.stat().st_size - 4096))


def from_the_future(ledger: Path) -> None:
    """Put a newer version's ledger in its place."""
    newer = ledger.with_name("newer.db")
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('fhirnotify_9999')")
    newer.replace(ledger)


BREAKAGES = [
    (delete, "is missing or empty, though runs have been at work on it", "its newest backup"),
    (empty, "is missing or empty, though runs have been at work on it", "its newest backup"),
    (cut_short, "is damaged", "Restore it from the newest backup"),
    (overwrite, "is not an SQLite database", "ledger.url"),
    (scribble, "is damaged", "Restore it from the newest backup"),
    (from_the_future, "was made by a newer version of fhirnotify", "Install that version"),
]


@pytest.mark.parametrize(("breaks", "what", "next_step"), BREAKAGES)
def test_a_ledger_broken_between_two_runs(
    place: Place, breaks: Callable[[Path], None], what: str, next_step: str
) -> None:
    """Nothing is sent until it has been put back, however often the job is started; then it goes on."""
    interrupted(place)
    sent, backup = place.taken(), place.ledger.with_name("backup.db")
    shutil.copy(place.ledger, backup)
    breaks(place.ledger)
    for _ in range(2):
        ended = place.run()
        assert ended.code == 5, ended
        assert what in ended.said
        assert next_step in ended.said
        assert place.taken() == sent
    backup.replace(place.ledger)
    place.goes_on()


@pytest.mark.parametrize(("breaks", "used"), [*((breaks, True) for breaks, *_ in BREAKAGES), (scribble, False)])
def test_a_ledger_broken_in_mid_run(place: Place, breaks: Callable[[Path], None], *, used: bool) -> None:
    """Who does not stop with exit 5 has lost nothing (SQLite holds pages in memory, and its WAL); nobody gets two."""
    if used:
        interrupted(place)
    process = place.amid(place.start(), place.taken() + 2)
    breaks(place.ledger)
    for ended in (
        place.end(process),
        place.run(),
        place.run(partial(host.later, SETTLED), NOW + timedelta(minutes=20)),
    ):
        assert ended.code in {0, 5, 6}, ended
    got = Counter((message.to, message.text) for message in place.provider.taken)
    assert max(got.values()) == 1
    assert ended.code == 5 or got == place.world.inbox


def test_a_ledger_that_was_moved_away_in_mid_run(place: Place) -> None:
    """Where the file itself comes back, all that was done is in it."""
    process = place.amid(place.start())
    kept = place.ledger.with_name("kept.db")
    place.ledger.replace(kept)
    ended = place.end(process)
    assert ended.code == 5, ended
    assert "was deleted while it was in use" in ended.said
    assert "Put it back" in ended.said
    assert place.run().code == 5
    kept.replace(place.ledger)
    place.goes_on()


# Clocks


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(days=1)])
def test_a_clock_that_is_set_in_mid_run(tmp_path: Path, by: timedelta) -> None:
    """An hour back: all are sent. A day forward: for whom it is too late by then a person is told. Nobody gets two."""
    with FakeElks46(latency=LATENCY) as provider:
        place = made(tmp_path, provider, datetime.now(UTC), quiet_from="00:00", quiet_until="00:00")
        process = place.amid(place.start(partial(host.clock_set_by_signal, by), now=None))
        os.kill(process.pid or 0, signal.SIGUSR1)
        ended = place.end(process)
        late = {row["appointment"] for row in ended.rows if row["outcome"] == "expired"}
        assert ended.code == (6 if late else 0), ended
        assert bool(late) is (by > timedelta(0))
        again = place.run(now=None)
        assert again.code == 0
        assert {row["decision"] for row in again.rows} == {"already"}
        wanted = {visit.number for visit in place.world.visits if visit.appointment not in late}
        assert Counter(message.to for message in provider.taken) == Counter(wanted)


# Signals


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("moment", ["at once", "reading", "the first request", "sending", "the last ones"])
def test_a_signal_at_any_time(place: Place, moment: str, *, twice: bool) -> None:
    """What was begun is recorded, or asked for by the next run; a second signal does not wait for that."""
    process = place.start()
    number = signal.SIGTERM if twice or moment in {"at once", "sending"} else signal.SIGINT
    come = {
        "at once": Path(f"{place.output}.log").exists,
        "reading": place.ledger.exists,
        "the first request": lambda: place.provider.requests,
        "sending": lambda: len(place.provider.requests) >= 5,
        "the last ones": lambda: len(place.provider.requests) >= REMINDERS - 1,
    }
    while not come[moment]():
        process.join(0.002)
    for _ in range(1 + twice):
        os.kill(process.pid or 0, number)
    ended = place.end(process)
    assert ended.code in {0, 3, 128 + number, -number}, ended
    if ended.code == 0:
        assert len(ended.rows) == REMINDERS
    place.goes_on()


# Streams


@pytest.mark.parametrize("streams", ["| head -1", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_streams_that_go_away(place: Place, streams: str) -> None:
    """Nobody reads, or there is nothing to write to: everything is sent, and recorded, all the same."""
    command = f'"{sys.executable}" -m fhirnotify run --config "{place.installation.config}" --json --now {instant(NOW)}'
    told = ["bash", "-c", f"set -o pipefail; {command} --rehearsal {streams}"]
    done = subprocess.run(told, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert Counter((message.to, message.text) for message in place.provider.taken) == place.world.inbox


# Descriptors


@pytest.mark.parametrize(
    ("most", "codes", "what"),
    [
        (7, {2}, "cannot be read: Too many open files"),
        (10, {5}, "ulimit -n"),
        (13, {0, 3, 5, 6}, ""),
        (16, {0, 3, 5, 6}, ""),
    ],
)
def test_too_few_descriptors(place: Place, most: int, codes: set[int], what: str) -> None:
    """What cannot be opened is told as what it is; where connections are wanting, messages wait for the next run."""
    ended = place.run(partial(host.few_descriptors, most))
    assert ended.code in codes, ended
    assert what in ended.said
    place.goes_on(NOW + timedelta(minutes=20))


def test_descriptors_that_run_out_in_mid_run(place: Place) -> None:
    """When nothing more can be opened."""
    process = place.amid(place.start())
    resource.prlimit(process.pid or 0, resource.RLIMIT_NOFILE, (3, 3))
    ended = place.end(process)
    assert ended.code in {0, 3, 5, 6}, ended
    place.goes_on(NOW + timedelta(minutes=20))


# Names


def test_no_name_of_the_journal_system(place: Place) -> None:
    """Exit 3, and nothing is sent; with the name found again the job goes on."""
    place.configure({"fhir": {"base_url": "http://fhir.invalid/r4"}})
    ended = place.run()
    assert ended.code == 3, ended
    assert "name" in ended.said
    assert place.taken() == 0
    place.configure()
    place.goes_on()


def test_no_name_of_the_provider(place: Place) -> None:
    """It is certain that nothing was sent: each waits for the next run, which sends it."""
    place.configure({"sms.46elks": {"base_url": "http://sms.invalid"}})
    ended = place.run()
    assert (ended.code, ended.outcomes()) == (0, {"retry": REMINDERS}), ended
    place.configure()
    place.goes_on(NOW + timedelta(minutes=20))
