"""SMART Backend Services: the assertion, and where it goes."""

import json
import time
from datetime import timedelta

import httpx
import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from token_servers import FHIR_URL, TOKEN_URL

from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_key import SigningKey
from fhirnotify.fhir.auth_smart import SmartBackend
from fhirnotify.fhir.auth_token import TokenAuth, Tokens
from fhirnotify.fhir.client import Client

SCOPE = "system/Appointment.rs system/Patient.rs system/Consent.rs"


def imported(key, kind):
    """Make joserfc's key of a key."""
    return kind.import_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
def make_issuer(make_server, ec_key):
    """Make an issuer that signs with the key on P-384."""

    def make(endpoint=TOKEN_URL, key=None, base_url=FHIR_URL):
        signing = key or SigningKey(imported(ec_key, ECKey), "ES384", "k1")
        return SmartBackend(
            make_server(), signing, base_url=base_url, client_id="reminders", scope=SCOPE, endpoint=endpoint
        )

    return make


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_the_assertion_is_as_smart_wants_it(servers, make_issuer, rsa_key, ec_key, algorithm):
    """Signed by the client's key; issuer, subject and audience as registered; at most five minutes; nothing more."""
    key = imported(rsa_key, RSAKey) if algorithm == "RS384" else imported(ec_key, ECKey)
    before = int(time.time())
    make_issuer(key=SigningKey(key, algorithm, "k1")).token()
    form = servers.forms[0]
    assertion = jwt.decode(form.pop("client_assertion"), key, algorithms=[algorithm])
    assert form == {
        "grant_type": "client_credentials",
        "scope": SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert assertion.header == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    claims = assertion.claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("reminders", "reminders", TOKEN_URL)
    assert before + 240 <= claims["exp"] <= time.time() + 240
    assert len(claims["jti"]) >= 32
    assert set(claims) == {"iss", "sub", "aud", "exp", "jti"}
    assert "Authorization" not in servers.token_requests[0].headers


def test_every_attempt_has_an_assertion_of_its_own(servers, make_issuer, ec_key):
    """A server that has seen one refuses it, though its answer was lost on the way."""
    servers.instead.extend([httpx.ReadTimeout("x"), httpx.Response(503), None, None])
    issuer = make_issuer()
    issuer.token()
    issuer.token()
    public = imported(ec_key, ECKey)
    ids = [jwt.decode(form["client_assertion"], public, algorithms=["ES384"]).claims["jti"] for form in servers.forms]
    assert len(set(ids)) == len(ids) == 4


def test_the_end_of_an_assertion_goes_by_the_real_clock(make_issuer):
    """Whatever the job is told the time is, the server has its own."""
    with time_machine.travel(1_900_000_000, tick=False):
        assert make_issuer().claims()["exp"] == 1_900_000_240


def test_the_token_endpoint_is_found_by_what_the_server_announces(servers, make_issuer):
    """It is asked once, without credentials; another origin is the rule there."""
    issuer = make_issuer(endpoint=None)
    issuer.token()
    issuer.token()
    (asked,) = servers.fhir_requests
    assert (asked.method, str(asked.url)) == ("GET", f"{FHIR_URL}/.well-known/smart-configuration")
    assert asked.headers["Accept"] == "application/json"
    assert "Authorization" not in asked.headers
    assert [str(request.url) for request in servers.token_requests] == [TOKEN_URL] * 2


def test_a_token_endpoint_on_this_machine_may_do_without_tls(servers, make_issuer):
    """Nobody listens there."""
    for endpoint in ("http://127.0.0.1:8080/token", "http://localhost/token", "http://[::1]:1/token"):
        servers.smart_configuration = httpx.Response(200, json={"token_endpoint": endpoint})
        assert make_issuer(endpoint=None).endpoint == endpoint


@pytest.mark.parametrize(
    "announced",
    [
        {},
        [],
        None,
        "x",
        {"token_endpoint": None},
        {"token_endpoint": ["https://as.test/token"]},
        {"token_endpoint": ""},
        {"token_endpoint": "/token"},
        {"token_endpoint": "http://as.test/token"},
        {"token_endpoint": "http://127.0.0.1.as.test/token"},
        {"token_endpoint": "ftp://as.test/token"},
        {"token_endpoint": "https://user@as.test/token"},
        {"token_endpoint": "https://as.test/token#x"},
        {"token_endpoint": "https:///token"},
        {"token_endpoint": "https://[::1/token"},
        {"token_endpoint": "https://as.test:x/token"},
        {"token_endpoint": "https://as.test/to ken\n"},
        {"token_endpoint": "https://ås.test/token"},
    ],
)
def test_an_announcement_that_names_no_safe_address_is_refused(servers, make_issuer, announced):
    """No assertion goes out; the message tells which setting stands in."""
    servers.smart_configuration = httpx.Response(200, text=json.dumps(announced))
    with pytest.raises(FhirError, match="names no token_endpoint") as caught:
        make_issuer(endpoint=None).token()
    assert "fhir.auth.token_url" in caught.value.next_step
    assert servers.token_requests == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(404), "404 Not Found"),
        (httpx.Response(200, text="<html>"), "is not JSON"),
        (httpx.Response(302, headers={"Location": "https://elsewhere.test/x?y"}), "https://elsewhere.test"),
        (httpx.Response(503), r"503 Service Unavailable\. Tried 4 times"),
    ],
)
def test_a_server_that_announces_nothing_is_told_as_that(servers, make_issuer, answer, said):
    """By the address that was asked."""
    servers.smart_configuration = answer
    with pytest.raises(FhirError, match=said) as caught:
        make_issuer(endpoint=None).token()
    assert f"GET {FHIR_URL}/.well-known/smart-configuration was" in str(caught.value) or "is not JSON" in said


def test_a_failed_announcement_is_asked_for_again(servers, make_issuer):
    """Only what was found is kept."""
    good, servers.smart_configuration = servers.smart_configuration, httpx.Response(404)
    issuer = make_issuer(endpoint=None)
    with pytest.raises(FhirError):
        issuer.token()
    servers.smart_configuration = good
    assert issuer.token().value == "t1"


def test_the_fhir_client_signs_by_it(servers, make_issuer):
    """All together: announced, asserted, fetched, put on the request."""
    client = Client(FHIR_URL, timeout=timedelta(seconds=5), attempts=1, auth=TokenAuth(Tokens(make_issuer(None))))
    assert client.metadata()["resourceType"] == "CapabilityStatement"
    assert servers.fhir_requests[-1].headers["Authorization"] == "Bearer t1"
    assert client.requests == 1
    client.close()
