"""How the judge cuts a text into parts: by the standard, and as the program counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.core.message import segments
from fhirnotify.harness.journal import cut, is_gsm, units

SIGNS = st.sampled_from("aåÄé {}[]€~\\^|\n@ŠжЯ小😀")


@given(st.text(SIGNS, max_size=400))
def test_parts_are_the_text_and_as_many_as_the_program_counts(text):
    """Nothing is lost between parts, none is longer than a part can be, and both counts agree."""
    pieces = cut(text)
    gsm = is_gsm(text)
    most = (160 if len(pieces) == 1 else 153) if gsm else (70 if len(pieces) == 1 else 67)
    assert "".join(pieces) == text
    assert max(units(piece, gsm=gsm) for piece in pieces) <= most
    assert len(pieces) == segments(text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", [""]),
        ("a" * 160, ["a" * 160]),
        ("a" * 161, ["a" * 153, "a" * 8]),
        ("a" * 152 + "€" + "a" * 10, ["a" * 152, "€" + "a" * 10]),
        ("Ж" * 70, ["Ж" * 70]),
        ("Ж" * 66 + "😀" + "Ж" * 5, ["Ж" * 66, "😀" + "Ж" * 5]),
    ],
)
def test_where_a_text_is_cut(text, pieces):
    """At 153 septets or 67 units; an escaped sign or a surrogate pair is never halved."""
    assert cut(text) == pieces
