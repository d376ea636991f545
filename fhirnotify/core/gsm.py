"""The alphabet of GSM 03.38, taken from the ``gsm0338`` codec once: asking the codec for each text is slow."""

import re

import gsm0338  # noqa: F401  # registers the codec

_ESCAPE = 0x1B
_SEPTETS = range(0x80)


def _decoded(*septets: int) -> str:
    try:
        return bytes(septets).decode("gsm03.38")
    except UnicodeDecodeError:
        return ""


BASIC = frozenset(_decoded(septet) for septet in _SEPTETS if septet != _ESCAPE) - {""}
"""Characters of one septet."""

EXTENSION = frozenset(_decoded(_ESCAPE, septet) for septet in _SEPTETS) - {""} - BASIC
"""Characters of two septets, an escape and another."""

PLAIN = re.compile(f"[{re.escape(''.join(sorted(BASIC)))}]*")
"""Matches a text whose characters are all of one septet."""

ALPHABET = BASIC | EXTENSION
"""Every character that a message in GSM 03.38 can hold."""
