"""What comes of each answer of a token endpoint, and of none."""

import gzip
import json
import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from token_servers import TOKEN_URL

from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_answer import TokenRefusedError
from fhirnotify.fhir.auth_server import Application

GOOD = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300}
SCOPE = "system/Appointment.rs system/Patient.rs system/Consent.rs"


@pytest.fixture
def fetch(make_server):
    """Fetch a token."""

    def fetched(scope=None, url=TOKEN_URL, **settings):
        return make_server(**settings).token(url, lambda: Application({"grant_type": "client_credentials"}), scope)

    return fetched


def test_the_request_is_a_form_that_wants_json(servers, fetch):
    """RFC 6749 §4.4.2; our own name, and compression that we unpack ourselves."""
    fetch()
    (request,) = servers.token_requests
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Accept-Encoding"] == "gzip"
    assert request.headers["User-Agent"].startswith("fhirnotify/")


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        (300, 300),
        (5, 5),
        (1.5, 1.5),
        ("3600", 3600),
        (10**30, 86400),
        (10**400, 86400),
        (float("inf"), 86400),
        (None, None),
    ],
)
def test_the_lifetime_is_read(servers, fetch, expires_in, lifetime):
    """Seconds, as a number or as a text; at most a day; unstated if it is not there."""
    text = json.dumps({"access_token": "t", "token_type": "bearer", "expires_in": expires_in})
    servers.instead.append(httpx.Response(200, text=text))
    assert fetch().lifetime == (None if lifetime is None else timedelta(seconds=lifetime))


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_kind_of_token_is_written_in_any_case(servers, fetch, kind):
    """RFC 6749 §7.1."""
    servers.answer_with = {"token_type": kind}
    assert fetch().value == "t1"


@pytest.mark.parametrize(
    "answer",
    [
        GOOD | {"access_token": ""},
        GOOD | {"access_token": None},
        GOOD | {"access_token": 5},
        GOOD | {"access_token": "two words"},
        GOOD | {"access_token": "line\nInjected: x"},
        GOOD | {"access_token": "å"},
        GOOD | {"access_token": "x" * 20000},
        GOOD | {"token_type": "DPoP"},
        GOOD | {"token_type": None},
        GOOD | {"token_type": ["Bearer"]},
        GOOD | {"expires_in": 0},
        GOOD | {"expires_in": -1},
        GOOD | {"expires_in": True},
        GOOD | {"expires_in": "soon"},
        GOOD | {"expires_in": "-5"},
        GOOD | {"expires_in": {}},
        [GOOD],
        "t0ken",
        None,
    ],
)
def test_what_is_no_token_that_can_be_used_is_refused(servers, fetch, answer):
    """The server is distrusted; of what it gave, nothing is repeated."""
    servers.instead.append(httpx.Response(200, text=json.dumps(answer)))
    with pytest.raises(FhirError, match="no access token that can be used") as caught:
        fetch()
    assert "fhir.auth.token_url" in caught.value.next_step
    assert "t0ken" not in str(caught.value)
    assert len(servers.token_requests) == 1


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "-1e999"])
def test_a_lifetime_beyond_numbers_is_refused(servers, fetch, number):
    """JSON of Python's kind, or a number too small to be told from one."""
    text = f'{{"access_token": "t", "token_type": "bearer", "expires_in": {number}}}'
    servers.instead.append(httpx.Response(200, text=text))
    with pytest.raises(FhirError, match="expires_in"):
        fetch()


def test_fewer_scopes_than_asked_for_is_a_fault(servers, fetch):
    """A server that filters by scope would answer as if there were no Consents."""
    servers.answer_with |= {"scope": "system/Appointment.rs system/Patient.rs"}
    with pytest.raises(FhirError, match=r"did not grant system/Consent\.rs\.") as caught:
        fetch(SCOPE)
    assert "fhir.auth.scope" in caught.value.next_step


@pytest.mark.parametrize("granted", [SCOPE, "system/*.read", None, ["x"]])
def test_scopes_as_asked_for_or_not_told_are_taken(servers, fetch, granted):
    """RFC 6749 §5.1: without a scope in the answer, it is as asked for."""
    servers.answer_with |= {"scope": granted}
    assert fetch(SCOPE).value == "t1"


