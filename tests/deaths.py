"""Runs that die at a boundary, and those that come after, until nothing is left to be done."""

import json
import shutil
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import warm
from boundaries import LATER_CLOCK, Mortality
from judge import Death, Trial, judge
from postgres import Cluster, Cutter
from story import CHAPTERS, NOW, PROVIDERS, SETTINGS, Chapter, write_journals

from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.journal import read_journal
from fhirnotify.harness.loopback import Answer, LoopbackServer, Reply, Request
from fhirnotify.rows import instant

STEP = timedelta(minutes=16)
"""Between two passes: longer than a lease, than any wait for a next attempt, and than a request can be on its way."""

TIMEOUT = timedelta(seconds=0.3)
MOST_PASSES = 12
_SECONDS = 60.0

LedgerOf = Callable[[Path, str | None], AbstractContextManager[str]]
"""Makes a ledger for a trial, empty or like another one; gives its URL."""


@contextmanager
def on_sqlite(place: Path, like: str | None) -> Iterator[str]:
    """Make a ledger in a file."""
    path = place / "fhirnotify.db"
    if like is not None:
        shutil.copy(like.removeprefix("sqlite:///"), path)
    yield f"sqlite:///{path}"


def on_postgres(cluster: Cluster, clocked: str) -> LedgerOf:
    """Give what makes databases on a server; ``clocked`` is one with ``LATER_CLOCK`` and nothing else."""

    @contextmanager
    def make(_: Path, like: str | None) -> Iterator[str]:
        with cluster.database(like.rpartition("/")[2] if like else clocked) as name:
            yield cluster.url(name)

    return make


@contextmanager
def clocked_database(cluster: Cluster) -> Iterator[str]:
    """Make an empty database whose clock can be ahead."""
    with cluster.database() as name:
        cluster.execute(LATER_CLOCK, database=name)
        yield name


@dataclass(frozen=True)
class _Ended:
    """What came of one pass: its exit code, what it told of patients, and what was done to it."""

    code: int | None
    rows: list[dict[str, Any]]
    hit: str | None

    def named(self, *outcomes: str) -> set[str]:
        """Give the visits with these outcomes."""
        return {row["appointment"] for row in self.rows if row["outcome"] in outcomes}


@dataclass(frozen=True)
class _Kept:
    """How the first pass leaves ledger and provider, for those that die later."""

    ledger: str
    journal: Path
    asked: Counter[str]


