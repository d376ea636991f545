"""Cases of whom: names, numbers, records that are inactive, dead, protected, too young, merged or unreadable."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fhirnotify.core.answer import Reason
from fhirnotify.harness.resources import (
    CALL_ME,
    TEST_IDENTIFIER,
    UNKNOWN_MODIFIER,
    link,
    name,
    participant,
    period,
    phone,
    to_patient,
)
from fhirnotify.harness.scene import Case, Scene, ordinary_visit_of

_LABELS = "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel"
_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_LOCAL = ZoneInfo("Europe/Stockholm")
_HIDDEN = "Skyddad uppgift"
_OVER = period(end="2020-01-01")
_LANDLINE = "090-785 00 00"
_FOREIGN = "+447700900123"
_MOBILE, _CHOSEN = "070-174 06 50", "+46701740650"
_OTHER = "070-174 06 51"

SKIP_AGES = "0-12"
"""The age policy of the world, so that every patient in it has a birth date."""


def _labelled(system: str, code: str) -> Mapping[str, object]:
    return {"security": [{"system": system, "code": code}]}


NAMES: dict[str, Case] = {
    "plain": ordinary_visit_of(),
    "call-me": ordinary_visit_of(said="Märta", name=[name("Åsa", "Märta", _given=[None, CALL_ME])]),
    "call-me-in-usual": ordinary_visit_of(
        said="Kim", name=[name("Åsa"), name("Kim", "Li", use="usual", _given=[CALL_ME, None])]
    ),
    "usual-before-none": ordinary_visit_of(said="Kim", name=[name("Åsa", use=None), name("Kim", use="usual")]),
    "official-is-over": ordinary_visit_of(said="Kim", name=[name("Åsa", period=_OVER), name("Kim", use="temp")]),
    "latin-transliterated": ordinary_visit_of(said="Michal", name=[name("Michał")]),
    "decomposed": ordinary_visit_of(said="Zoe", name=[name(" Zoe\u0308 ")]),
    "swedish-letters": ordinary_visit_of(said="Åsa-Märét", name=[name("Åsa-Märét")]),
    "typographic": ordinary_visit_of(said="D'Arcy-Li", name=[name("D\u2019Arcy\u2013Li")]),
    "other-script": ordinary_visit_of(said="Світлана", name=[name("Світлана")]),
    "name-is-also-family": ordinary_visit_of(said="Kim", name=[name("Kim", family="Kim")]),
    "nickname-only": ordinary_visit_of(Reason.NO_FIRST_NAME, name=[name("Kim", use="nickname")]),
    "old-name-only": ordinary_visit_of(Reason.NO_FIRST_NAME, name=[name("Kim", use="old"), name("Li", use="maiden")]),
    "family-only": ordinary_visit_of(Reason.NO_FIRST_NAME, name=[name()]),
    "no-name": ordinary_visit_of(Reason.NO_FIRST_NAME, name=None),
    "name-is-over": ordinary_visit_of(Reason.NO_FIRST_NAME, name=[name("Kim", period=_OVER)]),
    "no-name-and-no-number": ordinary_visit_of(Reason.NO_FIRST_NAME, name=None, telecom=None),
    "digit-in-name": ordinary_visit_of(Reason.PRIVACY_BLOCKED, name=[name("Kim 2")]),
    "address-in-name": ordinary_visit_of(Reason.PRIVACY_BLOCKED, name=[name("kim.example.org")]),
    "at-in-name": ordinary_visit_of(Reason.PRIVACY_BLOCKED, name=[name("kim@exempel")]),
    "line-break-in-name": ordinary_visit_of(Reason.PRIVACY_BLOCKED, name=[name("Kim\nLi")]),
    "family-in-name": ordinary_visit_of(Reason.PRIVACY_BLOCKED, name=[name("Kim Testsson")]),
    "street-in-name": ordinary_visit_of(
        Reason.PRIVACY_BLOCKED, name=[name("Kim Solgläntan")], address=[{"line": ["Solgläntan"]}]
    ),
}

NUMBERS: dict[str, Case] = {
    "mobile-use-first": ordinary_visit_of(
        number=_CHOSEN, telecom=[phone(_OTHER, "home", rank=1), phone(_MOBILE, rank=9)]
    ),
    "lowest-rank": ordinary_visit_of(number=_CHOSEN, telecom=[phone(_OTHER), phone(_MOBILE, rank=2)]),
    "document-order": ordinary_visit_of(number=_CHOSEN, telecom=[phone(_MOBILE), phone(_OTHER)]),
    "system-sms": ordinary_visit_of(number=_CHOSEN, telecom=[phone(_MOBILE, None, "sms")]),
    "trunk-zero": ordinary_visit_of(number=_CHOSEN, telecom=[phone("+46 (0)70-174 06 50")]),
    "double-zero": ordinary_visit_of(number=_CHOSEN, telecom=[phone("0046701740650", "home")]),
    "past-a-landline": ordinary_visit_of(number=_CHOSEN, telecom=[phone(_LANDLINE, rank=1), phone(_MOBILE, "work")]),
    "landline": ordinary_visit_of(Reason.NO_MOBILE_NUMBER, telecom=[phone(_LANDLINE)]),
    "no-telecom": ordinary_visit_of(Reason.NO_MOBILE_NUMBER, telecom=None),
    "old-number": ordinary_visit_of(Reason.NO_MOBILE_NUMBER, telecom=[phone(_MOBILE, "old")]),
    "number-is-over": ordinary_visit_of(Reason.NO_MOBILE_NUMBER, telecom=[phone(_MOBILE, period=_OVER)]),
    "fax-and-email": ordinary_visit_of(
        Reason.NO_MOBILE_NUMBER, telecom=[phone(_MOBILE, system="fax"), phone("kim@example.org", system="email")]
    ),
    "foreign-number": ordinary_visit_of(Reason.NO_MOBILE_NUMBER, telecom=[phone(_FOREIGN)]),
    "no-number-at-all": ordinary_visit_of(Reason.NO_MOBILE_NUMBER, telecom=[phone("ring växeln")]),
}
RECORDS: dict[str, Case] = {
    "inactive": ordinary_visit_of(Reason.PATIENT_INACTIVE, active=False),
    "inactive-and-dead": ordinary_visit_of(Reason.PATIENT_INACTIVE, active=False, deceasedBoolean=True),
    "dead": ordinary_visit_of(Reason.PATIENT_DECEASED, deceasedBoolean=True),
    "dead-since": ordinary_visit_of(Reason.PATIENT_DECEASED, deceasedDateTime="2025-05"),
    "said-to-live": ordinary_visit_of(deceasedBoolean=False, active=None),
    "masked": ordinary_visit_of(Reason.PROTECTED_IDENTITY, meta=_labelled(_LABELS, "sekretessmarkering")),
    "hidden-in-register": ordinary_visit_of(Reason.PROTECTED_IDENTITY, meta=_labelled(_LABELS, "skyddadFolkbokforing")),
    "restricted": ordinary_visit_of(Reason.PROTECTED_IDENTITY, meta=_labelled(_CONFIDENTIALITY, "R")),
    "very-restricted": ordinary_visit_of(Reason.PROTECTED_IDENTITY, meta=_labelled(_CONFIDENTIALITY, "V")),
    "normal-label": ordinary_visit_of(meta=_labelled(_CONFIDENTIALITY, "N")),
    "placeholder-name": ordinary_visit_of(Reason.PROTECTED_IDENTITY, name=[name(_HIDDEN.upper(), family=_HIDDEN)]),
    "birth-year-alone": ordinary_visit_of(Reason.AGE_POLICY, birthDate="1912"),
    "no-birth-date": ordinary_visit_of(Reason.AGE_POLICY, birthDate=None),
    "dead-and-young": ordinary_visit_of(Reason.PATIENT_DECEASED, birthDate=None, deceasedBoolean=True),
    "patient-rule-of-unknown-meaning": ordinary_visit_of(Reason.INVALID_RESOURCE, **UNKNOWN_MODIFIER),
    "patient-implicit-rules": ordinary_visit_of(Reason.INVALID_RESOURCE, implicitRules="urn:fhirnotify:rules"),
    "patient-link-to-nowhere": ordinary_visit_of(Reason.INVALID_RESOURCE, link=[{"type": "replaced-by"}]),
}


def _thirteen_that_day(scene: Scene) -> None:
    """Thirteen on the day of the visit: no longer in 0-12."""
    ordinary_visit_of(birthDate=_years_before(13, scene.start))(scene)


def _thirteen_the_day_after(scene: Scene) -> None:
    """Thirteen on the day after the visit: still in 0-12."""
    ordinary_visit_of(Reason.AGE_POLICY, birthDate=_years_before(13, scene.start + timedelta(days=1)))(scene)


def _years_before(years: int, moment: datetime) -> str:
    day = moment.astimezone(_LOCAL).date()
    return f"{day.year - years}-{day:%m-%d}"


def _replaced(scene: Scene) -> None:
    """A visit of a replaced record is its survivor's; so are the survivor's Consents."""
    scene.consenting("new")
    old = scene.patient("old", active=False, link=[link("replaced-by", f"{scene.name}-new")], name=None, telecom=None)
    scene.expect(scene.appointment(old), f"{scene.name}-new")


def _consent_of_old_record(scene: Scene) -> None:
    """What a person has said stands, also when it was recorded on a record that has since been replaced."""
    new, old = f"{scene.name}-new", f"{scene.name}-old"
    scene.patient("new", link=[link("replaces", old)])
    scene.consenting("old", link=[link("replaced-by", new)])
    scene.expect(scene.appointment(new), new)


def _denied_on_old_record(scene: Scene) -> None:
    """A deny on the replaced record silences the survivor."""
    new, old = f"{scene.name}-new", f"{scene.name}-old"
    scene.consenting("new", link=[link("replaces", old)])
    scene.patient("old", link=[link("replaced-by", new)])
    scene.consent(old, decision="deny", made="2021-01-01")
    scene.expect(scene.appointment(old), new, Reason.CONSENT_DENIED)


def _both_records_attend(scene: Scene) -> None:
    """Two records of one person in one appointment are one patient."""
    scene.consenting("new")
    old = scene.patient("old", active=False, link=[link("replaced-by", f"{scene.name}-new")])
    scene.expect(scene.appointment(old, f"{scene.name}-new"), f"{scene.name}-new")


def _protected_on_the_way(scene: Scene) -> None:
    """Protected identity on a replaced record counts for the survivor."""
    scene.consenting("new")
    old = scene.patient(
        "old", link=[link("replaced-by", f"{scene.name}-new")], meta=_labelled(_LABELS, "sekretessmarkering")
    )
    scene.expect(scene.appointment(old), f"{scene.name}-new", Reason.PROTECTED_IDENTITY)


def _chain(scene: Scene, hops: int) -> list[str]:
    ids = [f"{scene.name}-{hop}" for hop in range(hops + 1)]
    scene.consenting(str(hops))
    for hop in range(hops):
        scene.patient(str(hop), active=False, link=[link("replaced-by", ids[hop + 1])])
    return ids


def _five_hops(scene: Scene) -> None:
    """Five replacements in a row are followed."""
    ids = _chain(scene, 5)
    scene.expect(scene.appointment(ids[0]), ids[-1])


def _six_hops(scene: Scene) -> None:
    """Six are not."""
    ids = _chain(scene, 6)
    scene.expect(scene.appointment(ids[0]), ids[0], Reason.PATIENT_UNREADABLE)


def _loop(scene: Scene) -> None:
    """Two records that replace each other lead nowhere."""
    one, two = f"{scene.name}-one", f"{scene.name}-two"
    scene.consenting("one", link=[link("replaced-by", two)])
    scene.consenting("two", link=[link("replaced-by", one)])
    scene.expect(scene.appointment(one), one, Reason.PATIENT_UNREADABLE)


def _visit_by_identifier(scene: Scene, value: str) -> str:
    reference = {"type": "Patient", "identifier": {"system": TEST_IDENTIFIER, "value": value}}
    return scene.appointment(participant=[participant(scene.version, reference)])


def _by_identifier(scene: Scene) -> None:
    """A logical reference is searched for by identifier."""
    patient = scene.consenting()
    scene.expect(_visit_by_identifier(scene, patient), patient)


def _by_unknown_identifier(scene: Scene) -> None:
    """A logical reference that nobody answers to names nobody."""
    scene.expect(_visit_by_identifier(scene, f"{scene.name}-nobody"), None, Reason.PATIENT_UNREADABLE)


def _by_shared_identifier(scene: Scene) -> None:
    """A logical reference that two answer to names nobody."""
    shared = [{"system": TEST_IDENTIFIER, "value": f"{scene.name}-two"}]
    scene.consenting("p", identifier=shared)
    scene.consenting("q", identifier=shared)
    scene.expect(_visit_by_identifier(scene, f"{scene.name}-two"), None, Reason.PATIENT_UNREADABLE)


def _versioned_reference(scene: Scene) -> None:
    """A reference to a version of a Patient is one to the Patient."""
    patient = scene.consenting()
    reference = {"reference": f"Patient/{patient}/_history/1"}
    scene.expect(scene.appointment(participant=[participant(scene.version, reference)]), patient)


def _unit_in_name(scene: Scene) -> None:
    """A first name that holds the unit's name would tell where the visit is."""
    patient = scene.consenting(name=[name("Kim Björkgården")])
    unit = participant(scene.version, {"type": "Location", "display": "Björkgården"})
    entries = [participant(scene.version, to_patient(patient)), unit]
    scene.expect(scene.appointment(participant=entries), patient, Reason.PRIVACY_BLOCKED)


WHO: dict[str, Case] = {
    "thirteen-that-day": _thirteen_that_day,
    "thirteen-the-day-after": _thirteen_the_day_after,
    "replaced": _replaced,
    "consent-of-old-record": _consent_of_old_record,
    "denied-on-old-record": _denied_on_old_record,
    "both-records-attend": _both_records_attend,
    "protected-on-the-way": _protected_on_the_way,
    "five-hops": _five_hops,
    "six-hops": _six_hops,
    "loop": _loop,
    "by-identifier": _by_identifier,
    "by-unknown-identifier": _by_unknown_identifier,
    "by-shared-identifier": _by_shared_identifier,
    "versioned-reference": _versioned_reference,
    "unit-in-name": _unit_in_name,
}


def cases() -> dict[str, Case]:
    """Give every case of people; they are the same in R4 and R5."""
    return {**NAMES, **NUMBERS, **RECORDS, **WHO}
