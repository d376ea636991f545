"""Twilio, its Messages resource: https://www.twilio.com/docs/messaging/api/message-resource.

It knows no reference of ours and cannot tell a repeated message from a new one, so a message whose answer was lost
is looked for in the account's list by number and time. Messages are sent with ``ContentRetention=discard`` and, unless
the settings say otherwise, ``AddressRetention=obfuscate`` (Message Redaction, which the account must have): Twilio then
keeps no text, and shows XXXX for the last four digits of a number as soon as it has sent the message. Such a message
is never taken for ours and never overlooked: the list tells that ours is not there, or cannot tell.

The whole list is read, the newest first, and none of its filters is used: ``To`` does not find a number that is not
shown, ``From`` not what was sent before the sender was set anew, and ``DateSent`` is unset until a message is sent.

Errors are ``{"code", "message"}`` with a status of 400 and above. Twilio splits its codes as it goes and advises
against relying on them: so what a code is not known for is decided by the status, with the code beside it.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from fhirnotify.errors import AccountFault
from fhirnotify.sms.answers import count, identity, json_object, number
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Deferred,
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
from fhirnotify.sms.history import History, Shown
from fhirnotify.sms.http import Answer, Wire
from fhirnotify.sms.twilio_codes import DEAD_NUMBERS, ENDED_UNSENT, FAULTS, IN_DOUBT, REFUSALS, STATUSES, Said

SECTION = "[sms.twilio]"
BASE_URL = "https://api.twilio.com"

LONGEST_VALIDITY = timedelta(seconds=36000)

PAGE, MOST_PAGES = 400, 50
"""Of the list: 20 000 messages. A page of 1000 could be larger than what is read of an answer."""

_IDENTITY = re.compile(r"(?:SM|MM)[0-9a-f]{32}")


class Twilio:
    """Sends through Twilio. Safe between threads; each exchange is bounded by ``timeout``."""

    name = "twilio"
    remembers = timedelta(days=3)  # longer than any validity; how much longer no document says

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        address_retention: str = "obfuscate",
        base_url: str = BASE_URL,
        timeout: timedelta,
        connections: int = 8,
    ) -> None:
        """Make the adapter; nothing is connected yet.

        With ``address_retention="retain"`` Twilio keeps the numbers, and a message in doubt can be found by its number.

        Raises:
            SettingsError: ``base_url`` is no http(s) address.
        """
        self.settle = timeout + timedelta(minutes=2)  # no document says how soon a message is listed
        self._retention = address_retention
        self._messages = f"/{account_sid}/Messages"
        self._account = f"/{account_sid}.json"
        self._wire = Wire(
            f"{base_url.rstrip('/')}/2010-04-01/Accounts",
            section=SECTION,
            timeout=timeout,
            connections=connections,
            auth=httpx.BasicAuth(account_sid, auth_token),
        )
        self.account = account_of(self.name, self._wire.base_url, account_sid)

    def send(self, sms: Sms) -> Outcome:
        """Send one message, once. ``ValidityPeriod`` is at most ten hours, however long the message is worth sending.

        Raises:
            AccountFault: credentials, sender, credit or redaction; Twilio has not taken the message.
        """
        form = {
            "To": sms.to,
            "From": sms.sender,
            "Body": sms.text,
            "ValidityPeriod": str(int(min(sms.validity, LONGEST_VALIDITY).total_seconds())),
            "ContentRetention": "discard",
            "AddressRetention": self._retention,
        }
        answer = self._wire.ask("POST", f"{self._messages}.json", form=form)
        if not isinstance(answer, Answer):
            return answer
        return _taken(json_object(answer.body)) if answer.ok else self._refusal(answer)

    def find(self, trace: Trace) -> Finding:
        """Look for the message in the account's list, the newest first.

        Raises:
            AccountFault: Twilio refuses the account.
        """
        if trace.sms is None:
            return CannotTell("number-unknown")
        history = History(trace, trace.sms)
        query = {"PageSize": str(PAGE)}
        for _ in range(MOST_PAGES):
            if not trace.wanted():
                return CannotTell("interrupted")
            answer = self._wire.ask("GET", f"{self._messages}.json", query=query)
            if not isinstance(answer, Answer) or not answer.ok:
                return self._wire.not_now(answer)
            page = json_object(answer.body)
            times = _add(history, page)
            following = page.get("next_page_uri")
            if not isinstance(following, str) or not following or history.lies_before(times):
                return history.finding()
            try:
                query = dict(parse_qsl(urlsplit(following).query))  # its path is not followed anywhere
            except ValueError:
                return CannotTell("unreadable-history")
        return CannotTell("endless-history")

    def status(self, message_id: str) -> Delivery:
        """Ask for the message. Where the operator reports nothing it stays ``sent``, which is underway.

        Raises:
            AccountFault: Twilio refuses the account.
        """
        answer = self._wire.ask("GET", f"{self._messages}/{message_id}.json")
        if not isinstance(answer, Answer):
            return self._wire.not_now(answer)
        if answer.status == HTTPStatus.NOT_FOUND:
            return NoReport("unknown-message")
        if not answer.ok:
            return self._wire.not_now(answer)
        message = json_object(answer.body)
        status, code = str(message.get("status")), number(message.get("error_code"))
        match STATUSES.get(status, Said.UNDERWAY):
            case Said.DELIVERED:
                return Delivered()
            case Said.UNDELIVERED:
                return Undelivered(status if code is None else f"{status} {code}", permanent=code in DEAD_NUMBERS)
        return Underway()

    def check(self) -> str:
        """Ask for the account; tell that it is active. Twilio tells no balance of it here.

        Raises:
            AccountFault: Twilio refuses the account, or has suspended or closed it.
            SettingsError: Twilio cannot be reached, or something else answers at ``base_url``.
        """
        answer = self._wire.ask("GET", self._account)
        if isinstance(answer, Answer) and answer.ok:
            match json_object(answer.body).get("status"):
                case "active":
                    return "Twilio knows the account, and it is active"
                case "suspended" | "closed" as status:
                    raise AccountFault(f"Twilio's account is {status}.", "Have it opened at Twilio.")
        raise self._wire.unusable("Twilio", answer)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _refusal(self, answer: Answer) -> Outcome:
        code = number(json_object(answer.body).get("code")) if answer.is_refusal else None
        if code is None:
            return self._wire.refusal(answer)
        known = _of_code(code)
        if known is not None:
            return known
        status = self._wire.refusal(answer)
        return Deferred(str(code), status.retry_after) if isinstance(status, Deferred) else status


def _of_code(code: int) -> Outcome | None:
    """Give what a code means by itself, None where it is not known.

    Raises:
        AccountFault: it concerns every message.
    """
    if code in FAULTS:
        raise AccountFault(f"Twilio: {FAULTS[code][0]} ({code}).", FAULTS[code][1])
    if code in REFUSALS:
        return Rejected(str(code))
    return Deferred(str(code)) if code in IN_DOUBT else None


def _taken(message: dict[str, Any]) -> Outcome:
    """Read the answer to a message that Twilio has made a resource for."""
    known, status = identity(message.get("sid"), _IDENTITY), STATUSES.get(str(message.get("status")))
    if known is None:
        return Unknown("unreadable-answer")
    if status is None:
        return Unknown("unknown-status")
    if status is Said.UNDELIVERED:
        code = number(message.get("error_code"))
        return Rejected("failed") if code is None else _of_code(code) or Deferred(str(code))
    return Accepted(known, count(message.get("num_segments")))


def _add(history: History, page: dict[str, Any]) -> list[datetime | None]:
    """Give a page to the history; give the times of its messages."""
    messages = page.get("messages")
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        history.doubt("unreadable-history")
        return []
    times = [_moment(each.get("date_created")) for each in messages]
    for message, created in zip(messages, times, strict=True):
        is_ended = str(message.get("status")) in ENDED_UNSENT
        if not is_ended and str(message.get("direction", "outbound")).startswith("outbound"):
            history.consider(_shown(message, created))
    return times


def _shown(message: dict[str, Any], created: datetime | None) -> Shown:
    sender, text = message.get("from"), message.get("body")
    return Shown(
        identity(message.get("sid"), _IDENTITY),
        str(message.get("to")),
        sender if isinstance(sender, str) else None,
        created,
        text if isinstance(text, str) else None,
        count(message.get("num_segments")),
    )


def _moment(value: object) -> datetime | None:
    """Read ``Thu, 24 Aug 2023 05:01:45 +0000`` (RFC 2822)."""
    try:
        found = parsedate_to_datetime(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
