"""The inbox's own pages, for people and programs: see ``inbox.py`` for what there is."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from fhirnotify.harness import inbox_view as view
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.loopback import Reply, Request

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_DONE = Reply(204)
_BACK = Reply(303, headers={"Location": "/"})
_HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def _json(value: Any, status: int = 200) -> Reply:
    body = json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
    return Reply(status, body, {"Content-Type": "application/json", "Cache-Control": "no-store"})


class InboxWeb:
    """Answers what is asked of the inbox itself."""

    def __init__(self, exchange: Exchange, addresses: Mapping[str, str], zone: ZoneInfo) -> None:
        """Show this exchange; ``addresses`` are the providers' base URLs."""
        self._exchange = exchange
        self._addresses = addresses
        self._zone = zone

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        match "GET" if request.method == "HEAD" else request.method, request.path:
            case "GET", "/":
                return self._page(request)
            case "GET", "/messages":
                return _json(view.messages_json(self._exchange))
            case "GET", "/behaviour":
                return _json(view.script_json(self._exchange))
            case "POST", "/behaviour":
                return self._add(request)
            case ("DELETE", "/messages") | ("POST", "/messages/clear"):
                self._exchange.forget_messages()
                return _DONE if request.method == "DELETE" else _BACK
            case ("DELETE", "/behaviour") | ("POST", "/behaviour/clear"):
                self._exchange.script.clear()
                return _DONE if request.method == "DELETE" else _BACK
            case _:
                return _json({"error": "there is no such page"}, 404)

    def _page(self, request: Request, given: view.Given | None = None) -> Reply:
        body = view.page(self._exchange, self._addresses, self._zone, given or view.Given())
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {**_HTML, "ETag": tag, "Content-Security-Policy": view.content_security_policy()}
        if given is None and request.headers.get("if-none-match") == tag:
            return Reply(304, headers=headers)
        return Reply(400 if given else 200, body, headers)

    def _add(self, request: Request) -> Reply:
        """Add to the script what a form or a JSON object says."""
        if request.headers.get("content-type", "").startswith("application/json"):
            try:
                _tell(self._exchange, _read_json(request.body))
            except ValueError as mistake:
                return _json({"error": str(mistake)}, 400)
            return _json(view.script_json(self._exchange))
        fields = request.form
        try:
            _tell(self._exchange, fields)
        except ValueError as mistake:
            entered = {key: fields.get(key, "") for key in ("behaviour", "count", "to")}
            return self._page(request, view.Given(**entered, error=str(mistake)))
        return _BACK


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):  # the latter of what is nested without end
        value = None
    if not isinstance(value, dict):
        raise ValueError("The body is no JSON object.")  # noqa: TRY004  # one kind of mistake for the caller
    return value


def _tell(exchange: Exchange, told: Mapping[str, Any]) -> None:
    """Add to the script.

    Raises:
        ValueError: it cannot be understood; nothing is added.
    """
    if unknown := sorted(set(told) - {"behaviour", "count", "to"}):
        raise ValueError(f"There is no {unknown[0]}: give behaviour, count, to.")
    try:
        behaviour = Behaviour(str(told.get("behaviour")))
    except ValueError:
        raise ValueError(f"The behaviour is one of {', '.join(Behaviour)}.") from None
    to = re.sub(r"[\s-]", "", str(told.get("to") or ""))
    if to and not _NUMBER.fullmatch(to):
        raise ValueError("Write the number as +46701740605.")
    count = str(told.get("count") or "").strip()
    if not count:
        exchange.script.always(behaviour, to=to or None)
    elif re.fullmatch("[0-9]{1,5}", count) and 1 <= int(count) <= view.MOST:
        exchange.script.next(*[behaviour] * int(count), to=to or None)
    else:
        raise ValueError(f"The number of messages is 1 to {view.MOST}, or nothing.")
