"""The oracle itself, held against cases that were worked out by hand from the specification."""

import pytest
from compare import MAPPING
from oracle import Answer, rows
from oracle_message import in_gsm, segments, sensitive
from plain_world import APPOINTMENT, CODE, OTHER, PATIENT, R4_CONSENT, SNOMED, VIDEO, another, world

MODIFIER = [{"url": "urn:x", "valueBoolean": True}]
PERSON = {"actor": {"reference": "Patient/p1"}, "status": "accepted"}
CL = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier", "valueCode": "CL"}]}
TEXT = (
    "Påminnelse till Anna: Du har ett videobesök 2026-11-24 klockan 10.00 med hälso- och sjukvården, Region Västerbotten. "
    "Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. "
    "Till de flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
)


def only(*args, **changes) -> Answer:
    """Give the one row of a world."""
    (row,) = rows(world(*args, **changes), MAPPING)
    return row


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_the_plain_world_is_a_reminder(version):
    """Everything is in order: the text is the one of the specification, to the letter."""
    assert only(version) == Answer(
        "a1", "p1", "2026-11-24T09:00:00Z", "remind", None, "video", "accepted", 2, "+46701740605", TEXT
    )


def typed(**of_root):
    """Give a change of the R4 root provision."""
    return {"consent": {"provision": {"type": "permit"} | of_root}}


def nested(*provisions, root="permit"):
    """Give a change of the R4 root provision to one with nested provisions."""
    return {"consent": {"provision": {"type": root, "provision": list(provisions)}}}


REASONS = [
    ("invalid-resource", {"appointment": {"created": "then"}}),
    ("invalid-resource", {"appointment": {"implicitRules": "urn:x"}}),
    ("invalid-resource", {"appointment": {"participant": [PERSON | {"status": "maybe"}]}}),
    ("invalid-resource", {"appointment": {"participant": [PERSON | {"modifierExtension": MODIFIER}]}}),
    (None, {"appointment": {"end": "later", "description": 5}}),
    ("too-late", {"appointment": {"start": "2026-11-22T14:59:59Z"}}),
    (None, {"appointment": {"start": "2026-11-22T15:00:00Z"}}),
    (None, {"appointment": {"start": "2026-11-24T10:59:59Z"}}),
    (None, {"appointment": {"created": "2026-11-22T10:00:00Z"}}),
    (
        "late-booking",
        {"appointment": {"created": "2026-11-22T09:00:01Z"}, "settings": {"reminder": {"late_booking": "skip"}}},
    ),
    (None, {"appointment": {"created": "2026-11-22"}, "settings": {"reminder": {"late_booking": "skip"}}}),
    ("not-attending", {"appointment": {"participant": [PERSON, PERSON | {"status": "declined"}]}}),
    ("not-attending", {"appointment": {"participant": [PERSON | {"required": "information-only"}]}}),
    ("patient-unreadable", {"appointment": {"participant": [PERSON | {"actor": {"reference": "Patient/p2"}}]}}),
    ("patient-unreadable", {"appointment": {"participant": [PERSON | {"actor": {"reference": "Location/x"}}]}}),
    ("invalid-resource", {"patient": {"birthDate": "then"}}),
    ("invalid-resource", {"patient": {"telecom": [{"system": "pigeon"}]}}),
    (None, {"patient": {"gender": 7}}),
    ("patient-inactive", {"patient": {"active": False}}),
    ("patient-deceased", {"patient": {"deceasedDateTime": "2026"}}),
    (None, {"patient": {"deceasedBoolean": False}}),
    ("protected-identity", {"patient": {"name": [*PATIENT["name"], {"use": "old", "text": "SKYDDAD uppgift"}]}}),
    ("age-policy", {"patient": {"birthDate": "2013-11-25"}, "settings": {"recipient": {"skip_ages": ["0-12"]}}}),
    (None, {"patient": {"birthDate": "2013-11-24"}, "settings": {"recipient": {"skip_ages": ["0-12"]}}}),
    ("age-policy", {"patient": {"birthDate": "1980"}, "settings": {"recipient": {"skip_ages": ["0-12"]}}}),
    ("no-consent", {"consent": {"category": [{"coding": [OTHER]}], "status": "not-done"}}),
    ("no-consent", {"consent": {"status": "draft"}}),
    ("consent-denied", {"consent": {"status": "rejected"}}),
    ("consent-expired", {"consent": {"status": "inactive"}}),
    ("consent-undetermined", {"consent": {"status": "unknown"}}),
    ("consent-undetermined", {"consent": {"status": "bogus", "category": [{"coding": [OTHER]}]}}),
    ("consent-undetermined", {"consent": {"modifierExtension": MODIFIER}}),
    ("consent-expired", typed(period={"end": "2026-11-21"})),
    (None, typed(period={"end": "2026-11-22"})),
    ("consent-expired", {"consent": {"dateTime": "2026-11-23"}}),
    (None, {"consent": {"dateTime": "2026-11-22"}}),
    ("consent-denied", typed(type="deny")),
    ("consent-undetermined", {"consent": {"provision": None}}),
    ("consent-denied", nested({"type": "deny"})),
    (None, nested({"type": "deny", "purpose": [OTHER]})),
    (None, nested({"type": "deny", "period": {"start": "2026-11-23"}})),
    ("consent-undetermined", nested({"code": [{"coding": [CODE]}]})),
    (None, nested({"type": "permit", "purpose": [CODE]}, root="deny")),
    ("consent-denied", nested({"type": "permit", "purpose": [CODE], "provision": [{"type": "deny"}]}, root="deny")),
    (
        "consent-denied",
        nested(
            {"type": "permit", "purpose": [CODE], "actor": [{"role": {"text": "x"}, "reference": {"display": "x"}}]},
            root="deny",
        ),
    ),
    ("contact-type-unmapped", {"appointment": {"appointmentType": None}}),
    (
        "contact-type-not-reminded",
        {"appointment": {"appointmentType": {"coding": [{"system": SNOMED, "code": "439708006"}]}}},
    ),
    (
        "contact-type-conflict",
        {"appointment": {"serviceType": [{"coding": [{"system": SNOMED, "code": "185317003"}]}]}},
    ),
    (
        None,
        {"appointment": {"serviceCategory": [{"coding": [{"system": "urn:oid:1.2.752.129.2.2.2.25", "code": "1"}]}]}},
    ),
    ("no-first-name", {"patient": {"name": [{"use": "nickname", "given": ["Anna"]}]}}),
    ("no-mobile-number", {"patient": {"telecom": [{"system": "phone", "value": "090-785 00 00"}]}}),
    ("no-mobile-number", {"patient": {"telecom": [{"system": "phone", "value": "+447700900123"}]}}),
    ("privacy-blocked", {"patient": {"name": [{"family": "Berg", "given": ["Anna BERG"]}]}}),
    (None, {"patient": {"name": [{"family": "Berg", "given": ["Berg"]}]}}),
    ("privacy-blocked", {"patient": {"name": [{"given": ["Anna 2"]}]}}),
]


