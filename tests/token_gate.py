"""A gate before a FHIR server, as a region has one: it checks the access token of each request and passes it on.

It reads tokens as JWTs (RFC 9068): signature, issuer, audience and end, the list of those revoked, the scope for the
resource type, and, for one bound to a certificate (RFC 8705), that the connection was made by that certificate.
"""

import base64
import hashlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

_PASSED_ON = ("Accept", "Content-Type", "Cache-Control")
_LINGER = 5.0


class TokenGate:
    """One gate; a context manager. The addresses in answers are rewritten to its own."""

    def __init__(self, upstream: str, tls: ssl.SSLContext | None = None) -> None:
        self.upstream = upstream.rstrip("/")
        self._tls = tls
        self._server = _Server(self)
        host, port = self._server.server_address[:2]
        self.base_url = f"{'https' if tls else 'http'}://{host}:{port}/fhir"
        self.issuer = ""
        self.keys: KeySet | None = None
        self.token_endpoint = ""
        """What ``.well-known/smart-configuration`` names."""
        self.statuses: list[int] = []
        """What each request was answered with, those for ``.well-known`` apart."""
        self.tokens: list[str] = []
        """Each token that came, once."""
        self.before_answer: Callable[[int, Mapping[str, Any]], None] = lambda _number, _claims: None
        """Called with the number (from 1) of each request that is let through, and with its token's claims."""
        self._revoked: set[str] = set()
        self._lock = threading.Lock()
        self._passed = 0

    def trust(self, issuer: str, jwks: Mapping[str, Any], token_endpoint: str) -> None:
        """Take tokens of this authorization server, and announce it."""
        self.issuer, self.token_endpoint = issuer, token_endpoint
        self.keys = KeySet.import_key_set(dict(jwks))

    def revoke(self, claims: Mapping[str, Any]) -> None:
        """Let a token in no more."""
        self._revoked.add(claims["jti"])

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def judge(self, path: str, authorization: str, certificate: bytes | None) -> tuple[int, dict[str, Any]]:
        """Give 200, 401 or 403 for a request, and the claims of its token."""
        scheme, _, token = authorization.partition(" ")
        if token and token not in self.tokens:
            self.tokens.append(token)
        claims = self._claims(token, certificate) if scheme == "Bearer" else None
        if claims is None:
            return 401, {}
        kind = path.removeprefix("/fhir").strip("/").split("/")[0]
        needed = f"system/{kind}.rs"
        # Next pages of HAPI stand under the base itself.
        allowed = kind in ("", "metadata") or needed in claims.get("scope", "").split()
        return (200 if allowed else 403), claims

    def _claims(self, token: str, certificate: bytes | None) -> dict[str, Any] | None:
        assert self.keys is not None
        try:
            read = jwt.decode(token, self.keys, algorithms=["RS256"])
        except (JoseError, ValueError):
            return None
        claims = read.claims
        bound_to = claims.get("cnf", {}).get("x5t#S256")
        good = (
            read.header.get("typ") == "at+jwt"
            and claims["iss"] == self.issuer
            and claims["aud"] == self.base_url
            and claims["exp"] > time.time()
            and claims["jti"] not in self._revoked
            and (bound_to is None or bound_to == _thumbprint(certificate))
        )
        return claims if good else None

    def passing(self, claims: Mapping[str, Any]) -> None:
        """Count a request that is let through."""
        with self._lock:
            self._passed += 1
            number = self._passed
        self.before_answer(number, claims)

    def wrapped(self, connection: socket.socket) -> socket.socket:
        """Give the server's side of a connection; hands are shaken later, by the thread that serves it."""
        if self._tls is None:
            return connection
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, gate: TokenGate) -> None:
        self.gate = gate
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, peer = super().get_request()
        return self.gate.wrapped(connection), peer

    def handle_error(self, *_: object) -> None:
        """Keep silent: a client that is refused by TLS is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            try:
                self.request.do_handshake()
            except (ssl.SSLError, ConnectionError):
                _leave(self.request)
                raise
        super().setup()

    def do_GET(self) -> None:
        gate = self.server.gate
        if self.path == "/fhir/.well-known/smart-configuration":
            self._answer(200, json.dumps({"token_endpoint": gate.token_endpoint}).encode(), "application/json")
            return
        certificate = self.request.getpeercert(binary_form=True) if isinstance(self.request, ssl.SSLSocket) else None
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, claims = gate.judge(path, self.headers.get("Authorization", ""), certificate)
        gate.statuses.append(status)
        if status != 200:
            self._answer(status, b'{"resourceType": "OperationOutcome", "issue": [{"code": "login"}]}')
            return
        gate.passing(claims)
        self._answer(*self._passed_on(gate, body))

    do_POST = do_GET  # noqa: N815  # the name that the library looks for

    def _passed_on(self, gate: TokenGate, body: bytes) -> tuple[int, bytes]:
        to = urlsplit(gate.upstream)
        connection = http.client.HTTPConnection(to.netloc, timeout=60)
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        connection.request(self.command, to.path + self.path.removeprefix("/fhir"), body or None, headers)
        answer = connection.getresponse()
        content = answer.read().replace(gate.upstream.encode(), gate.base_url.encode())
        connection.close()
        return answer.status, content

    def _answer(self, status: int, body: bytes, kind: str = "application/fhir+json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep silent."""


def _leave(connection: ssl.SSLSocket) -> None:
    """Close so that the alert arrives: with bytes unread the system would reset the connection before."""
    plain = socket.socket(fileno=connection.detach())
    with plain, suppress(OSError):
        plain.settimeout(_LINGER)
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(65536):
            pass


def _thumbprint(certificate: bytes | None) -> str | None:
    if certificate is None:
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()
