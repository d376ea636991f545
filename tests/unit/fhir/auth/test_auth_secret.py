"""Client credentials: what the token endpoint is shown."""

import base64

import httpx
import pytest
from token_servers import TOKEN_URL

from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_answer import TokenRefusedError
from fhirnotify.fhir.auth_secret import ClientSecret

REFUSED = {"error": "invalid_client"}


def basic(text):
    """Write a Basic header."""
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
def make_issuer(make_server):
    """Make an issuer with a client id, a secret and a scope."""
    return lambda client_id="id", secret="s3cret", scope=None: ClientSecret(
        make_server(), TOKEN_URL, client_id, secret, scope
    )


@pytest.mark.parametrize(
    ("client_id", "secret", "header"),
    [
        ("id", "s3cret", "id:s3cret"),
        ("urn:x:id", "a+b/c=", "urn%3Ax%3Aid:a%2Bb%2Fc%3D"),
        ("with blank", "å:%", "with+blank:%C3%A5%3A%25"),
    ],
)
def test_id_and_secret_are_shown_by_basic(servers, make_issuer, client_id, secret, header):
    """Each encoded as in a form (RFC 6749 §2.3.1), so that a colon in the id cannot move the rest into the secret."""
    assert make_issuer(client_id, secret).token().value == "t1"
    assert servers.token_requests[0].headers["Authorization"] == basic(header)
    assert servers.forms == [{"grant_type": "client_credentials"}]


def test_the_scope_is_asked_for(servers, make_issuer):
    """Where one is set."""
    make_issuer(scope="system/Appointment.rs system/Patient.rs").token()
    assert servers.forms[0]["scope"] == "system/Appointment.rs system/Patient.rs"


@pytest.mark.parametrize(
    ("status", "code"), [(401, "invalid_client"), (400, "invalid_client"), (400, "invalid_request")]
)
def test_a_server_that_wants_them_in_the_form_is_shown_them_there(servers, make_issuer, status, code):
    """Once; what was taken is kept to, and there is no Basic beside it."""
    servers.instead.append(httpx.Response(status, json={"error": code}))
    issuer = make_issuer()
    assert [issuer.token().value, issuer.token().value] == ["t2", "t3"]
    assert ["Authorization" in request.headers for request in servers.token_requests] == [True, False, False]
    assert servers.forms[1:] == [{"grant_type": "client_credentials", "client_id": "id", "client_secret": "s3cret"}] * 2


def test_what_was_taken_by_basic_is_not_shown_otherwise_later(servers, make_issuer):
    """A secret that has been changed meanwhile is told at once."""
    issuer = make_issuer()
    issuer.token()
    servers.instead.append(httpx.Response(401, json=REFUSED))
    with pytest.raises(TokenRefusedError):
        issuer.token()
    assert len(servers.token_requests) == 2


def test_refused_in_both_ways_is_refused(servers, make_issuer):
    """Two requests in all, and a message that tells the next step."""
    servers.instead.extend([httpx.Response(401, json=REFUSED)] * 9)
    with pytest.raises(TokenRefusedError, match="invalid_client") as caught:
        make_issuer().token()
    assert "client_id" in caught.value.next_step
    assert len(servers.token_requests) == 2


@pytest.mark.parametrize("code", ["invalid_scope", "unauthorized_client", "server_error", "odd"])
def test_another_refusal_is_not_tried_otherwise(servers, make_issuer, code):
    """The secret is not shown a second time where it was not what was wrong."""
    servers.instead.append(httpx.Response(400, json={"error": code}))
    with pytest.raises(FhirError):
        make_issuer().token()
    assert len(servers.token_requests) == 1
