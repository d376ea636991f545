"""Infobip: what is said of a message when it is sent, in our words."""

import json
from datetime import timedelta
from typing import Any

import pytest

from fhirnotify.errors import AccountFault
from fhirnotify.sms.gateway import (
    Accepted,
    Deferred,
    Outcome,
    Rejected,
    Sms,
    Unknown,
)
from fhirnotify.sms.infobip import Infobip
from fhirnotify.sms.infobip_statuses import STATUSES, Said

NUMBER = "+46701740605"
URL = "https://abc.api.infobip.test"
MESSAGE = Sms("r1", NUMBER, "Påminnelse till Zoé & co", "RegionVB", timedelta(hours=24))
GROUPS = {"PENDING": 1, "UNDELIVERABLE": 2, "DELIVERED": 3, "EXPIRED": 4, "REJECTED": 5}


def infobip(base_url: str = URL, key: str = "secret") -> Infobip:
    """Make the adapter."""
    return Infobip(api_key=key, base_url=base_url, timeout=timedelta(seconds=20))


def status(name: str, group: int | None = None) -> dict[str, Any]:
    """Write a status."""
    return {
        "id": 1,
        "name": name,
        "groupId": group or GROUPS.get(name.split("_", maxsplit=1)[0], 5),
        "description": NUMBER,
    }


def answered(router: Any, said: Any, identity: str = "r1") -> Outcome:
    """Send the message to an Infobip that says this of it."""
    body = {"messages": [{"messageId": identity, "status": said, "details": {"messageCount": 2}}]}
    router.post(f"{URL}/sms/3/messages").respond(json=body)
    return infobip().send(MESSAGE)


@pytest.mark.parametrize(
    ("validity", "minutes"), [(timedelta(hours=24), 1440), (timedelta(days=3), 2880), (timedelta(minutes=5), 5)]
)
def test_request_is_as_documented(router: Any, validity: timedelta, minutes: int) -> None:
    """Our reference is the message's id; validity to 48 hours; the parts are asked for."""
    body = {"messages": [{"messageId": "r1", "status": status("PENDING_ACCEPTED"), "details": {"messageCount": 2}}]}
    route = router.post(f"{URL}/sms/3/messages").respond(json=body)
    assert infobip().send(Sms("r1", NUMBER, MESSAGE.text, "RegionVB", validity)) == Accepted("r1", 2)
    request = route.calls.last.request
    assert request.headers["authorization"] == "App secret"
    assert json.loads(request.content) == {
        "messages": [
            {
                "sender": "RegionVB",
                "destinations": [{"to": "46701740605", "messageId": "r1"}],
                "content": {"text": MESSAGE.text},
                "options": {"validityPeriod": {"amount": minutes, "timeUnit": "MINUTES"}},
            }
        ],
        "options": {"includeSmsCountInResponse": True},
    }


LISTED = [
    "PENDING_WAITING_DELIVERY",
    "PENDING_ENROUTE",
    "PENDING_ACCEPTED",
    "UNDELIVERABLE_REJECTED_OPERATOR",
    "UNDELIVERABLE_NOT_DELIVERED",
    "UNDELIVERABLE_NOT_SENT",
    "DELIVERED_TO_OPERATOR",
    "DELIVERED_TO_HANDSET",
    "EXPIRED_EXPIRED",
    "EXPIRED_DLR_UNKNOWN",
    "SIGNALS_BLOCKED",
    "REJECTED_NETWORK",
    "REJECTED_PREFIX_MISSING",
    "REJECTED_DND",
    "REJECTED_SOURCE",
    "REJECTED_NOT_ENOUGH_CREDITS",
    "REJECTED_SENDER",
    "REJECTED_DESTINATION_BLOCKLISTED",
    "REJECTED_PREPAID_PACKAGE_EXPIRED",
    "REJECTED_DESTINATION_NOT_REGISTERED",
    "REJECTED_ROUTE_NOT_AVAILABLE",
    "REJECTED_FLOODING_FILTER",
    "REJECTED_SYSTEM_ERROR",
    "REJECTED_DUPLICATE_MESSAGE_ID",
    "REJECTED_INVALID_UDH",
    "REJECTED_MESSAGE_TOO_LONG",
    "MISSING_TO",
    "REJECTED_DESTINATION",
    "UNDELIVERABLE_REJECTED_PLATFORM",
]


