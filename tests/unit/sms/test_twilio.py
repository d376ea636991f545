"""Twilio: its codes and statuses in our words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.twilio import TwilioApi
from fhirnotify.sms.gateway import (
    Accepted,
    Deferred,
    Delivered,
    NoReport,
    NotNow,
    Outcome,
    Rejected,
    Sms,
    Undelivered,
    Underway,
    Unknown,
)
from fhirnotify.sms.twilio import BASE_URL, Twilio
from fhirnotify.sms.twilio_codes import DEAD_NUMBERS, FAULTS, IN_DOUBT, REFUSALS, STATUSES

NUMBER = "+46701740605"
ACCOUNT = "AC" + "0" * 32
SENT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MESSAGE = Sms("r1", NUMBER, "Påminnelse till Zoé & co: 100 %", "RegionVB", timedelta(hours=24))
ROOT = f"{BASE_URL}/2010-04-01/Accounts/{ACCOUNT}"
SID = "SM" + "1" * 32


def twilio(**more: str) -> Twilio:
    """Make the adapter."""
    return Twilio(account_sid=ACCOUNT, auth_token="secret", timeout=timedelta(seconds=5), **more)


def answered(router: Any, **answer: Any) -> Outcome:
    """Send the message to a Twilio that gives this answer."""
    router.post(f"{ROOT}/Messages.json").respond(**answer)
    return twilio().send(MESSAGE)


@pytest.mark.parametrize(
    ("validity", "seconds"),
    [(timedelta(hours=24), "36000"), (timedelta(hours=2), "7200"), (timedelta(days=3), "36000")],
)
@pytest.mark.parametrize("retention", ["obfuscate", "retain"])
def test_request_is_as_documented(router: Any, validity: timedelta, seconds: str, retention: str) -> None:
    """A form by POST with Basic auth; validity to ten hours; Twilio keeps no text, and no number unless told."""
    route = router.post(f"{ROOT}/Messages.json").respond(
        201, json={"sid": SID, "status": "queued", "num_segments": "2"}
    )
    sms = Sms("r1", NUMBER, MESSAGE.text, "RegionVB", validity)
    assert twilio(address_retention=retention).send(sms) == Accepted(SID, 2)
    request = route.calls.last.request
    assert request.headers["authorization"] == httpx.BasicAuth(ACCOUNT, "secret")._auth_header
    assert parse_qs(request.content.decode()) == {
        "To": [NUMBER],
        "From": ["RegionVB"],
        "Body": [MESSAGE.text],
        "ValidityPeriod": [seconds],
        "ContentRetention": ["discard"],
        "AddressRetention": [retention],
    }


KNOWN = {21211, 21614, 21610, 21408, 21606, 21612, 21659, 30005, 30006}
LEFT_TO_THE_STATUS = {30001, 30003, 30007, 30008, 20429}


def test_every_code_that_matters_has_a_meaning() -> None:
    """Those that the documents name for sending and delivery; no code has two meanings when it is sent."""
    assert set(FAULTS) | REFUSALS | IN_DOUBT | DEAD_NUMBERS >= KNOWN
    assert not (set(FAULTS) | REFUSALS | IN_DOUBT | DEAD_NUMBERS) & LEFT_TO_THE_STATUS
    assert len(FAULTS) + len(REFUSALS) + len(IN_DOUBT) == len(set(FAULTS) | REFUSALS | IN_DOUBT)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_code_of_one_message(router: Any, code: int) -> None:
    """It is refused for good, in Twilio's code, and nothing of the text, which repeats the number, is passed on."""
    body = {"code": code, "message": f"Invalid 'To' Phone Number: {NUMBER}", "status": 400}
    assert answered(router, status_code=400, json=body) == Rejected(str(code))


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_code_of_every_message(router: Any, code: int) -> None:
    """The run stops, saying what to do."""
    with pytest.raises(AccountFault, match=str(code)) as fault:
        answered(router, status_code=400, json={"code": code, "message": NUMBER})
    assert fault.value.next_step
    assert NUMBER not in str(fault.value)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"status_code": 400, "json": {"code": 21999}}, Deferred("21999")),
        ({"status_code": 400, "json": {"code": 21408}}, Deferred("21408")),
        ({"status_code": 403, "json": {"code": 21408}}, Deferred("21408")),
        ({"status_code": 400, "json": {"code": NUMBER}}, Deferred("http-400")),
        ({"status_code": 400, "text": "<html>"}, Deferred("http-400")),
        (
            {"status_code": 429, "json": {"code": 20429}, "headers": {"retry-after": "7"}},
            Deferred("20429", timedelta(seconds=7)),
        ),
        ({"status_code": 429}, Deferred("http-429")),
        ({"status_code": 503}, Deferred("http-503")),
        ({"status_code": 500, "json": {"code": 21211}}, Unknown("http-500")),
        ({"status_code": 201, "json": {"sid": SID, "status": "receiving"}}, Unknown("unknown-status")),
        ({"status_code": 201, "json": {"sid": SID}}, Unknown("unknown-status")),
        ({"status_code": 201, "json": {"sid": "SM1", "status": "queued"}}, Unknown("unreadable-answer")),
        ({"status_code": 201, "json": {"sid": f"../{SID}", "status": "queued"}}, Unknown("unreadable-answer")),
        ({"status_code": 201, "text": "<html>"}, Unknown("unreadable-answer")),
        ({"status_code": 201, "json": {"sid": SID, "status": "accepted", "num_segments": "0"}}, Accepted(SID, None)),
        ({"status_code": 201, "json": {"sid": SID, "status": "failed"}}, Rejected("failed")),
        ({"status_code": 201, "json": {"sid": SID, "status": "failed", "error_code": 21610}}, Rejected("21610")),
        ({"status_code": 201, "json": {"sid": SID, "status": "failed", "error_code": 30001}}, Deferred("30001")),
    ],
)
def test_other_answers(router: Any, answer: dict[str, Any], outcome: Outcome) -> None:
    """A code that nobody knows is decided by the status; what proves nothing is unknown."""
    assert answered(router, **answer) == outcome


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (401, None), (403, 29999), (404, 20404)])
def test_status_that_concerns_the_account(router: Any, status: int, code: int | None) -> None:
    """Credentials and address are the same for all, whatever the code says."""
    with pytest.raises(AccountFault):
        answered(router, status_code=status, json={"code": code})


