"""Infobip's statuses and errors of an SMS in our words.

Source: https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes, general status codes;
those of calls are left out.
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

from fhirnotify.sms.answers import identity, inner, number


class Said(Enum):
    """What a status means for a message."""

    TAKEN = auto()
    REJECTED = auto()
    DEFERRED = auto()
    CREDIT = auto()
    SENDER = auto()
    DUPLICATE = auto()
    DELIVERED = auto()
    UNDELIVERED = auto()
    NOBODY_KNOWS = auto()


STATUSES: Mapping[str, Said] = MappingProxyType(
    {
        "PENDING_WAITING_DELIVERY": Said.TAKEN,
        "PENDING_ENROUTE": Said.TAKEN,
        "PENDING_ACCEPTED": Said.TAKEN,
        "DELIVERED_TO_OPERATOR": Said.TAKEN,
        "DELIVERED_TO_HANDSET": Said.DELIVERED,
        "UNDELIVERABLE_REJECTED_OPERATOR": Said.UNDELIVERED,
        "UNDELIVERABLE_NOT_DELIVERED": Said.UNDELIVERED,
        "UNDELIVERABLE_NOT_SENT": Said.UNDELIVERED,
        "EXPIRED_EXPIRED": Said.UNDELIVERED,
        "EXPIRED_DLR_UNKNOWN": Said.NOBODY_KNOWS,
        "REJECTED_NETWORK": Said.DEFERRED,
        "REJECTED_PREFIX_MISSING": Said.REJECTED,
        "REJECTED_DND": Said.REJECTED,
        "REJECTED_SOURCE": Said.SENDER,
        "REJECTED_NOT_ENOUGH_CREDITS": Said.CREDIT,
        "REJECTED_SENDER": Said.SENDER,
        "REJECTED_DESTINATION_BLOCKLISTED": Said.REJECTED,
        "REJECTED_PREPAID_PACKAGE_EXPIRED": Said.CREDIT,
        "REJECTED_DESTINATION_NOT_REGISTERED": Said.CREDIT,
        "REJECTED_ROUTE_NOT_AVAILABLE": Said.DEFERRED,
        "REJECTED_FLOODING_FILTER": Said.DEFERRED,
        "REJECTED_SYSTEM_ERROR": Said.DEFERRED,
        "REJECTED_DUPLICATE_MESSAGE_ID": Said.DUPLICATE,
        "REJECTED_INVALID_UDH": Said.DEFERRED,
        "REJECTED_MESSAGE_TOO_LONG": Said.REJECTED,
        "MISSING_TO": Said.DEFERRED,
        "REJECTED_DESTINATION": Said.REJECTED,
        "SIGNALS_BLOCKED": Said.DEFERRED,
        "UNDELIVERABLE_REJECTED_PLATFORM": Said.DEFERRED,
    }
)
"""Every status that an SMS can have. By its name: of the numbers, some are of two meanings. Deferred is what may be
about this message or about the account's routes."""

_GROUPS: Mapping[int, Said] = MappingProxyType({1: Said.TAKEN, 5: Said.DEFERRED})
"""PENDING and REJECTED: what a status that is not known means, if its group is."""

_REFUSED = frozenset({Said.REJECTED, Said.DEFERRED, Said.CREDIT, Said.SENDER, Said.DUPLICATE})

_DEAD = frozenset(
    {"REJECTED_PREFIX_MISSING", "REJECTED_DESTINATION", "REJECTED_DND", "REJECTED_DESTINATION_BLOCKLISTED"}
)
_WORD = re.compile(r"[A-Z][A-Z0-9_]{1,63}")


def meaning(status: dict[str, Any]) -> Said | None:
    """Give what a status means: by its name, else by its group; None for one that says nothing that is known."""
    return STATUSES.get(name(status)) or _GROUPS.get(number(status.get("groupId")) or 0)


def name(status: dict[str, Any]) -> str:
    """Give the status's name; what does not look like one is not repeated."""
    return identity(status.get("name"), _WORD) or f"status {number(status.get('id'))}"


def is_refused(status: dict[str, Any]) -> bool:
    """Tell whether a message of this status was refused when it came, and never sent."""
    return meaning(status) in _REFUSED


def reason(logged: dict[str, Any]) -> str:
    """Name the error of a message, or its status where there is none."""
    error = identity(inner(logged, "error").get("name"), _WORD)
    return error if error and error != "NO_ERROR" else name(inner(logged, "status"))


def is_dead(logged: dict[str, Any]) -> bool:
    """Tell whether no message will ever come to this number: Infobip knows, or the handset's error is for good."""
    error = inner(logged, "error")
    for_good = error.get("permanent") is True and error.get("groupName") == "HANDSET_ERRORS"
    return for_good or name(inner(logged, "status")) in _DEAD