@pytest.mark.parametrize(("reason", "changes"), REASONS)
def test_one_change_gives_this_reason(reason, changes):
    """Each rule, alone, decides as the specification says."""
    assert only(**changes).reason == reason


@pytest.mark.parametrize(
    ("decision", "exceptions", "reason"),
    [
        ("permit", [{"code": [{"coding": [CODE]}]}], "consent-denied"),
        ("permit", [{"code": [{"coding": [OTHER]}]}], None),
        ("permit", [{"period": {"end": "2020"}, "provision": [{}]}], None),
        ("deny", [{"purpose": [CODE]}], None),
        ("deny", [{}], "consent-denied"),
        ("deny", [{"purpose": [CODE], "provision": [{"code": [{"coding": [CODE]}]}]}], "consent-denied"),
        (None, [{"purpose": [CODE]}], "consent-undetermined"),
    ],
)
def test_the_provisions_of_r5_are_exceptions(decision, exceptions, reason):
    """They alternate with depth, from the opposite of the decision."""
    exceptions = [one or {"period": {"start": "2020"}} for one in exceptions]
    assert only("R5", consent={"decision": decision, "provision": exceptions}).reason == reason


@pytest.mark.parametrize(
    ("permit", "deny", "combine", "reason"),
    [
        ("2026-11-02", "2026-11-01", "newest-wins", None),
        ("2026-11-02", "2026-11-02", "newest-wins", "consent-denied"),
        ("2026-11-02T12:00:00Z", "2026-11-02", "newest-wins", "consent-denied"),
        ("2026-11-02T12:00:01Z", "2026-11-02T12:00:00Z", "newest-wins", None),
        (None, "2026-11-02", "newest-wins", "consent-denied"),
        ("2026-11-02", None, "newest-wins", "consent-denied"),
        ("2026-11-02", "2026-11-01", "deny-overrides", "consent-denied"),
    ],
)
def test_two_consents_that_say_different_things(permit, deny, combine, reason):
    """A deny wins, or the newest of the two."""
    denied = another(R4_CONSENT, id="c2", provision={"type": "deny"}) | ({"dateTime": deny} if deny else {})
    made = world("R4", denied, consent={"dateTime": permit}, settings={"consent": {"combine": combine}})
    assert [row.reason for row in rows(made, MAPPING)] == [reason]


