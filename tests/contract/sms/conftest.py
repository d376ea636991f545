"""Every adapter of the SMS port, each with a way to see what its provider has taken and to make it fail."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest
import respx

from fhirnotify.errors import AccountFault
from fhirnotify.harness.elks46 import PASSWORD, USERNAME, Behaviour, FakeElks46
from fhirnotify.sms.elks46 import Elks46
from fhirnotify.sms.gateway import Gateway, Sms, Unknown
from fhirnotify.sms.memory import MemoryGateway
from fhirnotify.sms.outbox import Outbox

Message = tuple[str, str, str]


@dataclass
class Provider:
    """An adapter and its provider: ``taken`` lists (to, sender, text).

    ``lose_answer`` makes the provider take the next message and the answer get lost; ``refuse_account`` makes it
    refuse the account from then on.
    """

    gateway: Gateway
    taken: Callable[[], list[Message]]
    lose_answer: Callable[[], None]
    refuse_account: Callable[[], None]


def memory() -> Iterator[Provider]:
    """Give the provider in memory."""
    answers: list[Unknown | AccountFault] = []

    def script(_: Sms) -> Unknown | AccountFault | None:
        if answers and isinstance(answers[0], AccountFault):
            return answers[0]
        return answers.pop() if answers else None

    gateway = MemoryGateway(script, taken_when_unknown=True)
    yield Provider(
        gateway,
        lambda: [(sms.to, sms.sender, sms.text) for sms in gateway.taken],
        lambda: answers.append(Unknown("read-timeout")),
        lambda: answers.append(AccountFault("refused")),
    )


def outbox(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Give the file; its answer gets lost by a failing fsync."""
    path = directory / "outbox.jsonl"

    def taken() -> list[Message]:
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
        return [(line["to"], line["sender"], line["text"]) for line in lines]

    def lose_answer() -> None:
        def fsync(_: int) -> None:
            monkeypatch.undo()
            raise OSError(5, "Input/output error")

        path.touch()
        monkeypatch.setattr("os.fsync", fsync)

    yield Provider(Outbox(path), taken, lose_answer, path.mkdir)


def elks46_on_loopback() -> Iterator[Provider]:
    """Give 46elks against its stand-in."""
    with FakeElks46() as fake:
        gateway = elks46(fake.base_url)
        yield Provider(
            gateway,
            lambda: [(each.to, each.sender, each.text) for each in fake.taken],
            lambda: fake.next(Behaviour.TAKE_AND_DROP),
            lambda: setattr(fake, "balance", 0),
        )
        gateway.close()


def elks46_under_respx() -> Iterator[Provider]:
    """Give 46elks against answers written here."""
    taken: list[dict[str, str]] = []
    trouble: list[httpx.Response | httpx.ReadTimeout] = []
    lock = threading.Lock()

    def send(request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        with lock:
            if trouble and isinstance(trouble[0], httpx.Response):
                return trouble[0]
            message = {
                "id": f"s{len(taken)}",
                "to": form["to"],
                "from": form["from"],
                "created": datetime.now(UTC).replace(tzinfo=None).isoformat(),
                "direction": "outgoing",
            }
            taken.append(message | {"message": form["message"]})
            if trouble:
                raise trouble.pop()
        return httpx.Response(200, json=message | {"status": "created", "parts": 2})

    def history(request: httpx.Request) -> httpx.Response:
        shown = [{key: each[key] for key in each if key != "message"} for each in reversed(taken)]
        return httpx.Response(200, json={"data": [each for each in shown if each["to"] == request.url.params["to"]]})

    with respx.mock(base_url="https://46elks.test/a1", assert_all_called=False) as router:
        router.post("/sms").mock(side_effect=send)
        router.get("/sms").mock(side_effect=history)
        router.get("/me").respond(json={"balance": 9670500, "currency": "SEK", "email": "nobody@example.org"})
        gateway = elks46("https://46elks.test")
        yield Provider(
            gateway,
            lambda: [(each["to"], each["from"], each["message"]) for each in taken],
            lambda: trouble.append(httpx.ReadTimeout("")),
            lambda: trouble.append(httpx.Response(401, text="API access requires Basic HTTP authentication")),
        )
        gateway.close()


def elks46(base_url: str) -> Elks46:
    """Make the adapter."""
    return Elks46(username=USERNAME, password=PASSWORD, base_url=base_url, timeout=timedelta(seconds=5))


@pytest.fixture(params=["memory", "outbox", "46elks-loopback", "46elks-respx"])
def provider(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Give each adapter in turn."""
    if request.param == "memory":
        yield from memory()
    elif request.param == "outbox":
        yield from outbox(tmp_path, monkeypatch)
    elif request.param == "46elks-loopback":
        yield from elks46_on_loopback()
    else:
        yield from elks46_under_respx()
