"""What an HTTP exchange with an SMS provider means for a message; the same for every provider.

An answer of 2xx, and a provider's own error codes, are read by its adapter. Everything else is classified here:

    the request cannot have been written: refused, no such host, no connection, no TLS     Deferred
    408, 425, 429, 503                                                                    Deferred
    a timeout or a lost connection later than that, an answer that cannot be read           Unknown
    any other 5xx; a redirect, which is never followed; anything no document foresees       Unknown
    401, 402, 403, 407 (credentials, credit), 404, 405, 410 (the address is not the API's),
    406, 415 (the API has changed)                                                        AccountFault
    any other 4xx                                                                         Deferred

A redirect is Unknown, not Deferred: 303 says that the request was carried out, and the others stand in no
provider's document. Such a message is settled by asking the provider, once the address has been put right.
404 and 405 concern every message alike: as Rejected they would use up all that is due on a mistyped ``base_url``.
So would any other 4xx whose reason nobody knows, such as of a field that the API has come to require: it is certain
not to have sent anything, and is tried again until the reminder expires, which is told as a failure. Rejected is
only what an adapter knows to be about the one number or text.

What was sent and what was answered may hold a number or a text, so nothing of either stands in a code or an error.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import httpx

from fhirnotify.connecting import retry_after, surroundings
from fhirnotify.deadline import Deadline
from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.sms.gateway import Deferred, NotNow, Rejected, Unknown

LARGEST_BODY = 1 << 20
"""Bytes of an answer that are read; a history page of 100 messages has some 40 000."""


NEVER_WRITTEN: Mapping[type, str] = MappingProxyType(
    {
        httpx.ConnectError: "no-connection",
        httpx.ConnectTimeout: "connect-timeout",
        httpx.PoolTimeout: "pool-timeout",
        httpx.ProxyError: "proxy-refused",
        httpx.UnsupportedProtocol: "unsupported-protocol",
    }
)
"""The errors after which the request cannot have reached anybody."""

MAYBE_WRITTEN: Mapping[type, str] = MappingProxyType(
    {
        httpx.ReadTimeout: "read-timeout",
        httpx.WriteTimeout: "write-timeout",
        httpx.ReadError: "connection-lost",
        httpx.WriteError: "connection-lost",
        httpx.CloseError: "connection-lost",
        httpx.RemoteProtocolError: "unreadable-answer",
        httpx.LocalProtocolError: "unwritable-request",
        httpx.DecodingError: "unreadable-answer",
    }
)
"""The errors after which the provider may have the request."""

_DEFERRED = frozenset({408, 425, 429, 503})
_ACCOUNT: Mapping[int, str] = MappingProxyType(
    {
        401: "Check the credentials under {section}.",
        402: "Fill up the account.",
        403: "Check the credentials and what the account may do; see {section}.",
        404: "Check base_url under {section}: there is no such service at that address.",
        405: "Check base_url under {section}: there is no such service at that address.",
        406: "Report this: the program and the provider do not agree.",
        407: "Check the proxy's address and credentials in the environment (HTTPS_PROXY).",
        410: "Check base_url under {section}: there is no such service at that address.",
        415: "Report this: the program and the provider do not agree.",
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``retry_after`` is what the provider asks for, if it does in a form that can be read."""

    status: int
    body: bytes = field(repr=False)
    retry_after: timedelta | None = None

    @property
    def ok(self) -> bool:
        """Tell whether the provider says that it did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004  # the 2xx class

    @property
    def is_refusal(self) -> bool:
        """Tell whether the provider says that it did nothing: only a 4xx is certain."""
        return 400 <= self.status < 500  # noqa: PLR2004  # the 4xx class


NoAnswer = Rejected | Deferred | Unknown
"""What the absence of an answer means for the message."""


class Wire:
    """One provider's connections, shared by the threads that send. Nothing is tried twice here."""

    def __init__(
        self,
        base_url: str,
        *,
        section: str,
        timeout: timedelta,
        connections: int,
        auth: httpx.Auth | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Make the connection pool; nothing is connected yet.

        Raises:
            SettingsError: ``base_url`` is no http(s) address.
        """
        self._section = section
        self._seconds = timeout.total_seconds()
        logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes addresses, which hold numbers
        logging.getLogger("httpcore").setLevel(logging.WARNING)
        self.base_url = address(base_url, section)
        with surroundings():
            self._client = httpx.Client(
                base_url=self.base_url,
                auth=auth,
                headers={"accept-encoding": "identity", "user-agent": "fhirnotify", **(headers or {})},
                timeout=httpx.Timeout(
                    self._seconds, connect=self._seconds / 2, pool=self._seconds / 4, write=self._seconds / 4
                ),
                follow_redirects=False,
                limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            )
        self._deadline = Deadline(self._client)

    def ask(
        self,
        method: str,
        path: str,
        *,
        form: dict[str, str] | None = None,
        json: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
        text: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer | NoAnswer:
        """Make one request and give the whole answer, or what its absence means for the message.

        ``headers`` go with this request alone; ``text`` is sent as UTF-8, of the type that they name.
        """
        try:
            content = None if text is None else text.encode()
            request = self._client.build_request(
                method, path, content=content, data=form, json=json, params=query, headers=headers
            )
        except UnicodeEncodeError:
            return Rejected("unencodable-text")
        except httpx.InvalidURL:  # a page that a provider names; what is sent has an address of our own
            return Rejected("unusable-address")
        try:
            with self._deadline.within(2 * self._seconds, begin=self._seconds):
                return self._exchange(request)
        except httpx.RequestError as error:
            return of_error(error)

    def _exchange(self, request: httpx.Request) -> Answer | Unknown:
        response = self._client.send(request, stream=True)
        try:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_BODY:
                    return Unknown("oversized-answer")
        finally:
            response.close()
        header = response.headers.get("retry-after")
        return Answer(response.status_code, bytes(body), retry_after(header, datetime.now(UTC)))

    def refusal(self, answer: Answer) -> Deferred | Unknown:
        """Give what an answer that is not a success means, where the provider's document says nothing more.

        Raises:
            AccountFault: it concerns every message.
        """
        return of_status(answer.status, answer.retry_after, self._section)

    def not_now(self, answer: Answer | NoAnswer) -> NotNow:
        """Give what it means that the provider, asked what became of a message, did not tell.

        Raises:
            AccountFault: it refuses the account.
        """
        return NotNow(_said(self.refusal(answer) if isinstance(answer, Answer) else answer))

    def unusable(self, provider: str, answer: Answer | NoAnswer) -> SettingsError:
        """Make the error that says that the account cannot be asked for, where the account is not what is refused.

        Raises:
            AccountFault: it is.
        """
        if isinstance(answer, Answer) and answer.ok:
            what = f"an answer that is not {provider}'s"
        else:
            what = _said(self.refusal(answer) if isinstance(answer, Answer) else answer)
        return SettingsError(
            f"{provider} cannot be asked for the account at {self.base_url}: {what}.",
            f"Check base_url under {self._section}, the network and the firewall.",
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def address(base_url: str, section: str) -> str:
    """Check an address and give it without a trailing slash.

    Raises:
        SettingsError: it is no http(s) address with a host, or carries a query, a fragment or credentials.
    """
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment or url.userinfo:
        raise SettingsError(
            f"base_url under {section} is not an http(s) address, or holds more than an address.",
            "Write it as https://host or https://host/path.",
        )
    return base_url.rstrip("/")


def of_error(error: httpx.RequestError) -> Deferred | Unknown:
    """Give what a failed exchange means: Deferred only where the request cannot have been written."""
    for kind in type(error).__mro__:
        if kind in NEVER_WRITTEN:
            return Deferred(NEVER_WRITTEN[kind])
        if kind in MAYBE_WRITTEN:
            return Unknown(MAYBE_WRITTEN[kind])
    return Unknown("transport-error")


def _said(outcome: NoAnswer) -> str:
    """Give the word for what happened instead of an answer."""
    return outcome.cause if isinstance(outcome, Unknown) else outcome.code


def of_status(status: int, wait: timedelta | None, section: str) -> Deferred | Unknown:
    """Give what a status outside 2xx means by itself.

    Raises:
        AccountFault: it concerns every message; ``section`` names the settings to look at.
    """
    if status in _DEFERRED:
        return Deferred(f"http-{status}", wait)
    if status in _ACCOUNT:
        raise AccountFault(
            f"The SMS provider refuses the account (HTTP {status}).", _ACCOUNT[status].format(section=section)
        )
    if 400 <= status < 500:  # noqa: PLR2004  # the 4xx class
        return Deferred(f"http-{status}", wait)
    return Unknown(f"http-{status}")
