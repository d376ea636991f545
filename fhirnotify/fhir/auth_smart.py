"""SMART Backend Services (SMART App Launch 2.2): the client proves itself by an assertion that it signs (RFC 7523)."""

import secrets
import time
from functools import cached_property
from typing import Any

import httpx

from fhirnotify.addresses import nobody_listens
from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_key import SigningKey
from fhirnotify.fhir.auth_server import Application, AuthorizationServer
from fhirnotify.fhir.auth_token import Token

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 240
"""Seconds until an assertion ends. SMART allows five minutes at most; the fifth is for a clock that is fast."""

_WELL_KNOWN = ".well-known/smart-configuration"


class SmartBackend:
    """An issuer that is shown a signed assertion, a new one at each attempt.

    Without ``endpoint``, what the FHIR server announces is asked. It may be of another origin, as the authorization
    server mostly is: an assertion is good for nothing but the endpoint that it names as its audience.
    """

    def __init__(
        self,
        server: AuthorizationServer,
        key: SigningKey,
        *,
        base_url: str,
        client_id: str,
        scope: str,
        endpoint: str | None = None,
    ) -> None:
        self._server = server
        self._key = key
        self._base_url = base_url
        self._client_id = client_id
        self._scope = scope
        self._configured = endpoint

    @cached_property
    def endpoint(self) -> str:
        """The token endpoint: as it is set, else as the FHIR server announces it.

        Raises:
            FhirError: it announces none to which credentials may be sent.
        """
        if self._configured is not None:
            return self._configured
        announced = self._server.announced(f"{self._base_url.rstrip('/')}/{_WELL_KNOWN}")
        endpoint = announced.get("token_endpoint") if isinstance(announced, dict) else None
        if isinstance(endpoint, str) and _is_address(endpoint):
            return endpoint
        raise FhirError(
            f"The FHIR server's {_WELL_KNOWN} names no token_endpoint under https.",
            "Set fhir.auth.token_url to the token endpoint of the authorization server.",
        )

    def token(self) -> Token:
        """Fetch a token.

        Raises:
            FhirError: it cannot be had.
        """
        return self._server.token(self.endpoint, self._application, self._scope)

    def claims(self) -> dict[str, Any]:
        """Make the claims of a new assertion (SMART, "authenticating to the token endpoint").

        No ``iat`` and no ``nbf``: they are optional, and where this machine's clock is a second fast, servers that
        allow for no difference refuse an assertion from the future.
        """
        return {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self.endpoint,
            "jti": secrets.token_urlsafe(24),
            "exp": int(time.time()) + LIFETIME,
        }

    def _application(self) -> Application:
        return Application(
            {
                "grant_type": "client_credentials",
                "scope": self._scope,
                "client_assertion_type": ASSERTION,
                "client_assertion": self._key.sign(self.claims()),
            }
        )


def _is_address(text: str) -> bool:
    if not (text.isascii() and text.isprintable() and nobody_listens(text)):
        return False
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        return False
    return bool(url.host) and not url.userinfo and not url.fragment
