"""The real servers: HAPI FHIR R4 and R5, started once a session, both at once, while other tests run.

``TEST_HAPI_R4`` and ``TEST_HAPI_R5`` may name servers that run already, which spares their start. They should have
a small ``fhir.max-page-size``, as those started here do.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import hapi_keeper
import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.hapi_jars import INSTALL, missing_programs
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.judge import LOCAL
from fhirnotify.harness.resources import Resource
from fhirnotify.harness.seed import remove, seed

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def _running_already(version: FhirVersion) -> str | None:
    return os.environ.get(f"TEST_HAPI_{version}")


def _kept(config: pytest.Config) -> tuple[Path, int]:
    """Give where this session's keeper writes, and the process that stands for the session."""
    worker = getattr(config, "workerinput", None)
    session, owner = (worker["testrunuid"], os.getppid()) if worker else (str(os.getpid()), os.getpid())
    return Path(tempfile.gettempdir()) / f"fhirnotify-hapi-{session}", owner


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that need a HAPI server come last: it starts while the others run."""
    items.sort(key=lambda item: item.get_closest_marker("hapi") is not None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the servers as soon as it is known that a test needs them."""
    needed = any(item.get_closest_marker("hapi") for item in session.items)
    versions = [version for version in FhirVersion if not _running_already(version)]
    if needed and versions and not session.config.option.collectonly and not missing_programs():
        hapi_keeper.keep(*_kept(session.config), versions)


def _base_url(config: pytest.Config, version: FhirVersion) -> str:
    if url := _running_already(version):
        return url
    if missing := missing_programs():
        what = f"HAPI FHIR needs {', '.join(missing)}; install: {INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(what)
        pytest.skip(what)
    return hapi_keeper.base_url(_kept(config)[0], version)


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


def _before_summer_time(year: int) -> datetime:
    """Give ten o'clock on the day before the clocks are moved forward, the last Sunday in March."""
    last = datetime(year, 3, 31, 10, tzinfo=LOCAL)
    return last - timedelta(days=last.isoweekday() % 7 + 1)


@pytest.fixture(params=list(FhirVersion), ids=str)
def journal(request: pytest.FixtureRequest) -> Iterator[Journal]:
    """Give the journal system, R4 and R5, with ids and a week of this test's own, in a year of this process's own."""
    version: FhirVersion = request.param
    number = next(_weeks)
    now = _before_summer_time(2031 + _WORKER) + timedelta(weeks=number)
    made = Journal(version, _base_url(request.config, version), now, f"t{_WORKER}-{number}-")
    yield made
    if _running_already(version):
        made.clear()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Give an installation of fhirnotify in an empty directory."""
    return Installation(tmp_path)
