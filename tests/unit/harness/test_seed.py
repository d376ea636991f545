"""How a server is seeded: in an order that it can take, and loudly when it does not."""

import json

import pytest

from fhirnotify.errors import FhirError
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.harness.seed import CHUNK, NotTakenAway, RefusedResources, remove, seed

LINKED = {"link": [{"type": "replaced-by", "other": {"reference": "Patient/b"}}]}


class Server:
    """A FHIR server that keeps the transactions it is given."""

    def __init__(self, answer=None):
        self.transactions = []
        self._answer = answer or self._done

    def __call__(self, request: Request) -> Reply:
        entries = json.loads(request.body)["entry"]
        self.transactions.append([(entry["request"]["method"], entry["request"]["url"]) for entry in entries])
        return self._answer(entries)

    @staticmethod
    def _done(entries):
        done = {"resourceType": "Bundle", "entry": [{"response": {"status": "201 Created"}} for _ in entries]}
        return Reply(200, json.dumps(done).encode())


def _with(server, act, resources):
    with LoopbackServer(server) as listening:
        return act(f"{listening.base_url}/fhir", resources)


def _resource(kind, identity, **elements):
    return {"resourceType": kind, "id": identity} | elements


def test_what_is_pointed_at_comes_first():
    """Others, Patients, their relatives, Consents, Appointments; and linked Patients together, apart from the rest."""
    server = Server()
    resources = [
        _resource("RelatedPerson", "x"),
        _resource("Appointment", "x"),
        _resource("Patient", "c"),
        _resource("Consent", "x"),
        _resource("Patient", "b"),
        _resource("Organization", "x"),
        _resource("Patient", "a", **LINKED),
    ]
    _with(server, seed, resources)
    assert server.transactions == [
        [("PUT", "Organization/x")],
        [("PUT", "Patient/b"), ("PUT", "Patient/a")],
        [("PUT", "Patient/c")],
        [("PUT", "RelatedPerson/x")],
        [("PUT", "Consent/x")],
        [("PUT", "Appointment/x")],
    ]


def test_removal_goes_the_other_way():
    """What points at others goes first."""
    server = Server()
    _with(server, remove, [_resource("Patient", "a"), _resource("Appointment", "x")])
    assert server.transactions == [[("DELETE", "Appointment/x")], [("DELETE", "Patient/a")]]


def test_many_go_in_several_transactions():
    """A transaction has a bounded size."""
    server = Server()
    _with(server, seed, [_resource("Patient", f"p{number}") for number in range(CHUNK + 1)])
    assert [len(transaction) for transaction in server.transactions] == [CHUNK, 1]


@pytest.mark.parametrize(
    ("etag", "version"),
    [({"etag": 'W/"3"'}, "3"), ({"etag": '"a-1"'}, "a-1"), ({"etag": "7"}, "7"), ({}, None), ({"etag": None}, None)],
)
def test_the_versions_that_a_server_has_given(etag, version):
    """As the ETag of each entry has it; nothing where it tells none."""
    server = Server(lambda _: Reply(200, json.dumps({"entry": [{"response": {"status": "201", **etag}}]}).encode()))
    assert _with(server, seed, [_resource("Patient", "a")]) == ({} if version is None else {"Patient/a": version})


def _entries(status):
    return lambda _: Reply(200, json.dumps({"entry": [{"response": {"status": status}}]}).encode())


TELLTALE = b'{"diagnostics": "HAPI-0507: Tolvan is not valid"}'


@pytest.mark.parametrize(
    ("act", "answer", "error", "said"),
    [
        (seed, lambda _: Reply(422, TELLTALE), RefusedResources, "does not take what it is given: 422 HAPI-0507"),
        (remove, lambda _: Reply(405, TELLTALE), NotTakenAway, "does not delete what was put there: 405 HAPI-0507"),
        (seed, _entries("409"), RefusedResources, "does not take .* Patient/a .409"),
        (remove, _entries("409"), NotTakenAway, "does not delete .* Patient/a .409"),
        (seed, _entries("404"), RefusedResources, "Patient/a .404"),
        (seed, lambda _: Reply(403, TELLTALE), RefusedResources, r"403 HAPI-0507\.\n.*--auth must allow.*to write"),
        (remove, lambda _: Reply(403, TELLTALE), NotTakenAway, r"403 HAPI-0507\.\n.*--auth must allow.*to write"),
        (remove, _entries("403 Forbidden"), NotTakenAway, r"403 Forbidden.*\n.*--auth must allow.*to write"),
        (seed, lambda _: Reply(401, TELLTALE), RefusedError, r"401 HAPI-0507\.\n.*--auth must allow.*to write"),
        (seed, lambda _: Reply(503, TELLTALE), FhirError, "answered a transaction with 503"),
        (remove, lambda _: Reply(503, TELLTALE), FhirError, "answered a transaction with 503"),
        (seed, lambda _: Reply(500, TELLTALE), RefusedResources, "500"),
        (seed, lambda _: Reply(200, b"<html></html>"), FhirError, "not a FHIR server"),
        (seed, lambda _: Reply(200, b'{"entry": []}'), FhirError, "not a FHIR server"),
    ],
)
def test_a_refusal_is_loud_and_tells_no_value(act, answer, error, said):
    """Which way, the status and HAPI's code are told; the rest of its words may hold somebody's data."""
    with pytest.raises(error, match=said) as refused:
        _with(Server(answer), act, [_resource("Patient", "a")])
    assert "Tolvan" not in str(refused.value)


@pytest.mark.parametrize("status", ["204", "404", "410 Gone"])
def test_what_is_not_there_is_taken_away(status):
    """A server may say that it knows nothing of what it is to delete."""
    _with(Server(_entries(status)), remove, [_resource("Patient", "a")])


@pytest.mark.parametrize("act", [seed, remove])
def test_no_server_is_a_failure_of_the_endpoint(act):
    """Where nothing listens, it is told as the job itself tells it, and with its exit code."""
    with LoopbackServer(Server()) as gone:
        base_url = gone.base_url
    with pytest.raises(FhirError, match="refuses the connection") as lost:
        act(base_url, [_resource("Patient", "a")])
    assert lost.value.exit_code == 3
