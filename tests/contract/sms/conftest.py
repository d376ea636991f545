"""Every adapter of the SMS port, each with a way to see what its provider has taken and to make it fail."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import respx
from sms_answers import ANSWERS

from fhirnotify.errors import AccountFault
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.inbox import Inbox
from fhirnotify.sms.gateway import Gateway, Sms, Unknown
from fhirnotify.sms.memory import MemoryGateway
from fhirnotify.sms.outbox import Outbox
from fhirnotify.sms.providers import adapter

Message = tuple[str, str, str]

UNASKED = {"link-loopback", "link-respx", "kannel-loopback", "kannel-respx"}
"""Where nothing can be asked at all."""

CANNOT_TELL = {*UNASKED, "twilio-loopback"}
"""Where what was taken cannot be found: Twilio does not show numbers unless it keeps them."""


@dataclass
class Provider:
    """An adapter and its provider: ``taken`` lists (to, sender, text).

    ``lose_answer`` makes the provider take the next message and the answer get lost; ``refuse_account`` makes it
    refuse the account from then on. ``finds`` says that what was taken can be found, ``asked`` that it can be asked
    for.
    """

    gateway: Gateway
    taken: Callable[[], list[Message]]
    lose_answer: Callable[[], None]
    refuse_account: Callable[[], None]
    finds: bool = True
    asked: bool = True


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


def on_loopback(name: str) -> Iterator[Provider]:
    """Give a provider against its stand-in."""
    with Inbox() as inbox:
        gateway = adapter(name, inbox.settings(name)[f"sms.{name}"], timeout=timedelta(seconds=20))
        yield Provider(
            gateway,
            lambda: [(each.to, each.sender, each.text) for each in inbox.messages],
            lambda: inbox.next(Behaviour.TAKE_AND_DROP),
            lambda: inbox.always(Behaviour.OUT_OF_CREDIT),
        )
        gateway.close()


def under_respx(name: str) -> Iterator[Provider]:
    """Give a provider against answers written apart from its stand-in."""
    answers = ANSWERS[name]()
    with respx.mock(assert_all_called=False) as router:
        answers.routes(router)
        gateway = adapter(name, answers.account, timeout=timedelta(seconds=5))
        yield Provider(
            gateway,
            answers.sent,
            lambda: answers.trouble.append(httpx.ReadTimeout("")),
            lambda: answers.trouble.append(answers.refused),
        )
        gateway.close()


@pytest.fixture(params=["memory", "outbox", *(f"{name}-{way}" for name in ANSWERS for way in ("loopback", "respx"))])
def provider(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Give each adapter in turn."""
    name, _, way = request.param.rpartition("-")
    if request.param == "memory":
        given = memory()
    elif request.param == "outbox":
        given = outbox(tmp_path, monkeypatch)
    else:
        given = on_loopback(name) if way == "loopback" else under_respx(name)
    for one in given:
        one.finds, one.asked = request.param not in CANNOT_TELL, request.param not in UNASKED
        yield one
