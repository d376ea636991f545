"""Access tokens (RFC 6749): kept until shortly before they end, and put on each request to the FHIR endpoint."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import httpx

from fhirnotify.fhir.faults import RefusedError

UNSTATED = timedelta(minutes=5)
"""How long a token is used when nobody says how long it lasts: the longest that SMART Backend Services recommends."""

_MARGIN = timedelta(minutes=1)
_SHARE = 5


@dataclass(frozen=True, slots=True)
class Token:
    """An access token.

    Attributes:
        value: as it stands in the header; fit to stand there.
        lifetime: what the token endpoint said; None if it did not.
        asked: the moment on ``time.monotonic`` before the token was asked for.
    """

    value: str = field(repr=False)
    lifetime: timedelta | None
    asked: float

    @property
    def renewed_from(self) -> float:
        """The moment on ``time.monotonic`` from which another one is fetched.

        That is a minute before the end, or the last fifth of the lifetime if that is shorter.
        """
        lifetime = UNSTATED if self.lifetime is None else self.lifetime
        return self.asked + (lifetime - min(_MARGIN, lifetime / _SHARE)).total_seconds()


class Issuer(Protocol):
    """Where tokens come from."""

    def token(self) -> Token:
        """Fetch a new token.

        Raises:
            FhirError: it cannot be had.
        """
        ...


class Tokens:
    """The token in use. Of several threads that need a new one, one fetches it and the others wait."""

    def __init__(self, issuer: Issuer, now: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._now = now
        self._kept: Token | None = None
        self._lock = threading.Lock()

    def current(self) -> Token:
        """Give the token that is kept, or a new one if it has ended or soon will."""
        with self._lock:
            if self._kept is None or self._now() >= self._kept.renewed_from:
                self._kept = self._issuer.token()
            return self._kept

    def instead_of(self, refused: Token) -> Token:
        """Give another token than this one, which was refused."""
        with self._lock:
            if self._kept is None or self._kept is refused:
                self._kept = None
                self._kept = self._issuer.token()
            return self._kept


class TokenAuth(httpx.Auth):
    """Signs each request with the token in use. After a 401 it is sent once more, with a new token."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the token on the request.

        Raises:
            FhirError: no token can be had.
            RefusedError: the new token was refused too.
        """
        token = self._tokens.current()
        response = yield _signed(request, token)
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        token = self._tokens.instead_of(token)
        response.stream = _Unread(response.stream)
        response = yield _signed(request, token)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise RefusedError(
                response.status_code,
                "The FHIR server refuses the access token, and one that was fetched anew as well: 401 Unauthorized.",
                "Check that it trusts the authorization server of fhir.auth, and which audience and fhir.auth.scope it"
                " wants; that its clock is right; and whether tokens are bound to fhir.tls.client_cert.",
            )


def _signed(request: httpx.Request, token: Token) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token.value}"
    return request


class _Unread(httpx.SyncByteStream):
    """In place of the body of an answer that is thrown away: httpx would read all of it before the next request."""

    def __init__(self, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> None:
        assert isinstance(stream, httpx.SyncByteStream)
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        self._stream.close()
