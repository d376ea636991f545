"""Sinch: its answers, codes and delivery reports in our words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Deferred,
    Delivered,
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
)
from fhirnotify.sms.sinch import BASE_URL, CODES, STATUSES, Sinch

NUMBER = "+46701740605"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MESSAGE = Sms("r1", NUMBER, "Påminnelse till Zoé & co: 100 % ${x}", "RegionVB", timedelta(hours=24))
BATCHES = f"{BASE_URL}/xms/v1/plan/batches"


def sinch() -> Sinch:
    """Make the adapter."""
    return Sinch(service_plan_id="plan", api_token="secret", timeout=timedelta(seconds=5))


def answered(router: Any, **answer: Any) -> Outcome:
    """Send the message to a Sinch that gives this answer."""
    router.post(BATCHES).respond(**answer)
    return sinch().send(MESSAGE)


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("validity", "expiry"),
    [
        (timedelta(hours=24), "2026-11-25T09:00:00.000Z"),
        (timedelta(minutes=5), "2026-11-24T09:05:00.000Z"),
        (timedelta(days=3), "2026-11-27T08:55:00.000Z"),
    ],
)
def test_request_is_as_documented(router: Any, validity: timedelta, expiry: str) -> None:
    """JSON by POST with a bearer token; validity to three days, less five minutes for clocks; a reference, no name."""
    route = router.post(BATCHES).respond(201, json={"id": "01FC66621VHDBN119Z8PMV1QPU"})
    sms = Sms("r1", NUMBER, MESSAGE.text, "RegionVB", validity)
    assert sinch().send(sms) == Accepted("01FC66621VHDBN119Z8PMV1QPU", None)
    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer secret"
    assert json.loads(request.content) == {
        "type": "mt_text",
        "from": "RegionVB",
        "to": ["46701740605"],
        "body": MESSAGE.text,
        "delivery_report": "none",
        "client_reference": "r1",
        "expire_at": expiry,
    }


def test_number_as_sender_is_written_without_plus(router: Any) -> None:
    """As Sinch writes numbers."""
    route = router.post(BATCHES).respond(201, json={"id": "B1"})
    sinch().send(Sms("r1", NUMBER, "x", "+46701740606", timedelta(hours=1)))
    assert json.loads(route.calls.last.request.content)["from"] == "46701740606"


def test_every_documented_code_has_a_meaning() -> None:
    """The list of the documents, and nothing else."""
    assert {
        "syntax_invalid_json",
        "syntax_invalid_parameter_format",
        "syntax_constraint_violation",
        "unknown_group",
        "missing_callback_url",
        "illegal_number_type",
        "blocked_account",
    } == CODES


@pytest.mark.parametrize("code", ["syntax_invalid_json", "unknown_group", "missing_callback_url", "blocked_account"])
@pytest.mark.parametrize("status", [400, 403])
def test_code_of_every_message(router: Any, code: str, status: int) -> None:
    """The run stops, saying what to do."""
    with pytest.raises(AccountFault) as fault:
        answered(router, status_code=status, json={"code": code, "text": f"about {NUMBER}"})
    assert fault.value.next_step
    assert NUMBER not in str(fault.value)


@pytest.mark.parametrize(
    "code", ["syntax_invalid_parameter_format", "syntax_constraint_violation", "illegal_number_type"]
)
@pytest.mark.parametrize("status", [400, 403])
def test_code_of_one_message_or_of_all(router: Any, code: str, status: int) -> None:
    """It is about this message where the text names its number; else it is tried again, and burns nothing."""
    assert answered(router, status_code=status, json={"code": code, "text": "Invalid MSISDN 46701740605"}) == Rejected(
        code
    )
    assert answered(router, status_code=status, json={"code": code, "text": "Invalid originator"}) == Deferred(code)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"status_code": 400, "json": {"code": "new_code", "text": f"for {NUMBER}"}}, Deferred("http-400")),
        ({"status_code": 400, "json": {"code": ["x"]}}, Deferred("http-400")),
        ({"status_code": 422}, Deferred("http-422")),
        ({"status_code": 429, "headers": {"retry-after": "7"}}, Deferred("http-429", timedelta(seconds=7))),
        ({"status_code": 503}, Deferred("http-503")),
        ({"status_code": 500}, Unknown("http-500")),
        ({"status_code": 500, "json": {"code": "blocked_account"}}, Unknown("http-500")),
        ({"status_code": 502}, Unknown("http-502")),
        ({"status_code": 201, "text": "<html>"}, Unknown("unreadable-answer")),
        ({"status_code": 201, "json": {"id": "../x"}}, Unknown("unreadable-answer")),
        ({"status_code": 201, "json": {"id": 7}}, Unknown("unreadable-answer")),
        ({"status_code": 201, "json": {"id": "B" * 65}}, Unknown("unreadable-answer")),
    ],
)
def test_other_answers(router: Any, answer: dict[str, Any], outcome: Outcome) -> None:
    """A code that nobody knows is tried again; what proves nothing is unknown; no strange id comes into the ledger."""
    assert answered(router, **answer) == outcome


@pytest.mark.parametrize("status", [401, 403, 404, 405, 415])
def test_status_that_concerns_the_account(router: Any, status: int) -> None:
    """Credentials and address are the same for all."""
    with pytest.raises(AccountFault, match=str(status)):
        answered(router, status_code=status)


def found(router: Any, **answer: Any) -> Any:
    """Look for the message at a Sinch that gives this answer."""
    router.get(BATCHES).respond(**answer)
    return sinch().find(Trace("r1", NOW, NOW + timedelta(seconds=20)))


@pytest.mark.parametrize(("now", "first"), [(NOW + timedelta(days=1), "21"), (NOW - timedelta(days=1), "20")])
def test_batch_is_asked_for_by_reference(router: Any, now: datetime, first: str) -> None:
    """Of three days before it was sent, or before now if that clock was ahead; no number is needed."""
    batch = {"id": "B1", "client_reference": "r1"}
    with time_machine.travel(now, tick=False):
        assert found(router, json={"count": 1, "batches": [batch]}) == Found("B1", None)
    assert dict(router.calls.last.request.url.params) == {
        "client_reference": "r1",
        "start_date": f"2026-11-{first}T09:00:00.000Z",
        "page_size": "100",
    }


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        ({"json": {"count": 0, "batches": []}}, NotFound()),
        ({"json": {"count": 3, "batches": []}}, CannotTell("unreadable-answer")),
        ({"json": {"batches": []}}, CannotTell("unreadable-answer")),
        ({"json": {"count": 0}}, CannotTell("unreadable-answer")),
        ({"json": []}, CannotTell("unreadable-answer")),
        (
            {"json": {"count": 1, "batches": [{"id": "B2", "client_reference": "r2"}]}},
            CannotTell("reference-not-heeded"),
        ),
        ({"json": {"count": 1, "batches": [{"id": "B2"}]}}, CannotTell("reference-not-heeded")),
        ({"json": {"count": 1, "batches": [{"client_reference": "r1"}]}}, CannotTell("unreadable-answer")),
        ({"status_code": 500}, NotNow("http-500")),
        ({"status_code": 429}, NotNow("http-429")),
    ],
)
def test_only_an_empty_list_is_proof(router: Any, answer: dict[str, Any], finding: Any) -> None:
    """A filter that is not heeded, or a list that cannot be read, proves nothing."""
    assert found(router, **answer) == finding


def test_every_documented_status_has_a_meaning() -> None:
    """The list of the documents, and nothing else."""
    listed = "Queued Dispatched Aborted Cancelled Rejected Deleted Delivered Failed Expired Unknown"
    assert set(STATUSES) == set(listed.split())


def reported(router: Any, **answer: Any) -> Any:
    """Ask for a message at a Sinch that gives this answer."""
    router.get(f"{BATCHES}/B1/delivery_report").respond(**answer)
    return sinch().status("B1")


REPORTS = [
    ("Queued", 400, Underway()),
    ("Dispatched", 401, Underway()),
    ("Delivered", 0, Delivered()),
    ("Aborted", 402, Undelivered("Aborted 402", permanent=False)),
    ("Aborted", 404, Undelivered("Aborted 404", permanent=False)),
    ("Aborted", 408, Undelivered("Aborted 408", permanent=False)),
    ("Aborted", 413, Undelivered("Aborted 413", permanent=False)),
    ("Failed", 150, Undelivered("Failed 150", permanent=True)),
    ("Failed", "100", Undelivered("Failed 100", permanent=True)),
    ("Rejected", None, Undelivered("Rejected", permanent=False)),
    ("Expired", 406, Undelivered("Expired 406", permanent=False)),
    ("Unknown", 0, NoReport("unknown")),
    ("Vanished", 150, Underway()),
    (None, 150, Underway()),
]


@pytest.mark.parametrize(("status", "code", "delivery"), REPORTS)
def test_delivery_report(router: Any, status: object, code: object, delivery: Any) -> None:
    """A status that nobody knows is not final, and a code that nobody knows is not for good."""
    assert reported(router, json={"statuses": [{"code": code, "status": status, "count": 1}]}) == delivery


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        ({"status_code": 404}, NoReport("unknown-message")),
        ({"status_code": 500}, NotNow("http-500")),
        ({"status_code": 429}, NotNow("http-429")),
        ({"json": {"statuses": []}}, Underway()),
        ({"text": "<html>"}, Underway()),
    ],
)
def test_report_that_cannot_be_had(router: Any, answer: dict[str, Any], delivery: Any) -> None:
    """It is asked for again, unless there is no such message."""
    assert reported(router, **answer) == delivery


def test_refused_account_is_raised(router: Any) -> None:
    """As when sending."""
    for ask in (lambda: reported(router, status_code=401), lambda: found(router, status_code=401)):
        with pytest.raises(AccountFault):
            ask()


def test_lost_answer(router: Any) -> None:
    """Nothing is concluded from silence."""
    router.route().mock(side_effect=httpx.ReadTimeout(""))
    assert sinch().send(MESSAGE) == Unknown("read-timeout")
    assert sinch().find(Trace("r1", NOW, NOW)) == NotNow("read-timeout")
    assert sinch().status("B1") == NotNow("read-timeout")
    with pytest.raises(SettingsError, match="read-timeout"):
        sinch().check()


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"status_code": 401}, AccountFault), ({"status_code": 500}, SettingsError), ({"json": {"x": 1}}, SettingsError)],
)
def test_check_of_what_does_not_work(router: Any, answer: dict[str, Any], error: type[Exception]) -> None:
    """A refused account is a fault of the account; anything that is not Sinch one of the settings."""
    router.get(BATCHES).respond(**answer)
    with pytest.raises(error):
        sinch().check()
