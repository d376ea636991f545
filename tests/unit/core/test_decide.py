"""The decision: one named reason in order of precedence, or a reminder; total and pure."""

from dataclasses import replace
from datetime import timedelta

import pytest
from facts import (
    AMB,
    HOME,
    MOTTAGNING,
    NOW,
    RULES,
    START,
    TELEFON,
    UNKNOWN,
    VIDEO,
    attendee,
    booking,
    name,
    person,
    rules,
    statement,
)
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.core.answer import Reason, Remind, Skip
from fhirnotify.core.decide import NOBODY, decide
from fhirnotify.core.model import ContactType, Given, Invalid, InvalidBooking, Name, Telecom

BROKEN = InvalidBooking("a1", "Appointment/a1", ("Appointment.participant[0].status",), START, "booked")
UNREADABLE = Invalid("p1", "Patient/p1/_history/1", ("Patient.birthDate",))
STRICT = rules(late_booking="skip", skip_ages=((0, 12),))

WORST_FIRST = [
    ("status", Reason.NOT_BOOKED),
    ("start", Reason.NO_START),
    ("late", Reason.LATE_BOOKING),
    ("attends", Reason.NOT_ATTENDING),
    ("unreadable", Reason.PATIENT_UNREADABLE),
    ("inactive", Reason.PATIENT_INACTIVE),
    ("deceased", Reason.PATIENT_DECEASED),
    ("protected", Reason.PROTECTED_IDENTITY),
    ("age", Reason.AGE_POLICY),
    ("consent", Reason.NO_CONSENT),
    ("type", Reason.CONTACT_TYPE_UNMAPPED),
    ("name", Reason.NO_FIRST_NAME),
    ("number", Reason.NO_MOBILE_NUMBER),
    ("private", Reason.PRIVACY_BLOCKED),
]


def world(faults):
    """A booking and its patient with these things wrong."""
    wrong = set(faults)
    visit = booking(
        status="cancelled" if "status" in wrong else "booked",
        start=None if "start" in wrong else START,
        created=START if "late" in wrong else START - timedelta(days=30),
        codings=(UNKNOWN,) if "type" in wrong else (VIDEO,),
    )
    given_names = () if "name" in wrong else (Given("Anna Testsson" if "private" in wrong else "Anna"),)
    who = person(
        active="inactive" not in wrong,
        deceased="deceased" in wrong,
        protected="protected" in wrong,
        birth_date=None if "age" in wrong else NOW.date() - timedelta(days=40 * 365),
        names=(Name("official", given_names, "Testsson"),),
        telecoms=() if "number" in wrong else (Telecom("phone", "070-174 06 05"),),
    )
    consents = (statement(status="draft"),) if "consent" in wrong else (statement(),)
    record = None if "unreadable" in wrong else who
    return visit, attendee(record, *consents, attends="attends" not in wrong)


@pytest.mark.parametrize("first", range(len(WORST_FIRST)))
def test_the_first_reason_that_applies_is_given(first):
    """However many things are wrong, the reason is the one that comes first."""
    faults = [fault for fault, _ in WORST_FIRST[first:]]
    decision = decide(*world(faults), NOW, STRICT)
    assert isinstance(decision, Skip)
    assert decision.reason is WORST_FIRST[first][1]


def test_nothing_wrong_gives_a_reminder():
    """To the number, by the name, with what it rests on."""
    decision = decide(*world([]), NOW, STRICT)
    assert isinstance(decision, Remind)
    assert decision.number == "+46701740605"
    assert decision.text.startswith("Påminnelse till Anna: Du har ett videobesök 2026-11-24 klockan 10.00 med")
    assert decision.segments == 2
    assert decision.evidence.as_json() == {
        "appointment": "Appointment/a1/_history/1",
        "patient": "Patient/p1/_history/1",
        "consent": ["Consent/c1/_history/1"],
        "mapping": ["urn:example:typ|video"],
    }


def test_an_appointment_that_cannot_be_read_comes_before_all_else():
    """It gives the path at fault, and no patient."""
    decision = decide(BROKEN, NOBODY, NOW, RULES)
    assert decision == Skip(Reason.INVALID_RESOURCE, decision.evidence, detail=BROKEN.paths)
    assert decision.evidence.patient is None


