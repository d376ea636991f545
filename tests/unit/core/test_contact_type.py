"""The kind of visit: decided by codes, never guessed."""

import pytest
from facts import AMB, HOME, KONTAKTTYP, MOTTAGNING, SILENT, TELEFON, UNKNOWN, VIDEO
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.core.answer import Reason
from fhirnotify.core.contact_type import judge
from fhirnotify.core.model import Coding, ContactType


@pytest.mark.parametrize(
    ("codings", "expected"),
    [
        ([VIDEO], ContactType.VIDEO),
        ([TELEFON], ContactType.TELEFON),
        ([MOTTAGNING], ContactType.MOTTAGNING),
        ([VIDEO, VIDEO], ContactType.VIDEO),
        ([AMB, VIDEO], ContactType.VIDEO),
        ([AMB], ContactType.MOTTAGNING),
        ([SILENT, UNKNOWN, TELEFON], ContactType.TELEFON),
        ([VIDEO, TELEFON], Reason.CONTACT_TYPE_CONFLICT),
        ([VIDEO, HOME], Reason.CONTACT_TYPE_CONFLICT),
        ([HOME], Reason.CONTACT_TYPE_NOT_REMINDED),
        ([HOME, AMB], Reason.CONTACT_TYPE_NOT_REMINDED),
        ([], Reason.CONTACT_TYPE_UNMAPPED),
        ([SILENT], Reason.CONTACT_TYPE_UNMAPPED),
        ([UNKNOWN], Reason.CONTACT_TYPE_UNMAPPED),
        ([Coding("URN:example:typ", "video")], Reason.CONTACT_TYPE_UNMAPPED),
        ([Coding("urn:example:typ", "Video")], Reason.CONTACT_TYPE_UNMAPPED),
        ([Coding(None, "video")], Reason.CONTACT_TYPE_UNMAPPED),
    ],
)
def test_judge(codings, expected):
    """What decides outweighs hints; what differs is a conflict; what is not known is not guessed."""
    judged = judge(codings, KONTAKTTYP)
    assert (judged.contact_type or judged.reason) is expected


def test_it_tells_which_codes_decided_and_which_nobody_knows():
    """The evidence names the codes; the unmapped ones can be completed."""
    assert judge([AMB, VIDEO], KONTAKTTYP).mapping == ("urn:example:typ|video",)
    assert judge([SILENT, UNKNOWN], KONTAKTTYP).unmapped == (UNKNOWN,)


def test_what_is_no_code_is_not_told():
    """Somebody may have written a name and a number where a code belongs."""
    written = Coding("urn:example:typ", "ring Anna 070-174 06 05")
    assert judge([written], KONTAKTTYP).unmapped == (Coding("urn:example:typ", "(free text)"),)


@given(st.lists(st.sampled_from([VIDEO, TELEFON, MOTTAGNING, HOME, AMB, SILENT, UNKNOWN]), max_size=6))
def test_it_always_answers_one_thing_and_the_order_does_not_matter(codings):
    """A contact type or a reason, never both, never neither."""
    judged = judge(codings, KONTAKTTYP)
    assert (judged.contact_type is None) != (judged.reason is None)
    backwards = judge(reversed(codings), KONTAKTTYP)
    assert (backwards.contact_type, backwards.reason) == (judged.contact_type, judged.reason)
