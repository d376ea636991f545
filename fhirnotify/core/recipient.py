"""To whom: may the person be reminded at all, by which first name, on which number."""

import re
from collections.abc import Collection
from datetime import date, datetime

import phonenumbers

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import Name, Person, Telecom
from fhirnotify.core.rules import Rules

_NAME_USES = ("official", "usual", None, "temp")
_HOME_COUNTRY = "SE"
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
_UNRANKED = 2**31

# Most numbers by far: told apart at once, since the library takes a tenth of a millisecond for each.
_PLAIN_SWEDISH = re.compile(r"(?:\+46|0046|0) ?-?(7[02369](?:[ -]?[0-9]){7})")
_TEL_URI = re.compile(r"^tel:|;[a-z-]+=[^;]*", re.IGNORECASE)
"""What RFC 3966 writes around a number."""
_SEPARATORS = re.compile(r"[ -]")


def barred(person: Person, way: tuple[Person, ...], start: datetime, rules: Rules) -> Reason | None:
    """Give the reason that this person is not to be reminded, if there is one.

    Args:
        person: the surviving record, by which everything is judged.
        way: the records that led to it by ``replaced-by``; death and protected identity on any of them count.
        start: the booked time, for the age at the visit.
        rules: the settings.
    """
    if not person.active:
        return Reason.PATIENT_INACTIVE
    if any(record.deceased for record in (person, *way)):
        return Reason.PATIENT_DECEASED
    if any(record.protected for record in (person, *way)):
        return Reason.PROTECTED_IDENTITY
    visit = start.astimezone(rules.zone).date()
    return Reason.AGE_POLICY if rules.skip_ages and _age_is_skipped(person.birth_date, visit, rules) else None


def _age_is_skipped(birth_date: date | None, visit: date, rules: Rules) -> bool:
    if birth_date is None or birth_date > visit:
        return True
    years = visit.year - birth_date.year - ((visit.month, visit.day) < (birth_date.month, birth_date.day))
    return any(first <= years <= last for first, last in rules.skip_ages)


def first_name(person: Person, now: datetime) -> str | None:
    """Choose the name to address a person by: the *tilltalsnamn* if one is marked, else the first given name.

    Names of use official, usual, none and temp whose period covers ``now``, in that order. Blank ones do not count.
    """
    names = sorted(
        (name for name in person.names if name.use in _NAME_USES and name.period.covers(now)),
        key=lambda name: _NAME_USES.index(name.use),
    )
    return next((given for name in names for given in _call_names(name)), None) or next(
        (given.text for name in names for given in name.given if given.text.strip()), None
    )


def _call_names(name: Name) -> list[str]:
    return [given.text for given in name.given if given.call_me and given.text.strip()]


def mobile_number(person: Person, now: datetime, rules: Rules) -> str | None:
    """Choose the mobile number to send to, as E.164: use ``mobile`` first, then lowest rank, then document order.

    A number without a country code is read as Swedish. Which numbers are mobile is told by Google's libphonenumber.
    """
    candidates = sorted(_telephones(person, now), key=lambda t: (t.use != "mobile", t.rank or _UNRANKED))
    return next((number for telecom in candidates if (number := _as_mobile(telecom, rules.countries))), None)


def mobile_numbers(person: Person, now: datetime) -> frozenset[str]:
    """Give every mobile number that some settings could choose."""
    everywhere = frozenset(phonenumbers.SUPPORTED_REGIONS)
    numbers = (_as_mobile(telecom, everywhere) for telecom in _telephones(person, now))
    return frozenset(number for number in numbers if number is not None)


def _telephones(person: Person, now: datetime) -> list[Telecom]:
    return [t for t in person.telecoms if t.system in ("phone", "sms") and t.use != "old" and t.period.covers(now)]


def _as_mobile(telecom: Telecom, countries: Collection[str]) -> str | None:
    if _HOME_COUNTRY in countries and (plain := _PLAIN_SWEDISH.fullmatch(telecom.value)):
        return "+46" + _SEPARATORS.sub("", plain[1])
    if any(character.isalpha() for character in _TEL_URI.sub("", telecom.value.strip())):
        return None  # the library dials words as on a keypad: "070-xxxxxxx" would be a stranger's number
    try:
        number = phonenumbers.parse(telecom.value, _HOME_COUNTRY)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in _MOBILE:
        return None
    if phonenumbers.region_code_for_number(number) not in countries:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
