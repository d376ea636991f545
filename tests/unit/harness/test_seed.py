"""How a server is seeded: in an order that it can take, and loudly when it does not."""

import json

import pytest

from fhirnotify.errors import HarnessError
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.harness.seed import CHUNK, remove, seed

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
    assert _with(server, seed, resources) == 7
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
    ("answer", "said"),
    [
        (lambda _: Reply(422, b'{"diagnostics": "HAPI-0507: Tolvan is not valid"}'), "422 HAPI-0507"),
        (lambda _: Reply(200, b'{"entry": [{"response": {"status": "409"}}]}'), "Patient/a (409)"),
        (lambda _: Reply(200, b"<html></html>"), "not a FHIR server"),
        (lambda _: Reply(200, b'{"entry": []}'), "not a FHIR server"),
    ],
)
def test_a_refusal_is_loud_and_tells_no_value(answer, said):
    """Status and HAPI's code are told; the rest of its words may hold somebody's data."""
    with pytest.raises(HarnessError) as refused:
        _with(Server(answer), seed, [_resource("Patient", "a")])
    assert said in str(refused.value)
    assert "Tolvan" not in str(refused.value)


def test_no_server_is_told_as_that():
    """Where nothing listens, it says so."""
    with LoopbackServer(Server()) as gone:
        base_url = gone.base_url
    with pytest.raises(HarnessError, match="No FHIR server answers"):
        seed(base_url, [_resource("Patient", "a")])
