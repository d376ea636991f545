"""The token in use: how long it is kept, and what a refusal by the FHIR server leads to."""

import itertools
import json
import threading
from datetime import timedelta

import httpx
import pytest
from token_servers import FHIR_URL, TLS, TOKEN_URL

from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_secret import ClientSecret
from fhirnotify.fhir.auth_server import AuthorizationServer
from fhirnotify.fhir.auth_token import Token, TokenAuth, Tokens
from fhirnotify.fhir.client import Client, Limits
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.harness.loopback import LoopbackServer, Pieces, Reply, head


class Mint:
    """Issues tokens that are told apart by their number."""

    def __init__(self, lifetime):
        self.lifetime = lifetime
        self.issued = 0
        self.now = 1000.0

    def token(self):
        self.issued += 1
        return Token(f"t{self.issued}", self.lifetime, self.now)


@pytest.fixture
def client(servers, make_server):
    """A FHIR client that signs with tokens of the authorization server."""
    auth = TokenAuth(Tokens(ClientSecret(make_server(), TOKEN_URL, "id", "secret", None)))
    made = Client(FHIR_URL, timeout=timedelta(seconds=5), attempts=3, auth=auth, verify=TLS, sleep=lambda _: None)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("lifetime", "used_for"),
    [
        (3600, 3540),
        (300, 240),
        (60, 48),
        (5, 4),
        (0.5, 0.4),
        (None, 240),
    ],
)
def test_a_token_is_kept_until_shortly_before_it_ends(lifetime, used_for):
    """A minute before, or for the last fifth if that is shorter; one of unstated lifetime is taken to last 5 minutes."""
    mint = Mint(None if lifetime is None else timedelta(seconds=lifetime))
    tokens = Tokens(mint, lambda: mint.now)
    assert tokens.current().value == "t1"
    mint.now += used_for - 0.01
    assert tokens.current().value == "t1"
    mint.now += 0.02
    assert tokens.current().value == "t2"
    assert tokens.current().value == "t2"


def test_a_token_ages_from_before_it_was_asked_for(servers, make_server):
    """The answer may have been long on its way: the server's clock ran meanwhile."""
    servers.answer_with["expires_in"] = 100
    token = ClientSecret(make_server(), TOKEN_URL, "id", "secret", None).token()
    assert token.renewed_from == pytest.approx(token.asked + 80)


