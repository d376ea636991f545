"""What went wrong with a request, in words that a person can act on.

The HTTP library's own texts hold addresses with their query strings; none of them is passed on.
"""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from fhirnotify.connecting import retry_after
from fhirnotify.errors import FhirError
from fhirnotify.fhir.retry import TEMPORARY_STATUSES, Temporary

_AUTH = "Check [fhir.auth]: its kind, and its user name, password or token; a token may have run out."
_SCOPE = (
    "Check [fhir.auth]: the account may lack the scope or role"
    " (it must be allowed to search Appointment, Patient and Consent)."
)
_BASE = (
    "Check fhir.base_url: it is the address that /metadata stands under, and the server must allow POST [type]/_search."
)
_SERVER = "The server's log says why; the next run tries again."
_CERTIFICATE = (
    "Name a certificate that it trusts, and that is in force, in fhir.tls.client_cert, and its key in client_key."
)
_ALERTS = {
    "CERTIFICATE_REQUIRED": "wants a client certificate, and got none",
    "CERTIFICATE_EXPIRED": "refuses our certificate: it has expired, or is not yet in force",
    "CERTIFICATE_REVOKED": "refuses our certificate: it has been revoked",
    "UNKNOWN_CA": "refuses our certificate: it does not trust who has signed it",
    "BAD_CERTIFICATE": "refuses our certificate",
    "CERTIFICATE_UNKNOWN": "refuses our certificate",
    "UNSUPPORTED_CERTIFICATE": "refuses our certificate: it is of a kind that it does not take",
    "ACCESS_DENIED": "refuses our certificate: it is known, but may not enter",
}
"""What a server means by an alert (RFC 8446 §6.2)."""
_DEEPEST = 10
_OF_WHO_ASKS = frozenset({401, 407})


class RefusedError(FhirError):
    """The endpoint answered with a status that another attempt does not change."""

    def __init__(self, status: int, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.status = status
        self.of_what_was_asked = status >= HTTPStatus.BAD_REQUEST and status not in _OF_WHO_ASKS


def connection_fault(
    error: Exception, origin: str, timeout: float, setting: str = "fhir.base_url"
) -> FhirError | Temporary:
    """Tell what an exception of the HTTP library means: a fault that may pass, or one to mend.

    ``setting`` is where the address comes from.
    """
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return FhirError(
                    f"The certificate of {origin} is not trusted: {cause.verify_message}.",
                    "Name the region's own certificate authority in fhir.tls.ca_file,"
                    f" and write the host in {setting} as the certificate does.",
                )
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                break
            case ssl.SSLError():
                return _tls_fault(str(getattr(cause, "reason", None) or "handshake failed"), origin, setting)
            case socket.gaierror():
                return Temporary(
                    f"The host name of {origin} is not found.",
                    f"Check the host in {setting}, and this machine's name servers.",
                )
            case ConnectionRefusedError():
                return Temporary(
                    f"{origin} refuses the connection.",
                    f"Check that the server is running, and the port in {setting}.",
                )
            case UnicodeError() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError() | httpx.InvalidURL():
                return FhirError(f"No request to {origin} can be written.", f"Check {setting} and [fhir.auth].")
    return _lost(error, origin, timeout, setting)


def _tls_fault(reason: str, origin: str, setting: str) -> FhirError:
    if said := _ALERTS.get(reason.partition("_ALERT_")[2]):
        return FhirError(f"{origin} {said} ({reason}).", _CERTIFICATE)
    return FhirError(
        f"No TLS with {origin}: {reason}.",
        f"Check whether {setting} should begin with https or http,"
        " and whether the server wants a certificate (fhir.tls.client_cert, client_key).",
    )


def _lost(error: Exception, origin: str, timeout: float, setting: str) -> Temporary:
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            what = f"No connection to {origin} within {timeout:g} s."
            return Temporary(what, f"Check that this machine is let through the firewall, and {setting}.")
        case httpx.TimeoutException():
            what = f"{origin} did not answer within {timeout:g} s."
            return Temporary(what, "Raise fhir.timeout or lower fhir.page_size, if the server is slow but well.")
        case httpx.ProxyError():
            what = f"The proxy on the way to {origin} refuses."
            return Temporary(what, "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY in the environment of the job.")
    what = f"The connection to {origin} was lost."
    wants = " It may also be that it refuses fhir.tls.client_cert, or wants one." if origin.startswith("https") else ""
    return Temporary(what, f"Check the server, and what stands between it and this machine.{wants}")


def status_fault(response: httpx.Response, codes: tuple[str, ...], asked: str) -> FhirError | Temporary:
    """Tell what a status other than 200 means. ``asked`` names the request without its parameters."""
    status = response.status_code
    what = f"{asked} was answered with {status} {_phrase(status)}".rstrip() + _listed(codes) + "."
    if status in TEMPORARY_STATUSES:
        asked_for = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        wait = asked_for.total_seconds() if asked_for else 0.0
        return Temporary(what, _SERVER, wait, of_what_was_asked=status == HTTPStatus.INTERNAL_SERVER_ERROR)
    if response.next_request is not None:
        return RefusedError(status, f"{what} It is not followed.", _redirect_step(response.next_request.url))
    match status:
        case 401:
            return RefusedError(status, what, _AUTH)
        case 403:
            return RefusedError(status, what, _SCOPE)
        case 404 | 405 | 410 | 501:
            return RefusedError(status, what, _BASE)
        case 407:
            return RefusedError(status, what, "Check HTTP_PROXY and HTTPS_PROXY: the proxy wants credentials.")
    return RefusedError(status, what, "The server does not take the request as it is; its log says why.")


def _redirect_step(target: httpx.URL) -> str:
    """Name where a redirect points, by scheme and host alone: the rest of an address may hold identifiers."""
    return (
        f"It points to {target.scheme}://{target.netloc.decode('ascii')}:"
        " set fhir.base_url to the address that the server itself uses, or see why it wants a log-in."
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _listed(codes: tuple[str, ...]) -> str:
    return f" ({', '.join(codes)})" if codes else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(_DEEPEST):  # a chain can be a circle, when one exception is raised twice
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__
