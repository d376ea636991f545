"""The stand-ins: each provider's own form of every behaviour, of its refusals and of what it tells later."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhirnotify.errors import AccountFault
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.provider_matrix import providers
from fhirnotify.sms.gateway import Accepted, Deferred, Delivered, NoReport, Rejected, Sms, Trace, Underway, Unknown
from fhirnotify.sms.providers import adapter

ANNA = "+46701740605"
MESSAGE = Sms("r1", ANNA, "Påminnelse till Åsa", "RegionVB", timedelta(hours=24))
SILENT = {Behaviour.HANG, Behaviour.TAKE_AND_HANG}
CERTAIN = {
    Behaviour.REFUSE: Rejected,
    Behaviour.REFUSE_STRANGELY: Deferred,
    Behaviour.THROTTLE: Deferred,
    Behaviour.UNAVAILABLE: Deferred,
    Behaviour.OUT_OF_CREDIT: AccountFault,
    Behaviour.WRONG_PASSWORD: AccountFault,
}
OTHERWISE = {("kannel", Behaviour.REFUSE): Deferred}
"""A Kannel that has taken nothing yet may deny every number."""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Start the stand-ins; what is late is not very late."""
    with Inbox(exchange=Exchange(late=0.1, hang=20.0)) as started:
        yield started


def account(inbox: Inbox, provider: str) -> dict[str, Any]:
    """Give a provider's account."""
    return inbox.settings(provider)[f"sms.{provider}"]


@pytest.mark.parametrize("behaviour", Behaviour)
@pytest.mark.parametrize("provider", providers())
def test_every_behaviour_of_every_provider(inbox: Inbox, provider: str, behaviour: Behaviour) -> None:
    """What is certain is told as certain; what is not is unknown; and the stand-in has what the behaviour says."""
    seconds = 0.5 if behaviour in SILENT else 20
    gateway = adapter(provider, account(inbox, provider), timeout=timedelta(seconds=seconds))
    inbox.next(behaviour)
    try:
        outcome: Any = gateway.send(MESSAGE)
    except AccountFault as fault:
        outcome = fault
    gateway.close()
    if behaviour is not Behaviour.FAIL:  # which each provider says, or does not say, in its own way
        certain = OTHERWISE.get((provider, behaviour), CERTAIN.get(behaviour, Unknown))
        assert isinstance(outcome, Accepted if behaviour.accepts else certain)
    assert [each.to for each in inbox.messages] == [ANNA] * behaviour.takes
    assert [each.to for each in inbox.attempts] == [ANNA] * (not behaviour.takes)
    assert all((each.provider, each.text) == (provider, MESSAGE.text) for each in inbox.messages)


FAILS = {
    "46elks": Rejected("failed"),
    "infobip": Rejected("UNDELIVERABLE_NOT_DELIVERED"),
    "twilio": Rejected("failed"),
    "link": Unknown("106000"),
    "kannel": Unknown("Sending failed"),
}


@pytest.mark.parametrize("provider", FAILS)
def test_message_that_fails_at_once(inbox: Inbox, provider: str) -> None:
    """As each provider says so; LINK and Kannel say nothing that could be understood."""
    inbox.next(Behaviour.FAIL)
    gateway = adapter(provider, account(inbox, provider), timeout=timedelta(seconds=20))
    assert gateway.send(MESSAGE) == FAILS[provider]
    gateway.close()


def test_message_that_fails_at_once_with_sinch(inbox: Inbox) -> None:
    """Sinch takes note of it, and reports it as rejected."""
    inbox.next(Behaviour.FAIL)
    gateway = adapter("sinch", account(inbox, "sinch"), timeout=timedelta(seconds=20))
    accepted = gateway.send(MESSAGE)
    assert isinstance(accepted, Accepted)
    now = datetime.now(UTC)
    found: Any = gateway.find(Trace("r1", now, now))
    assert found.message_id == accepted.message_id
    report: Any = gateway.status(str(accepted.message_id))
    assert (report.code, report.permanent) == ("Aborted 408", False)
    gateway.close()
    assert inbox.messages == []