def test_a_merged_record_is_named_by_its_survivor():
    """Two records of one person are one, and a consent for the older one counts."""
    old = another(PATIENT, id="p0", link=[{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}])
    both = [PERSON, {"actor": {"reference": "Patient/p0/_history/1"}, "status": "accepted"}]
    row = only("R4", old, appointment={"participant": both}, consent={"patient": {"reference": "Patient/p0"}})
    assert (row.patient, row.decision) == ("p1", "remind")


def test_the_smallest_id_of_a_double_booking_is_reminded():
    """The other one is a duplicate."""
    made = world("R4", another(APPOINTMENT, id="a0", start="2026-11-24T10:00:00+01:00"))
    assert {row.appointment: row.reason for row in rows(made, MAPPING)} == {"a0": None, "a1": "duplicate-booking"}


def test_a_shared_number_gives_neither_a_reminder():
    """Two patients, one number, one start, and the setting that skips them."""
    more = another(PATIENT, id="p2"), another(R4_CONSENT, id="c2", patient={"reference": "Patient/p2"})
    other = another(APPOINTMENT, id="a2", participant=[PERSON | {"actor": {"reference": "Patient/p2"}}])
    made = world("R4", *more, other, settings={"recipient": {"shared_number": "skip"}})
    assert [row.reason for row in rows(made, MAPPING)] == ["no-mobile-number"] * 2
    assert [row.reason for row in rows(world("R4", *more, other), MAPPING)] == [None] * 2


@pytest.mark.parametrize("key", ["plain", "hint"])
def test_a_deciding_code_stands_above_a_hint(key):
    """A hint decides only when nothing else does."""
    hint = {"coding": [{"system": "urn:oid:1.2.752.129.2.2.2.25", "code": "1"}]}
    kinds = {"plain": (VIDEO, "video"), "hint": (None, "mottagning")}
    appointment = {"appointmentType": kinds[key][0], "serviceCategory": [hint]}
    assert only(appointment=appointment).contact_type == kinds[key][1]


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        ("2026-11-22T20:59:59+01:00", "accepted"),
        ("2026-11-22T21:00:00+01:00", "held"),
        ("2026-11-23T06:59:59+01:00", "held"),
        ("2026-11-23T07:00:00+01:00", "accepted"),
    ],
)
def test_quiet_hours_hold_what_falls_due(now, outcome):
    """From 21.00, until and without 07.00."""
    assert only(now=now).outcome == outcome


@pytest.mark.parametrize(
    ("given", "marks", "shown"),
    [
        (["Eva", "Bo"], [None, CL], "Bo"),
        (["Zoë"], None, "Zoe"),
        (["D\u2019Arcy\u2011\u00c5sa\u00a0Bo"], None, "D'Arcy-Åsa Bo"),
        (["A\u030asa"], None, "Åsa"),
        (["Анна\u2019"], None, "Анна\u2019"),
    ],
)
def test_the_first_name_as_it_is_sent(given, marks, shown):
    """The name to call by, in GSM 03.38 when it is Latin, and untouched when it is not."""
    name = {"given": given, "use": "usual"} | ({"_given": marks} if marks else {})
    row = only(patient={"name": [{"use": "old", "given": ["Ulf"]}, name]})
    assert row.text is not None
    assert row.text.startswith(f"Påminnelse till {shown}: ")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 152 + "€" + "a" * 10, 2),
        ("a" * 152 + "€" * 77, 3),
        ("я" * 70, 1),
        ("я" * 71, 2),
    ],
)
def test_segments(text, count):
    """160 septets or 153 each, 70 code units or 67 each, no pair split."""
    assert segments(text) == count


def test_whole_words_alone_are_sensitive():
    """A part of a word is not a word."""
    assert sensitive("Anna Berg", ["berg"], [])
    assert not sensitive("Annaberg", ["berg"], [])
    assert in_gsm("Ç") == "Ç"
