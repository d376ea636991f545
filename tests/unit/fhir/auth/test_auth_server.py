"""What a token endpoint is sent, and what is taken from it."""

import gzip
import json
from datetime import timedelta

import httpx
import pytest
from token_servers import TOKEN_URL

from fhirnotify.errors import FhirError

GOOD = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300}
SCOPE = "system/Appointment.rs system/Patient.rs system/Consent.rs"


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


def test_a_packed_answer_is_unpacked(servers, fetch):
    """Gzip is what we say that we take."""
    packed = gzip.compress(json.dumps(GOOD).encode())
    servers.instead.append(httpx.Response(200, content=packed, headers={"Content-Encoding": "gzip"}))
    assert fetch().value == "t0ken"


def test_the_query_of_the_address_is_sent_and_not_told(servers, fetch):
    """It may hold what a vendor put there."""
    servers.instead.extend([None, httpx.Response(404)])
    fetch(url=f"{TOKEN_URL}?policy=Tolvan")
    assert servers.token_requests[0].url.query == b"policy=Tolvan"
    with pytest.raises(FhirError) as caught:
        fetch(url=f"{TOKEN_URL}?policy=Tolvan")
    assert "Tolvan" not in str(caught.value)
