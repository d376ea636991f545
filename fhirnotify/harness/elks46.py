"""A stand-in for 46elks on the loopback, with the behaviours of its documents, which can be told to fail.

    python -m fhirnotify.harness.elks46 --port 0 --journal FILE [--on +46701740605=throttle,accept] [--latency 0.05]

prints ``{"base_url": "http://127.0.0.1:…"}`` when it is ready, and ends on SIGTERM. The journal, a JSON line for each
message taken for delivery, is the judge of what patients would have got: it is on file before the answer is sent,
and an earlier one is read back, so that neither side's crash loses anything.

Its documents give no HTTP status for most errors; 400 (the message), 401 (credentials), 403 (credit) are assumed.
"""

import argparse
import base64
import json
import re
import signal
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from fhirnotify.harness.journal import Taken, append, parts, read_journal
from fhirnotify.harness.loopback import LoopbackServer, Raw, Reply, Request, Silence

USERNAME = "u0123456789abcdef"
PASSWORD = "fake-password"  # noqa: S105  # of the stand-in only
PRICE = 3500
"""Of one part, in 1/10000 of the currency."""

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9]{2,10}")


class Behaviour(StrEnum):
    """What to do with a message."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    THROTTLE = "throttle"
    UNAVAILABLE = "unavailable"
    OUT_OF_CREDIT = "out-of-credit"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105  # a behaviour, not a secret
    FAIL = "fail"
    """Answers 200, with the status ``failed``."""
    HANG = "hang"
    DROP = "drop"
    TAKE_AND_BREAK = "take-and-break"
    """Takes the message, and answers 500."""
    TAKE_AND_HANG = "take-and-hang"
    TAKE_AND_DROP = "take-and-drop"
    TAKE_AND_BABBLE = "take-and-babble"
    """Takes the message, and answers with what is no JSON."""
    TAKE_AND_MANGLE = "take-and-mangle"
    """Takes the message, and answers with what is no HTTP."""


def _text(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), {"Content-Type": "text/plain"})


def _json(value: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


_UNAUTHORIZED = _text(401, "API access requires Basic HTTP authentication")
_ANSWERS: dict[Behaviour, Reply | Raw] = {
    Behaviour.REFUSE: _text(400, "Invalid to number"),
    Behaviour.THROTTLE: _text(429, "Too many requests"),
    Behaviour.UNAVAILABLE: _text(503, "Service unavailable"),
    Behaviour.WRONG_PASSWORD: _UNAUTHORIZED,
    Behaviour.TAKE_AND_BREAK: _text(500, "Internal error"),
    Behaviour.TAKE_AND_BABBLE: Reply(200, b"<html>OK</html>", {"Content-Type": "text/html"}),
    Behaviour.TAKE_AND_MANGLE: Raw(b"no HTTP at all\r\n\r\n"),
}
_TAKES = frozenset(each for each in Behaviour if each.startswith("take-")) | {Behaviour.ACCEPT}


@dataclass
class FakeElks46:
    """The stand-in. A context manager; also ``start`` and ``close``. Safe between threads.

    Attributes:
        balance: in 1/10000 of the currency; a message that costs more than is left is refused.
        retry_after: the header that goes with ``throttle`` and ``unavailable``; None for none.
        latency: seconds before each answer.
        hang: seconds for which it keeps silent when it hangs.
        taken: the messages taken for delivery, the oldest first.
        requests: method and path of everything asked, in order.
    """

    journal: Path | None = None
    port: int = 0
    username: str = USERNAME
    password: str = PASSWORD
    balance: int = 10**12
    retry_after: str | None = "1"
    latency: float = 0.0
    hang: float = 60.0
    taken: list[Taken] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.journal is not None and self.journal.exists():
            self.taken += read_journal(self.journal)
        self._authorization = "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        self._lock = threading.Lock()
        self._next: deque[Behaviour] = deque()
        self._on: dict[str, deque[Behaviour]] = {}
        self._server = LoopbackServer(self._handle, self.port)
        self.base_url = self._server.base_url

    def next(self, *behaviours: Behaviour) -> None:
        """Tell what to do with each of the next messages."""
        self._next.extend(behaviours)

    def on(self, number: str, *behaviours: Behaviour) -> None:
        """Tell what to do with each of the next messages to a number; the last behaviour stays."""
        self._on[number] = deque(behaviours)

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def close(self) -> None:
        """Stop, also where it keeps silent."""
        self._server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _handle(self, request: Request) -> Reply | Silence | Raw:
        self.requests.append((request.method, request.path))
        if self.latency:
            self._server.closing.wait(self.latency)
        if request.headers.get("authorization") != self._authorization:
            return _UNAUTHORIZED
        match request.method, request.path:
            case "POST", "/a1/sms":
                return self._send(request.form)
            case "GET", "/a1/sms":
                return self._history(request.query)
            case "GET", "/a1/me":
                return _json({"id": self.username, "displayname": "Test", "currency": "SEK", "balance": self.balance})
            case "GET", path if path.startswith("/a1/sms/"):
                found = [_shown(each) for each in self.taken if each.id == path.removeprefix("/a1/sms/")]
                return _json(found[0]) if found else _text(404, "No such sms")
            case _:
                return _text(404, "Not found")

    def _send(self, form: dict[str, str]) -> Reply | Silence | Raw:
        if fault := _fault(form):
            return _text(400, fault)
        behaviour = self._behaviour(form["to"])
        cost = parts(form["message"]) * PRICE
        if form.get("dryrun") == "yes":
            return _json({"status": "created", "parts": parts(form["message"]), "estimated_cost": cost})
        if behaviour is Behaviour.OUT_OF_CREDIT or cost > self.balance:
            return _text(403, "Not enough credits to send the SMS")
        message = self._take(form, cost) if behaviour in _TAKES else None
        return self._answer(behaviour, message)

    def _behaviour(self, number: str) -> Behaviour:
        with self._lock:
            queue = self._on.get(number)
            if queue:
                return queue.popleft() if len(queue) > 1 else queue[0]
            return self._next.popleft() if self._next else Behaviour.ACCEPT

    def _take(self, form: dict[str, str], cost: int) -> Taken:
        with self._lock:
            created = datetime.now(UTC).replace(tzinfo=None)
            if self.taken:  # each moment once: it is what the history is paged by
                created = max(created, datetime.fromisoformat(self.taken[-1].created) + timedelta(microseconds=1))
            message = Taken(
                id=f"s{uuid4().hex}",
                to=form["to"],
                sender=form["from"],
                text=form["message"],
                created=created.isoformat(timespec="microseconds"),
                parts=parts(form["message"]),
                hidden=form.get("dontlog") == "message",
            )
            self.balance -= cost
            self.taken.append(message)
            if self.journal is not None:
                append(self.journal, message)
            return message

    def _answer(self, behaviour: Behaviour, message: Taken | None) -> Reply | Silence | Raw:
        if behaviour is Behaviour.ACCEPT and message is not None:
            return _json(_shown(message))
        if behaviour is Behaviour.FAIL:
            return _json({"id": f"s{uuid4().hex}", "status": "failed"})
        if behaviour in {Behaviour.HANG, Behaviour.TAKE_AND_HANG}:
            return Silence(self.hang)
        reply = _ANSWERS.get(behaviour, Silence())
        if isinstance(reply, Reply) and reply.status in {429, 503} and self.retry_after is not None:
            return Reply(reply.status, reply.body, reply.headers | {"Retry-After": self.retry_after})
        return reply

    def _history(self, query: dict[str, str]) -> Reply:
        """Page backwards in time: ``start`` is the later bound and ``end`` the earlier, as the documents have it."""
        with self._lock:
            newest_first = list(reversed(self.taken))
        matching = [
            each
            for each in newest_first
            if query.get("to") in (None, each.to)
            and each.created < query.get("start", "9999")
            and each.created > query.get("end", "0000")
        ]
        limit = min(int(query.get("limit", "100")), 100)
        page = {"data": [_shown(each) for each in matching[:limit]]}
        return _json(page | ({"next": matching[limit - 1].created} if len(matching) > limit else {}))


def _shown(message: Taken) -> dict[str, Any]:
    """Give a message as the API shows it."""
    text = {} if message.hidden else {"message": message.text}
    return text | {
        "id": message.id,
        "status": "created",
        "direction": "outgoing",
        "from": message.sender,
        "to": message.to,
        "created": message.created,
        "parts": message.parts,
        "cost": message.parts * PRICE,
    }


def _fault(form: dict[str, str]) -> str | None:
    for key in ("from", "to", "message"):
        if not form.get(key):
            return f"Missing key {key}"
    if not _NUMBER.fullmatch(form["to"]):
        return "Invalid to number"
    if not (_SENDER.fullmatch(form["from"]) or _NUMBER.fullmatch(form["from"])):
        return "Invalid from number"
    return None


_ENDING = {signal.SIGTERM, signal.SIGINT}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="A stand-in for 46elks on the loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--username", default=USERNAME)
    parser.add_argument("--password", default=PASSWORD)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--on", action="append", default=[], metavar="NUMBER=BEHAVIOUR[,…]")
    given = parser.parse_args(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    fake = FakeElks46(given.journal, given.port, given.username, given.password, latency=given.latency)
    for rule in given.on:
        number, _, behaviours = rule.partition("=")
        fake.on(number, *(Behaviour(each) for each in behaviours.split(",")))
    with fake:
        sys.stdout.write(json.dumps({"base_url": fake.base_url}) + "\n")
        sys.stdout.flush()
        signal.sigwait(_ENDING)


if __name__ == "__main__":
    main()