@pytest.mark.parametrize(
    ("visit", "who", "expected"),
    [
        (booking(), attendee(UNREADABLE), Reason.INVALID_RESOURCE),
        (booking(), NOBODY, Reason.PATIENT_UNREADABLE),
        (booking(status="cancelled"), attendee(UNREADABLE), Reason.NOT_BOOKED),
        (booking(start=NOW + timedelta(hours=3)), attendee(), Reason.TOO_LATE),
        (booking(codings=(VIDEO, TELEFON)), attendee(), Reason.CONTACT_TYPE_CONFLICT),
        (booking(codings=(HOME,)), attendee(), Reason.CONTACT_TYPE_NOT_REMINDED),
        (booking(), attendee(person(names=(name("Anna1"),))), Reason.PRIVACY_BLOCKED),
        (booking(private=frozenset({"Anna"})), attendee(), Reason.PRIVACY_BLOCKED),
        (booking(), attendee(person(names=(name("\ua743se"),))), Reason.PRIVACY_BLOCKED),
        (booking(), attendee(person(), statement(decision="deny")), Reason.CONSENT_DENIED),
    ],
)
def test_other_reasons(visit, who, expected):
    """Each where it stands in the order."""
    decision = decide(visit, who, NOW, RULES)
    assert isinstance(decision, Skip)
    assert decision.reason is expected


def test_unmapped_codes_are_handed_on_so_that_they_can_be_completed():
    """With the reason, and only with this one."""
    decision = decide(booking(codings=(UNKNOWN,)), attendee(), NOW, RULES)
    assert isinstance(decision, Skip)
    assert decision.unmapped == (UNKNOWN,)


names = st.builds(
    Name,
    st.sampled_from(["official", "usual", None, "temp", "old", "nickname"]),
    st.lists(st.builds(Given, st.text(max_size=12), st.booleans()), max_size=3).map(tuple),
    st.none() | st.text(max_size=10),
)
people = st.builds(
    person,
    active=st.booleans(),
    deceased=st.booleans(),
    protected=st.booleans(),
    birth_date=st.none() | st.dates(),
    names=st.lists(names, max_size=3).map(tuple),
    telecoms=st.lists(
        st.builds(Telecom, st.sampled_from(["phone", "sms", "email"]), st.text(max_size=15)), max_size=3
    ).map(tuple),
    private=st.frozensets(st.text(max_size=8), max_size=3),
)
visits = st.builds(
    booking,
    status=st.sampled_from(["booked", "booked", "cancelled", "fulfilled"]),
    start=st.none() | st.timedeltas(timedelta(hours=-1), timedelta(hours=50)).map(lambda wait: NOW + wait),
    created=st.none() | st.just(NOW),
    codings=st.lists(st.sampled_from([VIDEO, TELEFON, MOTTAGNING, HOME, AMB, UNKNOWN]), max_size=3).map(tuple),
    private=st.frozensets(st.text(max_size=8), max_size=3),
)
attendees = st.builds(
    lambda who, attends: replace(attendee(who), attends=attends),
    st.one_of(people, st.just(UNREADABLE), st.none()),
    st.sampled_from([True, True, True, False]),
)


@given(st.one_of(visits, st.just(BROKEN)), st.one_of(attendees, st.just(NOBODY)))
def test_decide_is_total_and_pure(visit, who):
    """It never raises, gives one named reason or one text, and the same facts give the same answer."""
    decision = decide(visit, who, NOW, STRICT)
    assert decision == decide(visit, who, NOW, STRICT)
    if isinstance(decision, Skip):
        assert decision.reason in Reason
    else:
        assert decision.number.startswith("+467")
        assert decision.text


secrets = st.text(st.characters(categories=("Lu", "Ll")), min_size=9, max_size=15)


@given(secrets, st.sampled_from(["Anna", "Zoë", "محمد"]), st.sampled_from([(VIDEO,), (AMB,), (TELEFON, AMB)]))
def test_the_text_depends_on_first_name_contact_type_and_start_alone(secret, first, codings):
    """Changing anything else in any resource never changes a byte of it."""
    plain = decide(booking(codings=codings), attendee(person(names=(name(first),))), NOW, RULES)
    changed = decide(
        booking(f"other-{len(secret)}", codings=codings, private=frozenset({secret}), created=None),
        attendee(
            person(
                "p2",
                names=(name(first, secret, family=secret), name(secret, use="old")),
                private=frozenset({secret}),
                birth_date=NOW.date(),
                telecoms=(Telecom("phone", "070-174 06 99"),),
            ),
            statement("c9", patient="p2"),
        ),
        NOW,
        RULES,
    )
    assert isinstance(plain, Remind)
    assert isinstance(changed, Remind)
    assert changed.text.encode() == plain.text.encode()


@pytest.mark.parametrize("contact_type", ContactType)
def test_the_text_names_the_contact_type(contact_type):
    """The word of the kind of visit, and of no other."""
    coding = {ContactType.VIDEO: VIDEO, ContactType.TELEFON: TELEFON, ContactType.MOTTAGNING: MOTTAGNING}[contact_type]
    decision = decide(booking(codings=(coding,)), attendee(), NOW, RULES)
    assert isinstance(decision, Remind)
    assert f"Du har ett {RULES.words[contact_type]} 2026" in decision.text
