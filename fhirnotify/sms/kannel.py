"""Kannel, the region's own gateway: the ``sendsms`` interface of its smsbox.

Source: Kannel 1.4.5 User Guide, "Using the HTTP interface to send SMS messages". It takes a message by GET, with
everything in the address, or by POST with headers of its own (``X-Kannel-To``); it takes no form. Only POST is used:
number, text and password stand in no address, and so in no log of addresses.

That Kannel accepts a message means that its bearerbox has it in its queue, and on disk where ``store-location`` is
set. What an SMS centre makes of it afterwards, it tells a callback alone, which this program has not. It gives a
message no id and refuses no repeat, and cannot be asked for one. So a message whose answer was lost stays uncertain
until a person has looked; our reference goes along as the account (``X-Kannel-Account``, ``%A`` in Kannel's access
log), by which it can be looked for.

Kannel cuts a text, and tells nobody, where its ``sendsms-user`` group allows too few parts (``max-messages``).
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum, auto
from types import MappingProxyType
from typing import assert_never

from fhirnotify.core.gsm import ALPHABET
from fhirnotify.errors import AccountFault
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Deferred,
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

SECTION = "[sms.kannel]"

_SENDSMS = "/cgi-bin/sendsms"
"""Kannel's default ``sendsms-url``."""

_GSM, _UCS2 = "0", "2"
"""``coding``. With 0 Kannel puts a question mark for what is not in GSM 03.38, and tells nobody."""


class Said(Enum):
    """What an answer means for the message."""

    TAKEN = auto()
    NOBODY_KNOWS = auto()
    NOT_NOW = auto()
    """Certain not to have been taken, be it for this message's sake or for the gateway's."""
    DENIED = auto()
    """Certain not to have been taken, by its number or by how numbers are written."""
    LOGIN = auto()
    DISAGREE = auto()
    """Kannel takes such a request from nobody."""


NO_RECEIVER = (400, "Missing receiver(s) number(s), rejected")

ANSWERS: Mapping[tuple[int, str], Said] = MappingProxyType(
    {
        (202, "0: Accepted for delivery"): Said.TAKEN,
        (202, "3: Queued for later delivery"): Said.TAKEN,
        (500, "Sending failed."): Said.NOBODY_KNOWS,
        (403, "Not routable. Do not try again."): Said.NOBODY_KNOWS,
        (503, "Temporal failure, try again later."): Said.NOT_NOW,  # the queue is full, or Kannel is being stopped
        (400, "Charset or body misformed, rejected"): Said.NOT_NOW,
        (400, "Number(s) has/have been denied by white- and/or black-lists."): Said.DENIED,
        (403, "Authorization failed for sendsms"): Said.LOGIN,
        NO_RECEIVER: Said.DISAGREE,
        **{
            (status, f"{what}, rejected"): Said.DISAGREE
            for status, what in (
                (415, "Unsupported content-type"),
                (400, "Missing receiver number"),
                (400, "Empty receiver number not allowed"),
                (400, "Sender missing and no global set"),
                (400, "Account field misformed or too long"),
                (400, "Alt-DCS field misformed"),
                (400, "Coding field misformed"),
                (400, "Compress field misformed"),
                (400, "DLR-Mask field misformed"),
                (400, "DLR-URL field misformed"),
                (400, "Deferred field misformed"),
                (400, "MClass field misformed"),
                (400, "MWI field misformed"),
                (400, "PID field misformed"),
                (400, "Priority field misformed"),
                (400, "RPI field misformed"),
                (400, "UDH field is too long"),
                (400, "UDH field misformed"),
                (400, "Validity field misformed"),
            )
        },
        (400, "Invalid content-type"): Said.DISAGREE,
    }
)
"""Everything that ``sendsms`` says, by status and words. Others are read by their status alone.

What is not routable is a number that a list of the bearerbox or no SMS centre lets through, or any while the centres
are stopped. It should be certain not to have been taken; but seen with 1.4.5: once every centre is removed, Kannel says
so, keeps the message in its store, and sends it after a restart.
"""

_AT_ONCE = "Sent."
"""Said with ``immediate-sendsms-reply``, before the bearerbox was asked; the number of parts may follow."""


