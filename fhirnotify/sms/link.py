"""LINK Mobility, its SMS REST API ("Common"): "SMS REST API, MT and Delivery Reports".

It takes note of a reference and does nothing with it: a repeat is sent again, and nothing can be asked of it, neither
whether it has a message nor what became of one. It tells that to a gate, an address of the customer's, which this
program has not. So a message whose answer was lost stays uncertain until a person has asked LINK, and no delivery is
followed up.

Errors are 400, 401 and 403 with ``{"status", "description"}``. The description may repeat what was sent and is not
passed on; that it names the number tells that it is about this message.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType

import httpx

from fhirnotify.errors import AccountFault
from fhirnotify.sms.answers import count, identity, json_object, names, number
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Delivery,
    Finding,
    NoReport,
    Outcome,
    Rejected,
    Sms,
    Trace,
    Unknown,
    account_of,
)
from fhirnotify.sms.http import Answer, Wire

SECTION = "[sms.link]"

SHORTEST_VALIDITY, LONGEST_VALIDITY = timedelta(minutes=15), timedelta(hours=48)

QUEUED = 1005
"""The one result code with which a message is documented to be taken."""

_LOGIN = f"Check username and password under {SECTION}."
_GATES = "Report this: the program asks for no gate."
FAULTS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        106100: ("LINK Mobility refuses the credentials.", _LOGIN),
        106101: ("LINK Mobility denies access.", _LOGIN),
        106200: ("LINK Mobility does not know the platform.", f"Check platform_id under {SECTION}."),
        106201: ("LINK Mobility does not know the partner.", f"Check platform_partner_id under {SECTION}."),
        106202: ("LINK Mobility takes the message for a premium one.", "Ask LINK Mobility about the account."),
        106300: ("LINK Mobility has no gate.", _GATES),
        106301: ("LINK Mobility misses a gate.", _GATES),
    }
)
"""The error codes that concern every message."""

UNEXPLAINED = 106000
"""LINK's "unknown error": nobody knows what became of the message."""

_IDENTITY = re.compile(r"[A-Za-z0-9+/=_-]{1,64}")
_LARGEST_SIGN = "\uffff"


class Link:
    """Sends through LINK Mobility. Safe between threads; each exchange is bounded by ``timeout``."""

    name = "link"
    remembers = timedelta(0)

    def __init__(
        self,
        *,
        platform_id: str,
        platform_partner_id: str,
        username: str,
        password: str,
        base_url: str,
        timeout: timedelta,
        connections: int = 8,
    ) -> None:
        """Make the adapter; nothing is connected yet.

        ``base_url`` is the node that LINK assigns, ``https://n-eu.linkmobility.io`` in Sweden; ``/sms`` is added where
        it does not end so.

        Raises:
            SettingsError: ``base_url`` is no http(s) address.
        """
        self.settle = timeout
        self._ids = {"platformId": platform_id, "platformPartnerId": platform_partner_id}
        self._wire = Wire(
            re.sub(r"/sms$", "", base_url.rstrip("/")) + "/sms",
            section=SECTION,
            timeout=timeout,
            connections=connections,
            auth=httpx.BasicAuth(username, password),
        )
        self.account = account_of(self.name, self._wire.base_url, platform_id, platform_partner_id, username)

    def send(self, sms: Sms) -> Outcome:
        """Send one message, once. Without ``ignoreResponse`` LINK may answer without the message's id.

        Raises:
            AccountFault: LINK refuses the account, and has not taken the message.
        """
        if max(sms.text, default="") > _LARGEST_SIGN:
            return Rejected("four-byte-sign")  # LINK's document: such signs are not supported
        validity = max(SHORTEST_VALIDITY, min(sms.validity, LONGEST_VALIDITY))
        message = self._ids | {
            "source": sms.sender,
            "sourceTON": "MSISDN" if sms.sender.startswith("+") else "ALPHANUMERIC",
            "destination": sms.to,
            "destinationTON": "MSISDN",
            "dcs": "TEXT",
            "userData": sms.text,
            "relativeValidityTime": int(validity.total_seconds() * 1000),
            "refId": sms.reference,
            "useDeliveryReport": False,
            "ignoreResponse": False,
        }
        answer = self._wire.ask("POST", "/send", json=message)
        if not isinstance(answer, Answer):
            return answer
        return _taken(answer) if answer.ok else self._refusal(answer, sms.to)

    def find(self, trace: Trace) -> Finding:  # noqa: ARG002  # nothing can be asked
        """Tell that LINK cannot be asked."""
        return CannotTell("provider-cannot-be-asked")

    def status(self, message_id: str) -> Delivery:  # noqa: ARG002  # nothing can be asked
        """Tell that LINK cannot be asked."""
        return NoReport("LINK Mobility reports to a gate alone")

    def check(self) -> str:
        """Tell that LINK cannot be asked; nothing is connected."""
        return f"LINK Mobility at {self._wire.base_url} cannot be asked for the account; the first message will tell"

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _refusal(self, answer: Answer, to: str) -> Outcome:
        if answer.is_refusal:
            code = number(json_object(answer.body).get("status")) or 0
            if code in FAULTS:
                raise AccountFault(*FAULTS[code])
            if code and names(answer.body, to):
                return Rejected(str(code))
            if code == UNEXPLAINED:
                return Unknown(str(code))
        return self._wire.refusal(answer)


def _taken(answer: Answer) -> Outcome:
    """Read the answer to a message that LINK says it has taken; 204 says so without an id."""
    if answer.status == HTTPStatus.NO_CONTENT:
        return Accepted(None, None)
    message = json_object(answer.body)
    known, code = identity(message.get("messageId"), _IDENTITY), number(message.get("resultCode"))
    if known is None or code is None:
        return Unknown("unreadable-answer")
    return Accepted(known, count(message.get("smsCount"))) if code == QUEUED else Unknown(f"result-{code}")
