"""What the inbox shows: messages and the script in the words of a person (the page) and of a machine (JSON)."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from fhirnotify.harness.behaviour import Behaviour, Line
from fhirnotify.harness.exchange import Attempt, Exchange
from fhirnotify.harness.journal import Taken, cut, is_gsm, units
from fhirnotify.rows import instant

SHOWN = 200
"""The most messages that the page shows; JSON gives them all."""

MOST = 10_000
"""The most messages to come that one can tell of at once."""

_FILES = Path(__file__).parent / "inbox_page"

CHOICES = {
    "Delivered": {
        Behaviour.ACCEPT: "Accept",
        Behaviour.LATE: "Accept, but answer late",
        Behaviour.DELIVERED_LATER: "Accept, and report it delivered later",
        Behaviour.UNDERWAY: "Accept, and never report on it",
    },
    "Accepted, but not delivered": {
        Behaviour.UNDELIVERED: "Accept, then report it undelivered",
        Behaviour.DEAD_NUMBER: "Accept, then report a dead number",
    },
    "Delivered, but the sender cannot know": {
        Behaviour.TAKE_AND_HANG: "Take it, then let it time out",
        Behaviour.TAKE_AND_DROP: "Take it, then hang up",
        Behaviour.TAKE_AND_BREAK: "Take it, then answer 500",
        Behaviour.TAKE_AND_BABBLE: "Take it, then answer something else",
        Behaviour.TAKE_AND_MANGLE: "Take it, then answer no HTTP",
    },
    "Not delivered": {
        Behaviour.REFUSE: "Refuse the message",
        Behaviour.REFUSE_STRANGELY: "Refuse it for an unheard-of reason",
        Behaviour.FAIL: "Answer that it failed",
        Behaviour.THROTTLE: "Throttle: try later",
        Behaviour.UNAVAILABLE: "Unavailable just now",
        Behaviour.HANG: "Time out",
        Behaviour.DROP: "Hang up",
        Behaviour.OUT_OF_CREDIT: "Out of credit",
        Behaviour.WRONG_PASSWORD: "Refuse the password",
    },
}
"""What one can choose, in groups."""

WORDS = {behaviour: words for group in CHOICES.values() for behaviour, words in group.items()}

NOTES = {
    Behaviour.LATE: "answered late",
    Behaviour.DELIVERED_LATER: "reported later",
    Behaviour.UNDERWAY: "never reported on",
    Behaviour.UNDELIVERED: "did not come",
    Behaviour.DEAD_NUMBER: "did not come: dead number",
    Behaviour.TAKE_AND_HANG: "the sender got no answer",
    Behaviour.TAKE_AND_DROP: "hung up before the answer",
    Behaviour.TAKE_AND_BREAK: "the sender was answered 500",
    Behaviour.TAKE_AND_BABBLE: "the sender was answered something else",
    Behaviour.TAKE_AND_MANGLE: "the sender was answered no HTTP",
    Behaviour.REFUSE: "refused",
    Behaviour.REFUSE_STRANGELY: "refused for an unheard-of reason",
    Behaviour.FAIL: "failed",
    Behaviour.THROTTLE: "throttled",
    Behaviour.UNAVAILABLE: "unavailable",
    Behaviour.HANG: "timed out",
    Behaviour.DROP: "hung up",
    Behaviour.OUT_OF_CREDIT: "out of credit",
    Behaviour.WRONG_PASSWORD: "password refused",
}
"""What became of a message that was not simply accepted."""


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in the form, and what is wrong with it."""

    behaviour: str = Behaviour.THROTTLE
    count: str = "1"
    to: str = ""
    error: str = field(default="", compare=False)


def messages_json(exchange: Exchange) -> dict[str, Any]:
    """Give what was delivered and what was not, the oldest first."""
    return {
        "messages": [_message(each) for each in exchange.messages()],
        "attempts": [
            {"at": instant(each.at), "provider": each.provider, "to": each.to, "behaviour": each.behaviour}
            for each in exchange.tried()
        ],
    }


def _message(message: Taken) -> dict[str, Any]:
    return {
        "id": message.id,
        "at": instant(message.at),
        "provider": message.provider,
        "to": message.to,
        "sender": message.sender,
        "text": message.text,
        "encoding": _encoding(message.text),
        "segments": cut(message.text),
        "behaviour": message.behaviour,
    }


def script_json(exchange: Exchange) -> list[dict[str, Any]]:
    """Give the script in the order in which it counts; an empty one accepts everything."""
    return [{"behaviour": line.behaviour, "to": line.to, "count": line.count} for line in exchange.script.lines()]


def page(exchange: Exchange, addresses: Mapping[str, str], zone: ZoneInfo, given: Given) -> bytes:
    """Draw the page, with what stands in its form."""
    taken, attempts = exchange.messages(), exchange.tried()
    both: list[Taken | Attempt] = [*taken[-SHOWN:], *attempts[-SHOWN:]]
    newest = sorted(both, key=lambda each: each.at, reverse=True)[:SHOWN]
    drawn = _template().render(
        style=_asset("style.css"),
        script_text=_asset("follow.js"),
        rows=[_row(each, zone) for each in newest],
        older=len(taken) + len(attempts) - len(newest),
        counts={
            "messages": len(taken),
            "segments": sum(each.parts for each in taken),
            "attempts": len(attempts),
        },
        script=[_sentence(line) for line in exchange.script.lines()],
        choices=CHOICES,
        most=MOST,
        given=given,
        error=given.error,
        addresses=addresses,
        zone=zone.key,
    )
    return drawn.encode()


@cache
def content_security_policy() -> str:
    """Allow the page its own style and script, its own forms, and nothing from elsewhere."""
    style, script = (_digest(_asset(name)) for name in ("style.css", "follow.js"))
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _asset(name: str) -> str:
    return (_FILES / name).read_text("utf-8")


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(_FILES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html")


def _encoding(text: str) -> str:
    return "GSM-7" if is_gsm(text) else "UCS-2"


def _row(each: Taken | Attempt, zone: ZoneInfo) -> dict[str, Any]:
    row = {
        "to": each.to,
        "provider": each.provider,
        "instant": instant(each.at),
        "local": _local(each.at, zone),
        "note": NOTES.get(Behaviour(each.behaviour), ""),
    }
    if isinstance(each, Attempt):
        return row
    gsm = is_gsm(each.text)
    segments = [{"text": piece, "units": units(piece, gsm=gsm)} for piece in cut(each.text)]
    unit = "septets" if gsm else "units"
    return row | {"sender": each.sender, "segments": segments, "encoding": _encoding(each.text), "unit": unit}


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _sentence(line: Line) -> str:
    whose = f"to {line.to}" if line.to else ""
    if line.count is None:
        many = f"Every message {whose}".strip() + ", until changed"
    else:
        many = " ".join(filter(None, ["Next", str(line.count) if line.count > 1 else "", whose]))
    return f"{many}: {WORDS[line.behaviour]}"
