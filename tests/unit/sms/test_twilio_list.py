"""Twilio: which message in its list is ours: never another's, and never overlooked."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from fhirnotify.harness.inbox import Inbox
from fhirnotify.sms.gateway import (
    ABOUT,
    REACH,
    CannotTell,
    Found,
    NotFound,
    NotNow,
    Sms,
    Trace,
)
from fhirnotify.sms.twilio import BASE_URL, MOST_PAGES, PAGE, Twilio

NUMBER = "+46701740605"
ACCOUNT = "AC" + "0" * 32
SENT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MESSAGE = Sms("r1", NUMBER, "Påminnelse till Zoé & co: 100 %", "RegionVB", timedelta(hours=24))
ROOT = f"{BASE_URL}/2010-04-01/Accounts/{ACCOUNT}"
SID = "SM" + "1" * 32


def twilio(**more: str) -> Twilio:
    """Make the adapter."""
    return Twilio(account_sid=ACCOUNT, auth_token="secret", timeout=timedelta(seconds=5), **more)


def shown(after: timedelta = timedelta(seconds=5), **fields: Any) -> dict[str, Any]:
    """Make a message as the list shows it, some time after ours was sent."""
    return {
        "sid": SID,
        "to": NUMBER,
        "from": "RegionVB",
        "body": "",
        "direction": "outbound-api",
        "date_created": format_datetime(SENT + after),
        "num_segments": "2",
    } | fields


def found(router: Any, *messages: Any, **facts: Any) -> Any:
    """Look for our message in a list of one page."""
    router.get(f"{ROOT}/Messages.json").respond(json={"messages": list(messages), "next_page_uri": None})
    facts = {"alone": True} | facts
    return twilio().find(Trace("r1", SENT, SENT + timedelta(seconds=20), MESSAGE, **facts))


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        ({}, Found(SID, 2)),
        ({"num_segments": "0"}, Found(SID, None)),
        ({"to": "+4670174XXXX"}, CannotTell("number-not-shown")),
        ({"to": "+4670175XXXX"}, NotFound()),
        ({"to": "+46701740606"}, NotFound()),
        ({"direction": "inbound"}, NotFound()),
        ({"after": REACH * 2}, NotFound()),
        ({"after": ABOUT * 2}, CannotTell("another-time-or-sender")),
        ({"status": "failed", "error_code": 30008}, NotFound()),
        ({"status": "canceled"}, NotFound()),
        ({"status": "undelivered"}, Found(SID, 2)),
        ({"to": "whatsapp:+46701740605"}, CannotTell("unreadable-history")),
        ({"after": timedelta(hours=1)}, CannotTell("another-time-or-sender")),
        ({"from": "Kallelse"}, CannotTell("another-time-or-sender")),
        ({"body": "another text"}, CannotTell("another-text")),
        ({"date_created": "yesterday"}, CannotTell("unreadable-history")),
        ({"date_created": None}, CannotTell("unreadable-history")),
        ({"sid": "SM1"}, CannotTell("unreadable-history")),
    ],
)
def test_list_by_number_and_time(router: Any, fields: dict[str, Any], finding: Any) -> None:
    """Ours, another's, or doubt."""
    assert found(router, shown(**fields)) == finding


def test_message_that_the_ledger_knows_is_another_reminder_s(router: Any) -> None:
    """Also where its number is not shown; and of two in doubt none is taken for the other."""
    assert found(router, shown(to="+4670174XXXX"), taken=frozenset({SID})) == NotFound()
    assert found(router, shown(), alone=False) == CannotTell("not-alone")


@pytest.mark.parametrize("answer", [{"json": {}}, {"json": {"messages": [None]}}, {"text": "<html>"}])
def test_list_that_cannot_be_read(router: Any, answer: dict[str, Any]) -> None:
    """It proves nothing."""
    router.get(f"{ROOT}/Messages.json").respond(**answer)
    assert twilio().find(Trace("r1", SENT, SENT, MESSAGE)) == CannotTell("unreadable-history")


def test_number_that_is_no_longer_known_cannot_be_asked_for(router: Any) -> None:
    """The patient's record has changed: nothing is asked."""
    assert twilio().find(Trace("r1", SENT, SENT)) == CannotTell("number-unknown")
    assert not router.calls


def test_nobody_who_waits_ends_the_reading(router: Any) -> None:
    """The run is told to stop, or has asked for long enough: no further page."""
    route = paged(router, [shown(ABOUT * 2)])
    left = [True, True]
    trace = Trace("r1", SENT, SENT, MESSAGE, wanted=lambda: bool(left) and left.pop())
    assert twilio().find(trace) == CannotTell("interrupted")
    assert route.call_count == 2


def paged(router: Any, *pages: list[dict[str, Any]]) -> Any:
    """Answer with pages, each of which leads to the next, and the last to itself."""
    left = list(pages)

    def page(_: httpx.Request) -> httpx.Response:
        messages = left.pop(0) if len(left) > 1 else left[0]
        following = "https://elsewhere.test/2010-04-01/x.json?PageSize=400&Page=1&PageToken=PA1"
        return httpx.Response(200, json={"messages": messages, "next_page_uri": following})

    return router.get(f"{ROOT}/Messages.json").mock(side_effect=page)


def test_pages_are_followed_until_one_lies_before_every_moment_that_matters(router: Any) -> None:
    """By their query alone: credentials go nowhere else. A page in which one message is young ends nothing."""
    young, old = shown(ABOUT * 2, sid="SM" + "2" * 32), shown(-ABOUT * 2, sid="SM" + "3" * 32)
    route = paged(router, [young, old], [shown()], [old, old])
    trace = Trace("r1", SENT, SENT + timedelta(seconds=20), MESSAGE, alone=True)
    assert twilio().find(trace) == Found(SID, 2)
    queries = [dict(call.request.url.params) for call in route.calls]
    assert queries == [{"PageSize": str(PAGE)}, *[{"PageSize": "400", "Page": "1", "PageToken": "PA1"}] * 2]


def test_pages_without_end_cannot_tell(router: Any) -> None:
    """The list was not read back to the moments that matter."""
    route = paged(router, [shown(ABOUT * 2)])
    assert twilio().find(Trace("r1", SENT, SENT, MESSAGE)) == CannotTell("endless-history")
    assert route.call_count == MOST_PAGES


@pytest.mark.parametrize(("status", "why"), [(500, "http-500"), (429, "http-429")])
def test_answer_without_a_list_is_no_proof(router: Any, status: int, why: str) -> None:
    """Only a list is proof."""
    router.get(f"{ROOT}/Messages.json").respond(status)
    assert twilio().find(Trace("r1", SENT, SENT, MESSAGE)) == NotNow(why)


@pytest.mark.parametrize(
    ("retention", "finding"), [("retain", Found), ("obfuscate", CannotTell)], ids=["retain", "obfuscate"]
)
def test_numbers_that_twilio_keeps_can_be_found(inbox: Inbox, retention: str, finding: type) -> None:
    """Which of the two is chosen decides whether a doubt can be settled."""
    account = inbox.settings("twilio")["sms.twilio"]
    gateway = Twilio(**account, address_retention=retention, timeout=timedelta(seconds=20))
    gateway.send(MESSAGE)
    now = datetime.now(UTC)
    minute = timedelta(minutes=1)
    assert isinstance(gateway.find(Trace("r1", now - minute, now + minute, MESSAGE, alone=True)), finding)
    gateway.close()
