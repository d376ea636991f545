"""Infobip: message ids that are taken once, and what its logs tell."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.inbox import Inbox
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Deferred,
    Delivered,
    Found,
    NoReport,
    NotFound,
    NotNow,
    Rejected,
    Sms,
    Trace,
    Undelivered,
    Underway,
    Unknown,
)
from fhirnotify.sms.infobip import Infobip

NUMBER = "+46701740605"
URL = "https://abc.api.infobip.test"
MESSAGE = Sms("r1", NUMBER, "Påminnelse till Zoé & co", "RegionVB", timedelta(hours=24))
GROUPS = {"PENDING": 1, "UNDELIVERABLE": 2, "DELIVERED": 3, "EXPIRED": 4, "REJECTED": 5}


def infobip(base_url: str = URL, key: str = "secret") -> Infobip:
    """Make the adapter."""
    return Infobip(api_key=key, base_url=base_url, timeout=timedelta(seconds=20))


@pytest.fixture
def gateway(inbox: Inbox) -> Iterator[Infobip]:
    """Make the adapter of the stand-in."""
    made = Infobip(**inbox.settings("infobip")["sms.infobip"], timeout=timedelta(seconds=20))
    yield made
    made.close()


def status(name: str, group: int | None = None) -> dict[str, Any]:
    """Write a status."""
    return {
        "id": 1,
        "name": name,
        "groupId": group or GROUPS.get(name.split("_", maxsplit=1)[0], 5),
        "description": NUMBER,
    }


def test_repeat_is_refused_as_a_duplicate_and_so_accepted(inbox: Inbox, gateway: Infobip) -> None:
    """Infobip has it: the patient gets one, and we have its id."""
    assert gateway.send(MESSAGE) == Accepted("r1", 1)
    assert gateway.send(MESSAGE) == Accepted("r1", None)
    assert len(inbox.messages) == 1


def test_repeat_after_a_lost_answer_sends_nothing_twice(inbox: Inbox, gateway: Infobip) -> None:
    """The answer was lost, and it was tried again: the logs tell that it was taken."""
    inbox.next(Behaviour.TAKE_AND_DROP)
    assert isinstance(gateway.send(MESSAGE), Unknown)
    assert gateway.send(MESSAGE) == Accepted("r1", None)
    assert len(inbox.messages) == 1


def test_id_that_a_refusal_has_used_up_is_followed_by_another(inbox: Inbox, gateway: Infobip) -> None:
    """Credit has been filled up: the message is sent, not taken for one that had been."""
    inbox.next(Behaviour.OUT_OF_CREDIT, Behaviour.REFUSE_STRANGELY)
    with pytest.raises(AccountFault):
        gateway.send(MESSAGE)
    assert isinstance(gateway.send(MESSAGE), Deferred)
    assert gateway.send(MESSAGE) == Accepted("r1-3", 1)
    assert gateway.send(MESSAGE) == Accepted("r1-3", None)
    assert [each.id for each in inbox.messages] == ["r1-3"]
    now = datetime.now(UTC)
    assert gateway.find(Trace("r1", now, now)) == Found("r1-3", 1)


def test_logs_are_given_time_to_know_an_id() -> None:
    """What they do not know yet may be sent by another provider: two minutes, as where nothing is deduplicated."""
    assert infobip().settle == timedelta(minutes=2, seconds=20)


def test_ids_come_to_an_end(inbox: Inbox, gateway: Infobip) -> None:
    """Three times refused, and the message is given up as failed."""
    inbox.next(*[Behaviour.REFUSE_STRANGELY] * 3)
    for _ in range(3):
        assert isinstance(gateway.send(MESSAGE), Deferred)
    assert gateway.send(MESSAGE) == Rejected("REJECTED_DUPLICATE_MESSAGE_ID")
    now = datetime.now(UTC)
    assert gateway.find(Trace("r1", now, now)) == NotFound()
    assert inbox.messages == []


def logged(router: Any, **answer: Any) -> None:
    """Let the logs give this answer."""
    router.get(f"{URL}/sms/3/logs").respond(**answer)


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        ({"json": {"results": []}}, NotFound()),
        ({"json": {}}, NotNow("unreadable-answer")),
        ({"text": "<html>"}, NotNow("unreadable-answer")),
        (
            {"json": {"results": [{"messageId": "r2", "status": status("PENDING_ENROUTE")}]}},
            NotNow("reference-not-heeded"),
        ),
        ({"json": {"results": ["r1"]}}, NotNow("reference-not-heeded")),
        ({"json": {"results": [{"messageId": "r1", "status": status("PENDING_ENROUTE")}]}}, Found("r1", None)),
        ({"json": {"results": [{"messageId": "r1", "messageCount": 2}]}}, Found("r1", 2)),
        ({"status_code": 429}, NotNow("http-429")),
        ({"status_code": 500}, NotNow("http-500")),
    ],
)
def test_logs_by_reference(router: Any, answer: dict[str, Any], finding: Any) -> None:
    """Only logs that hold nothing of the id prove that it was not taken."""
    logged(router, **answer)
    now = datetime.now(UTC)
    assert infobip().find(Trace("r1", now, now)) == finding


def test_logs_that_no_longer_reach_back_cannot_tell(router: Any) -> None:
    """They hold 48 hours; nothing is asked."""
    sent = datetime.now(UTC) - timedelta(hours=47, minutes=1)
    assert infobip().find(Trace("r1", sent, sent)) == CannotTell("older-than-the-logs")


DEAD = {"name": "EC_UNKNOWN_SUBSCRIBER", "groupName": "HANDSET_ERRORS", "permanent": True}
AWAY = {"name": "EC_ABSENT_SUBSCRIBER", "groupName": "HANDSET_ERRORS", "permanent": False}
ROUTE = {"name": "EC_NO_ROUTE", "groupName": "OPERATOR_ERRORS", "permanent": True}
NONE = {"name": "NO_ERROR", "permanent": False}

DELIVERIES = [
    ("DELIVERED_TO_HANDSET", NONE, Delivered()),
    ("DELIVERED_TO_OPERATOR", NONE, Underway()),
    ("PENDING_ENROUTE", NONE, Underway()),
    ("UNDELIVERABLE_NOT_DELIVERED", DEAD, Undelivered("EC_UNKNOWN_SUBSCRIBER", permanent=True)),
    ("UNDELIVERABLE_NOT_DELIVERED", AWAY, Undelivered("EC_ABSENT_SUBSCRIBER", permanent=False)),
    ("UNDELIVERABLE_REJECTED_OPERATOR", ROUTE, Undelivered("EC_NO_ROUTE", permanent=False)),
    ("UNDELIVERABLE_NOT_DELIVERED", NONE, Undelivered("UNDELIVERABLE_NOT_DELIVERED", permanent=False)),
    ("UNDELIVERABLE_NOT_DELIVERED", {"name": NUMBER}, Undelivered("UNDELIVERABLE_NOT_DELIVERED", permanent=False)),
    ("EXPIRED_EXPIRED", AWAY, Undelivered("EC_ABSENT_SUBSCRIBER", permanent=False)),
    ("EXPIRED_DLR_UNKNOWN", NONE, NoReport("EXPIRED_DLR_UNKNOWN")),
    ("REJECTED_DESTINATION", NONE, Undelivered("REJECTED_DESTINATION", permanent=True)),
    ("REJECTED_MESSAGE_TOO_LONG", NONE, Undelivered("REJECTED_MESSAGE_TOO_LONG", permanent=False)),
    ("DELIVERED_NEW", NONE, Underway()),
    ("UNDELIVERABLE_NEW", DEAD, Underway()),
    ("REJECTED_NEW", NONE, Undelivered("REJECTED_NEW", permanent=False)),
]


@pytest.mark.parametrize(("name", "error", "delivery"), DELIVERIES)
def test_delivery(router: Any, name: str, error: dict[str, Any], delivery: Any) -> None:
    """The error's name where there is one; for good only if Infobip says so of the handset, or of the number."""
    logged(router, json={"results": [{"messageId": "r1", "status": status(name), "error": error}]})
    assert infobip().status("r1") == delivery


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        ({"json": {"results": []}}, Underway()),
        ({"status_code": 500}, NotNow("http-500")),
        ({"status_code": 429}, NotNow("http-429")),
        ({"text": "x"}, NotNow("unreadable-answer")),
    ],
)
def test_delivery_that_cannot_be_had(router: Any, answer: dict[str, Any], delivery: Any) -> None:
    """It is asked for again."""
    logged(router, **answer)
    assert infobip().status("r1") == delivery


