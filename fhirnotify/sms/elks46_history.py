"""Which message in 46elks' history, if any, is the one that is looked for.

Two mistakes are possible and neither is allowed: to take another message for ours (the patient would get no
reminder), and to miss ours (the patient would get two). So the answer is

    Found       one message that can be ours, within ``NEAR`` of the moments at which it was sent, from our sender,
                with our text; or, where no text is kept, with nothing else in doubt to the same number
    NotFound    the history was read to its end, or back beyond the moments, and holds no message that can be ours,
                also if 46elks' clock, or our reading of it, should be wrong by ``ABOUT``
    CannotTell  everything between, and a history that cannot be read

A message can be ours if it is outgoing, to our number, is not one that the ledger holds for another reminder,
shows no other text, and is either from our sender (within ``ABOUT``) or from any (within ``NEAR``: the setting may
have been changed since).

``start`` and ``end`` of the history are not sent with the first request: documents disagree on which of them is the
earlier, and one read wrongly would show an empty history. ``next`` is handed back as ``start``, as they all say.
"""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from fhirnotify.sms.gateway import ABOUT, CannotTell, Finding, Found, NotFound, Sms, Trace

NEAR = timedelta(minutes=2)
"""How far 46elks' clock may be from ours. ``created`` has no zone in its documents: UTC is assumed, and that it may
be Swedish time is one reason for ``ABOUT``."""

MOST_PAGES = 20
"""Of 100 messages to one number; nobody gets as many."""


class History:
    """Takes the pages of the history of one number, and then tells what they show."""

    def __init__(self, trace: Trace, sms: Sms) -> None:
        self._trace = trace
        self._sms = sms
        self._candidates: dict[str, dict[str, Any]] = {}
        self._asked: set[str] = set()
        self._doubt: str | None = None

    def add_page(self, page: dict[str, Any]) -> str | None:
        """Take a page; give the ``start`` of the one to be read next, None when enough has been read."""
        messages = page.get("data")
        if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
            self._doubt = "unreadable-history"
            return None
        times = [_moment(each.get("created")) for each in messages]
        for message, created in zip(messages, times, strict=True):
            self._consider(message, created)
        following = page.get("next")
        if not following or self._beyond(times):
            return None
        if not isinstance(following, str) or following in self._asked or len(self._asked) >= MOST_PAGES:
            self._doubt = "endless-history"
            return None
        self._asked.add(following)
        return following

    def finding(self) -> Finding:
        """Tell what the history shows."""
        if self._doubt is not None:
            return CannotTell(self._doubt)
        same = [each for each in self._candidates.values() if _text(each) is not None]
        candidates = same or list(self._candidates.values())
        if not candidates:
            return NotFound()
        if len(candidates) > 1:
            return CannotTell("several-messages")
        (only,) = candidates
        if not self._within(_moment(only.get("created")), NEAR) or only.get("from") != self._sms.sender:
            return CannotTell("another-time-or-sender")
        if not same and not self._trace.alone:
            return CannotTell("not-alone")
        parts = only.get("parts")
        return Found(only["id"], parts if isinstance(parts, int) and parts > 0 else None)

    def _consider(self, message: dict[str, Any], created: datetime | None) -> None:
        if message.get("direction", "outgoing") != "outgoing" or _digits(message.get("to")) != _digits(self._sms.to):
            return
        text = _text(message)
        if text is not None and text != _plain(self._sms.text):
            return
        identity = message.get("id")
        if not isinstance(identity, str) or created is None:
            self._doubt = "unreadable-history"
        elif identity not in self._trace.taken and (
            self._within(created, NEAR) or (self._within(created, ABOUT) and message.get("from") == self._sms.sender)
        ):
            self._candidates[identity] = message

    def _within(self, moment: datetime | None, margin: timedelta) -> bool:
        return moment is not None and self._trace.since - margin <= moment <= self._trace.until + margin

    def _beyond(self, times: list[datetime | None]) -> bool:
        """Tell whether the page, newest first as documented, reaches back beyond every moment that matters."""
        known = [each for each in times if each is not None]
        newest_first = len(known) == len(times) and known == sorted(known, reverse=True)
        return newest_first and bool(known) and known[-1] < self._trace.since - ABOUT


def _moment(value: object) -> datetime | None:
    """Read ``created``: ``2018-02-14T09:52:07.302000``, UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _text(message: dict[str, Any]) -> str | None:
    """Give the text as the history shows it; None where none was kept."""
    text = message.get("message")
    return _plain(text) if isinstance(text, str) and text.strip() else None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _digits(number: object) -> str:
    return "".join(sign for sign in str(number) if sign.isdecimal())
