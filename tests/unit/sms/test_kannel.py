"""Kannel: its answers in our words, and that it cannot be asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Deferred,
    NoReport,
    Outcome,
    Rejected,
    Sms,
    Trace,
    Unknown,
)
from fhirnotify.sms.kannel import ANSWERS, NO_RECEIVER, Kannel, Said

NUMBER = "+46701740605"
URL = "http://kannel.test:13013"
SENDSMS = f"{URL}/cgi-bin/sendsms"
MESSAGE = Sms("r1", NUMBER, "Påminnelse till Zoé & co", "RegionVB", timedelta(hours=24))
TAKEN = "0: Accepted for delivery"
DENIED = "Number(s) has/have been denied by white- and/or black-lists."


def kannel(base_url: str = URL) -> Kannel:
    """Make the adapter."""
    return Kannel(username="u", password="secret +&", base_url=base_url, timeout=timedelta(seconds=5))


def answered(router: Any, status: int, text: str, **answer: Any) -> Outcome:
    """Send the message to a Kannel that gives this answer."""
    router.post(SENDSMS).respond(status, text=text, **answer)
    return kannel().send(MESSAGE)


@pytest.mark.parametrize(("validity", "minutes"), [(timedelta(hours=24), "1440"), (timedelta(seconds=330), "5")])
@pytest.mark.parametrize("sender", ["RegionVB", "+46701740606"])
def test_request_is_as_documented(router: Any, validity: timedelta, minutes: str, sender: str) -> None:
    """Plain text by POST; all else in headers, nothing in the address."""
    route = router.post(SENDSMS).respond(202, text=TAKEN)
    assert kannel().send(Sms("r1", NUMBER, MESSAGE.text, sender, validity)) == Accepted(None, None)
    request = route.calls.last.request
    assert str(request.url) == SENDSMS
    assert request.content == MESSAGE.text.encode()
    assert request.headers["content-type"] == "text/plain; charset=UTF-8"
    assert {key: value for key, value in request.headers.items() if key.startswith("x-kannel-")} == {
        "x-kannel-username": "u",
        "x-kannel-password": "secret +&",
        "x-kannel-from": sender,
        "x-kannel-to": NUMBER,
        "x-kannel-coding": "0",
        "x-kannel-validity": minutes,
        "x-kannel-account": "r1",
    }


@pytest.mark.parametrize(
    ("text", "coding"),
    [("åäö ÅÄÖ é", "0"), ("€uro {}[]~^|\\", "0"), ("Šarūnas", "2"), ("O\u2019Connor", "2"), ("😀", "2")],
)
def test_coding_is_of_the_text(router: Any, text: str, coding: str) -> None:
    """GSM 03.38 where it can, UCS-2 where it must: Kannel would put a question mark."""
    route = router.post(SENDSMS).respond(202, text=TAKEN)
    kannel().send(Sms("r1", NUMBER, text, "RegionVB", timedelta(hours=1)))
    assert route.calls.last.request.headers["x-kannel-coding"] == coding


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        (URL, SENDSMS),
        (f"{URL}/", SENDSMS),
        (SENDSMS, SENDSMS),
        ("https://sms.test/kannel", "https://sms.test/kannel/cgi-bin/sendsms"),
        ("https://sms.test/x/sendsms", "https://sms.test/x/sendsms"),
    ],
)
def test_path_is_added_where_it_is_missing(router: Any, base_url: str, address: str) -> None:
    """``base_url`` may be smsbox's, or end as Kannel's ``sendsms-url`` does."""
    router.post(address).respond(202, text=TAKEN)
    assert kannel(base_url).send(MESSAGE) == Accepted(None, None)


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (202, TAKEN, Accepted(None, None)),
        (202, "3: Queued for later delivery\r\n", Accepted(None, None)),
        (202, "Sent.", Unknown("immediate-sendsms-reply")),
        (202, "Sent. Message splits: 2", Unknown("immediate-sendsms-reply")),
        (202, "1: Something else", Unknown("unreadable-answer")),
        (200, TAKEN, Unknown("unreadable-answer")),
        (202, "", Unknown("unreadable-answer")),
        (500, "Sending failed.", Unknown("Sending failed")),
        (503, "Temporal failure, try again later.", Deferred("Temporal failure, try again later")),
        (503, "<html>", Deferred("http-503")),
        (403, "Not routable. Do not try again.", Unknown("Not routable. Do not try again")),
        (400, "Charset or body misformed, rejected", Deferred("Charset or body misformed, rejected")),
        (400, f"{NUMBER} is odd", Deferred("http-400")),
        (500, TAKEN, Unknown("http-500")),
        (302, "", Unknown("http-302")),
    ],
)
def test_answers(router: Any, status: int, text: str, outcome: Outcome) -> None:
    """What is certain is told as certain; words that nobody knows, and words with another status, are not believed."""
    assert answered(router, status, text) == outcome


FAULTS = [answer for answer, said in ANSWERS.items() if said in (Said.LOGIN, Said.DISAGREE)]


@pytest.mark.parametrize(
    ("status", "text"), [*FAULTS, (404, "Unknown request."), (403, "<html>"), (401, ""), (405, "")]
)
def test_answer_of_every_message(router: Any, status: int, text: str) -> None:
    """The run stops, saying what to do."""
    with pytest.raises(AccountFault) as fault:
        answered(router, status, text)
    assert fault.value.next_step


def test_number_is_denied_for_good_once_another_was_taken(router: Any) -> None:
    """Until then Kannel may deny every number, as where ``sendsms-chars`` lacks the plus sign."""
    adapter, route = kannel(), router.post(SENDSMS)
    route.side_effect = [
        httpx.Response(400, text=DENIED),
        httpx.Response(202, text="3: Queued for later delivery"),
        httpx.Response(400, text=DENIED),
    ]
    code = "denied by white- or black-lists"
    assert [adapter.send(MESSAGE) for _ in range(3)] == [Deferred(code), Accepted(None, None), Rejected(code)]


def test_check_names_no_receiver(router: Any) -> None:
    """So it cannot send; that Kannel misses the receiver tells that it knows the user."""
    route = router.post(SENDSMS).respond(NO_RECEIVER[0], text=NO_RECEIVER[1])
    assert kannel().check().startswith("Kannel knows the user")
    assert "x-kannel-to" not in route.calls.last.request.headers
    assert "to" not in route.calls.last.request.url.params


@pytest.mark.parametrize(
    ("status", "text", "fault"),
    [
        (403, "Authorization failed for sendsms", AccountFault),
        (400, "Invalid content-type", AccountFault),
        (404, "Unknown request.", AccountFault),
        (200, "<html>", SettingsError),
        (202, TAKEN, SettingsError),
        (503, "Temporal failure, try again later.", SettingsError),
        (500, "", SettingsError),
    ],
)
def test_check_that_fails(router: Any, status: int, text: str, fault: type[Exception]) -> None:
    """The account is refused, or what answers is no Kannel that works."""
    router.post(SENDSMS).respond(status, text=text)
    with pytest.raises(fault):
        kannel().check()


def test_nothing_else_can_be_asked(router: Any) -> None:
    """Neither for a message nor for what became of one: nothing is connected, and it says so."""
    now = datetime.now(UTC)
    assert kannel().find(Trace("r1", now, now, MESSAGE, alone=True)) == CannotTell("provider-cannot-be-asked")
    assert isinstance(kannel().status("x"), NoReport)
    assert not router.calls
