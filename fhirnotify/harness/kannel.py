"""A stand-in for Kannel's ``sendsms`` interface over an exchange, by POST, as its User Guide (1.4.5) has it.

Nothing can be asked about a message. Kannel knows no credit: who is out of it is refused like who has no account.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.loopback import Answer, Reply, Request

_NUMBER_SIGNS = frozenset("0123456789+-")
"""``sendsms-chars`` without the blank, so that a number is one number."""

_LONGEST_ACCOUNT = 64


def _said(status: int, words: str) -> Reply:
    return Reply(status, words.encode(), {"Content-Type": "text/html"})


_UNAUTHORIZED = _said(403, "Authorization failed for sendsms")
_DENIED = _said(400, "Number(s) has/have been denied by white- and/or black-lists.")
_BUSY = _said(503, "Temporal failure, try again later.")
_ANSWERS = {
    Behaviour.ACCEPT: _said(202, "0: Accepted for delivery"),
    Behaviour.REFUSE: _DENIED,
    Behaviour.REFUSE_STRANGELY: _said(400, "The moon is in the wrong phase, rejected"),
    Behaviour.THROTTLE: _BUSY,
    Behaviour.UNAVAILABLE: _BUSY,
    Behaviour.OUT_OF_CREDIT: _UNAUTHORIZED,
    Behaviour.WRONG_PASSWORD: _UNAUTHORIZED,
    Behaviour.FAIL: _said(500, "Sending failed."),
    Behaviour.TAKE_AND_BREAK: Reply(500),
    Behaviour.TAKE_AND_BABBLE: _said(202, "<html>OK</html>"),
}


@dataclass
class KannelApi:
    """Kannel's ``sendsms`` over an exchange."""

    exchange: Exchange
    username: str = "fake-user"
    password: str = "fake-password"  # noqa: S105  # of the stand-in only

    name: ClassVar[str] = "kannel"

    def account(self, base_url: str) -> dict[str, Any]:
        """Give what ``[sms.kannel]`` must hold."""
        return {"base_url": base_url, "username": self.username, "password": self.password}

    def handle(self, request: Request) -> Answer:
        """Answer as smsbox would; a message is taken by POST alone."""
        if request.path != "/cgi-bin/sendsms":
            return _said(404, "Unknown request.")
        if request.method != "POST":
            return Reply(405)  # the real one takes GET: nobody here may use it
        kind, _, charset = request.headers.get("content-type", "").partition(";")
        if kind.strip().casefold() != "text/plain":
            return _said(400, "Invalid content-type")
        given = {key: request.headers.get(f"x-kannel-{key}") for key in ("username", "password")}
        if given != {"username": self.username, "password": self.password}:
            return _UNAUTHORIZED
        return self._fault(request) or self._send(request, charset.strip().removeprefix("charset="))

    def _fault(self, request: Request) -> Reply | None:
        headers = request.headers
        if "x-kannel-to" not in headers:
            return _said(400, "Missing receiver(s) number(s), rejected")
        if not headers["x-kannel-to"]:
            return _said(400, "Empty receiver number not allowed, rejected")
        if not _NUMBER_SIGNS.issuperset(headers["x-kannel-to"]):
            return _DENIED
        if not headers.get("x-kannel-from"):
            return _said(400, "Sender missing and no global set, rejected")
        account = headers.get("x-kannel-account", "")
        if len(account) > _LONGEST_ACCOUNT or set("[]") & set(account):
            return _said(400, "Account field misformed or too long, rejected")
        if headers.get("x-kannel-coding", "0") not in {"0", "1", "2"}:
            return _said(400, "Coding field misformed, rejected")
        if int(headers.get("x-kannel-validity", "0")) < -1:
            return _said(400, "Validity field misformed, rejected")
        return None

    def _send(self, request: Request, charset: str) -> Answer:
        headers = request.headers
        text = request.body.decode(charset or "utf-8")
        if headers.get("x-kannel-coding", "0") == "0":
            text = text.encode("gsm03.38", "replace").decode("gsm03.38")  # a question mark for what it has not
        behaviour = self.exchange.script.of(headers["x-kannel-to"])
        self.exchange.receive(
            self.name,
            behaviour,
            to=headers["x-kannel-to"],
            sender=headers["x-kannel-from"],
            text=text,
            reference=headers.get("x-kannel-account", ""),
        )
        return self.exchange.answer(behaviour, _ANSWERS)