def test_threads_that_need_a_token_share_one_fetch():
    """One fetches it, the others wait for it."""
    arrived, go_on = threading.Semaphore(0), threading.Event()

    class Slow(Mint):
        def token(self):
            arrived.release()
            assert go_on.wait(10)
            return super().token()

    mint = Slow(timedelta(minutes=5))
    tokens, got = Tokens(mint, lambda: mint.now), []
    threads = [threading.Thread(target=lambda: got.append(tokens.current().value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert arrived.acquire(timeout=10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert got == ["t1"] * 8
    assert mint.issued == 1


def test_threads_whose_token_was_refused_share_one_fetch_too():
    """Who comes second with the same refused token gets the one that the first has fetched."""
    mint = Mint(timedelta(minutes=5))
    tokens = Tokens(mint, lambda: mint.now)
    refused = tokens.current()
    assert {tokens.instead_of(refused).value for _ in range(3)} == {"t2"}
    assert mint.issued == 2


def test_a_failed_fetch_leaves_nothing_behind():
    """The refused token is not used again when no other can be had."""
    mint = Mint(timedelta(minutes=5))
    tokens = Tokens(mint, lambda: mint.now)
    refused = tokens.current()
    mint.token = lambda: (_ for _ in ()).throw(FhirError("down"))
    with pytest.raises(FhirError):
        tokens.instead_of(refused)
    with pytest.raises(FhirError):
        tokens.current()


def test_one_token_serves_many_requests(servers, client):
    """It is fetched once; only FHIR requests are counted."""
    for _ in range(3):
        client.metadata()
    assert servers.tokens_used == ["t1"] * 3
    assert (len(servers.token_requests), client.requests) == (1, 3)


def test_a_refused_token_is_replaced_once(servers, client):
    """After a 401 the request is sent once more, with a new token; both sendings count."""
    servers.accepts = lambda token: 401 if token == "t1" else 200
    client.metadata()
    client.metadata()
    assert servers.tokens_used == ["t1", "t2", "t2"]
    assert client.requests == 3


def test_the_request_that_is_sent_anew_is_the_same(servers, client):
    """A search is sent again with its parameters."""
    servers.accepts = lambda token: 401 if token == "t1" else 200
    client.search("Patient", [("_id", "p1")])
    assert [request.content for request in servers.fhir_requests] == [b"_id=p1"] * 2


def test_a_new_token_that_is_refused_too_is_a_fault(servers, client):
    """Nobody fetches token after token."""
    servers.accepts = lambda _: 401
    with pytest.raises(RefusedError, match="fetched anew as well") as caught:
        client.metadata()
    assert caught.value.status == 401
    assert "audience" in caught.value.next_step
    assert servers.tokens_used == ["t1", "t2"]


def test_a_403_is_not_tried_again(servers, client):
    """The token is known; what it may do does not change by another one."""
    servers.accepts = lambda _: 403
    with pytest.raises(RefusedError, match="403 Forbidden"):
        client.metadata()
    assert servers.tokens_used == ["t1"]


def test_a_temporary_fault_keeps_the_token(servers, client):
    """503 says nothing about it."""
    statuses = iter([503, 200])
    servers.accepts = lambda _: next(statuses)
    client.metadata()
    assert servers.tokens_used == ["t1", "t1"]


def test_a_401_in_the_midst_of_retries_still_counts_as_one_attempt(servers, client):
    """A fresh token, then a temporary fault, then an answer."""
    statuses = iter([401, 503, 200])
    servers.accepts = lambda _: next(statuses)
    client.metadata()
    assert servers.tokens_used == ["t1", "t2", "t2"]


def test_without_a_token_no_request_is_sent(servers, client):
    """A refusing token endpoint is told as itself, at once, not as the FHIR server's fault."""
    servers.instead.extend([httpx.Response(401, json={"error": "invalid_client"})] * 2)
    with pytest.raises(FhirError, match=r"POST https://as.test/token was answered with 401"):
        client.metadata()
    assert servers.fhir_requests == []
    assert client.requests == 0


def test_an_unreachable_token_endpoint_is_not_retried_twice_over(servers, client, waits):
    """Its own attempts are enough: the FHIR request's are not multiplied by them."""
    servers.instead.extend([httpx.ConnectError("x")] * 100)
    with pytest.raises(FhirError, match=r"https://as.test was lost\. Tried 4 times"):
        client.metadata()
    assert (len(servers.token_requests), len(waits)) == (4, 3)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_the_body_of_a_401_is_not_read(encoding):
    """Httpx would read all of it before the next request; an endless one is left, and its connection closed."""
    left = threading.Event()

    def endless():
        try:
            yield head(401, {"Content-Encoding": encoding, "Content-Type": "application/fhir+json"})
            while True:
                yield b"x" * 65536
        finally:
            left.set()

    def fhir(request):
        return Pieces(endless()) if request.headers["authorization"] == "Bearer t1" else Reply(200, b"{}")

    issued = itertools.count(1)

    def token(_):
        return Reply(200, json.dumps({"access_token": f"t{next(issued)}", "token_type": "bearer"}).encode())

    with LoopbackServer(fhir) as server, LoopbackServer(token) as issuer:
        endpoint = AuthorizationServer(timeout=timedelta(seconds=5), attempts=1, verify=TLS)
        auth = TokenAuth(Tokens(ClientSecret(endpoint, f"{issuer.base_url}/token", "id", "secret", None)))
        client = Client(server.base_url, timeout=timedelta(seconds=5), attempts=1, auth=auth, verify=TLS)
        assert client.metadata() == {}
        assert left.wait(10)
        client.close()


def test_nothing_of_the_fhir_endpoint_goes_to_the_token_endpoint(servers, client):
    """Neither its headers nor the token."""
    servers.accepts = lambda token: 401 if token == "t1" else 200
    client.metadata()
    for request in servers.token_requests:
        assert request.headers["Accept"] == "application/json"
        assert "Cache-Control" not in request.headers
        assert "t1" not in str(request.headers)


def test_the_token_goes_to_the_fhir_endpoint_alone(servers, make_server):
    """A link to another host is not followed, so the token is not sent there either."""
    auth = TokenAuth(Tokens(ClientSecret(make_server(), TOKEN_URL, "id", "secret", None)))
    client = Client(FHIR_URL, timeout=timedelta(seconds=5), attempts=1, auth=auth, verify=TLS, limits=Limits())
    with pytest.raises(FhirError, match="leads away"):
        client.follow("https://as.test/r4?_getpages=1", "Patient")
    assert servers.token_requests == servers.fhir_requests == []
    client.close()
