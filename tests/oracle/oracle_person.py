"""Whom: who may be reminded, by what first name, at what number."""

import unicodedata
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from oracle_time import covers, whole_years

Json = dict[str, Any]
_LABELS = {
    ("http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel", "sekretessmarkering"),
    ("http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel", "skyddadFolkbokforing"),
    ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R"),
    ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "V"),
}
_QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
_USES = ("official", "usual", None, "temp")


def dead(patient: Json) -> bool:
    """Tell whether the record says that the patient has died."""
    return patient.get("deceasedBoolean") is True or "deceasedDateTime" in patient


def protected(patient: Json) -> bool:
    """Tell whether the record is labelled, or written, as that of a person with protected identity."""
    labels = patient.get("meta", {}).get("security", [])
    if any((one.get("system"), one.get("code")) in _LABELS for one in labels):
        return True
    return any(" ".join(part.split()).casefold() == "skyddad uppgift" for part in _strings(patient.get("name")))


def _strings(value: Any) -> list[str]:
    """Give every string at any depth: a name part stands in an element of its own, or in an extension."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for one in inner for text in _strings(one)]


def skipped_age(patient: Json, skip_ages: list[str], visit: date) -> bool:
    """Tell whether the age at the visit is one that the settings skip; unknown counts as skipped."""
    if not skip_ages:
        return False
    birth = patient.get("birthDate", "")
    if len(birth) != len("2026-11-24"):
        return True
    age = whole_years(date.fromisoformat(birth), visit)
    bounds = [part.split("-") for part in skip_ages]
    return any(int(low) <= age <= int(high) for low, high in bounds)


def first_name(patient: Json, now: datetime, zone: ZoneInfo) -> str | None:
    """Give the name to call the patient by, normalised and trimmed."""
    names = [one for one in patient.get("name", []) if one.get("use") in _USES and covers(one.get("period"), now, zone)]
    names.sort(key=lambda one: _USES.index(one.get("use")))
    found = [given for name in names for given in _marked(name)]
    found += [given for name in names for given in name.get("given", [])]
    plain = [unicodedata.normalize("NFC", given).strip() for given in found if given]
    return next((one for one in plain if one), None)


def _marked(name: Json) -> list[str | None]:
    pairs = zip(name.get("given", []), name.get("_given", []), strict=False)
    return [
        given
        for given, beside in pairs
        if any(
            one.get("url") == _QUALIFIER and one.get("valueCode") == "CL" for one in (beside or {}).get("extension", [])
        )
    ]


def number(patient: Json, countries: list[str], now: datetime, zone: ZoneInfo) -> str | None:
    """Give the mobile number to send to, in E.164."""
    found = []
    for place, one in enumerate(patient.get("telecom", [])):
        current = one.get("use") != "old" and covers(one.get("period"), now, zone)
        if current and one.get("system") in ("phone", "sms") and one.get("value"):
            mobile = _mobile(one["value"], countries)
            if mobile:
                found.append((one.get("use") != "mobile", one.get("rank", 1 << 31), place, mobile))
    return min(found)[-1] if found else None


def _mobile(value: str, countries: list[str]) -> str | None:
    if any(letter.isalpha() for letter in value.strip().removeprefix("tel:")):
        return None  # a word is no number, though one could dial it
    try:
        parsed = phonenumbers.parse(value, "SE")
    except phonenumbers.NumberParseException:
        return None
    is_mobile = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE
    if not is_mobile or phonenumbers.region_code_for_number(parsed) not in countries:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def families(patient: Json) -> list[str]:
    """Give every family name of the record."""
    return [one["family"] for one in patient.get("name", []) if one.get("family")]


def other_facts(patient: Json) -> list[str]:
    """Give the identifiers, the numbers and the address lines of the record."""
    return [
        *(one["value"] for one in patient.get("identifier", []) if one.get("value")),
        *(one["value"] for one in patient.get("telecom", []) if one.get("value")),
        *(line for one in patient.get("address", []) for line in one.get("line", []) if line),
    ]
