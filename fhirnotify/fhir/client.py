"""One HTTP client for one FHIR endpoint: requests out, parsed JSON in.

Whatever can be asked by POST ``[type]/_search`` is, with its parameters in the body, so that no identifier stands in
an address that a proxy or a server logs. Credentials never leave the configured origin: redirects are not followed
(a POST would become a GET on the way), and a link from an answer only within scheme, host and port of the base.

``Prefer: handling=strict`` is not sent: every filter is applied again to what comes back, so a parameter that a
server ignores costs time but no truth, while strict handling would make a hint such as ``_total`` a refusal.
"""

import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

import fhirnotify
from fhirnotify.connecting import surroundings
from fhirnotify.deadline import Deadline
from fhirnotify.errors import FhirError, IncompleteRead, SettingsError
from fhirnotify.fhir.body import ACCEPT_ENCODING, read_body
from fhirnotify.fhir.faults import RefusedError, connection_fault, status_fault
from fhirnotify.fhir.outcome import codes_of
from fhirnotify.fhir.retry import Temporary, exhausted, retrying

Params = Sequence[tuple[str, str]]

_HEADERS = {
    "Accept": "application/fhir+json",
    "Accept-Encoding": ACCEPT_ENCODING,
    "Cache-Control": "no-cache",  # HAPI answers an identical search from a cache, up to 60 s old, without it
    "User-Agent": f"fhirnotify/{fhirnotify.__version__}",
}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_PORTS = {"http": 80, "https": 443}
_CONNECTIONS = httpx.Limits(max_connections=4, max_keepalive_connections=4)
_LONGEST_OUTCOME = 2**20
_GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken from a server before it is given up.

    Attributes:
        body: bytes of one answer, unpacked.
        pages: pages of one search.
        barren: pages of one search in a row that give nothing new.
        restarts: how often a search whose pages expired is begun again.
        patience: after this long no further attempt begins, and an answer that is still coming is cut off.
    """

    body: int = 64 * 2**20
    pages: int = 10_000
    barren: int = 200
    restarts: int = 3
    patience: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an answer of 200 holds, as far as it is of use."""

    body: bytes
    etag: str | None


