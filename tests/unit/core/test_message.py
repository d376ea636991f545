"""The text: word for word, transliterated where it must be, counted in segments."""

import unicodedata

import gsm0338  # noqa: F401
import pytest
from facts import RULES, START
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.core.gsm import EXTENSION
from fhirnotify.core.message import in_gsm, normalised, refused, segments, sendable, text_of
from fhirnotify.core.model import ContactType


def test_the_text_word_for_word():
    """As the region has decided it."""
    assert text_of("Anna", ContactType.VIDEO, START, RULES) == (
        "Påminnelse till Anna: Du har ett videobesök 2026-11-24 klockan 10.00 med hälso- och sjukvården, "
        "Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. "
        "Till de flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
    )


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Anna", "Anna"),
        ("Åsa", "Åsa"),
        ("Zoé", "Zoé"),
        ("Désirée", "Désirée"),
        ("Ægir", "Ægir"),
        ("Zoë", "Zoe"),
        ("Michał", "Michal"),
        ("Łukasz", "Lukasz"),
        ("Šarūnas", "Sarunas"),
        ("François", "Francois"),
        ("Þór", "Thor"),
        ("Guðrún", "Gudrun"),
        ("Đặng", "Dang"),
        ("Nguyễn", "Nguyen"),
        ("Œdipe", "Oedipe"),
        ("O\u2019Connor", "O'Connor"),
        ("O\u02bcConnor", "O'Connor"),
        ("Anna\u2013Karin", "Anna-Karin"),
        ("Anna\u2011Karin", "Anna-Karin"),
        ("Anna\u00a0Karin", "Anna Karin"),
        ("Anna\u2009Karin", "Anna Karin"),
        ("Jo\u0308rgen", "Jörgen"),
        ("x\u0302", "x"),
        ("\u01b8", "'"),
        ("محمد", "محمد"),
        ("Владимир", "Владимир"),
        ("Ελένη", "Ελένη"),
        ("Zoë Ω", "Zoë Ω"),
        ("明", "明"),
    ],
)
def test_names(name, sent):
    """Letters of GSM 03.38 stay, other Latin ones are transliterated, another script is sent as it is."""
    assert sendable(normalised(name)) == sent


@pytest.mark.parametrize(
    "name",
    [
        "Anna1",
        "Anna²",
        "Ann٣",
        "a@b",
        "http://x",
        "½",
        "a\uff20b",
        "evil\u2024com",
        "www.x",
        "evil.se",
        "Se evil.se/x",
        "evil。com",
        "A\tB",
        "A\nB",
        "A\u2028B",
        "A\x00",
        "A\u202eB",
    ],
)
def test_what_no_name_holds_is_refused(name):
    """Digits, web addresses with and without scheme, @, control characters and line breaks."""
    assert refused(normalised(name))


@pytest.mark.parametrize(
    "name", ["Anna", "Anna Karin", "Anna-Karin", "O'Connor", "J.P.", "J. P.", "Ichiro \u4e09\u90ce", "محمد", "Åsa\n"]
)
def test_names_are_not_refused(name):
    """Initials, hyphens and apostrophes are common, and what surrounds a name is trimmed."""
    assert not refused(normalised(name))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ā" * 70, 1),
        ("ā" * 71, 2),
        ("ā" * 134, 2),
        ("ā" * 135, 3),
        ("ā" * 66 + "😀" + "ā" * 65, 2),
        ("ā" * 66 + "😀" + "ā" * 66, 3),
    ],
)
def test_segments(text, count):
    """160 or 153 septets, 70 or 67 UTF-16 units; neither an escape pair nor a surrogate pair is split."""
    assert segments(text) == count


@pytest.mark.parametrize(
    ("contact_type", "longest"), [(ContactType.MOTTAGNING, 22), (ContactType.VIDEO, 28), (ContactType.TELEFON, 26)]
)
def test_two_segments_up_to_a_name_of_22_letters(contact_type, longest):
    """The region pays for two segments; the longest name that fits depends on the word."""
    assert segments(text_of("A" * longest, contact_type, START, RULES)) == 2
    assert segments(text_of("A" * (longest + 1), contact_type, START, RULES)) == 3


latin = st.characters(categories=("Lu", "Ll"), max_codepoint=0x24F).filter(lambda c: "LATIN" in unicodedata.name(c, ""))


@given(st.text(latin, min_size=1, max_size=20))
def test_a_latin_name_always_fits_gsm(name):
    """So that it costs two segments, not five; and no letter is lost or becomes a question mark."""
    sent = sendable(normalised(name))
    assert in_gsm(sent)
    assert "?" not in sent
    assert len(sent) >= len(normalised(name)) - sum(unicodedata.category(c).startswith("M") for c in name)


@given(
    st.text(
        st.characters(max_codepoint=0x2100, exclude_characters="\x1b") | st.sampled_from("€[]{}|^~\\\f"), max_size=10
    )
)
def test_the_alphabet_is_the_codecs(text):
    """Characters and septets are what the GSM 03.38 codec makes of them; it also takes ESC, which is no character."""
    try:
        septets = text.encode("gsm03.38")
    except UnicodeEncodeError:
        septets = None
    assert in_gsm(text) == (septets is not None)
    if septets is not None:
        assert len(septets) == len(text) + sum(character in EXTENSION for character in text)


@given(st.text(max_size=20))
def test_any_name_can_be_judged_and_sent(name):
    """A name field holds whatever somebody typed."""
    assert isinstance(refused(normalised(name)), bool)
    assert segments(sendable(normalised(name))) >= 1
