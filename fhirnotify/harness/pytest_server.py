"""The FHIR server that the tests of a pytest session share, and what is put there and taken away by each.

Whatever costs time to import is imported when it is first used: a session that asks for no server pays for none.
"""

import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fhirnotify.fhir.client import Client
    from fhirnotify.harness.fhir_server import FhirServer

_TIMEOUT = timedelta(seconds=30)
_ATTEMPTS = 3


class SharedServer:
    """The server of a session: one that runs already, or one that is started when it is first asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._wanted: str = config.getoption("--fhirnotify-fhir")
        self._is_seen = False
        self._started: FhirServer | None = None

    def base_url(self) -> str:
        """Give its base URL."""
        if self._is_given:
            return self._wanted
        if self._started is None:
            from fhirnotify.harness import servers  # noqa: PLC0415

            self._started = servers.make(self._wanted, progress=self._tell)
            self._started.start()
        return self._started.base_url

    def see_that_free(self, keys: Iterable[tuple[str, str]]) -> None:
        """See that what is to be put takes the place of nothing that belongs to others.

        Raises:
            HarnessError: it does; or Patients of others are there, and nobody said twice that it may be written to.
        """
        if not self._is_given:
            return
        from fhirnotify.fhir.client import Client  # noqa: PLC0415
        from fhirnotify.harness.guest import Guest  # noqa: PLC0415

        with closing(Client(self._wanted, timeout=_TIMEOUT, attempts=_ATTEMPTS)) as client:
            written = self._config.getoption("--fhirnotify-write-to") or ""
            if not self._is_seen and written.rstrip("/") != self._wanted.rstrip("/"):
                Guest(client).refuse_foreign_patients()
            self._is_seen = True
            for key in keys:
                _refuse_foreign(client, *key)

    def close(self) -> None:
        """End it, if it was started here."""
        if self._started is not None:
            self._started.stop()

    @property
    def _is_given(self) -> bool:
        return ":" in self._wanted

    def _tell(self, progress: str) -> None:
        """Say what is going on while a test waits: the first start of all fetches some hundred megabytes."""
        manager = self._config.pluginmanager
        reporter, capture = manager.get_plugin("terminalreporter"), manager.get_plugin("capturemanager")
        if reporter is None or capture is None:
            sys.stderr.write(f"fhirnotify: {progress}\n")
            return
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(f"fhirnotify: {progress}")


class Server:
    """The FHIR server of a test: what the test puts there is taken away when it ends."""

    def __init__(self, shared: SharedServer) -> None:
        self.base_url = shared.base_url()
        self._shared = shared
        self._put: list[dict[str, Any]] = []

    def put(self, *resources: Mapping[str, Any]) -> None:
        """Put FHIR resources there, each with its own id, or change them.

        Raises:
            HarnessError: the server, or what stands there by such an id, belongs to others; or it refuses.
        """
        from fhirnotify.harness.guest import Run  # noqa: PLC0415
        from fhirnotify.harness.seed import seed  # noqa: PLC0415

        tags = Run.now().tags
        given = [_tagged(resource, tags) for resource in resources]
        ours = {_key(resource) for resource in self._put}
        self._shared.see_that_free([_key(resource) for resource in given if _key(resource) not in ours])
        self._put += given
        seed(self.base_url, given)

    def clear(self) -> None:
        """Take away what was put."""
        from fhirnotify.harness.seed import remove  # noqa: PLC0415

        by_key = {_key(each): each for each in self._put}
        self._put.clear()
        remove(self.base_url, by_key.values())


def _key(resource: Mapping[str, Any]) -> tuple[str, str]:
    return resource["resourceType"], resource["id"]


def _tagged(resource: Mapping[str, Any], tags: list[dict[str, str]]) -> dict[str, Any]:
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "tag": [*meta.get("tag", ()), *tags]}}


def _refuse_foreign(client: "Client", kind: str, id_: str) -> None:
    from fhirnotify.errors import HarnessError  # noqa: PLC0415
    from fhirnotify.harness.guest import RUN  # noqa: PLC0415

    there = client.read(kind, id_)
    if there is not None and all(tag.get("system") != RUN for tag in there.get("meta", {}).get("tag", ())):
        raise HarnessError(
            f"On the server at {client.origin} stands a {kind} by the id of one to be put, not the harness's own.",
            "Take other ids, or a server for tests.",
        )
