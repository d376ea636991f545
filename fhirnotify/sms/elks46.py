"""46elks: https://46elks.se/docs/send-sms, /docs/sms-history, /docs/get-account.

It knows no reference of ours and cannot tell a repeated message from a new one, so a message whose answer was lost
is looked for in the account's history by number and time. Messages are sent with ``dontlog=message``: 46elks then
keeps no text, and the history shows none, so ``find`` gives Found only where nothing else can be meant.
There is no field for how long a message is worth delivering.

Errors come as plain text. The texts and statuses are those of its documents and clients as seen in 2026-11; the text
may repeat what was sent, so only the words in the table below are ever passed on.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from types import MappingProxyType

import httpx

from fhirnotify.errors import AccountFault
from fhirnotify.sms.answers import count, identity, json_object
from fhirnotify.sms.elks46_history import IDENTITY, Elks46History
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Delivered,
    Delivery,
    Finding,
    NoReport,
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

SECTION = "[sms.46elks]"
BASE_URL = "https://api.46elks.com"

STATUSES: Mapping[str, bool] = MappingProxyType({"created": True, "sent": True, "delivered": True, "failed": False})
"""Every status of a message, and whether 46elks has taken it for delivery."""

REFUSALS: Mapping[str, str] = MappingProxyType({"invalid to number": "Invalid to number", "too long": "Too long"})
"""Beginnings of error texts that concern the one message, and the code for each."""

FAULTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "not enough credits": ("46elks: not enough credits.", "Fill up the account at 46elks."),
        "invalid from number": (
            "46elks refuses the sender.",
            "Set sender under [sms] to one that the account may use.",
        ),
        "missing key": ("46elks misses a field of the request.", "Report this: the program and 46elks do not agree."),
        "key ": ("46elks misses a field of the request.", "Report this: the program and 46elks do not agree."),
    }
)
"""Beginnings of error texts that concern every message, and what to do about each."""


class Elks46:
    """Sends through 46elks. Safe between threads; each exchange is bounded by ``timeout``."""

    name = "46elks"
    remembers = timedelta(days=60)  # of the traffic, by law; the text is gone: https://46elks.fi/privacy-policy

    def __init__(
        self, *, username: str, password: str, base_url: str = BASE_URL, timeout: timedelta, connections: int = 8
    ) -> None:
        """Make the adapter; nothing is connected yet.

        ``base_url`` is the service's address; ``/a1``, the version of the API, is added where it does not end so.
        ``timeout`` bounds the time until a request is written, and then the wait for its answer. ``connections`` is
        as many as there are threads that send.

        Raises:
            SettingsError: ``base_url`` is no http(s) address.
        """
        self.settle = timeout
        self._wire = Wire(
            re.sub(r"/a1$", "", base_url.rstrip("/")) + "/a1",
            section=SECTION,
            timeout=timeout,
            connections=connections,
            auth=httpx.BasicAuth(username, password),
        )
        self.account = account_of(self.name, self._wire.base_url, username)

    def send(self, sms: Sms) -> Outcome:
        """Send one message, once.

        Raises:
            AccountFault: credentials, credit, sender or address; 46elks has not taken the message.
        """
        form = {"from": sms.sender, "to": sms.to, "message": sms.text, "dontlog": "message"}
        answer = self._wire.ask("POST", "/sms", form=form)
        if not isinstance(answer, Answer):
            return answer
        return _taken(answer.body) if answer.ok else self._refusal(answer)

    def find(self, trace: Trace) -> Finding:
        """Look for the message in the account's history.

        Raises:
            AccountFault: 46elks refuses the account.
        """
        if trace.sms is None:
            return CannotTell("number-unknown")
        history = Elks46History(trace, trace.sms)
        query = {"to": trace.sms.to, "limit": "100"}
        while trace.wanted():
            answer = self._wire.ask("GET", "/sms", query=query)
            if not isinstance(answer, Answer) or not answer.ok:
                return self._wire.not_now(answer)
            following = history.add_page(json_object(answer.body))
            if following is None:
                return history.finding()
            query["start"] = following
        return CannotTell("interrupted")

    def status(self, message_id: str) -> Delivery:
        """Ask for the message. 46elks tells that one failed, not why; so none is known to be so for good.

        Raises:
            AccountFault: 46elks refuses the account.
        """
        answer = self._wire.ask("GET", f"/sms/{message_id}")
        if not isinstance(answer, Answer):
            return self._wire.not_now(answer)
        if answer.status == HTTPStatus.NOT_FOUND:
            return NoReport("unknown-message")
        if not answer.ok:
            return self._wire.not_now(answer)
        match json_object(answer.body).get("status"):
            case "delivered":
                return Delivered()
            case "failed":
                return Undelivered("failed", permanent=False)
        return Underway()

    def check(self) -> str:
        """Ask for the account; give its balance.

        Raises:
            AccountFault: 46elks refuses the account.
            SettingsError: 46elks cannot be reached, or something else answers at ``base_url``.
        """
        answer = self._wire.ask("GET", "/me")
        if isinstance(answer, Answer) and answer.ok:
            account = json_object(answer.body)
            balance, currency = account.get("balance"), account.get("currency")
            if isinstance(balance, int) and isinstance(currency, str):
                return f"46elks knows the account; its balance is {Decimal(balance) / 10000:.2f} {currency[:3]}"
        raise self._wire.unusable("46elks", answer)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _refusal(self, answer: Answer) -> Outcome:
        if answer.is_refusal:
            text = answer.body[:80].decode(errors="replace").strip().casefold()
            for beginning, code in REFUSALS.items():
                if text.startswith(beginning):
                    return Rejected(code)
            for beginning, (what, next_step) in FAULTS.items():
                if text.startswith(beginning):
                    raise AccountFault(what, next_step)
        return self._wire.refusal(answer)


def _taken(body: bytes) -> Outcome:
    """Read the answer to a message that 46elks says it has taken.

    ``failed`` at once is the end of the message: 46elks will not try again, and says no reason.
    """
    message = json_object(body)
    known, status = identity(message.get("id"), IDENTITY), message.get("status", "created")
    if known is None:
        return Unknown("unreadable-answer")
    if not isinstance(status, str) or status not in STATUSES:
        return Unknown("unknown-status")
    if not STATUSES[status]:
        return Rejected("failed")
    return Accepted(known, count(message.get("parts")))
