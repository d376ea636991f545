"""What may not stand in the text.

The template is the region's own; what is free in the text is the first name, and a record can hold anything there.
So the first name is held against the rest of the record before it goes out.
"""

import re
from collections.abc import Callable, Iterable

from fhirnotify.core.message import normalised, sendable
from fhirnotify.core.model import Booking, Person


def reveals(name: str, booking: Booking, person: Person) -> bool:
    """Tell whether a normalised first name holds something of the record that the text may not tell.

    That is a family name (unless it is all of the first name), the name of a unit, practitioner or service, an
    identifier, a number or an address line, as whole words, without regard to case, both as it is written and as it
    is sent (``Zoë`` as ``Zoe``).
    """
    terms = booking.private | person.private
    families = {record.family for record in person.names if record.family}
    return _holds_any(_folded(name), families, terms, _folded) or (
        sendable(name) != name and _holds_any(_as_sent(name), families, terms, _as_sent)
    )


def _holds_any(folded: str, families: Iterable[str], terms: Iterable[str], fold: Callable[[str], str]) -> bool:
    others = {fold(family) for family in families} - {folded}
    return any(_holds(folded, term) for term in (*others, *map(fold, terms)))


def _holds(folded: str, term: str) -> bool:
    return bool(term) and term in folded and re.search(rf"(?<!\w){re.escape(term)}(?!\w)", folded) is not None


def _folded(text: str) -> str:
    return normalised(text).casefold()


def _as_sent(text: str) -> str:
    """Fold a text as it would look in the message: without the marks and the typography that are lost on the way."""
    return sendable(normalised(text)).casefold()
