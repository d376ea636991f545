"""A run of the harness on a server, before and after its scenarios."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import httpx
import pytest
from memory_server import MemoryServer

from fhirnotify import assets
from fhirnotify.errors import FhirError, HarnessError
from fhirnotify.fhir.client import Client
from fhirnotify.harness.guest import RUN
from fhirnotify.harness.loopback import LoopbackServer
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.session import Access, Conditions, abreast_on_server, kinds, on_server


@contextmanager
def reached(server: MemoryServer) -> Iterator[Access]:
    """Give the way to a server."""
    with (
        LoopbackServer(server) as running,
        closing(Client(running.base_url, timeout=timedelta(seconds=5), attempts=1)) as reader,
        httpx.Client(trust_env=False) as writer,
    ):
        yield Access(running.base_url, reader, writer)


OTHERS = [{"system": RUN, "code": "of another run"}]
CONDITIONS = Conditions(assets.directory("mappings"))


def test_each_year_is_held_until_the_end():
    """An Appointment of no one stands in each, and nothing does when it is over."""
    server = MemoryServer()
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
    server = MemoryServer(**refused)
    with reached(server) as access:
        with (
            pytest.raises(HarnessError, match=rf"{said}(.|\n)*transactions, PUT (.|\n)*DELETE (.|\n)*--auth"),
            on_server(access, CONDITIONS),
        ):
            pytest.fail("it is played")
        assert len(server.stands) == (1 if "DELETE" in refused else 0)


def test_what_cannot_be_deleted_does_not_pile_up():
    """A second run is refused like the first, and puts nothing more."""
    server = MemoryServer(DELETE=405)
    with reached(server) as access:
        for _ in range(2):
            with pytest.raises(HarnessError), on_server(access, CONDITIONS):
                pytest.fail("it is played")
            for each in server.stands.values():
                each["meta"]["tag"][1]["code"] = "of a run that is over"
    assert server.put == ["Patient"]


@pytest.mark.parametrize(
    ("liar", "said"),
    [
        ({"deletes": False}, "says that it deletes what was put there, and does not"),
        ({"own_ids": True}, "does not keep what it is given by the id that it is given"),
    ],
)
def test_what_a_server_says_of_the_trial_is_looked_at(liar, said):
    """It is read again after each step; before the first scenario one learns that a server does not do as it says."""
    server = MemoryServer()
    for name, value in liar.items():
        setattr(server, name, value)
    with (
        reached(server) as access,
        pytest.raises(HarnessError, match=rf"{said}(.|\n)*DELETE"),
        on_server(access, CONDITIONS),
    ):
        pytest.fail("it is played")
    assert server.put == ["Patient"]
    assert len(server.stands) == (0 if server.deletes else 1)


def test_what_came_late_is_found_by_its_tag():
    """Of a type that a scenario puts, too: when all is over nothing of the run stands there."""
    server = MemoryServer()
    with reached(server) as access:
        with on_server(access, CONDITIONS, put={"Slot"}):
            (hold,) = server.stands.values()
            for kind in ("Patient", "Slot"):
                server.stands[f"{kind}/late"] = {"resourceType": kind, "id": "late", "meta": hold["meta"]}
            server.stands["Patient/other"] = {"resourceType": "Patient", "id": "other", "meta": {"tag": OTHERS}}
        assert list(server.stands) == ["Patient/other"]


def test_what_is_not_deleted_in_the_end_is_told():
    """A server that begins to lie after the trial: what still stands is named."""
    server = MemoryServer()
    with (
        reached(server) as access,
        pytest.raises(HarnessError, match=r"does not: 1 resources, Appointment/fn\w+-holds-\d+"),
        on_server(access, CONDITIONS),
    ):
        server.deletes = False


def test_an_endpoint_that_fails_is_not_one_that_refuses():
    """Its failure has the exit code of the endpoint."""
    with (
        reached(MemoryServer(PUT=503)) as access,
        pytest.raises(FhirError, match="503"),
        on_server(access, CONDITIONS),
    ):
        pytest.fail("it is played")


def test_a_server_that_takes_no_such_appointment_is_played_on():
    """Whether scenarios can be put is theirs to tell."""
    with reached(MemoryServer(hold=422)) as access, abreast_on_server(access, CONDITIONS, 2) as players:
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
