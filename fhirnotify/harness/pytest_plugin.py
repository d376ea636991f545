"""A pytest plugin for those who test their own integration; it is there wherever fhirnotify is installed.

Fixtures: ``fhir_server`` (a real FHIR server: HAPI in R4 unless told otherwise), ``sms_inbox`` (stands in for every
provider) and ``fhirnotify_run`` (runs the real command on the two). And a directory of scenario files, named by the
ini option ``fhirnotify_scenarios``, is collected as tests, one a file; they are played by ``fhirnotify harness run``.

    --fhirnotify-fhir SERVER        a URL, or a server that the harness starts: hapi-r4 (default), hapi-r5, sekmet …
    --fhirnotify-auth FILE          for scenarios: a settings file whose [fhir.auth] and [fhir.tls] are used
    --fhirnotify-write-to URL       for scenarios: the same URL again, where others' Patients are on the server
"""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from datetime import datetime

    from fhirnotify.harness.fhir_server import FhirServer
    from fhirnotify.harness.inbox import Inbox
    from fhirnotify.harness.installation import Finished, Settings

_WELL = ("passed", "known limit")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("fhirnotify", "fhirnotify: reminders against a real FHIR server")
    group.addoption("--fhirnotify-fhir", metavar="SERVER", default="hapi-r4", help="a URL, or a server to start")
    group.addoption("--fhirnotify-auth", metavar="FILE", help="a settings file with [fhir.auth] for scenarios")
    group.addoption("--fhirnotify-write-to", metavar="URL", help="the same URL again, to write beside foreign Patients")
    parser.addini("fhirnotify_scenarios", "a directory of scenario files that are collected as tests", type="paths")


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the server that the tests of a session share."""
    config.stash[_SERVER] = _SharedServer(config.getoption("--fhirnotify-fhir"))
    config.stash[_PLAY] = _Play(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what was started."""
    config.stash[_PLAY].close()
    config.stash[_SERVER].close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files."""
    for directory in cast("list[Path]", parent.config.getini("fhirnotify_scenarios")):
        if file_path.suffix == ".yaml" and file_path.stem != "world" and file_path.is_relative_to(directory):
            made = ScenarioFile.from_parent(parent, path=file_path)
            made.directory = directory
            return made
    return None


class Server:
    """The FHIR server of a test: what the test puts there is taken away when it ends."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._put: list[dict[str, Any]] = []

    def put(self, *resources: Mapping[str, Any]) -> None:
        """Put FHIR resources there, each with its own id, or change them."""
        from fhirnotify.harness.seed import seed  # noqa: PLC0415

        given = [dict(resource) for resource in resources]
        self._put += given
        seed(self.base_url, given)

    def clear(self) -> None:
        """Take away what was put."""
        from fhirnotify.harness.seed import remove  # noqa: PLC0415

        by_key = {(each["resourceType"], each["id"]): each for each in self._put}
        self._put.clear()
        remove(self.base_url, by_key.values())


class Run:
    """Runs the real command, with a ledger of the test's own."""

    def __init__(self, directory: Path, base_url: str, inbox: "Inbox") -> None:
        from fhirnotify.harness.installation import Installation  # noqa: PLC0415

        self._installation = Installation(directory)
        self._ours: Settings = {"fhir": {"base_url": base_url}}
        self._inbox = inbox

    def __call__(self, now: "datetime | None" = None, settings: "Settings | None" = None) -> "Finished":
        """Run once, as if it were ``now``, and give the rows, the summary and the exit code.

        ``settings`` are sections of ``fhirnotify.toml``; ``consent.codes`` must be among them.
        """
        self._installation.configure(self._ours, self._inbox.settings(), settings or {})
        return self._installation.run(now)


@pytest.fixture
def fhir_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A real FHIR server; what the test puts there is taken away when it ends."""
    server = Server(pytestconfig.stash[_SERVER].base_url())
    yield server
    server.clear()


@pytest.fixture
def sms_inbox() -> Iterator["Inbox"]:
    """An inbox that stands in for every SMS provider: ``messages``, and ``next`` tells how the next ones behave."""
    from fhirnotify.harness.inbox import Inbox  # noqa: PLC0415

    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def fhirnotify_run(tmp_path: Path, fhir_server: Server, sms_inbox: "Inbox") -> Run:
    """Run the real command on ``fhir_server`` with ``sms_inbox`` as provider."""
    return Run(tmp_path, fhir_server.base_url, sms_inbox)


class ScenarioFile(pytest.File):
    """A scenario file."""

    directory: Path

    def collect(self) -> Iterable[pytest.Item]:
        """Give its one test."""
        name = self.path.relative_to(self.directory).with_suffix("").as_posix()
        yield ScenarioItem.from_parent(self, name=name)


class ScenarioItem(pytest.Item):
    """A scenario, which passes if everything goes as it says."""

    def runtest(self) -> None:
        """Play it, with all others of its directory, and wait for how it went."""
        played = self.config.stash[_PLAY].result(self)
        if played["status"] == "not here":
            pytest.skip(played["findings"][0])
        if played["status"] not in _WELL:
            pytest.fail("\n".join(played["findings"]), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the file and the scenario."""
        return self.path, 0, f"scenario {self.name}"


class _SharedServer:
    """The server of a session: one that runs already, or one that is started when it is first asked for."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._started: FhirServer | None = None

    def base_url(self) -> str:
        """Give its base URL."""
        if ":" in self._wanted:
            return self._wanted
        if self._started is None:
            from fhirnotify.harness import servers  # noqa: PLC0415

            self._started = servers.make(self._wanted)
            self._started.start()
        return self._started.base_url

    def close(self) -> None:
        """End it, if it was started here."""
        if self._started is not None:
            self._started.stop()


class _Play:
    """The scenarios of a session, played by one command a directory, each in the order that suits it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._processes: dict[Path, subprocess.Popen[str]] = {}
        self._results: dict[tuple[Path, str], dict[str, Any]] = {}

    def result(self, item: ScenarioItem) -> dict[str, Any]:
        """Wait until it is known how a scenario went."""
        directory = cast("ScenarioFile", item.parent).directory
        process = self._processes.get(directory) or self._start(directory, item.session.items)
        assert process.stdout is not None
        while (directory, item.name) not in self._results:
            line = process.stdout.readline()
            if not line:
                pytest.fail(f"fhirnotify harness run: {process.communicate()[1].strip()}", pytrace=False)
            played = json.loads(line)
            if "scenario" in played:
                self._results[directory, played["scenario"]] = played
        return self._results[directory, item.name]

    def close(self) -> None:
        """Let each take its resources away, and end it."""
        for process in self._processes.values():
            process.terminate()
            process.communicate()

    def _start(self, directory: Path, items: Iterable[pytest.Item]) -> "subprocess.Popen[str]":
        from fhirnotify.harness.installation import COMMAND  # noqa: PLC0415

        options = {"auth": self._config.getoption("--fhirnotify-auth")}
        options["write-to"] = self._config.getoption("--fhirnotify-write-to")
        wanted = [item.name for item in items if isinstance(item, ScenarioItem)]
        arguments = ["--fhir", self._config.stash[_SERVER].base_url(), "--scenarios", str(directory), "--json"]
        for name, value in [*options.items(), *(("only", name) for name in wanted)]:
            arguments += [f"--{name}", value] if value else []
        self._processes[directory] = subprocess.Popen(
            [*COMMAND, "harness", "run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        return self._processes[directory]


_SERVER = pytest.StashKey[_SharedServer]()
_PLAY = pytest.StashKey[_Play]()
