"""A stand-in for Infobip's SMS API version 3 over an exchange, with the behaviours of its documents.

https://www.infobip.com/docs/api/channels/sms. It takes no message id twice, also not that of a message which it has
refused in an answer of 200: whether Infobip forgets such an id stands nowhere, and this is the harder case.
"""

import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from fhirnotify.harness.behaviour import Behaviour, Fate
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.journal import Taken, parts
from fhirnotify.harness.loopback import Answer, Reply, Request

_NUMBER = re.compile(r"[1-9][0-9]{6,14}")
_LOGS = timedelta(hours=48)
_MOST_MINUTES = 48 * 60

_GROUPS = {1: "PENDING", 2: "UNDELIVERABLE", 3: "DELIVERED", 4: "EXPIRED", 5: "REJECTED"}


def _status(group: int, identity: int, name: str) -> dict[str, Any]:
    return {"groupId": group, "groupName": _GROUPS[group], "id": identity, "name": name, "description": ""}


_PENDING = _status(1, 26, "PENDING_ACCEPTED")
_DUPLICATE = _status(5, 23, "REJECTED_DUPLICATE_MESSAGE_ID")
REFUSALS = {
    Behaviour.REFUSE: _status(5, 52, "REJECTED_DESTINATION"),
    Behaviour.REFUSE_STRANGELY: _status(5, 999, "REJECTED_WRONG_PHASE_OF_THE_MOON"),
    Behaviour.OUT_OF_CREDIT: _status(5, 12, "REJECTED_NOT_ENOUGH_CREDITS"),
    Behaviour.FAIL: _status(2, 9, "UNDELIVERABLE_NOT_DELIVERED"),
}
"""What is said of a message in an answer of 200."""

