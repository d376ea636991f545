"""Twilio's error codes and statuses in our words: https://www.twilio.com/docs/api/errors.

The codes are data, not a promise: Twilio adds to them and splits them. What stands here is what is known to be about
one message or about all; every other code is decided by the HTTP status.
"""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType

REFUSALS = frozenset({21211, 21610, 21614, 21617, 21635})
"""About the number or the text: invalid, unsubscribed (STOP), not mobile, too long, a landline."""

_SENDER = "Set sender under [sms] to one that the account may use."
_CREDENTIALS = "Check account_sid and auth_token under [sms.twilio]."
_OPEN = "Have the account opened at Twilio."
_REDACTION = "Have Message Redaction enabled at Twilio; the program sends nothing that Twilio would keep."

FAULTS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        20003: ("the credentials are refused", _CREDENTIALS),
        20005: ("the account is not active", _OPEN),
        21212: ("the sender is invalid", _SENDER),
        21606: ("the sender is not the account's", _SENDER),
        21608: ("a trial account sends to verified numbers alone", _OPEN),
        21659: ("the sender is not the account's", _SENDER),
        21660: ("the sender is not the account's", _SENDER),
        21663: ("the account is of another region", "Check base_url under [sms.twilio]."),
        30002: ("the account is suspended", _OPEN),
        30029: ("the account has no message redaction", _REDACTION),
        30030: ("the account has no message redaction", _REDACTION),
    }
)
"""About every message: what Twilio says, and what to do."""

IN_DOUBT = frozenset({21408, 21612})
"""About this message or about all, under whatever status: the number's country is not enabled, or no route leads there
from the sender."""

DEAD_NUMBERS = frozenset({21211, 21614, 21635, 30005, 30006})
"""For good: invalid, not mobile, a landline, an unknown subscriber."""


class Said(Enum):
    """What a status means."""

    UNDERWAY = auto()
    DELIVERED = auto()
    UNDELIVERED = auto()


STATUSES: Mapping[str, Said] = MappingProxyType(
    {
        "accepted": Said.UNDERWAY,
        "scheduled": Said.UNDERWAY,
        "queued": Said.UNDERWAY,
        "sending": Said.UNDERWAY,
        "sent": Said.UNDERWAY,
        "partially_delivered": Said.UNDERWAY,
        "delivered": Said.DELIVERED,
        "read": Said.DELIVERED,
        "undelivered": Said.UNDELIVERED,
        "failed": Said.UNDELIVERED,
        "canceled": Said.UNDELIVERED,
    }
)
"""Every status of a message that goes out."""

ENDED_UNSENT = frozenset({"failed", "canceled"})
"""The statuses of what Twilio has never sent, and never will."""
