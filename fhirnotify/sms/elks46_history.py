"""46elks' history of the messages to one number, read page by page.

``start`` and ``end`` of the history are not sent with the first request: documents disagree on which of them is the
earlier, and one read wrongly would show an empty history. ``next`` is handed back as ``start``, as they all say.

``created`` has no zone in its documents: UTC is assumed, and that it may be Swedish time is one reason for ``ABOUT``.
"""

import re
from datetime import datetime
from typing import Any

from fhirnotify.sms.answers import count, identity, moment
from fhirnotify.sms.gateway import Finding, Sms, Trace
from fhirnotify.sms.history import History, Shown

IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What the id of a message looks like. It goes into the ledger, so nothing else may."""

MOST_PAGES = 20
"""Of 100 messages to one number; nobody gets as many."""


class Elks46History:
    """Takes the pages of the history of one number, and then tells what they show."""

    def __init__(self, trace: Trace, sms: Sms) -> None:
        self._history = History(trace, sms)
        self._asked: set[str] = set()

    def add_page(self, page: dict[str, Any]) -> str | None:
        """Take a page; give the ``start`` of the one to be read next, None when enough has been read."""
        messages = page.get("data")
        if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
            self._history.doubt("unreadable-history")
            return None
        times: list[datetime | None] = [moment(each.get("created")) for each in messages]
        for message, created in zip(messages, times, strict=True):
            if message.get("direction", "outgoing") == "outgoing" and message.get("status") != "failed":
                self._history.consider(_shown(message, created))
        following = page.get("next")
        if not following or self._history.reached(times):
            return None
        if not isinstance(following, str) or following in self._asked or len(self._asked) >= MOST_PAGES:
            self._history.doubt("endless-history")
            return None
        self._asked.add(following)
        return following

    def finding(self) -> Finding:
        """Tell what the history shows."""
        return self._history.finding()


def _shown(message: dict[str, Any], created: datetime | None) -> Shown:
    sender, text = message.get("from"), message.get("message")
    return Shown(
        identity(message.get("id"), IDENTITY),
        str(message.get("to")),
        sender if isinstance(sender, str) else None,
        created,
        text if isinstance(text, str) else None,
        count(message.get("parts")),
    )