class Station:
    """Plays trials one after another, with stand-ins for the providers at one address: it is part of an account."""

    def __init__(self, place: Path, ledger_of: LedgerOf, flaw: Callable[[], None] | None = None) -> None:
        place.mkdir(parents=True)
        self._place, self._ledger_of, self._flaw = place, ledger_of, flaw
        self._server = LoopbackServer(self._answer)
        self._stack = ExitStack()
        self._later = timedelta(0)
        self._kept: _Kept | None = None
        write_journals(place)

    def __enter__(self) -> Self:
        self._stack.enter_context(self._server)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self, chapter: Chapter, death: Death) -> Trial:
        """Play a chapter in which a pass dies, to its end, and judge it."""
        with ExitStack() as stack:
            self._stage(chapter, stack)
            return self._played(Trial(chapter.name, death), chapter)

    def _stage(self, chapter: Chapter, stack: ExitStack) -> None:
        """Make everything as it is when a chapter begins."""
        self._directory = self._place / "trial"
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir()
        self._later = chapter.begins
        kept = self._keep() if chapter.begins else None
        if kept is not None:
            shutil.copy(kept.journal, self._directory / "journal")
        (self._directory / "journal").touch()
        self._open_exchange(kept.asked if kept else Counter())
        self._url = stack.enter_context(self._ledger_of(self._directory, kept.ledger if kept else None))

    def _open_exchange(self, asked: Counter[str]) -> None:
        self._exchange = Exchange(
            self._directory / "journal",
            retry_after=None,
            hang=1.5 * TIMEOUT.total_seconds(),
            clock=lambda: datetime.now(UTC) + self._later,
        )
        for visit in CHAPTERS[-1].visits:
            self._exchange.script.next(*visit.script[asked[visit.number] :], to=visit.number)
        self._stand_ins = {api.name: api(self._exchange) for api in PROVIDERS}

    def _keep(self) -> _Kept:
        """Play the first pass once, without a death."""
        if self._kept is None:
            directory, self._directory = self._directory, self._place / "kept"
            self._directory.mkdir()
            self._later = timedelta(0)
            self._open_exchange(Counter())
            self._url = self._stack.enter_context(self._ledger_of(self._directory, None))
            assert self._pass(Death()).code == 6  # somebody is refused, and somebody in doubt
            asked = Counter(each.to for each in (*self._exchange.taken, *self._exchange.attempts))
            self._kept = _Kept(self._url, self._directory / "journal", asked)
            self._directory, self._later = directory, CHAPTERS[-1].begins
        return self._kept

    def _answer(self, request: Request) -> Answer:
        name, _, path = request.path.removeprefix("/").partition("/")
        stand_in = self._stand_ins.get(name)
        return Reply(404) if stand_in is None else stand_in.handle(replace(request, path=f"/{path}"))

    def _played(self, trial: Trial, chapter: Chapter) -> Trial:
        self._dying(trial, trial.death)
        trial.crossed = self._crossed()
        if trial.death.again is not None:
            self._later += STEP
            self._dying(trial, Death(trial.death.again))
        ended = self._until_done(trial)
        judge(trial, chapter.visits, read_journal(self._directory / "journal"), self._url, ended.named("uncertain"))
        return trial

    def _dying(self, trial: Trial, death: Death) -> None:
        ended = self._pass(death)
        if ended.hit is not None:
            trial.hits.append(ended.hit)

    def _until_done(self, trial: Trial) -> _Ended:
        """Let passes follow until nothing is left to be done; give the last."""
        doubts: set[str] | None = None
        for _ in range(MOST_PASSES):
            self._later += STEP
            ended = self._pass(Death())
            before, doubts = doubts, ended.named("uncertain")
            trial.code = ended.code
            if ended.code in (0, 6) and not ended.named("claimed", "sending", "retry") and doubts in (set(), before):
                return ended
        trial.unaccounted.append("it never came to an end")
        return ended

    def _pass(self, death: Death) -> _Ended:
        """Run the command once."""
        installation = Installation(self._directory)
        journal = self._place / ("after" if self._later else "before")
        providers = {f"sms.{name}": api.account(self._address(name)) for name, api in self._stand_ins.items()}
        with self._between(death) as (url, cuts):
            ports = {"fhir": {"base_url": f"file:{journal}"}, "ledger": {"url": url}}
            installation.configure(SETTINGS, ports, providers)
            now = ["--now", instant(NOW + self._later), "--rehearsal"]
            mortality = Mortality(self._directory / "crossed", death.point, self._later, TIMEOUT, self._flaw)
            out = self._directory / "out"
            process = warm.start(["run", "--config", str(installation.config), "--json", *now], out, mortality)
            process.join(_SECONDS)
            died = process.exitcode == -signal.SIGKILL
            process.kill()
            process.join()
            cut = cuts()
        self._wait_until_idle()
        rows = [json.loads(line) for line in out.read_text("utf-8").splitlines() if line.startswith('{"appointment"')]
        hit = f"the ledger is lost {death.how} a commit" if cut else self._crossed()[-1] if died else None
        return _Ended(process.exitcode, rows, hit)

    def _address(self, provider: str) -> str:
        return f"{self._server.base_url}/{provider}"

    @contextmanager
    def _between(self, death: Death) -> Iterator[tuple[str, Callable[[], int]]]:
        """Give the ledger's URL, through a cutter if the connection is to be lost, and how often that happened."""
        if death.cut is None:
            yield self._url, lambda: 0
            return
        port = urlsplit(self._url).port
        assert port is not None
        with Cutter(port) as cutter:
            cutter.cut_next, cutter.let_pass = death.how, death.cut
            yield self._url.replace(f":{port}/", f":{cutter.port}/"), lambda: cutter.cuts

    def _wait_until_idle(self) -> None:
        """Wait until the stand-ins have dealt with everything that a dead process has written."""
        with socket.create_connection(("127.0.0.1", self._server.port)) as last:  # when it is heard, all before it are
            last.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            last.recv(1)
        deadline = time.monotonic() + _SECONDS
        while self._server._connections:
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def _crossed(self) -> list[str]:
        return (self._directory / "crossed").read_text("utf-8").splitlines()
