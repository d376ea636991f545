"""A run of the harness on a server, before and after its scenarios."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import httpx
import pytest

from fhirnotify import assets
from fhirnotify.errors import FhirError, HarnessError
from fhirnotify.fhir.client import Client
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.session import Access, Conditions, abreast_on_server, kinds, on_server

CAPABILITIES = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-11-01",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "rest": [{"mode": "server"}],
}


class Server:
    """Keeps what it is given, and answers each search with all of the type."""

    def __init__(self, **refused: int) -> None:
        self.stands: dict[str, dict] = {}
        self.put: list[str] = []
        self._refused = refused
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        if request.path == "/metadata":
            return Reply(200, json.dumps(CAPABILITIES).encode())
        if request.path.endswith("/_search"):
            kind = request.path.split("/")[1]
            entries = [{"resource": each} for key, each in self.stands.items() if key.startswith(f"{kind}/")]
            return Reply(200, json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode())
        entries = json.loads(request.body)["entry"]
        if status := self._refused.get(entries[0]["request"]["method"]):
            return Reply(status)
        if any(entry["request"]["url"].startswith("Appointment/") for entry in entries) and "hold" in self._refused:
            return Reply(self._refused["hold"])
        with self._lock:
            for entry in entries:
                self._do(entry)
        return Reply(200, json.dumps({"entry": [{"response": {"status": "200"}} for _ in entries]}).encode())

    def _do(self, entry: dict) -> None:
        key = entry["request"]["url"]
        if entry["request"]["method"] == "PUT":
            self.stands[key] = entry["resource"]
            self.put.append(key.partition("/")[0])
        else:
            self.stands.pop(key, None)


@contextmanager
def reached(server: Server) -> Iterator[Access]:
    """Give the way to a server."""
    with (
        LoopbackServer(server) as running,
        closing(Client(running.base_url, timeout=timedelta(seconds=5), attempts=1)) as reader,
        httpx.Client(trust_env=False) as writer,
    ):
        yield Access(running.base_url, reader, writer)


CONDITIONS = Conditions(assets.directory("mappings"))


def test_each_year_is_held_until_the_end():
    """An Appointment of no one stands in each, and nothing does when it is over."""
    server = Server()
    with reached(server) as access:
        with abreast_on_server(access, CONDITIONS, 3) as players:
            held = list(server.stands.values())
            assert len(players) == 3
            assert len({each["start"] for each in held}) == 3
            assert {(each["resourceType"], each["status"]) for each in held} == {("Appointment", "cancelled")}
        assert server.stands == {}
    assert server.put == ["Patient", "Appointment", "Appointment", "Appointment"]


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ({"PUT": 405}, "does not take what it is given: 405"),
        ({"PUT": 403}, "does not take what it is given: 403"),
        ({"DELETE": 405}, "does not delete what was put there: 405"),
        ({"DELETE": 403}, "does not delete what was put there: 403"),
    ],
)
def test_a_server_is_tried_before_the_first_scenario(refused, said):
    """One resource without data is put and deleted; if either fails, it is said what the server must take."""
    server = Server(**refused)
    with reached(server) as access:
        with (
            pytest.raises(HarnessError, match=rf"{said}(.|\n)*transactions, PUT (.|\n)*DELETE (.|\n)*--auth"),
            on_server(access, CONDITIONS),
        ):
            pytest.fail("it is played")
        assert len(server.stands) == (1 if "DELETE" in refused else 0)


def test_what_cannot_be_deleted_does_not_pile_up():
    """A second run is refused like the first, and puts nothing more."""
    server = Server(DELETE=405)
    with reached(server) as access:
        for _ in range(2):
            with pytest.raises(HarnessError), on_server(access, CONDITIONS):
                pytest.fail("it is played")
            for each in server.stands.values():
                each["meta"]["tag"][1]["code"] = "of a run that is over"
    assert server.put == ["Patient"]


def test_an_endpoint_that_fails_is_not_one_that_refuses():
    """Its failure has the exit code of the endpoint."""
    with (
        reached(Server(PUT=503)) as access,
        pytest.raises(FhirError, match="503"),
        on_server(access, CONDITIONS),
    ):
        pytest.fail("it is played")


def test_a_server_that_takes_no_such_appointment_is_played_on():
    """Whether scenarios can be put is theirs to tell."""
    with reached(Server(hold=422)) as access, abreast_on_server(access, CONDITIONS, 2) as players:
        assert len(players) == 2


def test_the_types_that_scenarios_write_in_full():
    """Those of every step, too; what has a short form is among the usual ones."""
    scenario = Scenario.model_validate(
        {
            "shows": "It is only a test.",
            "promise": "none-forgotten",
            "resources": [{"patient": "p"}, {"resourceType": "Schedule", "id": "s"}],
            "steps": [{"change": [{"resourceType": "Slot", "id": "t"}]}],
            "expect": [],
        }
    )
    assert kinds([scenario]) == {"Schedule", "Slot"}
