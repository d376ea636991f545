"""From an Appointment to the facts that the rules read of it."""

from typing import Any
from zoneinfo import ZoneInfo

from fhirnotify.core.model import Attendance, Booking, Coding, FhirVersion, InvalidBooking, PatientRef
from fhirnotify.fhir.elements import ElementFault, Elements
from fhirnotify.fhir.moments import between, instant
from fhirnotify.fhir.references import References, stated_type
from fhirnotify.fhir.translate_datatypes import id_of, ref_of, ref_of_valid
from fhirnotify.fhir.translate_patient import PatientTranslator
from fhirnotify.fhir.translate_private import contained_resources, private_words, shown
from fhirnotify.fhir.translate_shapes import (
    ANY_ID,
    DATE_TIME,
    INSTANT,
    REFERENCE,
    Code,
    Flag,
    Many,
    Object,
    Refused,
    Shape,
)
from fhirnotify.fhir.translate_validate import Reader, Unreadable

_STATUS = Code(
    (
        "proposed",
        "pending",
        "booked",
        "arrived",
        "fulfilled",
        "cancelled",
        "noshow",
        "entered-in-error",
        "checked-in",
        "waitlist",
    )
)
_REQUIRED: dict[FhirVersion, Shape] = {
    FhirVersion.R4: Code(("required", "optional", "information-only")),
    FhirVersion.R5: Flag(),
}


def appointment_shape(version: FhirVersion) -> dict[str, Shape]:
    """Tell what is read of an Appointment, beside the elements of ``elements.toml``."""
    participant = Object(
        {
            "modifierExtension": Refused(),
            "actor": REFERENCE,
            "status": Code(("accepted", "declined", "tentative", "needs-action")),
            "required": _REQUIRED[version],
        },
        frozenset({"status"}),
    )
    shape: dict[str, Shape] = {
        "id": ANY_ID,
        "meta": Object({"versionId": ANY_ID}),
        "implicitRules": Refused(),
        "modifierExtension": Refused(),
        "status": _STATUS,
        "start": INSTANT,
        "created": DATE_TIME,
        "participant": Many(participant),
    }
    if version is FhirVersion.R5:
        shape["subject"] = REFERENCE
    return shape


class AppointmentTranslator:
    """Reads Appointments of one FHIR version."""

    def __init__(
        self,
        version: FhirVersion,
        references: References,
        elements: Elements,
        zone: ZoneInfo,
        patients: PatientTranslator,
    ) -> None:
        shape = appointment_shape(version)
        fields = {**elements.shapes(version), **shape}
        self._reader = Reader("Appointment", version, Object(fields, frozenset({"id", "status", "participant"})))
        self._also_named = tuple(elements.names() & shape.keys())
        self._version = version
        self._references = references
        self._elements = elements
        self._zone = zone
        self._patients = patients

    def appointment(self, resource: object) -> Booking | InvalidBooking:
        """Read an Appointment. Of one that cannot be read, start and status are given where they alone can be."""
        try:
            kept = self._reader.read(resource)
            assert isinstance(resource, dict)
            codings = self._codings(kept, resource)
        except Unreadable as unreadable:
            return self._invalid(resource, unreadable.paths)
        start, created = kept.get("start"), kept.get("created")
        covered = between(created, self._zone) if created else None
        ref = ref_of_valid(kept)
        attendances, others = self._participants(kept, resource, ref)
        return Booking(
            id=kept["id"],
            ref=ref,
            status=kept["status"],
            start=instant(start) if start else None,
            created=covered[0] if covered else None,
            attendances=attendances,
            codings=codings,
            private=frozenset((*others, *private_words(resource))),
            unit=self._elements.unit.of(resource, self._version, self._references),
        )

    def _codings(self, kept: dict[str, Any], resource: dict[str, Any]) -> tuple[Coding, ...]:
        """Find the codes. An expression sees elements that are read for other reasons too as they are, uncut."""
        also = {name: resource[name] for name in self._also_named if name in resource}
        seen = {**kept, **also} if also else kept
        try:
            return self._elements.codings(seen, self._version)
        except ElementFault as fault:
            raise Unreadable((fault.path,)) from None

    def _participants(
        self, kept: dict[str, Any], resource: dict[str, Any], ref: str
    ) -> tuple[tuple[Attendance, ...], list[str]]:
        """Give the attendances of patients, and what is shown of the other participants."""
        attendances: list[Attendance] = []
        others: list[str] = []
        for entry, raw in zip(kept["participant"], resource["participant"], strict=True):
            patient = self._patient(entry.get("actor"), resource, ref)
            if patient is not None:
                absent = entry["status"] == "declined" or entry.get("required") == "information-only"
                attendances.append(Attendance(patient, attends=not absent))
            elif display := shown(raw):
                others.append(display)
        subject = self._patient(kept.get("subject"), resource, ref)
        if subject is not None:
            attendances.append(Attendance(subject))
        return tuple(attendances), others

    def _patient(self, reference: dict[str, Any] | None, resource: dict[str, Any], ref: str) -> PatientRef | None:
        if not reference:
            return None
        if not reference.get("reference", "").startswith("#"):
            return self._references.patient(reference)
        stated = stated_type(reference)
        contained = contained_resources(resource, reference["reference"][1:])
        types = [entry.get("resourceType") for entry in contained]
        if all(isinstance(found, str) and found != "Patient" for found in types or [stated]) or not (types or stated):
            return PatientRef() if stated == "Patient" else None
        if types != ["Patient"] or stated not in (None, "Patient"):
            return PatientRef()
        person = self._patients.patient(contained[0], within=ref)
        return PatientRef(id=person.id, contained=person)

    def _invalid(self, resource: object, paths: tuple[str, ...]) -> InvalidBooking:
        raw = resource if isinstance(resource, dict) else {}
        start, status = raw.get("start"), raw.get("status")
        return InvalidBooking(
            id_of(resource),
            ref_of(resource, "Appointment"),
            paths,
            start=instant(start) if isinstance(start, str) else None,
            status=status if isinstance(status, str) else None,
            unit=self._elements.unit.of(raw, self._version, self._references),
        )
