"""A real HAPI FHIR server behind a proxy that gets in the way: nothing is sent on half the facts."""

import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.judge import differences
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.harness.world import ordinary_world

pytestmark = pytest.mark.hapi
R4_ONLY = pytest.mark.parametrize("journal", [FhirVersion.R4], indirect=True, ids=str)

Meddling = Callable[[Request, int], Reply | Request]
"""Gets a request and how many pages have been asked for; gives an answer of its own, or what to pass on."""


def pass_on(request: Request, pages: int) -> Request:
    """Do not meddle."""
    return request


@dataclass
class Proxy:
    """Passes requests on to a FHIR server.

    ``own_host`` tells the server the host by which the proxy was asked, so that its links lead to the proxy.
    """

    target: str
    meddling: Meddling = pass_on
    own_host: bool = True
    pages: int = 0
    statuses: list[int] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve; give the base URL."""
        with LoopbackServer(self._answer) as server:
            yield f"{server.base_url}{urlsplit(self.target).path}"

    def _answer(self, request: Request) -> Reply:
        self.pages += "_getpages" in request.query
        meddled = self.meddling(request, self.pages)
        return meddled if isinstance(meddled, Reply) else self._ask(meddled)

    def _ask(self, request: Request) -> Reply:
        place = urlsplit(self.target)
        headers = {name: value for name, value in request.headers.items() if name != "connection"}
        if not self.own_host:
            headers["host"] = place.netloc
        headers["connection"] = "close"
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        path = request.path + (f"?{urlencode(request.query)}" if request.query else "")
        connection.request(request.method, path, request.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        self.statuses.append(answer.status)
        connection.close()
        kept = {
            name: value for name, value in answer.getheaders() if name.lower() in {"content-type", "content-encoding"}
        }
        return Reply(answer.status, body, kept)


@pytest.fixture
def world(journal):
    """Give a world of two pages of appointments and a bit, on the server."""
    made = ordinary_world(journal.now, journal.version, 60, prefix=journal.prefix)
    journal.put(*made.resources)
    return made


@pytest.fixture
def run(journal, installation, world):
    """Run the command against the server behind a proxy."""

    def run_behind(proxy: Proxy):
        with proxy.serving() as base_url:
            fhir = {"base_url": base_url, "attempts": 1}
            installation.configure(world.settings, {"fhir": fhir, "sms": {"rate": 1000}})
            return installation.run(world.now)

    return run_behind


def test_a_search_that_expires_is_begun_again(journal, installation, world, run):
    """The server no longer knows the search in the middle of the pages (410): nobody is lost, nobody read twice."""

    def forget_once(request: Request, pages: int) -> Request:
        if pages != 2 or "_getpages" not in request.query:
            return request
        lost = re.sub(r"[0-9a-f]", "0", request.query["_getpages"])
        return Request(request.method, request.path, request.query | {"_getpages": lost}, request.headers, b"")

    proxy = Proxy(journal.base_url, forget_once)
    done = run(proxy)
    assert 410 in proxy.statuses
    assert differences(world, done.rows) == []
    assert (done.exit_code, done.summary["sent"]) == (0, 60)
    assert len(installation.outbox()) == 60


@R4_ONLY
def test_links_that_lead_elsewhere_are_not_followed(journal, installation, run):
    """The server's links lead to another origin than the configured one: an incomplete read, and nothing is sent."""
    done = run(Proxy(journal.base_url, own_host=False))
    assert done.exit_code == 3
    assert done.summary["complete"] is False
    assert done.summary["sent"] == 0
    assert installation.outbox() == []


@R4_ONLY
@pytest.mark.parametrize("at", ["Appointment", "Patient", "Consent"])
def test_a_server_that_fails_midway_stops_the_run(journal, installation, world, run, at):
    """Appointments, Patients or Consents stop coming: nothing is sent, and the next run sends to everybody once."""

    def fail(request: Request, pages: int) -> Reply | Request:
        broken = request.path.startswith(f"/fhir/{at}") if at != "Appointment" else pages >= 2
        return Reply(500, b"<html>broken</html>", {"Content-Type": "text/html"}) if broken else request

    broken = run(Proxy(journal.base_url, fail))
    assert (broken.exit_code, broken.summary["complete"], broken.summary["sent"]) == (3, False, 0)
    assert installation.outbox() == []
    whole = run(Proxy(journal.base_url))
    assert (whole.exit_code, whole.summary["sent"]) == (0, 60)
    assert len(installation.outbox()) == 60
