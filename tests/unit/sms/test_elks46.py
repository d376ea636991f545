"""46elks: its answers and error texts in our words."""

import logging
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.sms.elks46 import BASE_URL, FAULTS, REFUSALS, STATUSES, Elks46
from fhirnotify.sms.gateway import (
    Accepted,
    Deferred,
    Delivered,
    NoReport,
    NotNow,
    Rejected,
    Sms,
    Undelivered,
    Underway,
    Unknown,
)

NUMBER = "+46701740605"
NAME = "Zoé"
MESSAGE = Sms("r1", NUMBER, f"Påminnelse till {NAME} & co: 100 %", "RegionVB", timedelta(hours=24))
PERSONAL = (NUMBER, NUMBER[3:], NAME)


def elks46(base_url: str = BASE_URL) -> Elks46:
    """Make the adapter."""
    return Elks46(username="u1", password="secret", base_url=base_url, timeout=timedelta(seconds=5))


def answered(router: Any, **answer: Any) -> Any:
    """Send the message to a 46elks that gives this answer."""
    router.post(f"{BASE_URL}/a1/sms").respond(**answer)
    return elks46().send(MESSAGE)


def test_request_is_as_documented(respx_mock: Any) -> None:
    """A form by POST with Basic auth: from, to, message, and that 46elks is to keep no text."""
    route = respx_mock.post(f"{BASE_URL}/a1/sms").respond(json={"id": "s1", "status": "created", "parts": 2})
    assert elks46().send(MESSAGE) == Accepted("s1", 2)
    request = route.calls.last.request
    assert parse_qs(request.content.decode()) == {
        "from": ["RegionVB"],
        "to": [NUMBER],
        "message": [MESSAGE.text],
        "dontlog": ["message"],
    }
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"] == httpx.BasicAuth("u1", "secret")._auth_header
    assert request.url.query == b""


@pytest.mark.parametrize("base_url", ["https://x.test", "https://x.test/", "https://x.test/a1", "https://x.test/a1/"])
def test_version_of_the_api_is_added_where_it_is_missing(respx_mock: Any, base_url: str) -> None:
    """``base_url`` may be the service's or the API's."""
    respx_mock.post("https://x.test/a1/sms").respond(json={"id": "s1"})
    assert elks46(base_url).send(MESSAGE) == Accepted("s1", None)


def test_address_that_cannot_work() -> None:
    """It is refused when the adapter is made, not when the first message is sent."""
    with pytest.raises(SettingsError, match=r"\[sms\.46elks\]"):
        elks46("api.46elks.com")


@pytest.mark.parametrize("status", [*STATUSES, None])
def test_every_documented_status(respx_mock: Any, status: str | None) -> None:
    """created, sent and delivered are accepted (none means created); failed is refused for good."""
    answer = {"id": "s1", "parts": 1} | ({} if status is None else {"status": status})
    outcome = answered(respx_mock, json=answer)
    assert outcome == (Rejected("failed") if status == "failed" else Accepted("s1", 1))


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"json": {"id": "s1", "status": "queued"}}, "unknown-status"),
        ({"json": {"id": "s1", "status": ["sent"]}}, "unknown-status"),
        ({"json": {"status": "created"}}, "unreadable-answer"),
        ({"json": {"id": "", "status": "created"}}, "unreadable-answer"),
        ({"json": {"id": 7, "status": "created"}}, "unreadable-answer"),
        ({"json": ["s1"]}, "unreadable-answer"),
        ({"text": "<html>OK</html>"}, "unreadable-answer"),
        ({"content": b"\xff\xfe"}, "unreadable-answer"),
        ({"content": b"[" * 100_000}, "unreadable-answer"),
        ({"content": b""}, "unreadable-answer"),
        ({"status_code": 204}, "unreadable-answer"),
        ({"status_code": 500, "text": "Invalid to number"}, "http-500"),
        ({"status_code": 502}, "http-502"),
        ({"status_code": 301, "headers": {"location": "https://x.test"}}, "http-301"),
    ],
)
def test_answer_that_proves_nothing_is_unknown(respx_mock: Any, answer: dict[str, Any], cause: str) -> None:
    """46elks may have the message, whatever became of its answer."""
    assert answered(respx_mock, **answer) == Unknown(cause)


@pytest.mark.parametrize("parts", [None, 0, -1, "two", 1.5, True])
def test_parts_that_are_no_count_are_left_out(respx_mock: Any, parts: object) -> None:
    """The message was taken all the same."""
    assert answered(respx_mock, json={"id": "s1", "status": "created", "parts": parts}) == Accepted("s1", None)


@pytest.mark.parametrize("status", [400, 403, 404, 422])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Invalid to number", "Invalid to number"),
        (f"Invalid to number {NUMBER}", "Invalid to number"),
        (f"  invalid TO number: {NUMBER}\n", "Invalid to number"),
        (f"Too long message: {MESSAGE.text}", "Too long"),
    ],
)
def test_refusal_of_one_message(respx_mock: Any, status: int, text: str, code: str) -> None:
    """A text that concerns this message refuses it alone, under any 4xx, and nothing it repeats is passed on."""
    assert answered(respx_mock, status_code=status, text=text) == Rejected(code)


@pytest.mark.parametrize("status", [400, 402, 403])
@pytest.mark.parametrize(
    "text",
    [
        f"Not enough credits to send to {NUMBER}",
        "Invalid from number",
        "Missing key message",
        f"Key to missing, not {NUMBER}",
    ],
)
def test_fault_of_every_message(respx_mock: Any, status: int, text: str) -> None:
    """Credit, sender and form are the same for all: the run stops, saying what to do, without what was sent."""
    with pytest.raises(AccountFault) as fault:
        answered(respx_mock, status_code=status, text=text)
    assert fault.value.next_step
    assert not any(each in str(fault.value) for each in PERSONAL)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 407])
