"""Whom: who may not be reminded, by which name, on which number."""

from datetime import UTC, date, datetime

import phonenumbers
import pytest
from facts import NOW, RULES, START, days, name, person, rules
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import Given, Name, Telecom
from fhirnotify.core.recipient import barred, first_name, mobile_number


@pytest.mark.parametrize(
    ("facts", "way", "expected"),
    [
        ({}, (), None),
        ({"active": False}, (), Reason.PATIENT_INACTIVE),
        ({"deceased": True}, (), Reason.PATIENT_DECEASED),
        ({"protected": True}, (), Reason.PROTECTED_IDENTITY),
        ({}, (person("old", protected=True),), Reason.PROTECTED_IDENTITY),
        ({}, (person("old", active=False),), None),
        ({}, (person("old", deceased=True),), Reason.PATIENT_DECEASED),
        ({"active": False, "deceased": True, "protected": True}, (), Reason.PATIENT_INACTIVE),
        ({"deceased": True, "protected": True}, (), Reason.PATIENT_DECEASED),
    ],
)
def test_barred(facts, way, expected):
    """The survivor must be active; death and protection count on every record on the way."""
    assert barred(person(**facts), way, START, RULES) is expected


@pytest.mark.parametrize(
    ("birth", "visit", "skipped"),
    [
        (date(2013, 11, 24), "2026-11-24T09:00:00", False),
        (date(2013, 11, 25), "2026-11-24T09:00:00", True),
        (date(2013, 11, 25), "2026-11-24T23:30:00", False),
        (date(2026, 11, 24), "2026-11-24T09:00:00", True),
        (date(2026, 11, 25), "2026-11-24T09:00:00", True),
        (date(2008, 2, 29), "2021-02-28T09:00:00", True),
        (date(2008, 2, 29), "2021-03-01T09:00:00", False),
        (None, "2026-11-24T09:00:00", True),
    ],
)
def test_age_is_whole_years_at_the_local_date_of_the_visit(birth, visit, skipped):
    """A rule 0-12 ends on the thirteenth birthday; without a full birth date nobody can tell."""
    moment = datetime.fromisoformat(visit).replace(tzinfo=UTC)
    answer = barred(person(birth_date=birth), (), moment, rules(skip_ages=((0, 12),)))
    assert answer is (Reason.AGE_POLICY if skipped else None)


def test_without_an_age_rule_nobody_needs_a_birth_date():
    """The default has none."""
    assert barred(person(birth_date=None), (), START, RULES) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([name("Anna", "Karin")], "Anna"),
        ([name("Anna", "Karin", call="Karin")], "Karin"),
        ([name("Anna"), name("Nina", use="usual", call="Nina")], "Nina"),
        ([name("Nina", use="usual"), name("Anna")], "Anna"),
        ([name("Tem", use="temp"), name("Non", use=None)], "Non"),
        ([name("Tem", use="temp")], "Tem"),
        ([name("Old", use="old", call="Old"), name("Anna")], "Anna"),
        ([name("X", use="maiden"), name("X", use="nickname"), name("X", use="anonymous"), name("X", use="old")], None),
        ([name("Anna", period=days(-9, -1)), name("Nina", use="usual")], "Nina"),
        ([name("Anna", period=days(1, 9)), name("Nina", use="temp", period=days(-1, 1))], "Nina"),
        ([name(), name("Nina", use="usual")], "Nina"),
        ([name("  "), name("Nina", use="usual")], "Nina"),
        ([Name("official", (Given(" ", call_me=True), Given("Anna")))], "Anna"),
        ([], None),
    ],
)
def test_first_name(names, expected):
    """The tilltalsnamn wherever it is marked, else the first given of the first name that has one."""
    assert first_name(person(names=tuple(names)), NOW) == expected


NUMBER = "+46701740605"


@pytest.mark.parametrize(
    "written",
    [
        "070-174 06 05",
        "0701740605",
        "+46701740605",
        "0046701740605",
        "+46 (0)70-174 06 05",
        "tel:+46-70-174-06-05",
        " 070 1740605 ",
    ],
)
def test_a_mobile_number_may_be_written_in_many_ways(written):
    """All are the same E.164 number."""
    assert mobile_number(person(telecoms=(Telecom("phone", written),)), NOW, RULES) == NUMBER


@pytest.mark.parametrize(
    "written",
    [
        "090-785 00 00",
        "08-465 004 00",
        "0771-23 45 67",
        "1177",
        "+4791234567",
        "",
        "070",
        "anna",
        "+46701740605999999",
        "070-xxxxxxx",
        "0701 SAKNAS",
        "EJ 070-174 06 05",
        "070-174 06 05 (mor)",
    ],
)
def test_what_is_no_swedish_mobile_number(written):
    """Landlines, shared cost, short numbers, other countries and nonsense."""
    assert mobile_number(person(telecoms=(Telecom("phone", written),)), NOW, RULES) is None


def phone(last, **facts):
    """A mobile number ending in 06 and these digits."""
    return Telecom(**{"system": "phone", "value": f"070-174 06 {last}", **facts})


@pytest.mark.parametrize(
    ("telecoms", "expected"),
    [
        ([phone("05"), phone("06")], "05"),
        ([phone("05"), phone("06", use="mobile")], "06"),
        ([phone("05", rank=2), phone("06", rank=1)], "06"),
        ([phone("05"), phone("06", rank=9)], "06"),
        ([phone("05", rank=1), phone("06", use="mobile", rank=9)], "06"),
        ([phone("05", use="old"), phone("06", use="home")], "06"),
        ([phone("05", period=days(-9, -1)), phone("06")], "06"),
        ([phone("05", system="sms")], "05"),
        ([phone("05", system="email"), phone("06", system=None), phone("07", system="other")], None),
        ([phone("05", use="mobile", value="090-785 00 00"), phone("06", use="home")], "06"),
    ],
)
def test_which_number(telecoms, expected):
    """Use mobile first, then the lowest rank, then document order; old and ended ones never."""
    number = mobile_number(person(telecoms=tuple(telecoms)), NOW, RULES)
    assert number == (expected and f"+467017406{expected}")


def test_other_countries_by_setting():
    """A Norwegian mobile number is sent to only where the region says so."""
    someone = person(telecoms=(Telecom("phone", "+47 406 12 345"),))
    assert mobile_number(someone, NOW, RULES) is None
    assert mobile_number(someone, NOW, rules(countries=("SE", "NO"))) == "+4740612345"


plain_numbers = st.from_regex(r"(\+46|0046|0) ?-?7[02369]([ -]?[0-9]){7}", fullmatch=True)


@given(plain_numbers)
def test_plain_swedish_numbers_are_what_the_library_says(written):
    """They are recognised without asking it; it would say the same of every one."""
    number = phonenumbers.parse(written, "SE")
    assert phonenumbers.is_valid_number(number)
    assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    assert phonenumbers.region_code_for_number(number) == "SE"
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert mobile_number(person(telecoms=(Telecom("phone", written),)), NOW, RULES) == expected


@given(st.text(max_size=30))
def test_any_text_for_a_number_gives_a_mobile_number_or_none(text):
    """A telecom holds whatever somebody typed."""
    number = mobile_number(person(telecoms=(Telecom("phone", text),)), NOW, RULES)
    assert number is None or number.startswith("+467")