CODES = [
    (401, "invalid_client", "client_id"),
    (400, "invalid_grant", "clocks"),
    (400, "invalid_request", "log"),
    (400, "invalid_scope", "fhir.auth.scope"),
    (400, "unauthorized_client", "client_credentials"),
    (400, "unsupported_grant_type", "token_url"),
    (403, "access_denied", "authorization server"),
    (400, "invalid_target", "RFC 8707"),
    (400, "use_dpop_nonce", "DPoP"),
    (400, "invalid_dpop_proof", "DPoP"),
    (400, "server_error", "log"),
    (400, "temporarily_unavailable", "next run"),
]


@pytest.mark.parametrize(("status", "code", "next_step"), CODES)
def test_each_code_has_its_next_step(servers, fetch, status, code, next_step):
    """The code is told, and never the description."""
    servers.instead.append(httpx.Response(status, json={"error": code, "error_description": "Tolvan t0ken"}))
    with pytest.raises(TokenRefusedError) as caught:
        fetch()
    assert caught.value.what.endswith(f"({code}).")
    assert f"POST {TOKEN_URL} was answered with {status}" in caught.value.what
    assert next_step in caught.value.next_step
    assert caught.value.code == code
    assert "Tolvan" not in str(caught.value)
    assert (caught.value.exit_code, len(servers.token_requests)) == (3, 1)


@pytest.mark.parametrize(
    ("answer", "said", "next_step"),
    [
        (httpx.Response(401, json={"error": "Tolvan"}), "401 Unauthorized.", "client_id"),
        (httpx.Response(401, text="<html>Tolvan"), "401 Unauthorized.", "client_id"),
        (httpx.Response(403, json=["Tolvan"]), "403 Forbidden.", "client_id"),
        (httpx.Response(401, json={"error": {"a": "Tolvan"}}), "401 Unauthorized.", "client_id"),
        (httpx.Response(401, content=b"x" * 10**6), "401 Unauthorized.", "client_id"),
        (httpx.Response(400, text="[" * 10**5), "400 Bad Request.", "fhir.auth.token_url"),
        (httpx.Response(404, text="Tolvan"), "404 Not Found.", "fhir.auth.token_url"),
        (httpx.Response(405), "405 Method Not Allowed.", "fhir.auth.token_url"),
        (httpx.Response(407), "407 Proxy Authentication Required.", "HTTPS_PROXY"),
        (httpx.Response(201, json=GOOD), "201 Created.", "fhir.auth.token_url"),
        (httpx.Response(599), "599.", "fhir.auth.token_url"),
        (
            httpx.Response(302, headers={"Location": "https://login.test:99/in?who=Tolvan"}),
            "302 Found. It is not followed.",
            "https://login.test:99:",
        ),
        (httpx.Response(307, headers={"Location": "http://as.test/t"}), "307", "http://as.test:"),
        (httpx.Response(200, text="<html>Tolvan"), "is not JSON", "fhir.auth.token_url"),
        (httpx.Response(200, text="[" * 10**4), "is not JSON", "fhir.auth.token_url"),
        (httpx.Response(200, content=b"\xff"), "is not JSON", "fhir.auth.token_url"),
        (httpx.Response(200, content=b"x" * 10**5), "is too long", "fhir.auth.token_url"),
        (
            httpx.Response(200, content=gzip.compress(b" " * 10**7), headers={"Content-Encoding": "gzip"}),
            "is too long",
            "fhir.auth.token_url",
        ),
        (
            httpx.Response(200, stream=httpx.ByteStream(b"x"), headers={"Content-Encoding": "br"}),
            "compressed in a way",
            "fhir.auth.token_url",
        ),
    ],
)
def test_each_other_answer_has_its_next_step(servers, fetch, answer, said, next_step):
    """Whatever it holds is not repeated, and it is not asked for again."""
    servers.instead.append(answer)
    with pytest.raises(FhirError) as caught:
        fetch()
    assert said in caught.value.what
    assert next_step in caught.value.next_step
    assert "Tolvan" not in str(caught.value)
    assert len(servers.token_requests) == 1


def test_a_packed_answer_is_unpacked(servers, fetch):
    """Gzip is what we say that we take."""
    packed = gzip.compress(json.dumps(GOOD).encode())
    servers.instead.append(httpx.Response(200, content=packed, headers={"Content-Encoding": "gzip"}))
    assert fetch().value == "t0ken"


