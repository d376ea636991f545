"""Manners on a server that belongs to somebody."""

import json
import os
import re
import socket
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import FhirError, HarnessError
from fhirnotify.fhir.client import Client
from fhirnotify.harness.guest import RUN, TAG, YEARS, Guest, Run
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request


class FhirServer:
    """A server that holds what it is told to, and honours what it is told to."""

    def __init__(self) -> None:
        self.resources: list[dict] = []
        self.honours_tags = True
        self.honours_dates = True
        self.refuses_dates: int | None = None
        self.page = 1000

    def hold(self, kind: str, identity: str, code: str | None = None, **elements) -> None:
        """Hold a resource; with a code, one of the harness's."""
        meta = {"tag": [] if code is None else [{"system": RUN, "code": code}]}
        if (updated := elements.pop("updated", None)) is not None:
            meta["lastUpdated"] = updated.isoformat()
        self.resources.append({"resourceType": kind, "id": identity, "meta": meta, **elements})

    def __call__(self, request: Request) -> Reply:
        """Answer a search, or give its next page."""
        kind, form = request.path.split("/")[1], request.form
        if "date" in form and self.refuses_dates:
            return Reply(self.refuses_dates)
        at = int(request.query.get("at", 0))
        found = [each for each in self.resources if each["resourceType"] == kind]
        if "_tag" in form and self.honours_tags:
            assert form["_tag"] == TAG
            found = [each for each in found if each["meta"]["tag"]]
        if kind == "Sheep":
            return Reply(404)
        if "date" in form and self.honours_dates:
            found = [each for each in found if f"lt{int(each['start'][:4]) + 1}" in form["date"]]
        entries = [{"resource": each, "search": {"mode": "match"}} for each in found[at : at + self.page]]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
        if at + self.page < len(found):
            bundle["link"] = [{"relation": "next", "url": f"/{kind}?at={at + self.page}"}]
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


NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(hours=3)


def run_of(process: int, machine: str | None = "elsewhere", began: datetime = NOW) -> str:
    """Write the code of a run on a machine: by default not this one."""
    return Run(began, machine, process, "0a0b0c0d").code


def here(process: int, began: datetime = NOW) -> str:
    """Write the code of a run on this machine."""
    return replace(Run.now(), process=process, began=began).code


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


@pytest.mark.parametrize(
    ("code", "updated", "is_over"),
    [
        pytest.param(here(a_dead_process()), NOW, True, id="dead here"),
        pytest.param(here(os.getpid(), LONG_AGO), LONG_AGO, False, id="at work here, however long"),
        pytest.param(run_of(1), None, False, id="elsewhere, just begun"),
        pytest.param(run_of(1, began=LONG_AGO), None, True, id="elsewhere, long ago, and no more is known"),
        pytest.param(run_of(1, began=LONG_AGO), NOW, False, id="elsewhere, a long run that still puts"),
        pytest.param(run_of(1, began=LONG_AGO), LONG_AGO, True, id="elsewhere, put long ago"),
        pytest.param(run_of(a_dead_process(), None), NOW, False, id="by this name, but which start is not known"),
        pytest.param("something", NOW, False, id="of an unknown form, put just now"),
        pytest.param("something", LONG_AGO, True, id="of an unknown form, put long ago"),
        pytest.param("something", None, True, id="of an unknown form, and no more is known"),
    ],
)
def test_what_crashed_runs_left(server, guest, code, updated, is_over):
    """Of dead processes here, and of other machines when it was put long ago; never of what is still at work."""
    server.hold("Patient", "left", code, updated=updated)
    server.hold("Patient", "foreign")
    assert [each["id"] for each in guest.left_behind()] == (["left"] if is_over else [])


def test_where_the_machine_is_not_known_its_processes_are_not_judged(server, guest, monkeypatch):
    """Without a boot id this host too is another machine: not even a dead process ends a young run."""
    monkeypatch.setattr("fhirnotify.harness.guest._boot", lambda: None)
    server.hold("Patient", "left", Run(NOW, None, a_dead_process(), "0a0b0c0d").code)
    assert guest.left_behind() == []


def test_a_hold_stands_as_long_as_a_run(server, guest):
    """Elsewhere a run may take hours; what is a day old is left behind."""
    run = Run(LONG_AGO, "elsewhere", 1, "0a0b0c0d")
    for year, updated in ((2050, LONG_AGO), (2051, NOW - timedelta(hours=25))):
        server.hold("Appointment", run.hold(year, FhirVersion.R4)["id"], run.code, updated=updated, start=str(year))
    assert [each["id"] for each in guest.left_behind()] == [f"{run.prefix}-holds-2051"]


def test_other_types_are_looked_through_when_named(server, guest):
    """A scenario may put any type; one that the server does not know is passed over."""
    server.hold("Schedule", "dead", here(a_dead_process()))
    assert guest.left_behind() == []
    assert [each["id"] for each in guest.left_behind({"Schedule", "Sheep", "Patient"})] == ["dead"]


def test_runs_have_nothing_in_common():
    """Two runs in one process, with one process id, have ids and tags of their own."""
    one, other = Run.now(), Run.now()
    assert one.prefix != other.prefix
    assert one.code != other.code
    assert f"-{os.getpid()}-" in one.code
    assert re.sub(r"[^0-9a-z]", "", socket.gethostname().lower())[:16] in one.code


def test_a_server_that_does_not_know_tags(server, guest):
    """It gives everything, and nothing that is foreign is taken for left behind."""
    server.honours_tags = False
    server.hold("Patient", "foreign")
    server.hold("Patient", "dead", here(a_dead_process()))
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


@pytest.mark.parametrize(("before", "chosen"), [(0, 2077), (195, 2077), (200, 2060)])
def test_a_server_that_ignores_dates_is_looked_through(server, guest, before, chosen):
    """What is of the year may stand on a later page; beyond twenty pages nobody looks."""
    server.honours_dates, server.page = False, 10
    for number in range(before):
        server.hold("Appointment", f"now{number}", start="2026-11-24T10:00:00Z")
    server.hold("Appointment", "booked", start="2060-12-31T10:00:00Z")
    others = frozenset(YEARS) - {2060, 2077}
    if chosen == 2060:
        others |= {2077}
    assert guest.free_year(others) == chosen


@pytest.mark.parametrize("status", [400, 501])
def test_a_server_that_cannot_be_asked_by_date(server, guest, status):
    """Any year will do in which no other run stands."""
    server.refuses_dates = status
    for year in YEARS:
        if year != 2077:
            server.hold("Appointment", f"a{year}", run_of(1), start=f"{year}-01-01T12:00:00Z")
    assert guest.free_year() == 2077


def test_a_server_that_fails_leaves_no_year_free(server, guest):
    """It was asked, and did not answer: nothing is known of any year."""
    server.refuses_dates = 503
    with pytest.raises(FhirError, match="503"):
        guest.free_year()


def test_of_two_runs_that_hold_a_year_one_keeps_it(server, guest):
    """Whichever looks, the lesser code keeps it; beside an Appointment of somebody else nobody does."""
    runs = sorted((replace(Run.now(), token=token) for token in ("aa", "bb")), key=lambda run: run.code)
    for run in runs:
        held = run.hold(2060, FhirVersion.R5)
        server.hold("Appointment", held["id"], run.code, start=held["start"])
    assert [guest.keeps(2060, run) for run in runs] == [True, False]
    server.hold("Appointment", "foreign", start="2060-06-06T10:00:00Z")
    assert [guest.keeps(2060, run) for run in runs] == [False, False]
