"""What an authorization server's answers mean (RFC 6749 §5): a token, or a refusal in words to act on.

Of what the server says, its error code is told if it is a known one, and its clock; nothing else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from fhirnotify.connecting import retry_after
from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_scope import not_granted
from fhirnotify.fhir.auth_token import Token
from fhirnotify.fhir.retry import TEMPORARY_STATUSES, Temporary

_CREDENTIALS = (
    "Check that fhir.auth.client_id is registered there with this secret, or with the public half of this key under"
    " this key_id; that fhir.auth.token_url is the address by which the server knows itself, since what is signed"
    " names it as its audience; and the clocks of both."
)
_DPOP = "The server wants DPoP (RFC 9449), which is not built in: let it give this client Bearer tokens."
_STEPS = {
    "invalid_client": _CREDENTIALS,
    "invalid_grant": f"{_CREDENTIALS} Tokens that are bound to a certificate need fhir.tls.client_cert.",
    "invalid_request": f"The server does not take the request as it is; its log says why. {_CREDENTIALS}",
    "invalid_scope": "Check fhir.auth.scope: the client must be granted each, and servers write them in different"
    " forms (system/Appointment.rs, system/Appointment.read).",
    "unauthorized_client": "Let this client use the grant client_credentials, at the authorization server.",
    "unsupported_grant_type": "The server must offer the grant client_credentials: check fhir.auth.token_url.",
    "access_denied": "Ask whoever runs the authorization server what this client lacks.",
    "invalid_target": "Let the authorization server give this client tokens for the FHIR server without being asked"
    " for one by name (RFC 8707).",
    "invalid_dpop_proof": _DPOP,
    "use_dpop_nonce": _DPOP,
    "server_error": "The server's log says why; the next run tries again.",
    "temporarily_unavailable": "The server's log says why; the next run tries again.",
}
_ABOUT_CREDENTIALS = frozenset({"invalid_client", "invalid_grant", "invalid_request"})
_NOTABLE_SKEW = timedelta(seconds=30)
_LONGEST_LIFETIME = timedelta(days=1)
_LONGEST_TOKEN = 2**14


class TokenRefusedError(FhirError):
    """The token endpoint gives no token; ``code`` is its error code, empty if it is none that is known."""

    def __init__(self, code: str, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to an authorization server; its text is told without the query.

    Attributes:
        setting: where the address comes from.
    """

    method: str
    url: str
    setting: str

    def __str__(self) -> str:
        return f"{self.method} {self.url.partition('?')[0]}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, for messages."""
        return "/".join(self.url.split("/")[:3])

    @property
    def look(self) -> str:
        """The next step, when what answers may not be what was meant."""
        return f"Check {self.setting}, and what stands between the authorization server and this machine."

    def unusable(self, why: str) -> FhirError:
        """Make the error of an answer that is not what was asked for."""
        return FhirError(f"The answer to {self} {why}.", self.look)


def error_code(answer: object) -> str:
    """Give the error code that an answer holds, if it is a known one; else nothing."""
    code = answer.get("error") if isinstance(answer, dict) else None
    return code if isinstance(code, str) and code in _STEPS else ""


def refusal(response: httpx.Response, code: str, asked: Asked) -> FhirError | Temporary:
    """Tell what a status other than 200 means."""
    status = response.status_code
    what = f"{asked} was answered with {status} {_phrase(status)}".rstrip() + (f" ({code})." if code else ".")
    if status in TEMPORARY_STATUSES:
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        return Temporary(what, _STEPS["temporarily_unavailable"], wait.total_seconds() if wait else 0.0)
    if (target := response.next_request) is not None:
        to = f"{target.url.scheme}://{target.url.netloc.decode('ascii')}"
        return FhirError(f"{what} It is not followed.", f"It points to {to}: set {asked.setting} to where it ends.")
    if code:
        skew = _skew(response) if code in _ABOUT_CREDENTIALS else ""
        return TokenRefusedError(code, what, f"{skew}{_STEPS[code]}")
    if status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        return FhirError(what, "Check HTTP_PROXY and HTTPS_PROXY: the proxy wants credentials.")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return TokenRefusedError("", what, f"{_skew(response)}{_CREDENTIALS}")
    return FhirError(what, asked.look)


def read_token(answer: object, scope: str | None, asked: float) -> Token:
    """Read a token.

    Raises:
        FhirError: there is none, it cannot be used, or scopes that were asked for are not granted. A server that
            filters by scope would else answer as if there were no Consents.
    """
    if not isinstance(answer, dict):
        raise _unusable("it is no JSON object")
    value, kind, granted = (answer.get(name) for name in ("access_token", "token_type", "scope"))
    if not isinstance(value, str) or not _fits_a_header(value):
        raise _unusable("no access_token that could stand in a header")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _unusable("its token_type is not Bearer")
    if scope is not None and isinstance(granted, str) and (missing := not_granted(scope, granted)):
        raise FhirError(
            f"The authorization server did not grant {', '.join(missing)}.",
            "Let it grant the client what fhir.auth.scope asks for, or leave out what the job does not need:"
            " it reads and searches Appointment, Patient and Consent; with fhir.write_back it writes Communication.",
        )
    return Token(value, _lifetime(answer.get("expires_in")), asked)


def _fits_a_header(value: str) -> bool:
    return 0 < len(value) <= _LONGEST_TOKEN and value.isascii() and value.isprintable() and " " not in value


def _lifetime(stated: object) -> timedelta | None:
    """Read ``expires_in``: seconds, which some servers write as a text; never more than a day."""
    if stated is None:
        return None
    if isinstance(stated, str) and stated.isascii() and stated.isdecimal():
        stated = float(stated)
    if isinstance(stated, int | float) and not isinstance(stated, bool) and stated > 0:
        return timedelta(seconds=min(stated, _LONGEST_LIFETIME.total_seconds()))
    raise _unusable("its expires_in is no number of seconds to come")


def _unusable(why: str) -> FhirError:
    return FhirError(
        f"The authorization server's answer is no access token that can be used: {why}.",
        "Check fhir.auth.token_url: it must be the token endpoint, and give Bearer tokens (RFC 6749, RFC 6750).",
    )


def _skew(response: httpx.Response) -> str:
    """Say how far apart the clocks are, if that could be why."""
    try:
        ahead = datetime.now(UTC) - parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return ""
    if abs(ahead) <= _NOTABLE_SKEW:
        return ""
    way = "ahead of" if ahead > timedelta() else "behind"
    return f"This machine's clock is {abs(ahead).total_seconds():.0f} s {way} the server's: set it right. "


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
