"""An authorization server and a FHIR server in this process, behind respx, and keys to sign with."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from token_servers import TLS, TOKEN_URL, FakeServers

from fhirnotify.fhir.auth_server import Application, AuthorizationServer
from fhirnotify.fhir.auth_token import Token


@pytest.fixture
def servers() -> Iterator[FakeServers]:
    """The authorization server at ``as.test`` and the FHIR server at ``fhir.test``."""
    fake = FakeServers()
    with respx.mock(assert_all_called=False) as router:
        router.route(host="as.test").mock(side_effect=fake.token)
        router.route(host="fhir.test").mock(side_effect=fake.fhir)
        yield fake


@pytest.fixture
def waits() -> list[float]:
    """The waits between attempts, which take no time here."""
    return []


@pytest.fixture
def make_server(waits: list[float]) -> Callable[..., AuthorizationServer]:
    """Make our side of the authorization server, with settings of its own."""

    def make(**settings: Any) -> AuthorizationServer:
        given = {"timeout": timedelta(seconds=5), "attempts": 4, "verify": TLS, "sleep": waits.append}
        return AuthorizationServer(**(given | settings))

    return make


@pytest.fixture
def fetch(make_server: Callable[..., AuthorizationServer]) -> Callable[..., Token]:
    """Fetch a token."""

    def fetched(scope: str | None = None, url: str = TOKEN_URL, **settings: Any) -> Token:
        return make_server(**settings).token(url, lambda: Application({"grant_type": "client_credentials"}), scope)

    return fetched


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    """An RSA key."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A key on P-384."""
    return ec.generate_private_key(ec.SECP384R1())