class Kannel:
    """Sends through Kannel. Safe between threads; each exchange is bounded by ``timeout``."""

    name = "kannel"
    remembers = timedelta(0)

    def __init__(
        self, *, username: str, password: str, base_url: str, timeout: timedelta, connections: int = 8
    ) -> None:
        """Make the adapter; nothing is connected yet.

        ``base_url`` is the smsbox's; ``/cgi-bin/sendsms`` is added where it does not end in ``/sendsms``.

        Raises:
            SettingsError: ``base_url`` is no http(s) address.
        """
        self.settle = timeout
        base = base_url.rstrip("/")
        at = base.removesuffix("/sendsms")
        self._path = "/sendsms" if at != base else _SENDSMS
        self._wire = Wire(
            at,
            section=SECTION,
            timeout=timeout,
            connections=connections,
            headers={
                "content-type": "text/plain; charset=UTF-8",
                "x-kannel-username": username,
                "x-kannel-password": password,
            },
        )
        self._has_taken = False  # any message, by this Kannel
        self.account = account_of(self.name, self._wire.base_url, username)

    def send(self, sms: Sms) -> Outcome:
        """Send one message, once. Kannel tells neither an id nor the parts.

        Raises:
            AccountFault: Kannel refuses the account or the request, and has not taken the message.
        """
        headers = {
            "x-kannel-from": sms.sender,
            "x-kannel-to": sms.to,
            "x-kannel-coding": _GSM if ALPHABET.issuperset(sms.text) else _UCS2,
            "x-kannel-validity": str(int(sms.validity / timedelta(minutes=1))),
            "x-kannel-account": sms.reference,
        }
        answer = self._wire.ask("POST", self._path, text=sms.text, headers=headers)
        return self._outcome(answer) if isinstance(answer, Answer) else answer

    def find(self, trace: Trace) -> Finding:  # noqa: ARG002  # nothing can be asked
        """Tell that Kannel cannot be asked."""
        return CannotTell("provider-cannot-be-asked")

    def status(self, message_id: str) -> Delivery:  # noqa: ARG002  # nothing can be asked
        """Tell that Kannel cannot be asked."""
        return NoReport("Kannel reports to a callback alone")

    def check(self) -> str:
        """Try the password with a request that names no receiver, and so can reach nobody.

        Raises:
            AccountFault: Kannel refuses the account.
            SettingsError: Kannel cannot be reached, or something else answers at ``base_url``.
        """
        answer = self._wire.ask("POST", self._path, text="no receiver")
        if isinstance(answer, Answer):
            if _said(answer) == NO_RECEIVER:
                return "Kannel knows the user; it tells neither of an SMS centre nor how long a text may be"
            self._outcome(answer)
        raise self._wire.unusable("Kannel", answer)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _outcome(self, answer: Answer) -> Outcome:
        status, words = _said(answer)
        match ANSWERS.get((status, words)):
            case Said.TAKEN:
                self._has_taken = True
                return Accepted(None, None)
            case Said.NOBODY_KNOWS:
                return Unknown(_code(words))
            case Said.NOT_NOW:
                return Deferred(_code(words), answer.retry_after)
            case Said.DENIED:
                return self._denied()
            case Said.LOGIN:
                raise AccountFault(
                    "Kannel refuses the user.",
                    f"Check username and password under {SECTION}, and user-allow-ip in Kannel's sendsms-user group.",
                )
            case Said.DISAGREE:
                raise AccountFault(
                    f"Kannel does not take the request: {_code(words)}.",
                    "Report this: the program and Kannel do not agree.",
                )
            case None:
                if not answer.ok:
                    return self._wire.refusal(answer)
                return Unknown("immediate-sendsms-reply" if words.startswith(_AT_ONCE) else "unreadable-answer")
            case other:
                assert_never(other)

    def _denied(self) -> Outcome:
        """Tell a number that is denied from a Kannel that denies them all.

        It says the same where a list holds the number, and where ``sendsms-chars`` lacks the plus sign (so it is in
        the guide's own example) or a white list is empty. Once it has taken another number, it is this one.
        """
        code = "denied by white- or black-lists"
        return Rejected(code) if self._has_taken else Deferred(code)


def _code(words: str) -> str:
    return words.rstrip(".")


def _said(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.decode("utf-8", "replace").strip()
