"""Scenarios' resources put on a server and left there."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from memory_server import MemoryServer

from fhirnotify.errors import FhirError, HarnessError
from fhirnotify.fhir.client import Client
from fhirnotify.harness.loopback import LoopbackServer
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.seeding import Seeded, seeded
from fhirnotify.harness.scenarios.session import Access

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def scenario(**keys) -> Scenario:
    """Build one."""
    ordinary = {
        "shows": "It is only a test.",
        "promise": "none-forgotten",
        "resources": [{"patient": "p"}, {"consent": "c"}, {"appointment": "a"}],
        "expect": [],
    }
    return Scenario.model_validate({**ordinary, **keys})


def put(server: MemoryServer, scenarios: dict[str, Scenario]) -> list[Seeded]:
    """Seed a server."""
    with (
        LoopbackServer(server) as running,
        closing(Client(running.base_url, timeout=timedelta(seconds=5), attempts=1)) as reader,
        httpx.Client(trust_env=False) as writer,
    ):
        return list(seeded(Access(running.base_url, reader, writer), scenarios, NOW, foreign=False))


def test_what_a_server_refuses_keeps_nothing_else_away():
    """The one is named, with why, and nothing of it stands there; all of the others does."""
    server = MemoryServer()
    server.refused = lambda method, reference: (method, reference) == ("PUT", "Consent/seed-002-c")
    made = put(server, {name: scenario() for name in "abcde"})
    assert [each.name for each in made] == ["a", "b", "c", "d", "e"]
    assert {each.name: each.refused for each in made if each.refused} == {
        "c": "The server does not take what it is given: 422."
    }
    assert sorted(server.stands) == sorted(
        f"{kind}/seed-{number:03}-{short}"
        for kind, short in (("Patient", "p"), ("Consent", "c"), ("Appointment", "a"))
        for number in (0, 1, 3, 4)
    )


def test_like_scenarios_are_put_together():
    """As few transactions as a server can take them in."""
    server = MemoryServer()
    made = put(server, {str(number): scenario() for number in range(45)} | {"r5": scenario(fhir=["R5"])})
    assert len(made) == 45
    assert "Consent" not in server.put[:40]
    assert len(server.stands) == 45 * 3


def test_a_server_with_foreign_patients_is_not_seeded():
    """Not unless it was said twice."""
    server = MemoryServer()
    server.stands["Patient/foreign"] = {"resourceType": "Patient", "id": "foreign"}
    with pytest.raises(HarnessError, match="not the harness's own"):
        put(server, {"a": scenario()})
    assert server.put == []


def test_an_endpoint_that_fails_is_not_one_that_refuses():
    """It is told at once."""
    with pytest.raises(FhirError, match="503"):
        put(MemoryServer(PUT=503), {"a": scenario(), "b": scenario()})
