"""The real servers: HAPI FHIR R4 and R5, started once a session, both at once, while other tests run.

``TEST_HAPI_R4`` and ``TEST_HAPI_R5`` may name servers that run already, which spares their start. They should have
a small ``fhir.max-page-size``, as those started here do, so that paging is always exercised.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.hapi import HapiServer
from fhirnotify.harness.hapi_jars import INSTALL, missing_programs
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.judge import LOCAL
from fhirnotify.harness.resources import Resource
from fhirnotify.harness.seed import remove, seed

PAGE = 25
"""The most that the servers give on a page."""

_FIRST_WEEK = datetime(2031, 3, 29, 10, tzinfo=LOCAL)
"""The first test's visits lie on both sides of the night when summer time begins."""


class Servers:
    """The servers of this session, being started on threads of their own."""

    def __init__(self, versions: Sequence[FhirVersion]) -> None:
        self._pool = ThreadPoolExecutor(max(1, len(versions)))
        self._servers = {
            version: HapiServer(version, properties={"fhir.max-page-size": str(PAGE)}) for version in versions
        }
        self._started: dict[FhirVersion, Future[str]] = {
            version: self._pool.submit(server.start) for version, server in self._servers.items()
        }

    def base_url(self, version: FhirVersion) -> str:
        """Wait for a server."""
        return self._started[version].result()

    def stop(self) -> None:
        """Stop them all."""
        for server in self._servers.values():
            server.stop()
        self._pool.shutdown()


_SERVERS = pytest.StashKey[Servers]()


def _running_already(version: FhirVersion) -> str | None:
    return os.environ.get(f"TEST_HAPI_{version}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that need a HAPI server come last: it starts while the others run."""
    items.sort(key=lambda item: item.get_closest_marker("hapi") is not None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the servers as soon as it is known that a test needs them."""
    needed = any(item.get_closest_marker("hapi") for item in session.items)
    if needed and not session.config.option.collectonly and not missing_programs():
        versions = [version for version in FhirVersion if _running_already(version) is None]
        session.config.stash[_SERVERS] = Servers(versions)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers."""
    if servers := config.stash.get(_SERVERS, None):
        servers.stop()


def _base_url(config: pytest.Config, version: FhirVersion) -> str:
    if url := _running_already(version):
        return url
    if missing := missing_programs():
        what = f"HAPI FHIR needs {', '.join(missing)}; install: {INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(what)
        pytest.skip(what)
    return config.stash[_SERVERS].base_url(version)


@dataclass
class Journal:
    """A HAPI server as the journal system of one test."""

    version: FhirVersion
    base_url: str
    now: datetime
    prefix: str
    _resources: dict[tuple[str, str], Resource] = field(default_factory=dict)

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


@pytest.fixture(params=list(FhirVersion), ids=str)
def journal(request: pytest.FixtureRequest) -> Iterator[Journal]:
    """Give the journal system, R4 and R5, with a week and ids of this test's own."""
    version: FhirVersion = request.param
    number = next(_weeks)
    now = _FIRST_WEEK + timedelta(weeks=number)
    made = Journal(version, _base_url(request.config, version), now, f"t{number}-")
    yield made
    if _running_already(version):
        made.clear()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Give an installation of fhirnotify in an empty directory."""
    return Installation(tmp_path)