class Client:
    """Speaks HTTP with one FHIR endpoint; knows nothing of what the answers mean beyond their being JSON."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout: timedelta,
        attempts: int,
        auth: httpx.Auth | None = None,
        verify: ssl.SSLContext | bool = True,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.requests = 0
        self.limits = limits or Limits()
        self._base = base_address(base_url)
        self._origin = _origin(self._base)
        self._timeout = timeout.total_seconds()
        self._retrying = retrying(attempts, self.limits.patience, sleep)
        for name in ("httpx", "httpcore"):  # they log addresses with their query strings
            logging.getLogger(name).setLevel(logging.WARNING)
        with surroundings():
            self._http = httpx.Client(
                auth=auth,
                verify=verify,
                timeout=self._timeout,
                limits=_CONNECTIONS,
                headers=_HEADERS,
                follow_redirects=False,
                event_hooks={"request": [self._count]},
            )
        self._deadline = Deadline(self._http)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the endpoint, for messages."""
        scheme, host, port = self._origin
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}" if _PORTS.get(scheme) == port else f"{scheme}://{host}:{port}"

    def metadata(self) -> Any:  # noqa: ANN401 - JSON from outside, to be distrusted
        """GET the CapabilityStatement."""
        return self._json(self._http.build_request("GET", self._under("metadata")), "GET metadata")

    def search(self, resource_type: str, params: Params, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401
        """POST a search; the parameters stand in the body alone."""
        request = self._http.build_request(
            "POST",
            self._under(f"{resource_type}/_search"),
            content=_form(params),
            headers={**_FORM, **(headers or {})},
        )
        return self._json(request, f"POST {resource_type}/_search")

    def etag(self, resource_type: str, id_: str) -> str | None:
        """GET one resource for its ETag alone: its version, as RFC 9110 and FHIR (http.html#versioning) tell it."""
        request = self._http.build_request("GET", self._under(f"{resource_type}/{id_}"))
        return self._answer(request, f"GET {resource_type}/[id]").etag

    def read(self, resource_type: str, id_: str) -> dict[str, Any] | None:
        """GET one resource; None if it is not there, or no longer. The id must be one that FHIR allows.

        Raises:
            IncompleteRead: something else is answered.
        """
        asked = f"GET {resource_type}/[id]"
        try:
            found = self._json(self._http.build_request("GET", self._under(f"{resource_type}/{id_}")), asked)
        except RefusedError as refusal:
            if refusal.status not in _GONE:
                raise
            return None
        if isinstance(found, dict) and (found.get("resourceType"), found.get("id")) == (resource_type, id_):
            return found
        raise IncompleteRead(f"{asked} was answered with something else.", "See the FHIR server's log.")

    def follow(self, link: str, resource_type: str) -> Any:  # noqa: ANN401
        """GET the page that a link of an answer points to, as it stands.

        Raises:
            IncompleteRead: it points to another origin.
        """
        return self._json(
            self._http.build_request("GET", self._within_origin(link)), f"GET the next {resource_type} page"
        )

    def close(self) -> None:
        """Release connections."""
        self._http.close()

    def _count(self, _: httpx.Request) -> None:
        self.requests += 1  # here, since authentication may send one request twice

    def _under(self, path: str) -> httpx.URL:
        return self._base.copy_with(path=f"{self._base.path.rstrip('/')}/{path}")

    def _within_origin(self, link: str) -> httpx.URL:
        try:
            url = self._under("").join(link)
        except (httpx.InvalidURL, ValueError):
            url = httpx.URL("")
        if _origin(url) == self._origin and not url.userinfo:
            return url
        raise IncompleteRead(
            f"The FHIR server's link to the next page leads away from {self.origin}; it is not followed.",
            "Set the server's own address to the one in fhir.base_url (HAPI: hapi.fhir.server_address, or"
            " X-Forwarded-Host and X-Forwarded-Proto from the proxy before it), or fhir.base_url to the server's.",
        )

    def _json(self, request: httpx.Request, asked: str) -> Any:  # noqa: ANN401
        return _parsed(self._answer(request, asked).body, asked)

    def _answer(self, request: httpx.Request, asked: str) -> _Answer:
        try:
            return self._retrying(self._attempt, request, asked)
        except Temporary as fault:
            raise exhausted(fault, self._retrying) from None

    def _attempt(self, request: httpx.Request, asked: str) -> _Answer:
        """Send once. What goes wrong is raised outside the handler, so that no address hangs on it as context."""
        patience = self.limits.patience.total_seconds()
        deadline = time.monotonic() + patience
        try:
            with self._deadline.within(patience):
                response = self._http.send(request, stream=True)
            try:
                if response.status_code == httpx.codes.OK:
                    body = read_body(response, self.limits.body, deadline)
                    return _Answer(body, response.headers.get("ETag"))
                fault = status_fault(response, _codes(response, deadline), asked)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            fault = connection_fault(error, self.origin, self._timeout)
        raise fault


def _form(params: Params) -> bytes:
    return urlencode(params, errors="replace").encode()  # a lone surrogate finds nothing, and must not stop the run


def base_address(base_url: str) -> httpx.URL:
    """Read the address of a FHIR endpoint.

    Raises:
        SettingsError: it is none.
    """
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme in _PORTS and url.host and not url.userinfo and not url.query and not url.fragment:
        return url
    raise SettingsError(
        "fhir.base_url is not the address of a FHIR server.",
        "Write it as https://host/path, without user name, query or fragment; credentials belong in [fhir.auth].",
    )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def _codes(response: httpx.Response, deadline: float) -> tuple[str, ...]:
    """Read the codes of the OperationOutcome that an error may carry; without one there are none."""
    try:
        return codes_of(json.loads(read_body(response, _LONGEST_OUTCOME, deadline)))
    except (FhirError, Temporary, ValueError, RecursionError):
        return ()


def _parsed(body: bytes, asked: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass  # its text, and the document it carries along, would show what was in the body
    looks = (
        "nothing" if not body.strip() else "HTML or XML" if body.lstrip()[:1] == b"<" else "something that is not JSON"
    )
    raise FhirError(
        f"{asked} was answered with {looks}.",
        "Check that fhir.base_url is the FHIR base, and that no log-in page or proxy answers in its place.",
    )
