"""The proxy between a client and a FHIR server: what it passes on, and what faults can do to it."""

import json

import httpx
import pytest

from fhirnotify.harness.faults.fault import instead, on
from fhirnotify.harness.loopback import LoopbackServer, Pieces, Raw, Reply, Request, head
from fhirnotify.harness.proxy import Asked, HostileProxy, Refuse, bundle_of, next_of

TYPE = {"Content-Type": "application/fhir+json; charset=utf-8"}


class Upstream:
    """A FHIR server of three Appointments, one a page, that remembers what it was asked."""

    def __init__(self):
        self.requests: list[Request] = []

    def __enter__(self):
        self._server = LoopbackServer(self.answer)
        self._server.start()
        self.base_url = f"{self._server.base_url}/fhir"
        return self

    def __exit__(self, *_):
        self._server.close()

    def answer(self, request):
        self.requests.append(request)
        if request.path == "/fhir/moved":
            return Reply(301, b"", {"Location": f"{self.base_url}/there"})
        page = int(request.query.get("_getpagesoffset", "1"))
        resource = {"resourceType": "Appointment", "id": f"a{page}", "note": f"{self.base_url}x", "text": "å"}
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": 3}
        bundle["entry"] = [{"fullUrl": f"{self.base_url}/Appointment/a{page}", "resource": resource}]
        if page < 3:
            url = f"{self.base_url}?_getpages=x&a=1&a=2&_getpagesoffset={page + 1}"
            bundle["link"] = [{"relation": "self", "url": self.base_url}, {"relation": "next", "url": url}]
        return Reply(200, json.dumps(bundle).encode(), TYPE)


@pytest.fixture
def upstream():
    """A server to stand before."""
    with Upstream() as made:
        yield made


@pytest.fixture
def client():
    """An HTTP client that follows nothing by itself."""
    with httpx.Client(timeout=5, trust_env=False) as made:
        yield made


def search(client, proxy, **params):
    """Search Appointments."""
    return client.post(f"{proxy.base_url}/Appointment/_search", data=params, headers={"Authorization": "Bearer t"})


def pages(client, proxy):
    """Read every page by its links; give the ids."""
    bundle, ids = search(client, proxy).json(), []
    while True:
        ids += [entry["resource"]["id"] for entry in bundle["entry"]]
        if (link := next_of(bundle)) is None:
            return ids
        bundle = client.get(link).json()


def noting(seen):
    """Make a fault that only notes what is asked."""

    def act(asked: Asked, server):
        seen.append((asked.kind, asked.page, asked.nth))
        return server.ask(asked)

    return act


def test_what_is_asked_is_passed_on(upstream, client):
    """Method, parameters and credentials reach the server as they were sent."""
    with HostileProxy(upstream.base_url) as proxy:
        assert search(client, proxy, date=["gt2064", "lt2065"]).status_code == 200
    (request,) = upstream.requests
    assert (request.method, request.path) == ("POST", "/fhir/Appointment/_search")
    assert request.body == b"date=gt2064&date=lt2065"
    assert request.headers["authorization"] == "Bearer t"


def test_the_address_of_the_server_becomes_its_own(upstream, client):
    """In links, addresses and headers, and nowhere else: so a client that keeps to one origin can follow."""
    with HostileProxy(upstream.base_url) as proxy:
        answer = search(client, proxy)
        entry = answer.json()["entry"][0]
        assert next_of(answer.json()) == f"{proxy.base_url}?_getpages=x&a=1&a=2&_getpagesoffset=2"
        assert entry["fullUrl"] == f"{proxy.base_url}/Appointment/a1"
        assert entry["resource"]["note"] == f"{upstream.base_url}x"
        assert client.get(f"{proxy.base_url}/moved").headers["Location"] == f"{proxy.base_url}/there"
        assert pages(client, proxy) == ["a1", "a2", "a3"]
    assert upstream.requests[-1].target == "/fhir?_getpages=x&a=1&a=2&_getpagesoffset=3"


def test_where_tokens_come_from_is_not_rewritten(upstream, client):
    """Secrets go past the proxy, to the address that the server itself names."""
    with HostileProxy(upstream.base_url) as proxy:
        said = client.get(f"{proxy.base_url}/.well-known/smart-configuration").json()
    assert next_of(said).startswith(upstream.base_url)


def test_each_request_is_known_by_type_page_and_number(upstream, client):
    """A link tells no type; the proxy remembers which search it came from."""
    seen = []
    with HostileProxy(upstream.base_url, noting(seen)) as proxy:
        client.get(f"{proxy.base_url}/metadata")
        pages(client, proxy)
        search(client, proxy)
        client.get(f"{proxy.base_url}/Appointment/a1")
    assert seen == [
        ("metadata", 1, 1),
        ("Appointment", 1, 1),
        ("Appointment", 2, 1),
        ("Appointment", 3, 1),
        ("Appointment", 1, 2),
        ("", 1, 1),
    ]


