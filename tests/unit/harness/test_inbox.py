"""The SMS inbox as programs use it: what it delivers, keeps, is told and refuses."""

import json
import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.elks46 import PASSWORD, USERNAME
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.inbox import PROVIDERS, Inbox
from fhirnotify.harness.inbox_view import NOTES, WORDS
from fhirnotify.sms.elks46 import Elks46
from fhirnotify.sms.gateway import Accepted, Deferred, Rejected, Sms

ANNA, BO = "+46701740605", "+46701740606"


@pytest.fixture
def inbox():
    """Give an inbox that loses no time."""
    with Inbox(exchange=Exchange(hang=0.1, late=0.05, retry_after=None)) as made:
        yield made


@pytest.fixture
def http(inbox):
    """Speak to the inbox as a program."""
    with httpx.Client(base_url=inbox.base_url) as client:
        yield client


@pytest.fixture
def gateway(inbox):
    """Give 46elks' adapter, with the account that the inbox tells."""
    account = inbox.settings()["sms.46elks"]
    adapter = Elks46(**account, timeout=timedelta(seconds=5))
    yield adapter
    adapter.close()


def sms(to=ANNA, text="Påminnelse till Anna"):
    """Make a message."""
    return Sms("r1", to, text, "RegionVB", timedelta(hours=24))


def test_it_keeps_what_it_delivers(inbox, gateway):
    """A message that is accepted is there with its number, sender and text, once, at its time."""
    before = datetime.now(UTC)
    sent = gateway.send(sms())
    assert isinstance(sent, Accepted)
    (message,) = inbox.messages
    assert (message.id, message.provider, message.to, message.sender, message.text) == (
        sent.message_id,
        "46elks",
        ANNA,
        "RegionVB",
        "Påminnelse till Anna",
    )
    assert before <= message.at <= datetime.now(UTC)
    assert inbox.attempts == []


def test_it_does_as_it_is_told(inbox, gateway):
    """The next ones, a number's own, and all until changed; what is not delivered is an attempt."""
    inbox.next(Behaviour.THROTTLE)
    inbox.on(BO, Behaviour.ACCEPT, Behaviour.REFUSE)
    assert isinstance(gateway.send(sms(BO)), Accepted)
    assert isinstance(gateway.send(sms()), Deferred)
    assert isinstance(gateway.send(sms(BO)), Rejected)
    inbox.always(Behaviour.UNAVAILABLE)
    assert isinstance(gateway.send(sms()), Deferred)
    assert [(each.to, each.behaviour) for each in inbox.attempts] == [
        (ANNA, Behaviour.THROTTLE),
        (BO, Behaviour.REFUSE),
        (ANNA, Behaviour.UNAVAILABLE),
    ]
    assert [each.to for each in inbox.messages] == [BO]
    inbox.clear()
    assert (inbox.messages, inbox.attempts) == ([], [])
    assert isinstance(gateway.send(sms(BO)), Accepted)


def test_late_is_after_a_while(gateway, inbox):
    """The sender waits for the answer, and the patient has the message meanwhile."""
    inbox.next(Behaviour.LATE)
    before = datetime.now(UTC)
    assert isinstance(gateway.send(sms()), Accepted)
    assert datetime.now(UTC) - before >= timedelta(seconds=inbox.exchange.late)
    assert inbox.messages[0].behaviour == Behaviour.LATE


def test_messages_as_json(inbox, http, gateway):
    """Everything that was delivered and that was not, with the segments, until it is forgotten."""
    gateway.send(sms(text="a" * 160 + "€"))
    inbox.next(Behaviour.DROP)
    gateway.send(sms(BO))
    kept = http.get("/messages").json()
    (message,), (attempt,) = kept["messages"], kept["attempts"]
    assert (message["to"], message["encoding"], message["behaviour"]) == (ANNA, "GSM-7", "accept")
    assert message["segments"] == ["a" * 153, "a" * 7 + "€"]
    assert datetime.fromisoformat(message["at"]).tzinfo is not None
    assert (attempt["to"], attempt["behaviour"], attempt["provider"]) == (BO, "drop", "46elks")
    assert http.delete("/messages").status_code == 204
    assert http.get("/messages").json() == {"messages": [], "attempts": []}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"behaviour": "throttle"}, {"behaviour": "throttle", "to": None, "count": None}),
        ({"behaviour": "refuse", "count": 3}, {"behaviour": "refuse", "to": None, "count": 3}),
        ({"behaviour": "hang", "count": 1, "to": ANNA}, {"behaviour": "hang", "to": ANNA, "count": 1}),
        (
            {"behaviour": "drop", "count": None, "to": "+46 70-174 06 05"},
            {"behaviour": "drop", "to": ANNA, "count": None},
        ),
    ],
)
def test_behaviour_as_json(http, told, line):
    """What is told is what is kept, until it is taken back."""
    assert http.post("/behaviour", json=told).json() == [line]
    assert http.get("/behaviour").json() == [line]
    assert http.delete("/behaviour").status_code == 204
    assert http.get("/behaviour").json() == []


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"behaviour": "explode"}, "The behaviour is one of accept, late"),
        ({"count": 1}, "The behaviour is one of"),
        ({"behaviour": "drop", "count": 0.5}, "The number of messages is 1 to 10000"),
        ({"behaviour": "drop", "count": "0x1"}, "The number of messages is 1 to 10000"),
        ({"behaviour": "drop", "count": 10001}, "The number of messages is 1 to 10000"),
        ({"behaviour": "drop", "count": -1}, "The number of messages is 1 to 10000"),
        ({"behaviour": "drop", "to": "0701740605"}, "Write the number as +46701740605"),
        ({"behaviour": "drop", "number": ANNA}, "There is no number"),
        (["drop"], "The body is no JSON object"),
    ],
)
def test_what_cannot_be_understood_changes_nothing(http, told, why):
    """400, in words, and the script is as it was."""
    answer = http.post("/behaviour", json=told)
    assert answer.status_code == 400
    assert why in answer.json()["error"]
    assert http.get("/behaviour").json() == []


