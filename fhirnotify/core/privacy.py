"""What may not stand in the text.

The template is the region's own; what is free in the text is the first name, and a record can hold anything there.
So the first name is held against the rest of the record before it goes out.
"""

import re
import unicodedata
from collections.abc import Iterable

from fhirnotify.core.model import Booking, Person


def reveals(name: str, booking: Booking, person: Person) -> bool:
    """Tell whether a normalised first name holds something of the record that the text may not tell.

    That is a family name (unless it is all of the first name), the name of a unit, practitioner or service, an
    identifier, a number or an address line, as whole words, without regard to case.
    """
    folded = _folded(name)
    families = {_folded(record.family) for record in person.names if record.family}
    return _holds_any(folded, families - {folded}) or _holds_any(folded, map(_folded, booking.private | person.private))


def _holds_any(folded: str, terms: Iterable[str]) -> bool:
    return any(term in folded and re.search(rf"(?<!\w){re.escape(term)}(?!\w)", folded) for term in terms if term)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().casefold()
