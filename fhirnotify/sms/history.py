"""Which message in a provider's history, if any, is the one that is looked for: by number and time.

It is for providers that know no reference of ours. Two mistakes are possible and neither is allowed: to take another
message for ours (the patient would get no reminder), and to miss ours (the patient would get two). So the answer is

    Found       one message that can be ours, within ``NEAR`` of the moments at which it was sent, from our sender,
                with our text; or, where no text is kept, with nothing else in doubt to the same number
    NotFound    the history was read to its end, or back beyond the moments, and holds no message to our number that
                the ledger does not know: from our sender within ``REACH``, from any other within ``ABOUT``
    CannotTell  everything between, and a history that cannot be read

A message counts if it is outgoing, to our number, has not failed at the provider, and is not one that the ledger holds
for another reminder. It can be ours if it shows no other text, and is either from our sender (within ``ABOUT``) or
from any (within ``NEAR``). Any other that counts is not found, but keeps us from being sure that ours is not there,
whatever text it shows, if it is from our sender within ``REACH`` or from any other within ``ABOUT``: the template and
the sender may have been set anew since, and the provider's clock, ours when it was sent, or our reading of either may
have been wrong by as much.

A time that is farther off than ``READABLE`` is none, but what a provider writes where it knows no time.

A provider may show a number without its last digits (``+4670174XXXX``). Ten thousand numbers look like that, so such
a message is never taken for ours, and never overlooked. A number that is shown in any other way may be anybody's, also
one without its last digits as it is written within the country (``070174XXXX``).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fhirnotify.sms.answers import digits
from fhirnotify.sms.gateway import ABOUT, REACH, CannotTell, Finding, Found, NotFound, Sms, Trace

NEAR = timedelta(minutes=2)
"""How far the provider's clock may be from ours."""

READABLE = timedelta(days=366)
"""How far off a time may be and still be one: ``0001-01-01`` and ``1970-01-01`` stand for none."""

_PLAIN = re.compile(r"\+?[0-9][0-9 ().-]*")
_MASKED = re.compile(r"\+?([0-9]*)[Xx*]+")
_INTERNATIONAL = re.compile(r"\+[1-9]")


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a history shows it; None for what it does not show or what cannot be read."""

    identity: str | None
    to: str = field(repr=False)
    sender: str | None
    created: datetime | None
    text: str | None = field(default=None, repr=False)
    parts: int | None = None


class History:
    """Takes the outgoing messages of a history, and then tells what they show."""

    def __init__(self, trace: Trace, sms: Sms) -> None:
        self._trace = trace
        self._sms = sms
        self._candidates: dict[str, Shown] = {}
        self._doubt: str | None = None
        self._unaccounted: str | None = None
        """Why nobody can be sure that ours is not there."""

    def doubt(self, why: str) -> None:
        """Take note that the history could not be read as a whole."""
        self._doubt = why

    def consider(self, shown: Shown) -> None:
        """Take a message."""
        to_us = self._to_us(shown.to)
        if to_us is False or shown.identity in self._trace.taken:
            return
        from_us = shown.sender == self._sms.sender
        created = self._readable(shown.created)
        if created is not None and not self._within(created, REACH if from_us else ABOUT):
            return
        if (text := _plain(shown.text)) and text != _plain(self._sms.text):
            self._unaccounted = "another-text"
        elif created is not None and not self._within(created, ABOUT):
            self._unaccounted = "another-time-or-sender"
        elif to_us is None or shown.identity is None or created is None:
            self.doubt("unreadable-history")
        elif from_us or self._within(created, NEAR):
            self._candidates[shown.identity] = shown
        else:
            self._unaccounted = "another-time-or-sender"

    def finding(self) -> Finding:
        """Tell what the history shows."""
        if self._doubt is not None:
            return CannotTell(self._doubt)
        same = [each for each in self._candidates.values() if _plain(each.text)]
        candidates = same or list(self._candidates.values())
        if not candidates:
            return NotFound() if self._unaccounted is None else CannotTell(self._unaccounted)
        if len(candidates) > 1:
            return CannotTell("several-messages")
        (only,) = candidates
        if not self._within(only.created, NEAR) or only.sender != self._sms.sender:
            return CannotTell("another-time-or-sender")
        if _MASKED.fullmatch(only.to):
            return CannotTell("number-not-shown")
        if not same and not self._trace.alone:
            return CannotTell("not-alone")
        return Found(only.identity, only.parts)

    def reached(self, times: Sequence[datetime | None]) -> bool:
        """Tell whether a page, newest first, reaches back beyond every moment that matters."""
        known = [each for each in map(self._readable, times) if each is not None]
        newest_first = len(known) == len(times) and known == sorted(known, reverse=True)
        return newest_first and self.lies_before(known[-1:])

    def lies_before(self, times: Sequence[datetime | None]) -> bool:
        """Tell whether all of a page, and it holds something, lies before every moment that matters.

        As long as nothing stands against it that ours is not there, these reach back by ``REACH``.
        """
        is_settled = self._candidates or self._unaccounted or self._doubt
        first = self._trace.since - (ABOUT if is_settled else REACH)
        return bool(times) and all(each is not None and each < first for each in map(self._readable, times))

    def _to_us(self, to: str) -> bool | None:
        """Tell whether a number is, or may be, ours; None for what cannot be read as a number."""
        ours, theirs = digits(self._sms.to), digits(to).lstrip("0")
        if masked := _MASKED.fullmatch(to):
            if ours.startswith(masked[1]):
                return True
            return False if _INTERNATIONAL.match(to) else None
        if not _PLAIN.fullmatch(to):
            return None
        if theirs != ours and ours.endswith(theirs):
            return None  # as it is written within the country
        return theirs == ours

    def _readable(self, moment: datetime | None) -> datetime | None:
        return moment if self._within(moment, READABLE) else None

    def _within(self, moment: datetime | None, margin: timedelta) -> bool:
        return moment is not None and self._trace.since - margin <= moment <= self._trace.until + margin


def _plain(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", text or "").split())