def test_every_documented_status_has_a_meaning() -> None:
    """The list of the documents but for messages that come in."""
    listed = "accepted scheduled canceled queued sending sent failed delivered undelivered read partially_delivered"
    assert set(STATUSES) == set(listed.split())


@pytest.mark.parametrize(
    ("status", "code", "delivery"),
    [
        ("queued", None, Underway()),
        ("sent", None, Underway()),
        ("delivered", None, Delivered()),
        ("read", None, Delivered()),
        ("undelivered", 30003, Undelivered("undelivered 30003", permanent=False)),
        ("undelivered", 30005, Undelivered("undelivered 30005", permanent=True)),
        ("failed", "30006", Undelivered("failed 30006", permanent=True)),
        ("undelivered", 30007, Undelivered("undelivered 30007", permanent=False)),
        ("undelivered", 39999, Undelivered("undelivered 39999", permanent=False)),
        ("failed", None, Undelivered("failed", permanent=False)),
        ("canceled", None, Undelivered("canceled", permanent=False)),
        ("vanished", 30005, Underway()),
        (None, None, Underway()),
    ],
)
def test_delivery(router: Any, status: str | None, code: object, delivery: Any) -> None:
    """A status that nobody knows is not final, and a code that nobody knows is not for good."""
    router.get(f"{ROOT}/Messages/{SID}.json").respond(json={"status": status, "error_code": code})
    assert twilio().status(SID) == delivery


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        ({"status_code": 404}, NoReport("unknown-message")),
        ({"status_code": 500}, NotNow("http-500")),
        ({"text": "<html>"}, Underway()),
    ],
)
def test_delivery_that_cannot_be_had(router: Any, answer: dict[str, Any], delivery: Any) -> None:
    """It is asked for again, unless there is no such message."""
    router.get(f"{ROOT}/Messages/{SID}.json").respond(**answer)
    assert twilio().status(SID) == delivery


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"json": {"status": "suspended"}}, AccountFault),
        ({"json": {"status": "closed"}}, AccountFault),
        ({"json": {"status": "odd"}}, SettingsError),
        ({"status_code": 401}, AccountFault),
        ({"status_code": 500}, SettingsError),
    ],
)
def test_check_of_what_does_not_work(router: Any, answer: dict[str, Any], error: type[Exception]) -> None:
    """A refused or suspended account is a fault of the account; anything that is not Twilio one of the settings."""
    router.get(f"{ROOT}.json").respond(**answer)
    with pytest.raises(error):
        twilio().check()


def test_account_without_redaction_sends_nothing(inbox: Inbox) -> None:
    """The text would be kept: the run stops, and says what the account lacks."""
    stand_in = inbox._stand_ins["twilio"]
    assert isinstance(stand_in, TwilioApi)
    stand_in.redaction = False
    gateway = Twilio(**inbox.settings("twilio")["sms.twilio"], timeout=timedelta(seconds=20))
    with pytest.raises(AccountFault, match="no message redaction"):
        gateway.send(MESSAGE)
    gateway.close()
    assert inbox.messages == []