@pytest.mark.parametrize("provider", providers())
def test_message_is_delivered_later(inbox: Inbox, provider: str) -> None:
    """Who asks twice learns more; LINK and Kannel never tell."""
    inbox.next(Behaviour.DELIVERED_LATER)
    gateway = adapter(provider, account(inbox, provider), timeout=timedelta(seconds=20))
    accepted: Any = gateway.send(MESSAGE)
    told = [gateway.status(accepted.message_id) for _ in range(3)]
    gateway.close()
    if provider in ("link", "kannel"):
        assert all(isinstance(each, NoReport) for each in told)
    else:
        assert told == [Underway(), Delivered(), Delivered()]


@pytest.mark.parametrize("provider", providers())
def test_what_was_taken_outlives_the_stand_in(tmp_path: Path, provider: str) -> None:
    """One that is started on its journal knows the messages, and what becomes of them."""
    journal = tmp_path / "journal.jsonl"
    with Inbox(exchange=Exchange(journal)) as first:
        first.next(Behaviour.UNDERWAY)
        gateway = adapter(provider, account(first, provider), timeout=timedelta(seconds=20))
        accepted: Any = gateway.send(MESSAGE)
        gateway.close()
    with Inbox(exchange=Exchange(journal)) as second:
        gateway = adapter(provider, account(second, provider), timeout=timedelta(seconds=20))
        assert isinstance(gateway.status(accepted.message_id), Underway | NoReport)
        assert second.messages[0].reference in ("r1", "")
        gateway.close()


WRONG: dict[str, list[tuple[str, str, int, object]]] = {
    "sinch": [
        ("to", "0701740605", 400, "syntax_invalid_parameter_format"),
        ("from", "Region Västerbotten", 400, "syntax_invalid_parameter_format"),
        ("body", "a" * 2001, 400, "syntax_constraint_violation"),
        ("client_reference", "a" * 129, 400, "syntax_constraint_violation"),
        ("expire_at", "2020-01-01T00:00:00Z", 400, "syntax_constraint_violation"),
        ("type", "mt_binary", 400, "syntax_constraint_violation"),
    ],
    "twilio": [
        ("To", "0701740605", 400, 21211),
        ("From", "RegionVasterbotten", 400, 21212),
        ("Body", "a" * 1601, 400, 21617),
        ("ValidityPeriod", "36001", 400, 21629),
    ],
    "link": [
        ("platformId", "X", 400, 106200),
        ("platformPartnerId", "X", 400, 106201),
        ("useDeliveryReport", "yes", 400, 106300),
        ("source", "1177", 400, 106000),
        ("destination", "0701740605", 400, 106000),
        ("relativeValidityTime", "1", 400, 106000),
    ],
}


def send_raw(inbox: Inbox, provider: str, changes: dict[str, Any]) -> httpx.Response:
    """Send a message that is right but for some fields, without the adapter."""
    mine = account(inbox, provider)
    with httpx.Client(timeout=20) as client:
        if provider == "sinch":
            batch = {"type": "mt_text", "from": "RegionVB", "to": ["46701740605"], "body": "x"} | changes
            batch["to"] = batch["to"] if isinstance(batch["to"], list) else [batch["to"]]
            return client.post(
                f"{mine['base_url']}/xms/v1/{mine['service_plan_id']}/batches",
                json=batch,
                headers={"authorization": f"Bearer {mine['api_token']}"},
            )
        if provider == "twilio":
            form = {"To": ANNA, "From": "RegionVB", "Body": "x"} | changes
            address = f"{mine['base_url']}/2010-04-01/Accounts/{mine['account_sid']}/Messages.json"
            return client.post(address, data=form, auth=(mine["account_sid"], mine["auth_token"]))
        message = {
            "source": "RegionVB",
            "destination": ANNA,
            "userData": "x",
            "platformId": mine["platform_id"],
            "platformPartnerId": mine["platform_partner_id"],
            "relativeValidityTime": 900_000,
            "useDeliveryReport": False,
        } | changes
        return client.post(f"{mine['base_url']}/sms/send", json=message, auth=(mine["username"], mine["password"]))


@pytest.mark.parametrize(
    ("provider", "field", "value", "status", "code"),
    [(provider, *case) for provider, cases in WRONG.items() for case in cases],
)
def test_stand_in_validates(inbox: Inbox, provider: str, field: str, value: str, status: int, code: object) -> None:
    """What the documents do not allow is refused with their codes, and not taken."""
    answer = send_raw(inbox, provider, {field: value})
    said = answer.json()
    assert (answer.status_code, said.get("code", said.get("status"))) == (status, code)
    assert inbox.messages == []
    assert send_raw(inbox, provider, {}).is_success
    assert len(inbox.messages) == 1