TEMPORARY = [
    (httpx.Response(429), "429 Too Many Requests"),
    (httpx.Response(500, json={"error": "server_error"}), "500 Internal Server Error (server_error)"),
    (httpx.Response(502, text="<html>"), "502 Bad Gateway"),
    (httpx.Response(503), "503 Service Unavailable"),
    (httpx.ConnectError("x"), "https://as.test was lost"),
    (httpx.ConnectTimeout("x"), "No connection to https://as.test within 5 s"),
    (httpx.ReadTimeout("x"), "https://as.test did not answer within 5 s"),
    (
        httpx.Response(
            200, content=gzip.compress(json.dumps(GOOD).encode())[:-9], headers={"Content-Encoding": "gzip"}
        ),
        "cut off",
    ),
]


@pytest.mark.parametrize(("fault", "said"), TEMPORARY)
def test_a_temporary_fault_is_tried_again(servers, fetch, waits, fault, said):
    """As at the FHIR endpoint: it may have passed by the next attempt; in the end it is told with how often."""
    servers.instead.extend([fault, None])
    assert fetch().value == "t2"
    assert len(waits) == 1
    servers.instead.extend([fault] * 3)
    with pytest.raises(FhirError) as caught:
        fetch(attempts=3)
    assert said in caught.value.what
    assert caught.value.what.endswith("Tried 3 times.")
    assert caught.value.next_step


def test_retry_after_is_honoured(servers, fetch, waits):
    """As far as patience reaches: two minutes."""
    servers.instead.append(httpx.Response(429, headers={"Retry-After": "45"}))
    fetch()
    assert waits == [45]
    servers.instead.append(httpx.Response(503, headers={"Retry-After": "3600"}))
    with pytest.raises(FhirError, match="503"):
        fetch()
    assert waits == [45]


def test_the_wait_for_a_token_is_shorter_than_for_a_search(make_server):
    """fhir.timeout may be ten minutes for a slow server; no token takes half a minute."""
    assert make_server(timeout=timedelta(minutes=10))._timeout == 30
    assert make_server(timeout=timedelta(seconds=5))._timeout == 5


class Trickle(httpx.SyncByteStream):
    """A body that never ends, a little at a time."""

    def __iter__(self):
        while True:
            time.sleep(0.01)
            yield b" "


def test_an_answer_that_does_not_end_is_cut_off(servers, fetch):
    """Though each piece of it comes in time."""
    servers.instead.append(httpx.Response(200, stream=Trickle()))
    with pytest.raises(FhirError, match="did not end in time"):
        fetch(attempts=1, timeout=timedelta(seconds=0.1))


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(minutes=10), r"^This machine's clock is 60\d s ahead of the server's: set it right\. Check"),
        (timedelta(minutes=-10), r"^This machine's clock is (600|59\d) s behind the server's: set it right\. Check"),
        (timedelta(seconds=5), "^Check"),
    ],
)
def test_clocks_that_differ_are_told(servers, fetch, ahead, said):
    """An assertion from the past or the future is refused as invalid_client; the answer's own date tells why."""
    date = format_datetime(datetime.now(UTC) - ahead, usegmt=True)
    servers.instead.append(httpx.Response(401, json={"error": "invalid_client"}, headers={"Date": date}))
    with pytest.raises(TokenRefusedError) as caught:
        fetch()
    assert re.search(said, caught.value.next_step)


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 24 Nov 2026 10:00:00 -0000", "Tue, 24 Nov 99999 10:00:00 GMT"])
def test_a_date_that_is_none_says_nothing(servers, fetch, date):
    """The refusal is told all the same."""
    servers.instead.append(httpx.Response(401, json={"error": "invalid_client"}, headers={"Date": date}))
    with pytest.raises(TokenRefusedError, match="invalid_client"):
        fetch()


def test_the_query_of_the_address_is_sent_and_not_told(servers, fetch):
    """It may hold what a vendor put there."""
    servers.instead.extend([None, httpx.Response(404)])
    fetch(url=f"{TOKEN_URL}?policy=Tolvan")
    assert servers.token_requests[0].url.query == b"policy=Tolvan"
    with pytest.raises(FhirError) as caught:
        fetch(url=f"{TOKEN_URL}?policy=Tolvan")
    assert "Tolvan" not in str(caught.value)