def test_every_documented_status_has_a_meaning() -> None:
    """The general status codes of the documents, without those of calls, and nothing else."""
    assert set(STATUSES) == set(LISTED)


SENT = {
    Said.TAKEN: Accepted,
    Said.DELIVERED: Accepted,
    Said.NOBODY_KNOWS: Accepted,
    Said.REJECTED: Rejected,
    Said.UNDELIVERED: Rejected,
    Said.DEFERRED: Deferred,
}


@pytest.mark.parametrize("name", [each for each in LISTED if each != "REJECTED_DUPLICATE_MESSAGE_ID"])
def test_what_is_said_of_a_message_in_an_answer_of_200(router: Any, name: str) -> None:
    """200 is no success: the status tells, in the provider's word, and credit and sender concern every message."""
    if STATUSES[name] in SENT:
        outcome = answered(router, status(name))
        assert isinstance(outcome, SENT[STATUSES[name]])
        assert outcome == Accepted("r1", 2) or name in repr(outcome)
        return
    with pytest.raises(AccountFault, match=name) as fault:
        answered(router, status(name))
    assert NUMBER not in str(fault.value)


@pytest.mark.parametrize("name", ["REJECTED_DESTINATION", "REJECTED_PREFIX_MISSING", "REJECTED_MESSAGE_TOO_LONG"])
def test_what_is_about_the_number_or_the_text_is_refused_for_good(router: Any, name: str) -> None:
    """And nothing else of those that are rejected."""
    assert answered(router, status(name)) == Rejected(name)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (status("PENDING_NEW"), Accepted("r1", 2)),
        (status("REJECTED_NEW"), Deferred("REJECTED_NEW")),
        (status("UNDELIVERABLE_NEW"), Unknown("unknown-status")),
        (status("EXPIRED_NEW"), Unknown("unknown-status")),
        (status("NEW", 7), Unknown("unknown-status")),
        ({"name": NUMBER, "groupId": 5, "id": 77}, Deferred("status 77")),
        ({"name": "x y", "groupId": "5"}, Deferred("status None")),
        ({}, Unknown("unknown-status")),
        (None, Unknown("unknown-status")),
        ("PENDING_ACCEPTED", Unknown("unknown-status")),
    ],
)
def test_status_that_nobody_knows(router: Any, said: Any, outcome: Outcome) -> None:
    """Its group tells whether it was taken; without one, nobody knows. What is no word is not repeated."""
    assert answered(router, said) == outcome


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"messages": []}},
        {"json": {"messages": [{"messageId": "r2", "status": status("PENDING_ACCEPTED")}]}},
        {"json": {"messages": [{"messageId": "r1"}] * 2}},
        {"json": ["r1"]},
        {"text": "<html>"},
        {"status_code": 204},
    ],
)
def test_answer_that_proves_nothing(router: Any, answer: dict[str, Any]) -> None:
    """Infobip may have the message."""
    router.post(f"{URL}/sms/3/messages").respond(**answer)
    assert infobip().send(MESSAGE) == Unknown("unreadable-answer")


TO, TEXT = "messages[0].destinations[0].to", "messages[0].content.text"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"status_code": 400, "json": {"errorCode": "E400", "violations": [{"property": TO}]}}, Rejected("E400 to")),
        ({"status_code": 400, "json": {"violations": [{"property": TEXT}]}}, Rejected("E400 text")),
        (
            {"status_code": 400, "json": {"violations": [{"property": TO}, {"property": "options.x"}]}},
            Deferred("http-400"),
        ),
        ({"status_code": 400, "json": {"violations": [{"property": "messages[0].sender"}]}}, Deferred("http-400")),
        ({"status_code": 400, "json": {"errorCode": "E400", "description": NUMBER}}, Deferred("http-400")),
        ({"status_code": 429, "headers": {"retry-after": "7"}}, Deferred("http-429", timedelta(seconds=7))),
        ({"status_code": 500, "json": {"violations": [{"property": TO}]}}, Unknown("http-500")),
    ],
)
def test_refused_request(router: Any, answer: dict[str, Any], outcome: Outcome) -> None:
    """It is about this message only where every field that is wrong is one of its own."""
    router.post(f"{URL}/sms/3/messages").respond(**answer)
    assert infobip().send(MESSAGE) == outcome
