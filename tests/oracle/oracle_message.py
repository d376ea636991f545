"""The text: first name, transliteration, segments, and what may not stand in it."""

import math
import re
import unicodedata
from datetime import datetime
from string import Template
from typing import Any
from zoneinfo import ZoneInfo

from anyascii import anyascii

Json = dict[str, Any]
TEMPLATE = (
    "Påminnelse till $fornamn: Du har ett $kontakttyp $datum klockan $tid med hälso- och sjukvården, "
    "Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. "
    "Till de flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
)
WORDS = {"mottagning": "mottagningsbesök", "video": "videobesök", "telefon": "telefonbesök"}
BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = set("\f^{}\\[~]|€")
_APOSTROPHES = set("\u2018\u2019\u201b\u02bc\u02bb\u02b9\u2032\u00b4`")
_WEB = re.compile(r"[a-z][a-z0-9+.-]*://|\bwww\.|\w\.[a-z]{2,}\b", re.IGNORECASE)


def refused(first_name: str) -> bool:
    """Tell whether a first name holds what no name holds: a digit, a web address, an @, a control character."""
    odd = any(c.isdigit() or c == "@" or unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in first_name)
    return odd or bool(_WEB.search(first_name))


def _is_latin(char: str) -> bool:
    return unicodedata.category(char)[0] == "L" and "LATIN" in unicodedata.name(char, "").split()


def _plain(char: str) -> str:
    if char in BASIC | EXTENDED:
        return char
    if char in _APOSTROPHES:
        return "'"
    category = unicodedata.category(char)
    if category == "Pd" or char in "\u2212\u2043":
        return "-"
    if category == "Zs":
        return " "
    if category == "Mn":
        return ""
    return anyascii(char) if _is_latin(char) else char


def in_gsm(first_name: str) -> str:
    """Transliterate the Latin letters outside GSM 03.38; a name with a letter of another script stays as it is."""
    foreign = [c for c in first_name if unicodedata.category(c)[0] == "L" and not _is_latin(c)]
    if set(first_name) <= BASIC | EXTENDED or any(c not in _APOSTROPHES for c in foreign):
        return first_name
    return "".join(map(_plain, first_name))


def render(first_name: str, contact_type: str, start: datetime, zone: ZoneInfo, message: Json) -> str:
    """Give the text of a reminder."""
    local = start.astimezone(zone)
    return Template(message.get("template", TEMPLATE)).substitute(
        fornamn=in_gsm(first_name),
        kontakttyp=(WORDS | message.get("words", {}))[contact_type],
        datum=local.strftime("%Y-%m-%d"),
        tid=local.strftime("%H.%M"),
    )


def segments(text: str) -> int:
    """Count the SMS segments of a text; no escape pair and no surrogate pair is split between two."""
    if set(text) <= BASIC | EXTENDED:
        sizes, alone, each = [2 if c in EXTENDED else 1 for c in text], 160, 153
    else:
        sizes, alone, each = [2 if ord(c) > 0xFFFF else 1 for c in text], 70, 67
    if sum(sizes) <= alone:
        return 1
    count, room = 1, each
    for size in sizes:
        if size > room:
            count, room = count + 1, each
        room -= size
    return max(count, math.ceil(sum(sizes) / each))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFC", text).casefold())


def _contains(whole: str, part: str) -> bool:
    outer, inner = _words(whole), _words(part)
    return bool(inner) and any(outer[at : at + len(inner)] == inner for at in range(len(outer)))


def sensitive(first_name: str, families: list[str], others: list[str]) -> bool:
    """Tell whether the first name holds a family name (unless that is all of it) or another fact of the record.

    The name as the record has it and the name as the text shows it are both held against the record.
    """
    shown = [first_name, in_gsm(first_name)]
    kin = any(_contains(one, family) and _words(one) != _words(family) for one in shown for family in families)
    return kin or any(_contains(one, fact) for one in shown for fact in others)
