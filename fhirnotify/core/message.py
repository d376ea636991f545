"""The text: the template filled in, the name made fit for GSM 03.38, and how many segments it takes.

The text depends on first name, contact type and start alone.
"""

import re
import unicodedata
from datetime import datetime
from math import ceil

from anyascii import anyascii

from fhirnotify.core.gsm import ALPHABET, EXTENSION, PLAIN
from fhirnotify.core.model import ContactType
from fhirnotify.core.rules import Rules
from fhirnotify.core.schedule import local_date_and_time

_DOTS = "[.\u3002\uff0e\uff61]"
"""What domain names are dotted with (IDNA reads all four alike)."""
_WEB_ADDRESS = re.compile(rf"://|\bwww{_DOTS}|[^\W_]{_DOTS}[^\W\d_]{{2,}}", re.IGNORECASE)
_LINE_BREAKS = "\u2028\u2029"
_BIDI_CONTROLS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_APOSTROPHES = "\u2018\u2019\u201a\u201b\u02bb\u02bc\u02bd\u02b9\u2032\u2035\u00b4\u0060\uff07\u02ca\u02cb"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d"
_PLAIN = str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_DASHES, "-"))
_SEPTETS_ALONE, _SEPTETS_JOINED = 160, 153
_UNITS_ALONE, _UNITS_JOINED = 70, 67


def normalised(name: str) -> str:
    """Compose a first name (NFC) and trim it."""
    return unicodedata.normalize("NFC", name).strip()


def refused(name: str) -> bool:
    """Tell whether a normalised name holds what no name does: a digit, a web address, an @, a control character.

    Neither as it is written nor as it is sent.
    """
    if name.isascii() and name.isalpha():
        return False
    return _is_refused(name) or _is_refused(sendable(name))


def _is_refused(name: str) -> bool:
    return bool(_WEB_ADDRESS.search(unicodedata.normalize("NFKC", name))) or any(
        unicodedata.normalize("NFKC", character) == "@"
        or character in _LINE_BREAKS
        or character in _BIDI_CONTROLS
        or unicodedata.category(character) == "Cc"
        or (character.isnumeric() and not character.isalpha())
        for character in name
    )


def sendable(name: str) -> str:
    """Make a normalised name fit for GSM 03.38 where it is Latin; any other is left as it is.

    Each Latin letter outside GSM 03.38 is transliterated, typographic apostrophes, dashes and spaces become plain.
    A name with a letter of another script is sent as it is: better five segments than a name that nobody knows.
    """
    if name.isascii() and in_gsm(name):
        return name
    plain = name.translate(_PLAIN)
    if any(_is_letter_of_another_script(character) for character in plain):
        return name
    return "".join(_plain(character) for character in plain)


def _plain(character: str) -> str:
    if in_gsm(character):
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    if unicodedata.category(character).startswith("M"):
        return ""
    return anyascii(character).translate(_PLAIN) if character.isalpha() else character


def _is_letter_of_another_script(character: str) -> bool:
    return character.isalpha() and "LATIN" not in unicodedata.name(character, "")


def in_gsm(text: str) -> bool:
    """Tell whether GSM 03.38, with its extension table, has every character."""
    return ALPHABET.issuperset(text)


def segments(text: str) -> int:
    """Count SMS segments: 160 or 153 septets each, or 70 or 67 UTF-16 units; no character is split over two."""
    if PLAIN.fullmatch(text):
        return 1 if len(text) <= _SEPTETS_ALONE else ceil(len(text) / _SEPTETS_JOINED)
    if not in_gsm(text):
        return _count([len(character.encode("utf-16-be")) // 2 for character in text], _UNITS_ALONE, _UNITS_JOINED)
    return _count([2 if character in EXTENSION else 1 for character in text], _SEPTETS_ALONE, _SEPTETS_JOINED)


def _count(widths: list[int], alone: int, joined: int) -> int:
    """Count the segments of ``alone`` units, or of ``joined`` where there are several, with no character split."""
    if sum(widths) <= alone:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > joined:
            count, used = count + 1, 0
        used += width
    return count


def text_of(name: str, contact_type: ContactType, start: datetime, rules: Rules) -> str:
    """Fill the template in for a normalised first name."""
    datum, tid = local_date_and_time(start, rules)
    return rules.template.substitute(fornamn=sendable(name), kontakttyp=rules.words[contact_type], datum=datum, tid=tid)
