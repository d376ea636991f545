"""Speaks HTTP with an authorization server: its token endpoint, and the document that announces it.

By a client of its own, opened for each exchange and closed after it, so that no header and no connection of the FHIR
endpoint's comes here. What is temporary is tried again as at the FHIR endpoint, redirects are not followed, and the
answer is distrusted. Nothing that was sent or received is repeated in an error: not the credentials, not the token,
not the server's own words.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

import fhirnotify
from fhirnotify.connecting import surroundings
from fhirnotify.deadline import Deadline
from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_answer import Asked, error_code, read_token, refusal
from fhirnotify.fhir.auth_token import Token
from fhirnotify.fhir.body import ACCEPT_ENCODING, TooLongError, read_body
from fhirnotify.fhir.faults import connection_fault
from fhirnotify.fhir.retry import Temporary, exhausted, retrying

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": ACCEPT_ENCODING,
    "User-Agent": f"fhirnotify/{fhirnotify.__version__}",
}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_LONGEST_ANSWER = 2**16
_LONGEST_WAIT = timedelta(seconds=30)
_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Application:
    """How a client asks for a token (RFC 6749 §4.4.2): fields of a form, and headers; a ``repr`` shows none of them."""

    fields: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class AuthorizationServer:
    """An authorization server.

    Args:
        timeout: the longest wait for a connection, and then for the whole of an answer; at most 30 s are waited.
        attempts: how often a request is made in all while its fault is temporary, within two minutes.
        verify: as httpx takes it: a context with the region's authorities and our certificate.
        sleep: waits the given seconds between attempts.
    """

    def __init__(
        self,
        *,
        timeout: timedelta,
        attempts: int,
        verify: ssl.SSLContext | bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._timeout = min(timeout, _LONGEST_WAIT).total_seconds()
        self._attempts = attempts
        self._verify = verify
        self._sleep = sleep

    def token(self, url: str, apply: Callable[[], Application], scope: str | None) -> Token:
        """Fetch a token; ``apply`` is called anew for each attempt.

        Raises:
            TokenRefusedError: the server says no.
            FhirError: it cannot be reached, or what it gives is no token of these scopes that can be used.
        """

        def made(client: httpx.Client) -> httpx.Request:
            application = apply()
            content = urlencode(application.fields).encode()
            return client.build_request("POST", url, content=content, headers={**_FORM, **application.headers})

        answer, began = self._answer(Asked("POST", url, "fhir.auth.token_url"), made)
        return read_token(answer, scope, began)

    def announced(self, url: str) -> object:
        """GET the document that stands there, as JSON.

        Raises:
            FhirError: it cannot be had.
        """
        asked = Asked("GET", url, "fhir.base_url")
        return self._answer(asked, lambda client: client.build_request("GET", url))[0]

    def _answer(self, asked: Asked, made: Callable[[httpx.Client], httpx.Request]) -> tuple[object, float]:
        """Give what was answered, and the moment on ``time.monotonic`` at which it was asked for."""
        policy = retrying(self._attempts, _PATIENCE, self._sleep)
        with surroundings():
            client = httpx.Client(verify=self._verify, timeout=self._timeout, headers=_HEADERS, follow_redirects=False)
        deadline = Deadline(client)
        with client:
            try:
                body, began = policy(self._attempt, client, deadline, asked, made)
            except Temporary as fault:
                raise exhausted(fault, policy) from None
        return _parsed(body, asked), began

    def _attempt(
        self, client: httpx.Client, deadline: Deadline, asked: Asked, made: Callable[[httpx.Client], httpx.Request]
    ) -> tuple[bytes, float]:
        """Send once. What goes wrong is raised outside the handler, so that no request hangs on it as context."""
        began = time.monotonic()
        try:
            with deadline.within(self._timeout):
                response = client.send(made(client), stream=True)
                try:
                    if response.status_code == httpx.codes.OK:
                        return _body(response, asked, began + self._timeout), began
                    fault = refusal(response, _code(response, asked, began + self._timeout), asked)
                finally:
                    response.close()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            fault = connection_fault(error, asked.origin, self._timeout, asked.setting)
        raise fault


def _body(response: httpx.Response, asked: Asked, deadline: float) -> bytes:
    try:
        return read_body(response, _LONGEST_ANSWER, deadline)
    except TooLongError:
        fault: FhirError | Temporary = asked.unusable("is too long to be one of an authorization server")
    except Temporary:
        fault = Temporary(f"The answer to {asked} was cut off, or did not end in time.", asked.look)
    except FhirError:
        fault = asked.unusable("is compressed in a way that was not asked for")
    raise fault


def _code(response: httpx.Response, asked: Asked, deadline: float) -> str:
    try:
        return error_code(json.loads(_body(response, asked, deadline)))
    except (FhirError, Temporary, ValueError, RecursionError):
        return ""


def _parsed(body: bytes, asked: Asked) -> Any:  # noqa: ANN401 - JSON from outside, to be distrusted
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass  # the document that its text carries along may hold a token
    raise asked.unusable("is not JSON")
