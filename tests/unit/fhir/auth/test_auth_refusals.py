"""What comes of each refusal of a token endpoint, and of no answer at all."""

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

GOOD = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300}


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
