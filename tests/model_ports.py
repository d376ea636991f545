"""The ports of a run in which anything may happen, for the model-based test: providers, a ledger, and its end."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import Any

from model_facts import RECORDS, Message
from model_world import LOCAL, World

from fhirnotify.errors import AccountFault, IncompleteRead, LedgerError
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Deferred,
    Delivered,
    Found,
    NoReport,
    NotFound,
    NotNow,
    Rejected,
    Undelivered,
    Underway,
    Unknown,
)

_WHEN = re.compile(r"(\d{4})-(\d\d)-(\d\d) klockan (\d\d)\.(\d\d)")


class Crash(BaseException):
    """The process is gone. Nothing of the program may catch it."""


class Answer(StrEnum):
    """How a provider answers one request."""

    TAKE = auto()
    REFUSE = auto()
    THROTTLE = auto()
    REFUSE_ACCOUNT = auto()
    KEEP_SILENT_AND_TAKE = auto()
    KEEP_SILENT_AND_LOSE = auto()
    KEEP_SILENT_AND_TAKE_LATE = auto()
    DIE_BEFORE = auto()
    DIE_AFTER = auto()


class Life:
    """One process: when it is gone, it does nothing any more. At one of its steps something may happen."""

    def __init__(self, at: int = -1, happens: Callable[["Life", str], None] = lambda *_: None) -> None:
        self.alive = True
        self._left = at if at >= 0 else -2
        self._happens = happens

    def step(self, kind: str) -> None:
        """Come to a boundary of a port, in the thread that owns the run."""
        self.check()
        self._left -= 1
        if self._left == -1:
            self._happens(self, kind)
        self.check()

    def check(self) -> None:
        if not self.alive:
            raise Crash

    def die(self) -> None:
        self.alive = False


class MortalLedger:
    """A ledger that stays, as a process sees it that may end before and after each commit."""

    _WRITES = frozenset({"begin", "claim", "take", "move", "release", "finish", "to_follow_up", "renew"})

    def __init__(self, ledger: Any, life: Life) -> None:
        self._ledger, self._life = ledger, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        if not callable(found):
            return found

        def called(*args: Any, **named: Any) -> Any:
            self._life.check()
            if name not in self._WRITES or (name == "move" and not args[2]):
                return found(*args, **named)
            self._life.step("write")
            answer = found(*args, **named)
            self._life.step("written")
            return answer

        return called


class Provider:
    """One account of a provider in this region, as one process speaks to it."""

    name = "model"
    remembers = timedelta(days=3)
    settle = timedelta(seconds=20)

    def __init__(self, world: World, life: Life, account: str) -> None:
        self.account = account
        self._world, self._life = world, life
        self._known = world.known.setdefault(account, set())

    def send(self, sms: Any) -> Any:
        with self._world.lock:
            if not self._life.alive:
                return Unknown("nobody-is-there")
            message = Message(_record_of(sms.to), _start_in(sms.text), sms.reference)
            return self._answer(self._world.script.pop(message.record, Answer.TAKE), message)

    def _answer(self, answer: Answer, message: Message) -> Any:
        match answer:
            case Answer.TAKE:
                self._take(message)
                return Accepted(f"{self.account}-{message.reference}", None)
            case Answer.REFUSE:
                self._world.refused.add((message.record, message.start))
                return Rejected("no-such-number")
            case Answer.THROTTLE:
                return Deferred("busy")
            case Answer.REFUSE_ACCOUNT:
                raise AccountFault("The account is refused.")
        self._world.doubt(message)
        if answer in {Answer.KEEP_SILENT_AND_TAKE, Answer.DIE_AFTER}:
            self._take(message)
        if answer is Answer.KEEP_SILENT_AND_TAKE_LATE:
            self._world.take_later(self.account, message)
        if answer in {Answer.DIE_BEFORE, Answer.DIE_AFTER}:
            self._life.die()
        return Unknown("read-timeout")

    def _take(self, message: Message) -> None:
        self._world.take(message)
        self._known.add(message.reference)

    def find(self, trace: Any) -> Any:
        self._life.check()
        if self._world.mute:
            return CannotTell("cannot-be-asked")
        found = trace.reference in self._known
        return Found(f"{self.account}-{trace.reference}", None) if found else NotFound()

    def status(self, message_id: str) -> Any:
        record = next(each.record for each in self._world.taken if message_id.endswith(each.reference))
        return _DELIVERIES[RECORDS.index(record) % len(_DELIVERIES)]

    def check(self) -> str:
        return "it is a model"

    def close(self) -> None:
        pass


_DELIVERIES = (Delivered(), Underway(), Undelivered("gone", permanent=True), NoReport("never"), NotNow("http-503"))


def crash(life: Life, kind: str) -> None:
    """Let the process be gone."""
    life.die()


def crash_a_little_later(life: Life, kind: str) -> None:
    """Let the process be gone when what it has handed over has been sent."""
    time.sleep(0.01)
    life.die()


def fail(life: Life, kind: str) -> None:
    """Let the port fail at this step, if it can."""
    if kind == "write":
        raise LedgerError("The disk is full.")
    if kind == "read":
        raise IncompleteRead("A page was lost.")


def _record_of(number: str) -> str:
    return RECORDS[int(number[-2:]) - 10]


def _start_in(text: str) -> datetime:
    found = _WHEN.search(text)
    assert found is not None
    return datetime(*map(int, found.groups()), tzinfo=LOCAL)  # type: ignore[arg-type]
