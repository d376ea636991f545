"""LINK Mobility: its answers and codes in our words, and that it cannot be asked."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fhirnotify.errors import AccountFault
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
from fhirnotify.sms.link import FAULTS, UNEXPLAINED, Link

NUMBER = "+46701740605"
URL = "https://n-eu.link.test"
MESSAGE = Sms("r1", NUMBER, "Påminnelse till Zoé & co", "RegionVB", timedelta(hours=24))
QUEUED = {"messageId": "Dcshuhod0PMAAAFQ+/PbnR3x", "resultCode": 1005, "description": "Queued", "smsCount": 2}


def link(base_url: str = URL) -> Link:
    """Make the adapter."""
    return Link(
        platform_id="P",
        platform_partner_id="1",
        username="u",
        password="secret",
        base_url=base_url,
        timeout=timedelta(seconds=5),
    )


def answered(router: Any, **answer: Any) -> Outcome:
    """Send the message to a LINK that gives this answer."""
    router.post(f"{URL}/sms/send").respond(**answer)
    return link().send(MESSAGE)


@pytest.mark.parametrize(
    ("validity", "milliseconds"),
    [(timedelta(hours=24), 86_400_000), (timedelta(days=3), 172_800_000), (timedelta(minutes=5), 900_000)],
)
@pytest.mark.parametrize(("sender", "kind"), [("RegionVB", "ALPHANUMERIC"), ("+46701740606", "MSISDN")])
def test_request_is_as_documented(router: Any, validity: timedelta, milliseconds: int, sender: str, kind: str) -> None:
    """JSON by POST with Basic auth; validity from a quarter of an hour to 48 hours; an answer is asked for."""
    route = router.post(f"{URL}/sms/send").respond(json=QUEUED)
    assert link().send(Sms("r1", NUMBER, MESSAGE.text, sender, validity)) == Accepted("Dcshuhod0PMAAAFQ+/PbnR3x", 2)
    request = route.calls.last.request
    assert request.headers["authorization"] == httpx.BasicAuth("u", "secret")._auth_header
    assert json.loads(request.content) == {
        "source": sender,
        "sourceTON": kind,
        "destination": NUMBER,
        "destinationTON": "MSISDN",
        "dcs": "TEXT",
        "userData": MESSAGE.text,
        "relativeValidityTime": milliseconds,
        "platformId": "P",
        "platformPartnerId": "1",
        "refId": "r1",
        "useDeliveryReport": False,
        "ignoreResponse": False,
    }


@pytest.mark.parametrize("base_url", [URL, f"{URL}/", f"{URL}/sms", f"{URL}/sms/"])
def test_path_of_the_api_is_added_where_it_is_missing(router: Any, base_url: str) -> None:
    """``base_url`` may be the node's or, as LINK writes it, the API's."""
    router.post(f"{URL}/sms/send").respond(json=QUEUED)
    assert isinstance(link(base_url).send(MESSAGE), Accepted)


def test_every_documented_code_has_a_meaning() -> None:
    """The list of the documents, and nothing else."""
    assert {*FAULTS, UNEXPLAINED} == {106000, 106100, 106101, 106200, 106201, 106202, 106300, 106301}


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_code_of_every_message(router: Any, code: int, status: int) -> None:
    """The run stops, saying what to do."""
    with pytest.raises(AccountFault) as fault:
        answered(router, status_code=status, json={"status": code, "description": f"for {NUMBER}"})
    assert fault.value.next_step
    assert NUMBER not in str(fault.value)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"json": QUEUED | {"smsCount": None}}, Accepted("Dcshuhod0PMAAAFQ+/PbnR3x", None)),
        ({"status_code": 204}, Accepted(None, None)),
        ({"json": QUEUED | {"resultCode": 2104}}, Unknown("result-2104")),
        ({"json": QUEUED | {"resultCode": None}}, Unknown("unreadable-answer")),
        ({"json": QUEUED | {"messageId": "a b"}}, Unknown("unreadable-answer")),
        ({"json": QUEUED | {"messageId": None}}, Unknown("unreadable-answer")),
        ({"text": "<html>"}, Unknown("unreadable-answer")),
        ({"status_code": 400, "json": {"status": 106000, "description": f"Invalid {NUMBER}"}}, Rejected("106000")),
        ({"status_code": 400, "json": {"status": 106000, "description": "Unknown Error"}}, Unknown("106000")),
        ({"status_code": 400, "json": {"status": 106999}}, Deferred("http-400")),
        ({"status_code": 400, "text": f"<html>{NUMBER}"}, Deferred("http-400")),
        ({"status_code": 429, "headers": {"retry-after": "7"}}, Deferred("http-429", timedelta(seconds=7))),
        ({"status_code": 503}, Deferred("http-503")),
        ({"status_code": 500, "json": {"status": 106100}}, Unknown("http-500")),
    ],
)
def test_other_answers(router: Any, answer: dict[str, Any], outcome: Outcome) -> None:
    """A message whose number the error names is refused; what LINK cannot explain itself is unknown."""
    assert answered(router, **answer) == outcome


@pytest.mark.parametrize("text", ["Påminnelse till 😀", "𐍈"])
def test_sign_of_four_bytes_is_not_sent(router: Any, text: str) -> None:
    """LINK does not know such signs."""
    assert link().send(Sms("r1", NUMBER, text, "RegionVB", timedelta(hours=1))) == Rejected("four-byte-sign")
    assert not router.calls


def test_nothing_can_be_asked(router: Any) -> None:
    """Neither for a message nor for the account: nothing is connected, and it says so."""
    now = datetime.now(UTC)
    assert link().find(Trace("r1", now, now, MESSAGE, alone=True)) == CannotTell("provider-cannot-be-asked")
    assert isinstance(link().status("D1"), NoReport)
    assert "cannot be asked" in link().check()
    assert not router.calls
