"""Sinch, its SMS REST API (XMS): https://developers.sinch.com/docs/sms/api-reference/.

Sinch takes note of our reference (``client_reference``, which may hold nothing personal) and lists what it has taken
by it; so a message whose answer was lost is found by what identifies it. It does not refuse a repeat. What became of a
message is asked of its delivery report, which needs no callback.

Errors are 400 and 403 with ``{"code", "text"}``. A code does not tell which field it means, and the text may repeat
what was sent, so neither the text nor an unknown code is passed on; that the text names the number tells that it is
about this message. Most bad numbers are refused in the delivery report alone.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from http import HTTPStatus
from types import MappingProxyType

from fhirnotify.errors import AccountFault
from fhirnotify.sms.answers import digits, identity, json_object, names, number, objects
from fhirnotify.sms.gateway import (
    REACH,
    Accepted,
    CannotTell,
    Deferred,
    Delivered,
    Delivery,
    Finding,
    Found,
    NoReport,
    NotFound,
    Outcome,
    Rejected,
    Sms,
    Trace,
    Undelivered,
    Underway,
    Unknown,
    account_of,
)
from fhirnotify.sms.http import Answer, Wire

SECTION = "[sms.sinch]"
BASE_URL = "https://eu.sms.api.sinch.com"
"""The servers in the EU; Sinch places an account there on request."""

LONGEST_VALIDITY = timedelta(days=3) - timedelta(minutes=5)
"""Sinch allows three days of its own clock; the rest is for ours."""

_PAGE = 100

_AGREEMENT = "Report this: the program and Sinch do not agree."
_FAULTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "syntax_invalid_json": ("Sinch cannot read the request.", _AGREEMENT),
        "unknown_group": ("Sinch takes the number for a group.", _AGREEMENT),
        "missing_callback_url": ("Sinch misses a callback URL.", _AGREEMENT),
        "blocked_account": ("Sinch has blocked the account.", "Ask Sinch why, and have it opened."),
    }
)
_IN_DOUBT = frozenset({"syntax_invalid_parameter_format", "syntax_constraint_violation", "illegal_number_type"})

CODES = frozenset({*_FAULTS, *_IN_DOUBT})
"""Every error code of its documents: of every message (``_FAULTS``), or of one message or all (``_IN_DOUBT``)."""


class Said(Enum):
    """What a status in a delivery report means."""

    UNDERWAY = auto()
    DELIVERED = auto()
    UNDELIVERED = auto()
    NOBODY_KNOWS = auto()


STATUSES: Mapping[str, Said] = MappingProxyType(
    {
        "Queued": Said.UNDERWAY,
        "Dispatched": Said.UNDERWAY,
        "Delivered": Said.DELIVERED,
        "Aborted": Said.UNDELIVERED,
        "Cancelled": Said.UNDELIVERED,
        "Rejected": Said.UNDELIVERED,
        "Deleted": Said.UNDELIVERED,
        "Failed": Said.UNDELIVERED,
        "Expired": Said.UNDELIVERED,
        "Unknown": Said.NOBODY_KNOWS,
    }
)
"""Every status of a delivery report."""

DEAD_NUMBERS = frozenset({100, 150, 152, 300, 301, 302})
"""The codes in a delivery report that are about the number and for good: unidentified or unknown subscriber, no SMS
subscription, an invalid destination (Sinch, "SMPP error codes"). Sinch's own, 402 to 413, are about routes and
accounts as well."""

_IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Sinch:
    """Sends through Sinch. Safe between threads; each exchange is bounded by ``timeout``."""

    name = "sinch"
    remembers = timedelta(days=3)  # the longest validity; how long reports are kept after it no document says

    def __init__(
        self,
        *,
        service_plan_id: str,
        api_token: str,
        base_url: str = BASE_URL,
        timeout: timedelta,
        connections: int = 8,
    ) -> None:
        """Make the adapter; nothing is connected yet.

        Raises:
            SettingsError: ``base_url`` is no http(s) address.
        """
        self.settle = timeout + timedelta(minutes=2)  # no document says how soon a batch is listed
        self._wire = Wire(
            f"{base_url.rstrip('/')}/xms/v1/{service_plan_id}",
            section=SECTION,
            timeout=timeout,
            connections=connections,
            headers={"authorization": f"Bearer {api_token}"},
        )
        self.account = account_of(self.name, self._wire.base_url)

    def send(self, sms: Sms) -> Outcome:
        """Send one message, once. Sinch does not tell its parts.

        Raises:
            AccountFault: Sinch refuses the account, and has not taken the message.
        """
        expiry = datetime.now(UTC) + min(sms.validity, LONGEST_VALIDITY)
        batch = {
            "type": "mt_text",
            "from": sms.sender.removeprefix("+"),
            "to": [digits(sms.to)],
            "body": sms.text,
            "delivery_report": "none",
            "client_reference": sms.reference,
            "expire_at": expiry.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        }
        answer = self._wire.ask("POST", "/batches", json=batch)
        if not isinstance(answer, Answer):
            return answer
        if not answer.ok:
            return self._refusal(answer, sms.to)
        known = identity(json_object(answer.body).get("id"), _IDENTITY)
        return Unknown("unreadable-answer") if known is None else Accepted(known, None)

    def find(self, trace: Trace) -> Finding:
        """Look for the batch with our reference.

        Raises:
            AccountFault: Sinch refuses the account.
        """
        since = min(trace.since.astimezone(UTC), datetime.now(UTC)) - REACH  # whatever clock was wrong meanwhile
        query = {
            "client_reference": trace.reference,
            "start_date": since.strftime("%Y-%m-%dT%H:%M:%S.000Z"),  # without it: the last 24 hours
            "page_size": str(_PAGE),
        }
        answer = self._wire.ask("GET", "/batches", query=query)
        if not isinstance(answer, Answer) or not answer.ok:
            return self._wire.not_now(answer)
        page = json_object(answer.body)
        batches = objects(page.get("batches"))
        for batch in batches:
            if batch.get("client_reference") == trace.reference:
                known = identity(batch.get("id"), _IDENTITY)
                return CannotTell("unreadable-answer") if known is None else Found(known, None)
        if batches:
            return CannotTell("reference-not-heeded")
        return NotFound() if page.get("batches") == [] and page.get("count") == 0 else CannotTell("unreadable-answer")

    def status(self, message_id: str) -> Delivery:
        """Ask for the delivery report.

        Raises:
            AccountFault: Sinch refuses the account.
        """
        answer = self._wire.ask("GET", f"/batches/{message_id}/delivery_report", query={"type": "summary"})
        if not isinstance(answer, Answer):
            return self._wire.not_now(answer)
        if answer.status == HTTPStatus.NOT_FOUND:
            return NoReport("unknown-message")
        if not answer.ok:
            return self._wire.not_now(answer)
        statuses = objects(json_object(answer.body).get("statuses"))
        return _delivery(statuses[0].get("status"), statuses[0].get("code")) if len(statuses) == 1 else Underway()

    def check(self) -> str:
        """Ask for the last batch; tell that the service plan is known. Sinch tells no balance here.

        Raises:
            AccountFault: Sinch refuses the account.
            SettingsError: Sinch cannot be reached, or something else answers at ``base_url``.
        """
        answer = self._wire.ask("GET", "/batches", query={"page_size": "1"})
        if isinstance(answer, Answer) and answer.ok and isinstance(json_object(answer.body).get("batches"), list):
            return "Sinch knows the service plan; it tells no balance"
        raise self._wire.unusable("Sinch", answer)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _refusal(self, answer: Answer, to: str) -> Outcome:
        code = str(json_object(answer.body).get("code")) if answer.is_refusal else ""
        if code in _FAULTS:
            raise AccountFault(*_FAULTS[code])
        if code in _IN_DOUBT:
            return Rejected(code) if names(answer.body, to) else Deferred(code, answer.retry_after)
        return self._wire.refusal(answer)


def _delivery(status: object, code: object) -> Delivery:
    what = STATUSES.get(status, Said.UNDERWAY) if isinstance(status, str) else Said.UNDERWAY
    match what:
        case Said.UNDERWAY:
            return Underway()
        case Said.DELIVERED:
            return Delivered()
        case Said.NOBODY_KNOWS:
            return NoReport("unknown")
        case Said.UNDELIVERED:
            reason = number(code)
            return Undelivered(
                f"{status}" if reason is None else f"{status} {reason}", permanent=reason in DEAD_NUMBERS
            )
