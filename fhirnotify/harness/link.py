"""A stand-in for LINK Mobility's SMS REST API ("Common") over an exchange, with the behaviours of its documents.

They tell no error of a single message: what ``refuse`` answers is assumed. Nothing can be asked about a message.
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.journal import parts
from fhirnotify.harness.loopback import Answer, Reply, Request

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9]{1,10}")
_SHORTEST, _LONGEST = 15 * 60_000, 48 * 3_600_000
"""Of the validity, in milliseconds."""


def _json(status: int, value: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: int, text: str) -> Reply:
    return _json(status, {"status": code, "description": text, "translatedDescription": text})


_UNAUTHORIZED = _error(401, 106100, "Invalid authentication")
_ANSWERS = {
    Behaviour.REFUSE_STRANGELY: _error(400, 106999, "The moon is in the wrong phase"),
    Behaviour.THROTTLE: Reply(429),
    Behaviour.UNAVAILABLE: Reply(503),
    Behaviour.OUT_OF_CREDIT: _error(403, 106101, "Access denied"),
    Behaviour.WRONG_PASSWORD: _UNAUTHORIZED,
    Behaviour.FAIL: _error(400, 106000, "Unknown Error"),
    Behaviour.TAKE_AND_BREAK: Reply(500),
    Behaviour.TAKE_AND_BABBLE: Reply(200, b"<html>OK</html>", {"Content-Type": "text/html"}),
}


@dataclass
class LinkApi:
    """LINK Mobility's API over an exchange."""

    exchange: Exchange
    platform_id: str = "COMMON_API"
    platform_partner_id: str = "12345"
    username: str = "fake-user"
    password: str = "fake-password"  # noqa: S105  # of the stand-in only

    name: ClassVar[str] = "link"

    def __post_init__(self) -> None:
        self._authorization = "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def account(self, base_url: str) -> dict[str, Any]:
        """Give what ``[sms.link]`` must hold."""
        return {
            "base_url": base_url,
            "platform_id": self.platform_id,
            "platform_partner_id": self.platform_partner_id,
            "username": self.username,
            "password": self.password,
        }

    def handle(self, request: Request) -> Answer:
        """Answer as LINK would; the path begins with ``/sms``."""
        if (request.method, request.path) != ("POST", "/sms/send"):
            return Reply(404)
        if request.headers.get("authorization") != self._authorization:
            return _UNAUTHORIZED
        try:
            message = json.loads(request.body)
        except ValueError:
            return _error(400, 106000, "Unknown Error")
        return self._fault(message) or self._send(message)

    def _fault(self, message: dict[str, Any]) -> Reply | None:
        if message.get("platformId") != self.platform_id:
            return _error(400, 106200, "Invalid or missing platformId")
        if message.get("platformPartnerId") != self.platform_partner_id:
            return _error(400, 106201, "Invalid or missing platformPartnerId")
        if message.get("useDeliveryReport", True):
            return _error(400, 106300, "No gates available")
        sender = _NUMBER if message.get("sourceTON") == "MSISDN" else _SENDER
        validity = message.get("relativeValidityTime", _LONGEST)
        if not isinstance(validity, int) or not _SHORTEST <= validity <= _LONGEST:
            return _error(400, 106000, "Unknown Error")
        if not sender.fullmatch(message["source"]):
            return _error(400, 106000, "Unknown Error")
        if not _NUMBER.fullmatch(message["destination"]):
            return _error(400, 106000, f"Invalid destination {message['destination']}")
        return None

    def _send(self, message: dict[str, Any]) -> Answer:
        to, text = message["destination"], message["userData"]
        behaviour = self.exchange.script.of(to)
        if behaviour is Behaviour.REFUSE:
            self.exchange.receive(self.name, behaviour, to=to, sender=message["source"], text=text)
            return _error(400, 106000, f"Invalid destination {to}")
        identity = base64.b64encode(uuid4().bytes).decode()
        self.exchange.receive(
            self.name,
            behaviour,
            to=to,
            sender=message["source"],
            text=text,
            identity=identity,
            reference=message.get("refId", ""),
        )
        said = {"messageId": identity, "resultCode": 1005, "description": "Queued", "smsCount": parts(text)}
        accepted = Reply(204) if message.get("ignoreResponse", True) else _json(200, said)
        return self.exchange.answer(behaviour, {**_ANSWERS, Behaviour.ACCEPT: accepted})