def test_status_that_concerns_the_account(respx_mock: Any, status: int) -> None:
    """Credentials and address are the same for all, whatever the text says."""
    with pytest.raises(AccountFault, match=str(status)):
        answered(respx_mock, status_code=status, text=f"something about {NUMBER}")


def test_unknown_refusal_is_tried_again(respx_mock: Any) -> None:
    """Nobody knows that it is about this message alone. Only the status is passed on: the text may repeat the number."""
    assert answered(respx_mock, status_code=400, text=f"No route to {NUMBER}") == Deferred("http-400")


@pytest.mark.parametrize(("status", "wait"), [(429, "7"), (503, "7"), (503, None)])
def test_throttling_is_deferred(respx_mock: Any, status: int, wait: str | None) -> None:
    """With the time that 46elks asks for, if it does."""
    outcome = answered(respx_mock, status_code=status, headers={"retry-after": wait} if wait else {})
    assert outcome == Deferred(f"http-{status}", timedelta(seconds=7) if wait else None)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.ConnectError, Deferred("no-connection")),
        (httpx.ConnectTimeout, Deferred("connect-timeout")),
        (httpx.ReadTimeout, Unknown("read-timeout")),
        (httpx.RemoteProtocolError, Unknown("unreadable-answer")),
    ],
)
def test_failed_exchange(respx_mock: Any, error: Any, outcome: Any) -> None:
    """As for every provider, and without a second try."""
    route = respx_mock.post(f"{BASE_URL}/a1/sms").mock(side_effect=error(f"for {NUMBER}"))
    assert elks46().send(MESSAGE) == outcome
    assert route.call_count == 1


def test_text_that_is_no_unicode_is_rejected(respx_mock: Any) -> None:
    """It cannot be written, so nothing is sent."""
    message = Sms("r1", NUMBER, "half of a pair: \ud83d", "RegionVB", timedelta(hours=24))
    assert elks46().send(message) == Rejected("unencodable-text")


def test_check_tells_the_balance(respx_mock: Any) -> None:
    """From the account, and nothing of the person whose it is."""
    account = {"balance": 9670500, "currency": "SEK", "displayname": NAME, "mobilenumber": NUMBER, "email": "a@b.se"}
    respx_mock.get(f"{BASE_URL}/a1/me").respond(json=account)
    line = elks46().check()
    assert "967.05 SEK" in line
    assert not any(each in line for each in (*PERSONAL, "a@b.se"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status_code": 401}, AccountFault),
        ({"status_code": 404}, AccountFault),
        ({"status_code": 500}, SettingsError),
        ({"status_code": 302, "headers": {"location": "https://x.test"}}, SettingsError),
        ({"json": {"hello": "world"}}, SettingsError),
        ({"text": "<html>"}, SettingsError),
    ],
)
def test_check_of_what_does_not_work(respx_mock: Any, answer: dict[str, Any], error: type[Exception]) -> None:
    """A refused account is a fault of the account; anything that is not 46elks one of the settings."""
    respx_mock.get(f"{BASE_URL}/a1/me").respond(**answer)
    with pytest.raises(error):
        elks46().check()


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout])
def test_check_of_what_cannot_be_reached(respx_mock: Any, error: Any) -> None:
    """It names the address and what happened."""
    respx_mock.get(f"{BASE_URL}/a1/me").mock(side_effect=error("secret"))
    with pytest.raises(SettingsError, match=r"https://api\.46elks\.com/a1: (no-connection|read-timeout)") as fault:
        elks46().check()
    assert "secret" not in str(fault.value)


def test_nothing_personal_is_logged(respx_mock: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Not at any level that a setting could ask for, except httpx's own below WARNING, which are shut off."""
    gateway = elks46()
    with caplog.at_level(logging.INFO):
        respx_mock.post(f"{BASE_URL}/a1/sms").respond(400, text=f"Invalid to number {NUMBER}")
        gateway.send(MESSAGE)
    assert not any(each in caplog.text for each in PERSONAL)


def test_tables_do_not_contradict_each_other() -> None:
    """No text begins both as a refusal and as a fault, and each is written as it is compared."""
    for beginning in (*REFUSALS, *FAULTS):
        assert beginning == beginning.casefold()
        others = [each for each in (*REFUSALS, *FAULTS) if each != beginning]
        assert not any(each.startswith(beginning) for each in others)


def test_closed_adapter_holds_no_connection() -> None:
    """``close`` releases the connections."""
    gateway = elks46()
    gateway.close()
    assert gateway._wire._client.is_closed


@pytest.fixture
def respx_mock() -> Any:
    """Answer for 46elks."""
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        ({"json": {"status": "sent"}}, Underway()),
        ({"json": {"status": "delivered"}}, Delivered()),
        ({"json": {"status": "failed"}}, Undelivered("failed", permanent=False)),
        ({"status_code": 404}, NoReport("unknown-message")),
        ({"status_code": 429}, NotNow("http-429")),
        ({"status_code": 500}, NotNow("http-500")),
        ({"text": "<html>"}, Underway()),
    ],
)
def test_what_became_of_a_message(respx_mock: Any, answer: dict[str, Any], delivery: Any) -> None:
    """46elks tells that it failed, not why; that it cannot be asked just now says nothing."""
    respx_mock.get("https://x.test/a1/sms/s1").respond(**answer)
    assert elks46("https://x.test").status("s1") == delivery
    assert NotNow("http-429").is_busy
    assert not NotNow("http-500").is_busy
