"""A pytest plugin for those who test their own integration; it is there wherever fhirnotify is installed.

Fixtures: ``fhir_server`` (a real FHIR server: HAPI in R4 unless told otherwise), ``sms_inbox`` (stands in for every
provider) and ``fhirnotify_run`` (runs the real command on the two). And a directory of scenario files, named by the
ini option ``fhirnotify_scenarios``, is collected as tests, one a file; they are played by ``fhirnotify harness run``.

    --fhirnotify-fhir SERVER        a URL, or a server that the harness starts: hapi-r4 (default), hapi-r5, sekmet …
    --fhirnotify-auth FILE          for scenarios: a settings file whose [fhir.auth] and [fhir.tls] are used
    --fhirnotify-write-to URL       the same URL again, where others' Patients are on the server
    --fhirnotify-mappings DIR       for scenarios: the mappings to test
    --fhirnotify-appointments HOW   for scenarios: how appointments are searched, such as by-location

On a server that is named by its URL nothing is put beside others' Patients, unless so told twice, and nothing in the
place of what is there. All that is put carries the tags of the harness, so that what a killed session left behind is
taken away by the next ``fhirnotify harness run``.

With pytest-xdist the scenarios of a directory belong to one process, for one command plays them all: run with
``--dist loadgroup`` (they carry the mark ``xdist_group``) or ``-n 0``. Each process starts a server of its own.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from fhirnotify.harness.pytest_server import Server, SharedServer

if TYPE_CHECKING:
    from datetime import datetime

    from fhirnotify.harness.inbox import Inbox
    from fhirnotify.harness.installation import Finished, Settings

_WELL = ("passed", "known limit")
_PASSED_ON = ("auth", "write-to", "mappings", "appointments")
"""Options of ``fhirnotify harness run``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("fhirnotify", "fhirnotify: reminders against a real FHIR server")
    group.addoption("--fhirnotify-fhir", metavar="SERVER", default="hapi-r4", help="a URL, or a server to start")
    group.addoption("--fhirnotify-auth", metavar="FILE", help="a settings file with [fhir.auth] for scenarios")
    group.addoption("--fhirnotify-write-to", metavar="URL", help="the same URL again, to write beside foreign Patients")
    group.addoption("--fhirnotify-mappings", metavar="DIR", help="the mappings that scenarios test")
    group.addoption("--fhirnotify-appointments", metavar="HOW", help="how scenarios search: by-date, by-location …")
    parser.addini("fhirnotify_scenarios", "a directory of scenario files that are collected as tests", type="paths")


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the server that the tests of a session share."""
    if not config.pluginmanager.hasplugin("xdist"):
        config.addinivalue_line("markers", "xdist_group(name): these tests belong to one process, with pytest-xdist")
    config.stash[_SERVER] = SharedServer(config)
    config.stash[_PLAY] = _Play(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what was started."""
    if play := config.stash.get(_PLAY, None):  # neither is there if another plugin's configuration failed before
        play.close()
    if server := config.stash.get(_SERVER, None):
        server.close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files."""
    for directory in cast("list[Path]", parent.config.getini("fhirnotify_scenarios")):
        if file_path.suffix == ".yaml" and file_path.is_relative_to(directory) and not _is_of_bases(file_path):
            made = ScenarioFile.from_parent(parent, path=file_path)
            made.directory = directory
            return made
    return None


def _is_of_bases(file: Path) -> bool:
    from fhirnotify.harness.scenarios.reading import BASES  # noqa: PLC0415 - only for those who have scenarios

    return file.stem == BASES


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
    server = Server(pytestconfig.stash[_SERVER])
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
        item = ScenarioItem.from_parent(self, name=name)
        item.add_marker(pytest.mark.xdist_group(name=self.directory.as_posix()))
        yield item


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


class _Play:
    """The scenarios of a session, played by one command a directory, each in the order that suits it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._processes: dict[Path, subprocess.Popen[str]] = {}
        self._results: dict[tuple[Path, str], dict[str, Any]] = {}
        self._ended: dict[Path, str] = {}

    def result(self, item: ScenarioItem) -> dict[str, Any]:
        """Wait until it is known how a scenario went."""
        directory = cast("ScenarioFile", item.parent).directory
        process = self._processes.get(directory) or self._start(directory, item.session.items)
        assert process.stdout is not None
        while (directory, item.name) not in self._results:
            if directory in self._ended:
                pytest.fail(f"no result of the scenario {item.name}: {self._ended[directory]}", pytrace=False)
            line = process.stdout.readline()
            if not line:
                said = process.communicate()[1].strip() or f"ended with exit code {process.returncode}"
                self._ended[directory] = f"fhirnotify harness run: {said}"
                continue
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
        from fhirnotify.harness.installation import COMMAND, past_proxies  # noqa: PLC0415

        options = {name: self._config.getoption(f"--fhirnotify-{name}") for name in _PASSED_ON}
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
            env=past_proxies(os.environ),
        )
        return self._processes[directory]


_SERVER = pytest.StashKey[SharedServer]()
_PLAY = pytest.StashKey[_Play]()
