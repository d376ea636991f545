"""What two independent servers make of assertions that the program never writes: each is refused, and told as that."""

import time
from contextlib import closing
from datetime import timedelta

import pytest
from oidc_server import SCOPE, OidcServer
from smart_sekmet import smart_sekmet

from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_answer import TokenRefusedError
from fhirnotify.fhir.auth_key import read_key
from fhirnotify.fhir.auth_server import AuthorizationServer
from fhirnotify.fhir.auth_smart import SmartBackend
from fhirnotify.fhir.auth_token import TokenAuth, Tokens
from fhirnotify.fhir.client import Client

SECONDS = timedelta(seconds=10)


@pytest.fixture(scope="module", params=["oidc-provider", "sekmet"])
def token_url(request, keys):
    """The token endpoint of each server, which knows the client ``reminders``."""
    if request.param == "sekmet":
        with smart_sekmet(keys) as server:
            yield f"{server.base_url.removesuffix('/fhir')}/auth/token"
        return
    with OidcServer(keys.clients, "https://fhir.example.org/r4") as server:
        yield server.token_url


class Bent(SmartBackend):
    """A client whose claims are bent."""

    bend = staticmethod(lambda claims: claims)

    def claims(self):
        return self.bend(super().claims())


@pytest.fixture
def client(keys, token_url, tmp_path):
    """Make a client that signs by the registered key on P-384."""

    def made(bend=lambda claims: claims, key="ec", key_id="ec-1"):
        file = tmp_path / "key.pem"
        file.write_text(keys.pem(key))
        server = AuthorizationServer(timeout=SECONDS, attempts=1)
        made = Bent(
            server,
            read_key(file, key_id),
            base_url="https://fhir.example.org/r4",
            client_id="reminders",
            scope=SCOPE,
            endpoint=token_url,
        )
        made.bend = bend
        return made

    return made


def test_an_assertion_as_it_should_be_is_taken(client):
    """Twice, since each has an id of its own."""
    issuer = client()
    first, second = issuer.token(), issuer.token()
    assert first.value != second.value
    assert first.lifetime == second.lifetime == timedelta(seconds=300)


def test_a_replayed_assertion_is_refused(client):
    """By its jti; so each attempt makes a new one."""
    issuer = client(lambda claims: claims | {"jti": "the-same-again"})
    issuer.token()
    with pytest.raises(TokenRefusedError, match="invalid_client"):
        issuer.token()


BENT = {
    "wrong audience": lambda claims: claims | {"aud": "https://as.example.org/token"},
    "expired": lambda claims: claims | {"exp": int(time.time()) - 60},
    "too long": lambda claims: claims | {"exp": int(time.time()) + 3600},
    "another subject": lambda claims: claims | {"sub": "somebody-else"},
    "another issuer": lambda claims: claims | {"iss": "somebody-else", "sub": "somebody-else"},
    "no id": lambda claims: {key: value for key, value in claims.items() if key != "jti"},
    "not yet valid": lambda claims: claims | {"nbf": int(time.time()) + 120},
}


@pytest.mark.parametrize("what", BENT)
def test_a_bent_assertion_is_refused_with_the_next_step(client, what):
    """As invalid_client, or invalid_request; the message tells all that can be wrong, and shows nothing of it."""
    issuer = client(BENT[what])
    with pytest.raises(TokenRefusedError, match=r"invalid_client|invalid_request") as caught:
        issuer.token()
    for word in ("client_id", "key", "audience", "clock"):
        assert word in caught.value.next_step
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("key", "key_id"), [("unregistered", "ec-1"), ("unregistered", "other")])
def test_a_key_that_is_not_registered_is_refused(client, key, key_id):
    """Whatever it calls itself."""
    with pytest.raises(TokenRefusedError, match="invalid_client"):
        client(key=key, key_id=key_id).token()


def test_a_fhir_client_that_gets_no_token_asks_for_nothing(client):
    """The refusal comes through as it is, and no FHIR request is made."""
    auth = TokenAuth(Tokens(client(BENT["expired"])))
    with closing(Client("https://fhir.example.org/r4", timeout=SECONDS, attempts=3, auth=auth)) as fhir:
        with pytest.raises(FhirError, match="invalid_client"):
            fhir.metadata()
        assert fhir.requests == 0
