"""A stand-in for 46elks, with the behaviours of its documents, which can be told to fail.

``Elks46Api`` speaks 46elks' API over an exchange; ``FakeElks46`` is it on a port of its own, also as a program:

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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from uuid import uuid4

from fhirnotify.harness.behaviour import Behaviour, Fate
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.journal import Taken, parts
from fhirnotify.harness.loopback import Answer, LoopbackServer, Reply, Request

USERNAME = "u0123456789abcdef"
PASSWORD = "fake-password"  # noqa: S105  # of the stand-in only
PRICE = 3500
"""Of one part, in 1/10000 of the currency."""

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9]{2,10}")


def _text(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), {"Content-Type": "text/plain"})


def _json(value: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


STATUSES = {
    Fate.UNDERWAY: "sent",
    Fate.DELIVERED: "delivered",
    Fate.UNDELIVERED: "failed",
    Fate.DEAD_NUMBER: "failed",
}
"""What 46elks says of a message; of its failing it tells no reason."""

_UNAUTHORIZED = _text(401, "API access requires Basic HTTP authentication")
_ANSWERS = {
    Behaviour.REFUSE: _text(400, "Invalid to number"),
    Behaviour.REFUSE_STRANGELY: _text(400, "The moon is in the wrong phase"),
    Behaviour.THROTTLE: _text(429, "Too many requests"),
    Behaviour.UNAVAILABLE: _text(503, "Service unavailable"),
    Behaviour.OUT_OF_CREDIT: _text(403, "Not enough credits to send the SMS"),
    Behaviour.WRONG_PASSWORD: _UNAUTHORIZED,
    Behaviour.TAKE_AND_BREAK: _text(500, "Internal error"),
    Behaviour.TAKE_AND_BABBLE: Reply(200, b"<html>OK</html>", {"Content-Type": "text/html"}),
}


@dataclass
class Elks46Api:
    """46elks' API over an exchange.

    Attributes:
        balance: in 1/10000 of the currency; a message that costs more than is left is refused.
    """

    exchange: Exchange
    username: str = USERNAME
    password: str = PASSWORD
    balance: int = 10**12

    name: ClassVar[str] = "46elks"

    def __post_init__(self) -> None:
        self._authorization = "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        self._lock = threading.Lock()

    def account(self, base_url: str) -> dict[str, Any]:
        """Give what ``[sms.46elks]`` must hold."""
        return {"base_url": base_url, "username": self.username, "password": self.password}

    def handle(self, request: Request) -> Answer:
        """Answer as 46elks would; the path begins with ``/a1``."""
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
                return self._one(path.removeprefix("/a1/sms/"))
            case _:
                return _text(404, "Not found")

    def _send(self, form: dict[str, str]) -> Answer:
        if fault := _fault(form):
            return _text(400, fault)
        cost = parts(form["message"]) * PRICE
        if form.get("dryrun") == "yes":
            return _json({"status": "created", "parts": parts(form["message"]), "estimated_cost": cost})
        behaviour = self.exchange.script.of(form["to"])
        if behaviour.takes and not self._paid(cost):
            behaviour = Behaviour.OUT_OF_CREDIT
        message = self.exchange.receive(
            self.name,
            behaviour,
            to=form["to"],
            sender=form["from"],
            text=form["message"],
            hidden=form.get("dontlog") == "message",
            identity=f"s{uuid4().hex}",
        )
        said = _shown(message) if message else {"id": f"s{uuid4().hex}", "status": "failed"}
        return self.exchange.answer(
            behaviour, {**_ANSWERS, (Behaviour.ACCEPT if message else Behaviour.FAIL): _json(said)}
        )

    def _one(self, identity: str) -> Reply:
        for message in self.exchange.messages(self.name):
            if message.id == identity:
                return _json(_shown(message) | {"status": STATUSES[self.exchange.fate(message)]})
        return _text(404, "No such sms")

    def _paid(self, cost: int) -> bool:
        """Take the price from the balance, if it is there."""
        with self._lock:
            if cost > self.balance:
                return False
            self.balance -= cost
            return True

    def _history(self, query: dict[str, str]) -> Reply:
        """Page backwards in time: ``start`` is the later bound and ``end`` the earlier, as the documents have it."""
        matching = [
            each
            for each in reversed(self.exchange.messages(self.name))
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


class FakeElks46:
    """46elks alone on a port of its own. A context manager; also ``start`` and ``close``. Safe between threads.

    Attributes:
        journal, retry_after, latency, hang: see ``Exchange``.
        balance: see ``Elks46Api``.
        taken: the messages taken for delivery, the oldest first.
        requests: method and path of everything asked, in order.
    """

    def __init__(
        self,
        journal: Path | None = None,
        port: int = 0,
        *,
        username: str = USERNAME,
        password: str = PASSWORD,
        retry_after: str | None = "1",
        latency: float = 0.0,
        hang: float = 60.0,
    ) -> None:
        self._exchange = Exchange(journal, retry_after, latency, hang)
        self._api = Elks46Api(self._exchange, username, password)
        self._server = LoopbackServer(self._handle, port)
        self.journal = journal
        self.base_url = self._server.base_url
        self.taken = self._exchange.taken
        self.requests: list[tuple[str, str]] = []

    @property
    def balance(self) -> int:
        """In 1/10000 of the currency."""
        return self._api.balance

    @balance.setter
    def balance(self, amount: int) -> None:
        self._api.balance = amount

    def next(self, *behaviours: Behaviour) -> None:
        """Tell what to do with each of the next messages."""
        self._exchange.script.next(*behaviours)

    def on(self, number: str, *behaviours: Behaviour) -> None:
        """Tell what to do with each of the next messages to a number; the last behaviour stays."""
        self._exchange.script.always(behaviours[-1], to=number)
        self._exchange.script.next(*behaviours[:-1], to=number)

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

    def _handle(self, request: Request) -> Answer:
        self.requests.append((request.method, request.path))
        if self._exchange.latency:
            self._server.closing.wait(self._exchange.latency)
        return self._api.handle(request)


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
    fake = FakeElks46(
        given.journal, given.port, username=given.username, password=given.password, latency=given.latency
    )
    for rule in given.on:
        number, _, behaviours = rule.partition("=")
        fake.on(number, *(Behaviour(each) for each in behaviours.split(",")))
    with fake:
        sys.stdout.write(json.dumps({"base_url": fake.base_url}) + "\n")
        sys.stdout.flush()
        signal.sigwait(_ENDING)


if __name__ == "__main__":
    main()
