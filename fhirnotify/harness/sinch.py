"""A stand-in for Sinch's SMS REST API (XMS) over an exchange, with the behaviours of its documents.

https://developers.sinch.com/docs/sms/api-reference/. The documents give no words for most errors; what stands here in
``text`` is assumed.
"""

import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

from fhirnotify.harness.behaviour import Behaviour, Fate
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.journal import Taken
from fhirnotify.harness.loopback import Answer, Reply, Request

_NUMBER = re.compile(r"\+?[1-9][0-9]{6,14}")
_SENDER = re.compile(r"[A-Za-z0-9]{1,11}|\+?[1-9][0-9]{6,14}")
_LONGEST = 2000
_LONGEST_REFERENCE = 128
_LONGEST_VALIDITY = timedelta(days=3)


def _json(status: int, value: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: str, text: str) -> Reply:
    return _json(status, {"code": code, "text": text})


REPORTS = {
    Fate.UNDERWAY: (401, "Dispatched"),
    Fate.DELIVERED: (0, "Delivered"),
    Fate.UNDELIVERED: (404, "Aborted"),
    Fate.DEAD_NUMBER: (150, "Failed"),
}
"""Code and status in a delivery report."""

_UNAUTHORIZED = Reply(401)
_ANSWERS = {
    Behaviour.REFUSE_STRANGELY: _error(400, "wrong_phase_of_the_moon", "The moon is in the wrong phase"),
    Behaviour.THROTTLE: Reply(429),
    Behaviour.UNAVAILABLE: Reply(503),
    Behaviour.OUT_OF_CREDIT: _error(403, "blocked_account", "Your account has been blocked"),
    Behaviour.WRONG_PASSWORD: _UNAUTHORIZED,
    Behaviour.TAKE_AND_BREAK: Reply(500),
    Behaviour.TAKE_AND_BABBLE: Reply(201, b"<html>Created</html>", {"Content-Type": "text/html"}),
}


@dataclass
class SinchApi:
    """Sinch's API over an exchange. A message that fails at once is one of which it says so in its first report."""

    exchange: Exchange
    service_plan_id: str = "0123456789abcdef0123456789abcdef"
    api_token: str = "fake-token"  # noqa: S105  # of the stand-in only
    _failed: list[Taken] = field(default_factory=list)

    name: ClassVar[str] = "sinch"

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def account(self, base_url: str) -> dict[str, Any]:
        """Give what ``[sms.sinch]`` must hold."""
        return {"base_url": base_url, "service_plan_id": self.service_plan_id, "api_token": self.api_token}

    def handle(self, request: Request) -> Answer:
        """Answer as Sinch would; the path begins with ``/xms/v1``."""
        if request.headers.get("authorization") != f"Bearer {self.api_token}":
            return _UNAUTHORIZED
        match request.method, request.path.removeprefix(f"/xms/v1/{self.service_plan_id}").split("/"):
            case "POST", ["", "batches"]:
                return self._send(request)
            case "GET", ["", "batches"]:
                return self._list(request.query)
            case "GET", ["", "batches", identity, "delivery_report"]:
                return self._report(identity)
        return Reply(404)

    def _send(self, request: Request) -> Answer:
        try:
            batch = json.loads(request.body)
        except ValueError:
            return _error(400, "syntax_invalid_json", "Invalid JSON")
        if fault := _fault(batch):
            return fault
        (to,) = batch["to"]
        number = "+" + to.removeprefix("+")
        behaviour = self.exchange.script.of(number)
        identity = f"01{uuid4().hex[:24].upper()}"
        message = self.exchange.receive(
            self.name,
            behaviour,
            to=number,
            sender=batch["from"],
            text=batch["body"],
            identity=identity,
            reference=batch.get("client_reference", ""),
        )
        if behaviour is Behaviour.FAIL:
            return _json(201, self._fail(identity, batch))
        if behaviour is Behaviour.REFUSE:
            return _error(400, "syntax_invalid_parameter_format", f"Invalid MSISDN: {to}")
        return self.exchange.answer(
            behaviour, _ANSWERS | ({Behaviour.ACCEPT: _json(201, _shown(message))} if message else {})
        )

    def _fail(self, identity: str, batch: dict[str, Any]) -> dict[str, Any]:
        """Keep what was taken note of, to be reported as rejected."""
        at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        failed = Taken(
            identity,
            "+" + batch["to"][0],
            batch["from"],
            "",
            at,
            0,
            hidden=True,
            reference=batch.get("client_reference", ""),
        )
        with self._lock:
            self._failed.append(failed)
        return _shown(failed)

    def _list(self, query: dict[str, str]) -> Reply:
        """List the newest first; the last 24 hours, unless told otherwise."""
        day_ago = datetime.now(UTC) - timedelta(hours=24)
        since = datetime.fromisoformat(query["start_date"]) if "start_date" in query else day_ago
        with self._lock:
            known = [*self.exchange.messages(self.name), *self._failed]
        matching = [
            each
            for each in sorted(known, key=lambda message: message.created, reverse=True)
            if query.get("client_reference") in (None, each.reference) and each.at >= since
        ]
        size, page = min(int(query.get("page_size", "30")), 100), int(query.get("page", "0"))
        shown = [_shown(each) for each in matching[page * size : (page + 1) * size]]
        return _json(200, {"page": page, "page_size": len(shown), "count": len(matching), "batches": shown})

    def _report(self, identity: str) -> Reply:
        for message in self.exchange.messages(self.name):
            if message.id == identity:
                return _reported(message, *REPORTS[self.exchange.fate(message)])
        with self._lock:
            failed = [each for each in self._failed if each.id == identity]
        return _reported(failed[0], 408, "Aborted") if failed else Reply(404)


def _fault(batch: dict[str, Any]) -> Reply | None:
    if batch.get("type") != "mt_text" or not isinstance(batch.get("to"), list) or len(batch["to"]) != 1:
        return _error(400, "syntax_constraint_violation", "One recipient and mt_text")
    if not _NUMBER.fullmatch(str(batch["to"][0])):
        return _error(400, "syntax_invalid_parameter_format", f"Invalid MSISDN: {batch['to'][0]}")
    if not _SENDER.fullmatch(str(batch.get("from"))):
        return _error(400, "syntax_invalid_parameter_format", "Invalid originator")
    if not 0 < len(batch.get("body", "")) <= _LONGEST or len(batch.get("client_reference", "")) > _LONGEST_REFERENCE:
        return _error(400, "syntax_constraint_violation", "Length")
    expiry = batch.get("expire_at")
    if expiry and not datetime.now(UTC) < datetime.fromisoformat(expiry) <= datetime.now(UTC) + _LONGEST_VALIDITY:
        return _error(400, "syntax_constraint_violation", "expire_at")
    return None


def _shown(message: Taken) -> dict[str, Any]:
    created = f"{message.at:%Y-%m-%dT%H:%M:%S}.{message.at.microsecond // 1000:03}Z"
    return {
        "id": message.id,
        "to": [message.to.removeprefix("+")],
        "from": message.sender,
        "canceled": False,
        "body": message.text,
        "type": "mt_text",
        "created_at": created,
        "modified_at": created,
        "delivery_report": "none",
    } | ({"client_reference": message.reference} if message.reference else {})


def _reported(message: Taken, code: int, status: str) -> Reply:
    statuses = [{"code": code, "status": status, "count": 1}]
    return _json(
        200,
        {"type": "delivery_report_sms", "batch_id": message.id, "total_message_count": 1, "statuses": statuses},
    )