def test_reports_are_not_used_up(router: Any) -> None:
    """They are given out once; only the logs are read."""
    reports = router.get(f"{URL}/sms/3/reports")
    logged(router, json={"results": []})
    infobip().status("r1")
    assert not reports.called


def test_check_tells_the_balance(router: Any) -> None:
    """In the account's currency."""
    router.get(f"{URL}/account/1/balance").respond(json={"balance": 47.79134, "currency": "EUR"})
    assert infobip().check() == "Infobip knows the account; its balance is 47.79 EUR"


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"status_code": 401}, AccountFault), ({"status_code": 500}, SettingsError), ({"json": {}}, SettingsError)],
)
def test_check_of_what_does_not_work(router: Any, answer: dict[str, Any], error: type[Exception]) -> None:
    """A refused account is a fault of the account; anything that is not Infobip one of the settings."""
    router.get(f"{URL}/account/1/balance").respond(**answer)
    with pytest.raises(error):
        infobip().check()


def test_lost_answer(router: Any) -> None:
    """Nothing is concluded from silence."""
    router.route().mock(side_effect=httpx.ReadTimeout(""))
    now = datetime.now(UTC)
    assert infobip().send(MESSAGE) == Unknown("read-timeout")
    assert infobip().find(Trace("r1", now, now)) == NotNow("read-timeout")
    assert infobip().status("r1") == NotNow("read-timeout")
