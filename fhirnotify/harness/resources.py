"""Builders of test resources, in the shape of FHIR R4 or R5.

They give plain JSON objects: ordinary ones by default, bent by named arguments. An element given as None is left
out. Numbers are of the series that PTS keeps for fiction (070-174 06 05 to 070-174 06 99); names are no one's.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.rows import instant

Resource = dict[str, Any]

CONSENT_SYSTEM = "urn:fhirnotify:samtycke"
CONSENT_CODE = f"{CONSENT_SYSTEM}|sms-paminnelse"
"""The code that makes a Consent one about these reminders, as ``consent.codes`` wants it."""
OTHER_CODE = f"{CONSENT_SYSTEM}|sammanhallen-journal"
TEST_IDENTIFIER = "urn:fhirnotify:testperson"

SNOMED = "http://snomed.info/sct"
KV = "urn:oid:1.2.752.129.2.2.2.25"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
V2_0276 = "http://terminology.hl7.org/CodeSystem/v2-0276"

CODE_OF = {
    ContactType.MOTTAGNING: f"{SNOMED}|58171000052102",
    ContactType.VIDEO: f"{SNOMED}|63431000052109",
    ContactType.TELEFON: f"{SNOMED}|185317003",
}
"""A code that decides, for each contact type."""

UNKNOWN_MODIFIER: Resource = {"modifierExtension": [{"url": "urn:fhirnotify:nobody-knows-this", "valueBoolean": True}]}
CALL_ME = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier", "valueCode": "CL"}]}


def phone(value: str, use: str | None = "mobile", system: str | None = "phone", **elements: Any) -> Resource:
    """Build a ContactPoint."""
    return _present({"system": system, "value": value, "use": use, **elements})


def fictional_number(ordinal: int) -> str:
    """Give one of the 95 Swedish mobile numbers that belong to nobody, as E.164."""
    return f"+467017406{5 + ordinal % 95:02}"


def name(*given: str, use: str | None = "official", family: str | None = "Testsson", **elements: Any) -> Resource:
    """Build a HumanName."""
    return _present({"use": use, "family": family, "given": list(given) or None, **elements})


def coding(code: str) -> Resource:
    """Build a Coding from ``system|code``."""
    system, _, value = code.partition("|")
    return {"system": system, "code": value}


def concept(*codes: str) -> Resource:
    """Build a CodeableConcept from ``system|code``."""
    return {"coding": [coding(code) for code in codes]}


def period(start: datetime | str | None = None, end: datetime | str | None = None) -> Resource:
    """Build a Period."""
    return _present({"start": _moment(start), "end": _moment(end)})


def patient(id: str, number: str | None = None, **elements: Any) -> Resource:
    """Build a Patient: an adult with a first name, and a mobile number if one is given."""
    telecom = [phone(number)] if number else None
    ordinary = {
        "active": True,
        "identifier": [{"system": TEST_IDENTIFIER, "value": id}],
        "name": [name("Tolvan")],
        "birthDate": "1912-12-12",
        "telecom": telecom,
    }
    return _present({"resourceType": "Patient", "id": id, **ordinary, **elements})


def link(kind: str, other: str) -> Resource:
    """Build a Patient.link of the given type to another record."""
    return {"type": kind, "other": {"reference": f"Patient/{other}"}}


def provision(version: FhirVersion, kind: str | None, *codes: str, **elements: Any) -> Resource:
    """Build a nested Consent provision; R5 has no type there, since its meaning alternates by depth."""
    typed = {"type": kind} if version is FhirVersion.R4 else {}
    return _present({**typed, "code": [concept(code) for code in codes] or None, **elements})


def consent(
    version: FhirVersion,
    id: str,
    patient_id: str,
    *,
    decision: str | None = "permit",
    made: datetime | str | None = "2020-02-02",
    during: Resource | None = None,
    provisions: Sequence[Resource] = (),
    codes: Iterable[str] = (CONSENT_CODE,),
    **elements: Any,
) -> Resource:
    """Build a Consent: in force since 2020, without end, with this base decision and these nested provisions."""
    category = [concept(*codes)]
    common: Resource = {"resourceType": "Consent", "id": id, "status": "active", "category": category}
    subject = {"reference": f"Patient/{patient_id}"}
    nested = list(provisions) or None
    if version is FhirVersion.R5:
        day = made.date().isoformat() if isinstance(made, datetime) else made  # R5 has no time of day here
        shaped = {"subject": subject, "date": day, "period": during, "decision": decision}
        return _present({**common, **shaped, "provision": nested, **elements})
    scope = concept("http://terminology.hl7.org/CodeSystem/consentscope|patient-privacy")
    root = _present({"type": decision, "period": during, "provision": nested}) or None
    return _present(
        {**common, "scope": scope, "patient": subject, "dateTime": _moment(made), "provision": root, **elements}
    )


def participant(version: FhirVersion, actor: Resource, status: str | None = "accepted", **elements: Any) -> Resource:
    """Build an entry among the participants of an Appointment."""
    required = "required" if version is FhirVersion.R4 else True
    return _present({"actor": actor, "required": required, "status": status, **elements})


def to_patient(id: str) -> Resource:
    """Build a reference to a Patient."""
    return {"reference": f"Patient/{id}"}


def appointment(
    version: FhirVersion,
    id: str,
    start: datetime,
    *patients: str,
    kind: ContactType | str = ContactType.MOTTAGNING,
    **elements: Any,
) -> Resource:
    """Build a booked Appointment of half an hour for these patients, with a practitioner, made a month before.

    ``kind`` is a contact type, or a code that stands in ``appointmentType``.
    """
    entries = [participant(version, to_patient(patient_id)) for patient_id in patients]
    entries.append(participant(version, {"type": "Practitioner", "display": "Distriktssköterska"}))
    code = CODE_OF[kind] if isinstance(kind, ContactType) else kind
    ordinary = {
        "status": "booked",
        "start": instant(start),
        "end": instant(start + timedelta(minutes=30)),
        "created": instant(start - timedelta(days=30)),
        "appointmentType": concept(code),
        "participant": entries,
    }
    return _present({"resourceType": "Appointment", "id": id, **ordinary, **elements})


def service_type(version: FhirVersion, *codes: str) -> list[Resource]:
    """Build Appointment.serviceType: a CodeableConcept in R4, a CodeableReference in R5."""
    made = concept(*codes)
    return [made if version is FhirVersion.R4 else {"concept": made}]


def _moment(value: datetime | str | None) -> str | None:
    return instant(value) if isinstance(value, datetime) else value


def _present(elements: Resource) -> Resource:
    return {key: value for key, value in elements.items() if value is not None}
