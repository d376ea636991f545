"""Manners on a server that belongs to somebody."""

import json
import os
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from fhirnotify.errors import HarnessError
from fhirnotify.fhir.client import Client
from fhirnotify.harness.guest import RUN, TAG, YEARS, Guest, Run
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request


class FhirServer:
    """A server that holds what it is told to, and honours what it is told to."""

    def __init__(self) -> None:
        self.resources: list[dict] = []
        self.honours_tags = True
        self.honours_dates = True

    def hold(self, kind: str, identity: str, code: str | None = None, **elements) -> None:
        """Hold a resource; with a code, one of the harness's."""
        tags = [] if code is None else [{"system": RUN, "code": code}]
        self.resources.append({"resourceType": kind, "id": identity, "meta": {"tag": tags}, **elements})

    def __call__(self, request: Request) -> Reply:
        """Answer a search."""
        kind, form = request.path.split("/")[1], request.form
        found = [each for each in self.resources if each["resourceType"] == kind]
        if "_tag" in form and self.honours_tags:
            assert form["_tag"] == TAG
            found = [each for each in found if each["meta"]["tag"]]
        if "date" in form and self.honours_dates:
            found = [each for each in found if f"lt{int(each['start'][:4]) + 1}" in form["date"]]
        entries = [{"resource": each, "search": {"mode": "match"}} for each in found]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
        return Reply(200, json.dumps(bundle).encode(), {"Content-Type": "application/fhir+json"})


@pytest.fixture
def server():
    """Give a server that holds nothing."""
    return FhirServer()


@pytest.fixture
def guest(server):
    """Give a guest on it."""
    with (
        LoopbackServer(server) as running,
        closing(Client(running.base_url, timeout=timedelta(5), attempts=1)) as client,
    ):
        yield Guest(client)


def run_of(process: int, host: str | None = None, ago: timedelta = timedelta(0)) -> str:
    """Write the code of a run."""
    mine = Run.now()
    return Run(datetime.now(UTC) - ago, host or mine.host, process).code


def a_dead_process() -> int:
    """Give the id of a process that has been."""
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    return child


def test_only_its_own_patients(server, guest):
    """Its own do no harm; a single foreign one is refused, with what to do."""
    server.hold("Patient", "own", Run.now().code)
    guest.refuse_foreign_patients()
    server.hold("Patient", "foreign")
    with pytest.raises(HarnessError, match=r"not the harness's own\.\n.*--write-to"):
        guest.refuse_foreign_patients()


def test_what_crashed_runs_left(server, guest):
    """Of dead processes here, and of other machines when it is long ago; never of what is still at work, or foreign."""
    server.hold("Patient", "dead", run_of(a_dead_process()))
    server.hold("Patient", "at-work", Run.now().code)
    server.hold("Patient", "elsewhere", run_of(1, "elsewhere"))
    server.hold("Consent", "elsewhere-long-ago", run_of(1, "elsewhere", timedelta(hours=3)))
    server.hold("Patient", "of-unknown-form", "something")
    server.hold("Patient", "foreign")
    assert {each["id"] for each in guest.left_behind()} == {"dead", "elsewhere-long-ago", "of-unknown-form"}


def test_a_server_that_does_not_know_tags(server, guest):
    """It gives everything, and nothing that is foreign is taken for left behind."""
    server.honours_tags = False
    server.hold("Patient", "foreign")
    server.hold("Patient", "dead", run_of(a_dead_process()))
    assert guest.left_behind() == []


def test_a_year_without_appointments(server, guest):
    """It is one of those far off in which there is none."""
    free = 2077
    for year in YEARS:
        if year != free:
            server.hold("Appointment", f"a{year}", start=f"{year}-05-05T10:00:00Z")
    assert guest.free_year() == free
    server.hold("Appointment", "last", start=f"{free}-05-05T10:00:00Z")
    with pytest.raises(HarnessError, match="In each year"):
        guest.free_year()


def test_a_server_that_ignores_dates(server, guest):
    """What it gives of other years does not make a year booked."""
    server.honours_dates = False
    server.hold("Appointment", "now", start="2026-11-24T10:00:00Z")
    assert guest.free_year() in YEARS
