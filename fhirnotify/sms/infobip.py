"""Infobip, its SMS API version 3: https://www.infobip.com/docs/api/channels/sms.

Our reference is the message's id, and Infobip takes no id twice: a repeat is answered with
``REJECTED_DUPLICATE_MESSAGE_ID``, which says that it has had the id. It tells, for 48 hours, what it has by that id,
in its logs. (Its delivery reports are given out once only: one that is read by a run that then dies is lost.)

An answer of 200 may refuse the message. An id may then be used up although nothing was sent. So a repeat that is
refused as a duplicate is looked up in the logs. If the first one was taken, so is the message; if it was refused, the
message is sent under the next id: ``reference``, ``reference-2``, ``reference-3``. Each is tried only where the one
before is known to be refused. Logs that hold nothing of the id as yet, or cannot be read, leave the message in doubt.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from fhirnotify.errors import AccountFault
from fhirnotify.sms.answers import count, digits, inner, json_object, objects
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Deferred,
    Delivered,
    Delivery,
    Finding,
    Found,
    NoReport,
    NotFound,
    NotNow,
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
from fhirnotify.sms.infobip_statuses import Said, is_dead, is_refused, meaning, name, reason

SECTION = "[sms.infobip]"

LONGEST_VALIDITY = timedelta(hours=48)
LOGS = timedelta(hours=47)
"""How far back the logs reach (48 hours), less an hour for clocks."""

_ITS_OWN = re.compile(r"messages\[0\]\.(?:destinations\[0\]\.to|content\.text)")
_MOST = 3


class Infobip:
    """Sends through Infobip. Safe between threads; each exchange is bounded by ``timeout``."""

    name = "infobip"
    remembers = LOGS

    def __init__(self, *, api_key: str, base_url: str, timeout: timedelta, connections: int = 8) -> None:
        """Make the adapter; nothing is connected yet. ``base_url`` is the account's own, ``https://….api.infobip.com``.

        Raises:
            SettingsError: ``base_url`` is no http(s) address.
        """
        self.settle = timeout + timedelta(minutes=2)  # no document says how soon the logs know an id
        self._wire = Wire(
            base_url,
            section=SECTION,
            timeout=timeout,
            connections=connections,
            headers={"authorization": f"App {api_key}"},
        )
        self.account = account_of(self.name, self._wire.base_url)

    def send(self, sms: Sms) -> Outcome:
        """Send one message, once, or learn that Infobip has it from an earlier attempt.

        Raises:
            AccountFault: credentials, credit or sender; Infobip has not taken the message.
        """
        for known_as in _identities(sms.reference):
            outcome = self._send(sms, known_as)
            if outcome is not None:
                return outcome
            try:
                logged = self._logged(known_as)
            except AccountFault:  # it may not read the logs
                logged = None
            if not isinstance(logged, dict):
                return Unknown("duplicate")  # Infobip has had the id: it has taken the message, or refused it
            if not is_refused(inner(logged, "status")):
                return Accepted(known_as, None)
        return Rejected("REJECTED_DUPLICATE_MESSAGE_ID")

    def find(self, trace: Trace) -> Finding:
        """Look for our reference in the logs.

        Raises:
            AccountFault: Infobip refuses the account.
        """
        if datetime.now(UTC) - trace.since > LOGS:
            return CannotTell("older-than-the-logs")
        for known_as in _identities(trace.reference):
            status = self._logged(known_as)
            if isinstance(status, NotNow):
                return status
            if status is None:
                return NotFound()
            if not is_refused(inner(status, "status")):
                return Found(known_as, count(status.get("messageCount")))
        return NotFound()

    def status(self, message_id: str) -> Delivery:
        """Ask the logs. What they no longer hold is underway until nobody asks any more.

        Raises:
            AccountFault: Infobip refuses the account.
        """
        logged = self._logged(message_id)
        if isinstance(logged, NotNow):
            return logged
        if logged is None:
            return Underway()
        match meaning(inner(logged, "status")):
            case Said.DELIVERED:
                return Delivered()
            case Said.NOBODY_KNOWS:
                return NoReport(name(inner(logged, "status")))
            case None | Said.TAKEN | Said.DUPLICATE:
                return Underway()
        return Undelivered(reason(logged), permanent=is_dead(logged))

    def check(self) -> str:
        """Ask for the balance.

        Raises:
            AccountFault: Infobip refuses the account.
            SettingsError: Infobip cannot be reached, or something else answers at ``base_url``.
        """
        answer = self._wire.ask("GET", "/account/1/balance")
        if isinstance(answer, Answer) and answer.ok:
            account = json_object(answer.body)
            balance, currency = account.get("balance"), account.get("currency")
            if isinstance(balance, int | float) and isinstance(currency, str):
                return f"Infobip knows the account; its balance is {balance:.2f} {currency[:3]}"
        raise self._wire.unusable("Infobip", answer)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _send(self, sms: Sms, known_as: str) -> Outcome | None:
        """Send under this id; None says that Infobip has had the id before."""
        answer = self._wire.ask("POST", "/sms/3/messages", json=_request(sms, known_as))
        if not isinstance(answer, Answer):
            return answer
        if not answer.ok:
            return self._refusal(answer)
        messages = objects(json_object(answer.body).get("messages"))
        if len(messages) != 1 or messages[0].get("messageId") != known_as:
            return Unknown("unreadable-answer")
        status = inner(messages[0], "status")
        if meaning(status) is Said.DUPLICATE:
            return None
        return _outcome(status, Accepted(known_as, count(inner(messages[0], "details").get("messageCount"))))

    def _logged(self, known_as: str) -> dict[str, Any] | NotNow | None:
        """Give what the logs hold of the first message of an id, None if nothing, or that they cannot be read."""
        answer = self._wire.ask("GET", "/sms/3/logs", query={"messageId": known_as})
        if not isinstance(answer, Answer) or not answer.ok:
            return self._wire.not_now(answer)
        results = json_object(answer.body).get("results")
        if not isinstance(results, list):
            return NotNow("unreadable-answer")
        ours = [each for each in objects(results) if each.get("messageId") == known_as]
        if len(ours) != len(results):
            return NotNow("reference-not-heeded")
        firsts = [each for each in ours if meaning(inner(each, "status")) is not Said.DUPLICATE]  # tells of a repeat
        standing = [each for each in firsts if not is_refused(inner(each, "status"))]
        return next(iter(standing or firsts), None)

    def _refusal(self, answer: Answer) -> Outcome:
        """Read a 400: it is about this message only where it says which field is wrong, and that is one of its own."""
        if answer.is_refusal:
            violations = objects(json_object(answer.body).get("violations"))
            fields = [str(each.get("property")) for each in violations]
            if fields and all(_ITS_OWN.fullmatch(each) for each in fields):
                return Rejected("E400 " + fields[0].rpartition(".")[2])
        return self._wire.refusal(answer)


def _identities(reference: str) -> list[str]:
    return [reference, *(f"{reference}-{again}" for again in range(2, _MOST + 1))]


def _request(sms: Sms, known_as: str) -> dict[str, Any]:
    minutes = int(min(sms.validity, LONGEST_VALIDITY).total_seconds() // 60)
    message = {
        "sender": sms.sender.removeprefix("+"),
        "destinations": [{"to": digits(sms.to), "messageId": known_as}],
        "content": {"text": sms.text},
        "options": {"validityPeriod": {"amount": minutes, "timeUnit": "MINUTES"}},
    }
    return {"messages": [message], "options": {"includeSmsCountInResponse": True}}


def _outcome(status: dict[str, Any], accepted: Accepted) -> Outcome:
    """Give what the status that a message is answered with means.

    Raises:
        AccountFault: it concerns every message.
    """
    match meaning(status):
        case Said.TAKEN | Said.DELIVERED | Said.NOBODY_KNOWS:
            return accepted
        case Said.REJECTED | Said.UNDELIVERED:
            return Rejected(name(status))
        case Said.DEFERRED:
            return Deferred(name(status))
        case Said.CREDIT:
            raise AccountFault(f"Infobip: {name(status)}.", "Fill up or open the account at Infobip.")
        case Said.SENDER:
            raise AccountFault(
                f"Infobip refuses the sender: {name(status)}.",
                "Set sender under [sms] to one that the account may use.",
            )
    return Unknown("unknown-status")