def test_json_that_is_none_is_refused(http):
    """As is what names itself JSON and is not."""
    answer = http.post("/behaviour", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, http.get("/behaviour").json()) == (400, [])


REQUESTS = [
    ("GET", "/"),
    ("GET", "/messages"),
    ("POST", "/messages/clear"),
    ("DELETE", "/messages"),
    ("POST", "/behaviour"),
    ("POST", "/46elks/a1/sms"),
    ("GET", "/46elks/a1/sms"),
]


@pytest.mark.parametrize(
    "headers", [{"Host": "inbox.example:80"}, {"Origin": "http://example.org"}, {"Origin": "null"}]
)
@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_another_site_s_page_reaches_nothing(http, inbox, gateway, method, path, headers):
    """Neither by a form of its own nor by a name that it lets point to this machine; nothing is told or changed."""
    gateway.send(sms())
    answer = http.request(method, path, headers=headers, data={"behaviour": "refuse"} if method == "POST" else None)
    assert answer.status_code == 403
    assert ANNA not in answer.text
    assert len(inbox.messages) == 1
    assert inbox.exchange.script.lines() == []


def test_its_own_page_does(http, inbox):
    """By either name of the loopback."""
    for host in ("127.0.0.1", "localhost"):
        address = f"{host}:{httpx.URL(inbox.base_url).port}"
        headers = {"Host": address, "Origin": f"http://{address}"}
        assert http.post("/behaviour/clear", headers=headers).status_code == 303


@pytest.mark.parametrize(
    ("path", "kind", "body", "why"),
    [
        ("/behaviour", "application/x-www-form-urlencoded", b"behaviour=\xff\xfe", "is not UTF-8"),
        ("/46elks/a1/sms", "application/x-www-form-urlencoded", b"to=\xff\xfe", "is not UTF-8"),
        ("/behaviour", "application/json", b"[" * 7000 + b"]" * 7000, "The body is no JSON object."),
    ],
)
def test_what_cannot_be_read_is_answered(http, path, kind, body, why):
    """Bytes that are no text and JSON without end are refused, and the connection stays."""
    answer = http.post(path, content=body, headers={"Content-Type": kind}, auth=(USERNAME, PASSWORD))
    assert answer.status_code == 400
    assert why in answer.text
    assert http.get("/behaviour").status_code == 200


def test_what_is_not_there_is_404(http):
    """Other paths, and methods that a path does not have."""
    for method, path in (("GET", "/nothing"), ("POST", "/messages"), ("GET", "/46elksx/a1/me"), ("PUT", "/")):
        assert http.request(method, path).status_code == 404


def test_a_taken_port_is_an_error():
    """Who wants a certain port is told when it is taken."""
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        Inbox(other.getsockname()[1])


def test_every_provider_has_settings_of_its_own(inbox):
    """Each names itself, and an address under its own name."""
    for api in PROVIDERS:
        sections = inbox.settings(api.name)
        assert sections["sms"] == {"provider": api.name}
        assert sections[f"sms.{api.name}"]["base_url"] == inbox.address(api.name) == f"{inbox.base_url}/{api.name}"


def test_every_behaviour_has_its_words():
    """A new behaviour cannot be forgotten on the page."""
    assert set(WORDS) == set(Behaviour)
    assert set(NOTES) == set(Behaviour) - {Behaviour.ACCEPT}


def test_what_is_no_http_is_told_so(inbox):
    """A stray program gets an answer, and the inbox goes on."""
    with socket.create_connection(("127.0.0.1", httpx.URL(inbox.base_url).port)) as connection:
        connection.sendall(b"EHLO example\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert httpx.get(inbox.base_url).status_code == 200


def test_head_is_answered_without_a_body(http):
    """As of every page; the connection can be used again."""
    assert http.head("/").content == b""
    assert json.loads(http.get("/behaviour").text) == []
