"""An authorization server and a FHIR server in this process, for respx to answer with."""

import ssl
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN_URL = "https://as.test/token"
FHIR_URL = "https://fhir.test/r4"
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""One for all clients: reading the world's authorities anew takes 80 ms."""


class FakeServers:
    """Gives tokens ``t1``, ``t2``, … and answers FHIR requests, except where a test has set something else."""

    def __init__(self) -> None:
        self.token_requests: list[httpx.Request] = []
        self.fhir_requests: list[httpx.Request] = []
        self.answer_with: dict[str, Any] = {"token_type": "Bearer", "expires_in": 300}
        self.instead: deque[httpx.Response | Exception | None] = deque()
        """What the next requests to the authorization server get; None for a token."""
        self.accepts: Callable[[str], int] = lambda _token: 200
        """The FHIR server's status for a token."""
        self.smart_configuration: httpx.Response = httpx.Response(200, json={"token_endpoint": TOKEN_URL})

    @property
    def forms(self) -> list[dict[str, str]]:
        """The forms that the token endpoint was sent."""
        return [
            {name: value for name, (value,) in parse_qs(request.content.decode(), keep_blank_values=True).items()}
            for request in self.token_requests
        ]

    def token(self, request: httpx.Request) -> httpx.Response:
        self.token_requests.append(request)
        instead = self.instead.popleft() if self.instead else None
        if isinstance(instead, Exception):
            raise instead
        return instead or httpx.Response(200, json={"access_token": f"t{len(self.token_requests)}"} | self.answer_with)

    def fhir(self, request: httpx.Request) -> httpx.Response:
        self.fhir_requests.append(request)
        if request.url.path.endswith("/.well-known/smart-configuration"):
            return self.smart_configuration
        status = self.accepts(request.headers["Authorization"].removeprefix("Bearer "))
        return httpx.Response(status, json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})

    @property
    def tokens_used(self) -> list[str]:
        """The token on each FHIR request."""
        return [request.headers["Authorization"].removeprefix("Bearer ") for request in self.fhir_requests]
