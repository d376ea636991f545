"""The real servers, by the names of ``fhirnotify.harness.servers``: started once a session, while other tests run.

Only those start that the collected tests need. ``TEST_HAPI_R4``, ``TEST_HAPI_R5``, ``TEST_HAPI_R4_LA``,
``TEST_HAPI_R4_EXPIRING`` and ``TEST_SEKMET`` may name servers that run already, which spares their start; they should
be set up as the profiles say. ``TEST_SERVERS`` may name the directory of a keeper that runs already.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.request import urlopen

import pytest
import server_keeper
from server_keeper import running_already

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.resources import Resource
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.seed import remove, seed
from fhirnotify.harness.servers import PROFILES

EVERY_SERVER = tuple(PROFILES)

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_OF_VERSION = {FhirVersion.R4: "hapi-r4", FhirVersion.R5: "hapi-r5"}
_FIXTURES = ("journal", "kept_server")


def _kept(config: pytest.Config) -> tuple[Path, int]:
    """Give where this session's keeper writes, and the process that stands for the session."""
    worker = getattr(config, "workerinput", None)
    session, owner = (worker["testrunuid"], os.getppid()) if worker else (str(os.getpid()), os.getpid())
    kept = os.environ.get("TEST_SERVERS") or Path(tempfile.gettempdir()) / f"fhirnotify-servers-{session}"
    return Path(kept), owner


def _needed(item: pytest.Item) -> list[str]:
    """Give the names of the servers that a test needs."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    names = [_name(params[fixture]) for fixture in _FIXTURES if fixture in params]
    return [name for name in names if name in PROFILES]


def _name(param: str | FhirVersion) -> str:
    return _OF_VERSION[param] if isinstance(param, FhirVersion) else param


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that need a server come last, in the order in which servers start: they do while others run."""
    items.sort(key=lambda item: max((1 + EVERY_SERVER.index(name) for name in _needed(item)), default=0))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the servers as soon as it is known which of them the tests need."""
    needed = {name for item in session.items for name in _needed(item)}
    names = {name for name in needed if not running_already(name) and not PROFILES[name].missing()}
    if names and not session.config.option.collectonly:
        server_keeper.keep(*_kept(session.config), names)


def _base_url(config: pytest.Config, name: str) -> str:
    if url := running_already(name):
        return url
    if what := PROFILES[name].missing():
        if os.environ.get("CI") == "true":
            pytest.fail(what)
        pytest.skip(what)
    return server_keeper.base_url(_kept(config)[0], name)


@dataclass(frozen=True)
class KeptServer:
    """A server of this session's, which other tests use too; the ids of a test are of its own."""

    name: str
    version: FhirVersion
    base_url: str


@pytest.fixture
def kept_server(request: pytest.FixtureRequest) -> KeptServer:
    """Give the server whose name the test is parametrized with: ``parametrize("kept_server", [...], indirect=True)``."""
    return _kept_server(request)


def _kept_server(request: pytest.FixtureRequest) -> KeptServer:
    name = _name(request.param)
    return KeptServer(name, PROFILES[name].version, _base_url(request.config, name))


@dataclass
class Journal:
    """A server as the journal system of one test."""

    server: str
    version: FhirVersion
    base_url: str
    now: datetime
    prefix: str
    _resources: dict[tuple[str, str], Resource] = field(default_factory=dict)

    def software(self) -> str:
        """Give what the server calls itself."""
        with urlopen(f"{self.base_url}/metadata", timeout=60) as answer:
            return json.load(answer)["software"]["name"]

    def put(self, *resources: Resource) -> None:
        """Put resources there, or change them."""
        self._resources |= {(resource["resourceType"], resource["id"]): resource for resource in resources}
        seed(self.base_url, resources)

    def get(self, kind: str, identity: str) -> Resource:
        """Give a resource as it was put."""
        return self._resources[kind, identity]

    def clear(self) -> None:
        """Take away what was put."""
        remove(self.base_url, self._resources.values())


_weeks = count()


def _before_summer_time(year: int) -> datetime:
    """Give ten o'clock on the day before the clocks are moved forward, the last Sunday in March."""
    last = datetime(year, 3, 31, 10, tzinfo=LOCAL)
    return last - timedelta(days=last.isoweekday() % 7 + 1)


@pytest.fixture(params=_OF_VERSION.values())
def journal(request: pytest.FixtureRequest) -> Iterator[Journal]:
    """Give the journal system, with ids and a week of this test's own, in a year of this process's own.

    HAPI in R4 and R5, unless the test is parametrized with names of other servers, indirectly.
    """
    server = _kept_server(request)
    number = next(_weeks)
    now = _before_summer_time(2031 + _WORKER) + timedelta(weeks=number)
    made = Journal(server.name, server.version, server.base_url, now, f"t{_WORKER}-{number}-")
    yield made
    if running_already(server.name):
        made.clear()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Give an installation of fhirnotify in an empty directory."""
    return Installation(tmp_path)
