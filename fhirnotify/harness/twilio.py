"""A stand-in for Twilio's Messages resource over an exchange, with the behaviours of its documents.

https://www.twilio.com/docs/messaging/api/message-resource. A message with ``AddressRetention=obfuscate`` is shown
without the last four digits of its number from the beginning, which is Twilio's harder case.
"""

import base64
import json
import re
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import uuid4

from fhirnotify.harness.behaviour import Behaviour, Fate
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.journal import Taken, parts
from fhirnotify.harness.loopback import Answer, Reply, Request

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}|\+[1-9][0-9]{6,14}")
_LONGEST = 1600
_LONGEST_VALIDITY = 36000


def _json(status: int, value: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: int, message: str) -> Reply:
    link = f"https://www.twilio.com/docs/errors/{code}"
    return _json(status, {"code": code, "message": message, "more_info": link, "status": status})


STATUSES: dict[Fate, tuple[str, int | None]] = {
    Fate.UNDERWAY: ("sent", None),
    Fate.DELIVERED: ("delivered", None),
    Fate.UNDELIVERED: ("undelivered", 30003),
    Fate.DEAD_NUMBER: ("undelivered", 30005),
}
"""Status and error code of a message."""

_UNAUTHORIZED = _error(401, 20003, "Authenticate")
_ANSWERS = {
    Behaviour.REFUSE_STRANGELY: _error(400, 29999, "The moon is in the wrong phase"),
    Behaviour.THROTTLE: _error(429, 20429, "Too Many Requests"),
    Behaviour.UNAVAILABLE: Reply(503),
    Behaviour.OUT_OF_CREDIT: _error(400, 30002, "Account suspended"),
    Behaviour.WRONG_PASSWORD: _UNAUTHORIZED,
    Behaviour.TAKE_AND_BREAK: _error(500, 20500, "Internal Server Error"),
    Behaviour.TAKE_AND_BABBLE: Reply(201, b"<html>Created</html>", {"Content-Type": "text/html"}),
}


@dataclass
class TwilioApi:
    """Twilio's API over an exchange.

    Attributes:
        redaction: the account has Message Redaction.
    """

    exchange: Exchange
    account_sid: str = "AC0123456789abcdef0123456789abcdef"
    auth_token: str = "fake-token"  # noqa: S105  # of the stand-in only
    redaction: bool = True

    name: ClassVar[str] = "twilio"

    def __post_init__(self) -> None:
        self._authorization = "Basic " + base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        self._path = f"/2010-04-01/Accounts/{self.account_sid}"

    def account(self, base_url: str) -> dict[str, Any]:
        """Give what ``[sms.twilio]`` must hold."""
        return {"base_url": base_url, "account_sid": self.account_sid, "auth_token": self.auth_token}

    def handle(self, request: Request) -> Answer:
        """Answer as Twilio would; the path begins with ``/2010-04-01``."""
        if request.headers.get("authorization") != self._authorization:
            return _UNAUTHORIZED
        match request.method, request.path.removeprefix(self._path):
            case "POST", "/Messages.json":
                return self._send(request.form)
            case "GET", "/Messages.json":
                return self._list(request.query)
            case "GET", ".json":
                return _json(200, {"sid": self.account_sid, "status": "active", "type": "Full"})
            case "GET", path if path.startswith("/Messages/"):
                return self._one(path.removeprefix("/Messages/").removesuffix(".json"))
        return _error(404, 20404, "The requested resource was not found")

    def _send(self, form: dict[str, str]) -> Answer:
        if fault := self._fault(form):
            return fault
        behaviour = self.exchange.script.of(form["To"])
        identity = f"SM{uuid4().hex}"
        message = self.exchange.receive(
            self.name,
            behaviour,
            to=form["To"],
            sender=form["From"],
            text=form["Body"],
            hidden=form.get("AddressRetention") == "obfuscate",
            identity=identity,
        )
        if behaviour is Behaviour.REFUSE:
            return _error(400, 21211, f"Invalid 'To' Phone Number: {form['To']}")
        if behaviour is Behaviour.FAIL:
            return _json(201, {"sid": identity, "status": "failed", "error_code": None, "num_segments": "0"})
        accepted = {Behaviour.ACCEPT: _json(201, _shown(message, "queued", None))} if message else {}
        return self.exchange.answer(behaviour, _ANSWERS | accepted)

    def _fault(self, form: dict[str, str]) -> Reply | None:
        if not _NUMBER.fullmatch(form.get("To", "")):
            return _error(400, 21211, f"Invalid 'To' Phone Number: {form.get('To')}")
        if not _SENDER.fullmatch(form.get("From", "")):
            return _error(400, 21212, "Invalid 'From' Phone Number")
        if not 0 < len(form.get("Body", "")) <= _LONGEST:
            return _error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if not 1 <= int(form.get("ValidityPeriod", "36000")) <= _LONGEST_VALIDITY:
            return _error(400, 21629, "Invalid ValidityPeriod")
        if not self.redaction and form.get("ContentRetention") == "discard":
            return _error(400, 30029, "Invalid ContentRetention")
        return None

    def _list(self, query: dict[str, str]) -> Reply:
        """List the newest first, page by page. A number that is not shown is not found by."""
        matching = [
            message
            for message in (_shown(each, "sent", None) for each in reversed(self.exchange.messages(self.name)))
            if query.get("From") in (None, message["from"]) and query.get("To") in (None, message["to"])
        ]
        size, page = min(int(query.get("PageSize", "50")), 1000), int(query.get("Page", "0"))
        shown = matching[page * size : (page + 1) * size]
        more = len(matching) > (page + 1) * size
        following = urlencode(query | {"PageSize": str(size), "Page": str(page + 1), "PageToken": "PA"})
        uri = f"{self._path}/Messages.json?{following}" if more else None
        return _json(200, {"messages": shown, "page": page, "page_size": size, "next_page_uri": uri})

    def _one(self, identity: str) -> Reply:
        for message in self.exchange.messages(self.name):
            if message.id == identity:
                return _json(200, _shown(message, *STATUSES[self.exchange.fate(message)]))
        return _error(404, 20404, "The requested resource was not found")


def _shown(message: Taken, status: str, code: int | None) -> dict[str, Any]:
    return {
        "sid": message.id,
        "direction": "outbound-api",
        "from": message.sender,
        "to": message.to[:-4] + "XXXX" if message.hidden else message.to,
        "body": "" if message.hidden else message.text,
        "status": status,
        "error_code": code,
        "num_segments": str(parts(message.text)),
        "date_created": format_datetime(message.at.replace(microsecond=0)),
    }