def test_a_link_that_a_fault_has_written_is_known_too(upstream, client):
    """Wherever a fault leads to, the page there is the next one."""
    seen = []

    def elsewhere(asked, server):
        seen.append((asked.kind, asked.page))
        bundle = bundle_of(server.ask(asked))
        bundle["link"] = [{"relation": "next", "url": "?made=up"}]
        return Reply(200, json.dumps(bundle).encode(), TYPE)

    with HostileProxy(upstream.base_url, elsewhere) as proxy:
        search(client, proxy)
        client.get(f"{proxy.base_url}/?made=up")
    assert seen == [("Appointment", 1), ("Appointment", 2)]


@pytest.mark.parametrize(
    ("chosen", "statuses"),
    [
        ({"kind": "Appointment"}, [418, 418, 418]),
        ({"kind": "Consent"}, [200, 200, 200]),
        ({"kind": None}, [418, 418, 418]),
        ({"kind": "Appointment", "nth": 2}, [200, 418, 200]),
        ({"kind": "Appointment", "page": 2}, [200, 200, 200]),
    ],
)
def test_a_fault_acts_where_it_should_and_is_counted(upstream, client, chosen, statuses):
    """By type, by page, by how often: and the proxy tells how often it acted."""
    with HostileProxy(upstream.base_url, on(act=instead(Reply(418)), **chosen)) as proxy:
        assert [search(client, proxy).status_code for _ in range(3)] == statuses
        assert proxy.acted == statuses.count(418)


def test_the_stranger_gives_the_same_answers(upstream, client):
    """A client that follows a link to another origin finds everything there: only its manners keep it away."""

    def astray(asked, server):
        return Reply(302, b"", {"Location": server.stranger})

    with HostileProxy(upstream.base_url, on("Appointment", astray)) as proxy:
        stranger = search(client, proxy).headers["Location"]
        assert not proxy.base_url.startswith(stranger)
        assert client.get(f"{stranger}/fhir/metadata").json()["resourceType"] == "Bundle"


def test_the_capability_statement_is_asked_for_once(upstream, client):
    """By all proxies that keep it in one place; each writes its own address into it."""
    statement = []
    for _ in range(2):
        with HostileProxy(upstream.base_url, statement=statement) as proxy:
            for _ in range(2):
                assert next_of(client.get(f"{proxy.base_url}/metadata").json()).startswith(proxy.base_url)
    assert [request.path for request in upstream.requests] == ["/fhir/metadata"]


def test_a_server_that_is_away_is_a_bad_gateway(client):
    """As a reverse proxy would say it."""
    with HostileProxy("http://127.0.0.1:9/fhir") as proxy:
        assert search(client, proxy).status_code == 502


def test_what_is_no_json_is_passed_on_as_it_is(client):
    """Whatever the server says stays what it is."""
    with (
        LoopbackServer(lambda _: Reply(500, b"<html>\xe5", {"Content-Type": "text/html"})) as server,
        HostileProxy(f"{server.base_url}/fhir") as proxy,
    ):
        answer = search(client, proxy)
    assert (answer.status_code, answer.content) == (500, b"<html>\xe5")


def test_a_server_that_dies_refuses_every_connection(upstream, client):
    """The connection on which it happened is closed, and there is no other."""
    with HostileProxy(upstream.base_url, on("Appointment", instead(Refuse()))) as proxy:
        with pytest.raises(httpx.RemoteProtocolError):
            search(client, proxy)
        with pytest.raises(httpx.ConnectError):
            search(client, proxy)


@pytest.mark.parametrize(
    ("reset", "error"), [(True, httpx.ReadError), (False, httpx.RemoteProtocolError)], ids=["reset", "closed"]
)
def test_a_connection_ends_in_the_middle(upstream, client, reset, error):
    """Reset, or closed before all is there that was announced: the client can tell."""
    start = head(200, {"Content-Length": "100"})
    sent = Pieces([start, b"{"], pause=0.05, reset=reset)
    with (
        HostileProxy(upstream.base_url, instead(sent)) as proxy,
        pytest.raises(error),
    ):
        search(client, proxy)


def test_pieces_without_end_stop_when_the_client_goes_away(upstream, client):
    """What never ends ends with the connection, so that the proxy can be closed."""
    written = []

    def endless():
        yield head(200, {})
        while True:
            written.append(1)
            yield b" "

    with (
        HostileProxy(upstream.base_url, instead(Pieces(endless(), pause=0.01))) as proxy,
        client.stream("GET", proxy.base_url) as answer,
    ):
        next(answer.iter_raw())
    assert written


def test_silence_and_raw_bytes_are_passed_on(upstream, client):
    """What is no HTTP is no HTTP."""
    with (
        HostileProxy(upstream.base_url, instead(Raw(b"SSH-2.0\r\n"))) as proxy,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        search(client, proxy)