KANNEL = {
    "x-kannel-username": "fake-user",
    "x-kannel-password": "fake-password",
    "x-kannel-to": ANNA,
    "x-kannel-from": "RegionVB",
    "content-type": "text/plain; charset=UTF-8",
}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"content-type": "application/x-www-form-urlencoded"}, 400, "Invalid content-type"),
        ({"x-kannel-password": "x"}, 403, "Authorization failed for sendsms"),
        ({"x-kannel-to": ""}, 400, "Empty receiver number not allowed, rejected"),
        ({"x-kannel-to": "070 174"}, 400, "Number(s) has/have been denied by white- and/or black-lists."),
        ({"x-kannel-from": ""}, 400, "Sender missing and no global set, rejected"),
        ({"x-kannel-account": "a" * 65}, 400, "Account field misformed or too long, rejected"),
        ({"x-kannel-coding": "3"}, 400, "Coding field misformed, rejected"),
        ({"x-kannel-validity": "-2"}, 400, "Validity field misformed, rejected"),
    ],
)
def test_kannel_validates(inbox: Inbox, changes: dict[str, str], status: int, words: str) -> None:
    """In its own words; nothing is taken by GET, nor at another address."""
    address = f"{inbox.address('kannel')}/cgi-bin/sendsms"
    with httpx.Client(timeout=20) as client:
        said = client.post(address, headers=KANNEL | changes, content="x")
        assert (said.status_code, said.text) == (status, words)
        assert client.get(address, headers=KANNEL).status_code == 405
        assert client.post(f"{inbox.address('kannel')}/sendsms", headers=KANNEL, content="x").status_code == 404
        assert inbox.messages == []
        assert client.post(address, headers=KANNEL, content="Šarūnas".encode()).text == "0: Accepted for delivery"
    assert [each.text for each in inbox.messages] == ["?ar?nas"]


def test_link_answers_without_an_id_unless_it_is_asked(inbox: Inbox) -> None:
    """``ignoreResponse`` is true where nothing is said."""
    assert send_raw(inbox, "link", {}).status_code == 204
    said = send_raw(inbox, "link", {"ignoreResponse": False}).json()
    assert said["resultCode"] == 1005
    assert base64.b64decode(said["messageId"])


def test_infobip_names_the_field_that_is_wrong(inbox: Inbox) -> None:
    """A 400 with the property; what cannot be read at all names none."""
    mine = account(inbox, "infobip")
    message = {
        "sender": "RegionVB",
        "destinations": [{"to": "0701740605", "messageId": "r1"}],
        "content": {"text": "x"},
        "options": {"validityPeriod": {"amount": 60, "timeUnit": "MINUTES"}},
    }
    with httpx.Client(
        timeout=20, base_url=mine["base_url"], headers={"authorization": f"App {mine['api_key']}"}
    ) as client:
        said = client.post("/sms/3/messages", json={"messages": [message]})
        assert (said.status_code, said.json()["violations"][0]["property"]) == (400, "messages[0].destinations[0].to")
        message["content"] = {"text": ""}
        message["destinations"] = [{"to": "46701740605", "messageId": "r1"}]
        assert client.post("/sms/3/messages", json={"messages": [message]}).json()["violations"]
        assert client.post("/sms/3/messages", content=json.dumps([])).json()["violations"] == []
        assert client.get("/nothing").status_code == 404
    assert inbox.messages == []


def test_twilio_s_list_has_pages(inbox: Inbox) -> None:
    """The newest first; each page leads to the next by its address."""
    for _ in range(5):
        send_raw(inbox, "twilio", {})
    mine = account(inbox, "twilio")
    path = f"/2010-04-01/Accounts/{mine['account_sid']}/Messages.json"
    with httpx.Client(timeout=20, auth=(mine["account_sid"], mine["auth_token"])) as client:
        first = client.get(f"{mine['base_url']}{path}", params={"PageSize": 3}).json()
        second = client.get(f"{mine['base_url']}{first['next_page_uri']}").json()
    listed = [each["sid"] for each in (*first["messages"], *second["messages"])]
    assert listed == [each.id for each in reversed(inbox.messages)]
    assert second["next_page_uri"] is None