_NO_ERROR = {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR", "description": "", "permanent": False}
_ABSENT = {"groupId": 1, "groupName": "HANDSET_ERRORS", "id": 27, "name": "EC_ABSENT_SUBSCRIBER", "permanent": False}
_UNKNOWN = {"groupId": 1, "groupName": "HANDSET_ERRORS", "id": 1, "name": "EC_UNKNOWN_SUBSCRIBER", "permanent": True}
LOGGED = {
    Fate.UNDERWAY: (_status(1, 3, "PENDING_WAITING_DELIVERY"), _NO_ERROR),
    Fate.DELIVERED: (_status(3, 5, "DELIVERED_TO_HANDSET"), _NO_ERROR),
    Fate.UNDELIVERED: (_status(2, 9, "UNDELIVERABLE_NOT_DELIVERED"), _ABSENT),
    Fate.DEAD_NUMBER: (_status(2, 9, "UNDELIVERABLE_NOT_DELIVERED"), _UNKNOWN),
}
"""Status and error in the logs."""


def _json(status: int, value: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: str, field_: str = "") -> Reply:
    violations = [{"property": field_, "violation": "invalid"}] if field_ else []
    return _json(status, {"errorCode": code, "description": "", "action": "", "violations": violations})


_UNAUTHORIZED = _error(401, "E401")
_ANSWERS = {
    Behaviour.THROTTLE: _error(429, "E429"),
    Behaviour.UNAVAILABLE: Reply(503),
    Behaviour.WRONG_PASSWORD: _UNAUTHORIZED,
    Behaviour.TAKE_AND_BREAK: _error(500, "E500"),
    Behaviour.TAKE_AND_BABBLE: Reply(200, b"<html>OK</html>", {"Content-Type": "text/html"}),
}


@dataclass
class InfobipApi:
    """Infobip's API over an exchange.

    Attributes:
        refused: the statuses of messages that were refused in an answer of 200, by their ids.
        logs_lag: how long after a message came the logs hold nothing of it yet.
        logs_fault: what is answered instead of the logs; None for nothing.
    """

    exchange: Exchange
    api_key: str = "fake-key"
    refused: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs_lag: timedelta = timedelta(0)
    logs_fault: Reply | None = None

    name: ClassVar[str] = "infobip"

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._came: dict[str, datetime] = {}  # by id

    def account(self, base_url: str) -> dict[str, Any]:
        """Give what ``[sms.infobip]`` must hold."""
        return {"base_url": base_url, "api_key": self.api_key}

    def handle(self, request: Request) -> Answer:
        """Answer as Infobip would."""
        if request.headers.get("authorization") != f"App {self.api_key}":
            return _UNAUTHORIZED
        match request.method, request.path:
            case "POST", "/sms/3/messages":
                return self._send(request)
            case "GET", "/sms/3/logs":
                return self._logs(request.query)
            case "GET", "/account/1/balance":
                return _json(200, {"balance": 47.79, "currency": "EUR"})
        return _error(404, "E404")

    def _send(self, request: Request) -> Answer:
        try:
            (message,) = json.loads(request.body)["messages"]
            (destination,) = message["destinations"]
            to, identity, text = destination["to"], destination["messageId"], message["content"]["text"]
            minutes = message["options"]["validityPeriod"]["amount"]
        except (ValueError, KeyError, TypeError):
            return _error(400, "E400")
        if not _NUMBER.fullmatch(to):
            return _error(400, "E400", "messages[0].destinations[0].to")
        if not text:
            return _error(400, "E400", "messages[0].content.text")
        if not message["sender"] or not 0 < minutes <= _MOST_MINUTES:
            return _error(400, "E400", "messages[0].options.validityPeriod")
        behaviour, taken = self._take(f"+{to}", message["sender"], text, identity)
        if taken == _DUPLICATE or behaviour in REFUSALS:
            return _answered(identity, to, 0, taken)
        return self.exchange.answer(
            behaviour, {**_ANSWERS, Behaviour.ACCEPT: _answered(identity, to, parts(text), _PENDING)}
        )

    def _take(self, to: str, sender: str, text: str, identity: str) -> tuple[Behaviour, dict[str, Any]]:
        """Take a message whose id is new; give what is said of it."""
        with self._lock:
            if identity in self.refused or any(each.id == identity for each in self.exchange.messages(self.name)):
                return Behaviour.REFUSE, _DUPLICATE
            behaviour = self.exchange.script.of(to)
            self._came[identity] = datetime.now(UTC)
            self.exchange.receive(
                self.name, behaviour, to=to, sender=sender, text=text, identity=identity, reference=identity
            )
            status = REFUSALS.get(behaviour, _PENDING)
            if behaviour in REFUSALS:
                self.refused[identity] = status
            return behaviour, status

    def _logs(self, query: dict[str, str]) -> Reply:
        """Give the last 48 hours, the newest first, of the ids that are asked for."""
        if self.logs_fault is not None:
            return self.logs_fault
        asked = set(query["messageId"].split(",")) if "messageId" in query else None
        kept = [
            each
            for each in reversed(self.exchange.messages(self.name))
            if (asked is None or each.id in asked) and datetime.now(UTC) - each.at < _LOGS and self._is_known(each.id)
        ]
        results = [self._logged(each) for each in kept]
        with self._lock:
            results += [
                {"messageId": identity, "status": status, "error": _NO_ERROR}
                for identity, status in self.refused.items()
                if (asked is None or identity in asked) and self._is_known(identity)
            ]
        return _json(200, {"results": results[: int(query.get("limit", "50"))]})

    def _is_known(self, identity: str) -> bool:
        """Tell whether the logs hold an id by now; one of an earlier start came long ago."""
        came = self._came.get(identity)
        return came is None or datetime.now(UTC) - came >= self.logs_lag

    def _logged(self, message: Taken) -> dict[str, Any]:
        status, error = LOGGED[self.exchange.fate(message)]
        return {
            "messageId": message.id,
            "destination": message.to.removeprefix("+"),
            "sender": message.sender,
            "sentAt": f"{message.at:%Y-%m-%dT%H:%M:%S}.000+0000",
            "messageCount": message.parts,
            "status": status,
            "error": error,
        }


def _answered(identity: str, to: str, count: int, status: dict[str, Any]) -> Reply:
    message = {"messageId": identity, "status": status, "destination": to, "details": {"messageCount": count}}
    return _json(200, {"messages": [message]})
