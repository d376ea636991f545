"""A real HAPI FHIR server that forgets, points elsewhere or fails midway: nothing is sent on half the facts."""

import threading
from collections import Counter
from dataclasses import replace

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.loopback import Reply
from fhirnotify.harness.proxy import Asked, HostileProxy, Sent, Server
from fhirnotify.harness.servers import EXPIRY_SECONDS
from fhirnotify.harness.world import ordinary_world

pytestmark = pytest.mark.hapi
R4_ONLY = pytest.mark.parametrize("journal", [FhirVersion.R4], indirect=True, ids=str)
EXPIRING = pytest.mark.parametrize("journal", ["hapi-r4-expiring"], indirect=True)


@pytest.fixture
def world(journal):
    """Give a world of two pages of appointments and a bit, on the server."""
    made = ordinary_world(journal.now, journal.version, 60, prefix=journal.prefix)
    journal.put(*made.resources)
    return made


@pytest.fixture
def run(installation, world):
    """Run the command against a server at this base URL."""

    def run_at(base_url: str):
        installation.configure(world.settings, {"fhir": {"base_url": base_url, "attempts": 1}, "sms": {"rate": 1000}})
        return installation.run(world.now)

    return run_at


def is_second_page(asked: Asked) -> bool:
    """Tell whether the second page of Appointments is asked for."""
    return asked.kind == "Appointment" and asked.page == 2


@EXPIRING
def test_a_search_that_expires_is_begun_again(journal, installation, world, run):
    """The server has forgotten the search when the second page is asked for: nobody is lost, nobody reminded twice."""
    second_pages = []

    def delay(asked: Asked, server: Server) -> Sent:
        if is_second_page(asked) and not second_pages:
            # Whether the search has gone cannot be asked: HAPI keeps one that is read for ten minutes more.
            threading.Event().wait(1.5 * EXPIRY_SECONDS)
        reply = server.ask(asked)
        if is_second_page(asked):
            second_pages.append(reply.status)
        return reply

    with HostileProxy(journal.base_url, delay) as proxy:
        done = run(proxy.base_url)
    assert second_pages == [410, 200]
    assert world.differences(done.rows) == []
    assert (done.exit_code, done.summary["sent"]) == (0, 60)
    assert Counter((message["to"], message["text"]) for message in installation.outbox()) == world.inbox


def test_a_search_that_the_server_never_knew_is_begun_again(journal, installation, world, run):
    """The link to the second page names another search (410): the read is begun again, in R4 and R5 alike."""
    second_pages = []

    def misname(asked: Asked, server: Server) -> Sent:
        if is_second_page(asked) and not second_pages:
            target = asked.request.target.replace("_getpages=", "_getpages=0")
            asked = replace(asked, request=replace(asked.request, target=target))
        reply = server.ask(asked)
        if is_second_page(asked):
            second_pages.append(reply.status)
        return reply

    with HostileProxy(journal.base_url, misname) as proxy:
        done = run(proxy.base_url)
    assert second_pages == [410, 200]
    assert world.differences(done.rows) == []
    assert (done.exit_code, done.summary["sent"], len(installation.outbox())) == (0, 60, 60)


@R4_ONLY
def test_links_that_lead_elsewhere_are_not_followed(journal, installation, run):
    """The server's links lead to another origin than the configured one: an incomplete read, and nothing is sent."""
    other_name = journal.base_url.replace("127.0.0.1", "localhost")

    def by_other_name(asked: Asked, server: Server) -> Sent:
        reply = server.ask(asked)
        body = reply.body.replace(server.own.encode(), other_name.encode())
        return replace(reply, body=body) if reply.status == 200 else reply

    with HostileProxy(journal.base_url, by_other_name) as proxy:
        done = run(proxy.base_url)
    assert (done.exit_code, done.summary["complete"], done.summary["sent"]) == (3, False, 0)
    assert installation.outbox() == []


@R4_ONLY
@pytest.mark.parametrize("at", ["Appointment", "Patient", "Consent"])
def test_a_server_that_fails_midway_stops_the_run(journal, installation, world, run, at):
    """Appointments, Patients or Consents stop coming: nothing is sent, and the next run sends to everybody once."""

    def fail(asked: Asked, server: Server) -> Sent:
        if asked.kind != at or (at == "Appointment" and asked.page < 3):
            return server.ask(asked)
        return Reply(500, b"<html>broken</html>", {"Content-Type": "text/html"})

    with HostileProxy(journal.base_url, fail) as proxy:
        broken = run(proxy.base_url)
    assert (broken.exit_code, broken.summary["complete"], broken.summary["sent"]) == (3, False, 0)
    assert installation.outbox() == []
    whole = run(journal.base_url)
    assert (whole.exit_code, whole.summary["sent"], len(installation.outbox())) == (0, 60, 60)
