"""Writes Communications to a FHIR server: the one adapter of the job that writes to the journal system.

``PUT Communication/[id]`` with an id of ours, so that whatever is sent again changes nothing. Redirects are not
followed, credentials go to the configured origin alone, and what the server answers is not read beyond its status: a
diagnosis of it could hold what it is about.

Tried again within the pass is only what the server has certainly not begun with: a connection that was not made, 429
and 503, if it asks for no longer wait than ``_PATIENCE``. The next pass tries everything else.
"""

import logging
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

import fhirnotify
from fhirnotify.connecting import retry_after, surroundings
from fhirnotify.deadline import Deadline
from fhirnotify.errors import FhirError
from fhirnotify.fhir.body import ACCEPT_ENCODING, read_body
from fhirnotify.fhir.client import base_address
from fhirnotify.fhir.communications import Answer, Failed, Refused, Taken
from fhirnotify.fhir.faults import RefusedError, connection_fault
from fhirnotify.fhir.retry import Temporary, retrying

LONGEST = timedelta(seconds=10)
"""How long one Communication is waited for at most, from the first byte written to the last one read."""

_PATIENCE = timedelta(seconds=5)
_LONGEST_ANSWER = 2**20
_CONNECTIONS = httpx.Limits(max_connections=1, max_keepalive_connections=1)
_HEADERS = {
    "Accept": "application/fhir+json",
    "Accept-Encoding": ACCEPT_ENCODING,
    "Content-Type": "application/fhir+json",
    "Prefer": "return=minimal",
    "User-Agent": f"fhirnotify/{fhirnotify.__version__}",
}
_NO_CONNECTION = "no-connection"
_TAKEN = frozenset({200, 201, 204})
_TO_WAIT = frozenset({429, 503})
_OF_ALL = frozenset({401, 405, 407, 501})
"""What a server says that lets nobody in, or takes no updates at all."""
_OF_THE_SERVER = frozenset({408, 425})
"""What it says of itself, and not of this one. 403 may be a patient's alone, whose record is closed to us."""


class HttpCommunications:
    """``Communications`` on a FHIR server. Nothing is connected before the first is written.

    Args:
        base_url: http or https, without user name, query or fragment.
        timeout: the longest wait for a connection, and for an answer, if that is less than ``LONGEST``.
        attempts: how often one is tried in all while it is certain that the server has not begun with it.
        auth: signs each request; credentials never leave the origin of ``base_url``.
        verify: as httpx takes it.
        sleep: waits the given seconds between attempts.

    Raises:
        SettingsError: ``base_url`` is not such an address.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: timedelta,
        attempts: int,
        auth: httpx.Auth | None = None,
        verify: ssl.SSLContext | bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base_address(base_url)
        self._seconds = min(timeout, LONGEST).total_seconds()
        self._retrying = retrying(attempts, _PATIENCE, sleep)
        for name in ("httpx", "httpcore"):  # they log addresses
            logging.getLogger(name).setLevel(logging.WARNING)
        with surroundings():
            self._http = httpx.Client(
                auth=auth,
                verify=verify,
                timeout=self._seconds,
                limits=_CONNECTIONS,
                headers=_HEADERS,
                follow_redirects=False,
            )
        self._deadline = Deadline(self._http)

    def put(self, identity: str, body: bytes) -> Answer:
        """Write one; what goes wrong is an answer, too."""
        try:
            return self._retrying(self._attempt, identity, body)
        except Temporary as fault:
            return Failed(fault.what, lasting=fault.what != _NO_CONNECTION)

    def close(self) -> None:
        """Release connections."""
        self._http.close()

    def _attempt(self, identity: str, body: bytes) -> Answer:
        """Send once.

        Raises:
            Temporary: the server has not begun with it; ``what`` is the code.
        """
        url = self._base.copy_with(path=f"{self._base.path.rstrip('/')}/Communication/{identity}")
        try:
            with self._deadline.within(self._seconds):
                response = self._http.send(self._http.build_request("PUT", url, content=body), stream=True)
            try:
                return _answer(response, time.monotonic() + self._seconds)
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if not isinstance(connection_fault(error, "", self._seconds), Temporary):
                return Failed("tls", lasting=True)
        except RefusedError as refusal:  # a token that is refused
            return Failed(f"status-{refusal.status}", lasting=True)
        except FhirError:
            return Failed("no-token", lasting=True)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
            return Failed("no-answer")
        raise Temporary(_NO_CONNECTION, "")


def _answer(response: httpx.Response, deadline: float) -> Answer:
    """Tell what a status means.

    Raises:
        Temporary: the server asks to be left alone for a while.
    """
    status = response.status_code
    code = f"status-{status}"
    if status in _TAKEN:
        kind = response.headers.get("Content-Type", "")
        if "html" in kind.lower():  # a log-in page stands before the server
            return Failed("not-fhir", lasting=True)
        return _read_to_its_end(response, deadline)
    if status in _TO_WAIT:
        asked_for = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        raise Temporary(code, "", asked_for.total_seconds() if asked_for else 0.0)
    if status in _OF_ALL or status < httpx.codes.BAD_REQUEST:
        return Failed(code, lasting=True)
    if status in _OF_THE_SERVER or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Failed(code)
    return Refused(code)


def _read_to_its_end(response: httpx.Response, deadline: float) -> Answer:
    """Read what was not asked for, so that the connection can be used again; it was taken whatever that is."""
    try:
        read_body(response, _LONGEST_ANSWER, deadline)
    except (FhirError, Temporary, httpx.HTTPError):
        response.close()
    return Taken()
