"""Cases of which kind of visit: where the codes stand, which decide, which contradict each other, which say nothing."""

from typing import Any

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness.resources import (
    ACT_CODE,
    CODE_OF,
    KV,
    MODE,
    SNOMED,
    V2_0276,
    Resource,
    coding,
    concept,
    service_type,
)
from fhirnotify.harness.scene import Case, Scene

_UK = "https://fhir.hl7.org.uk"
_NORWAY = "http://hl7.no/fhir/StructureDefinition/no-basis-virtual-service"
_HOME_VISIT = f"{SNOMED}|439708006"


def _kind(contact_type: ContactType | None, reason: Reason | None = None, **elements: Any) -> Case:
    """Make a case of an ordinary visit whose kind is told by these elements; ``kind`` is appointmentType's code."""

    def case(scene: Scene) -> None:
        patient = scene.consenting()
        scene.expect(scene.appointment(patient, **elements), patient, reason, kind=contact_type)

    return case


_UNMAPPED, _CONFLICT, _NOT = (
    Reason.CONTACT_TYPE_UNMAPPED,
    Reason.CONTACT_TYPE_CONFLICT,
    Reason.CONTACT_TYPE_NOT_REMINDED,
)

KINDS: dict[str, Case] = {
    "mottagning": _kind(ContactType.MOTTAGNING, kind=ContactType.MOTTAGNING),
    "video": _kind(ContactType.VIDEO, kind=ContactType.VIDEO),
    "telefon": _kind(ContactType.TELEFON, kind=ContactType.TELEFON),
    "participation-mode": _kind(ContactType.VIDEO, kind=f"{MODE}|VIDEOCONF"),
    "service-category": _kind(
        ContactType.TELEFON, appointmentType=None, serviceCategory=[concept(CODE_OF[ContactType.TELEFON])]
    ),
    "kv-visit-is-a-hint": _kind(ContactType.MOTTAGNING, kind=f"{KV}|1"),
    "kv-visit-yields-to-video": _kind(
        ContactType.VIDEO, kind=f"{KV}|1", serviceCategory=[concept(CODE_OF[ContactType.VIDEO])]
    ),
    "uk-channel": _kind(
        ContactType.VIDEO,
        appointmentType=None,
        extension=[
            {
                "url": f"{_UK}/StructureDefinition/Extension-UKCore-DeliveryChannel",
                "valueCodeableConcept": concept(f"{_UK}/CodeSystem/UKCore-DeliveryChannel|Video"),
            }
        ],
    ),
    "norwegian-channel": _kind(
        ContactType.TELEFON,
        appointmentType=None,
        extension=[
            {
                "url": _NORWAY,
                "extension": [
                    {"url": "channelType", "valueCoding": coding("http://hl7.org/fhir/contact-point-system|phone")}
                ],
            }
        ],
    ),
    "routine-tells-nothing": _kind(None, _UNMAPPED, kind=f"{V2_0276}|ROUTINE"),
    "remote-tells-too-little": _kind(None, _UNMAPPED, kind=f"{SNOMED}|185316007"),
    "unknown-code": _kind(None, _UNMAPPED, kind="urn:fhirnotify:test|unheard-of"),
    "unknown-system": _kind(None, _UNMAPPED, kind="http://snomed.info/sct/45991000052106|63431000052109"),
    "no-code": _kind(None, _UNMAPPED, appointmentType=None),
    "text-alone": _kind(None, _UNMAPPED, appointmentType={"text": "videobesök"}),
    "two-codes-differ": _kind(
        None, _CONFLICT, appointmentType=concept(CODE_OF[ContactType.VIDEO], CODE_OF[ContactType.TELEFON])
    ),
    "visit-and-home-visit": _kind(
        None, _CONFLICT, appointmentType=concept(CODE_OF[ContactType.MOTTAGNING], _HOME_VISIT)
    ),
    "hints-differ": _kind(None, _CONFLICT, appointmentType=concept(f"{KV}|1", f"{KV}|4")),
    "home-visit": _kind(None, _NOT, kind=_HOME_VISIT),
    "in-hospital": _kind(None, _NOT, kind=f"{KV}|3"),
    "home-by-class": _kind(None, _NOT, kind=f"{ACT_CODE}|HH"),
}

_VIDEO_CLASS: Resource = {"class": [concept(CODE_OF[ContactType.VIDEO])]}
_ZOOM = "http://hl7.org/fhir/virtual-service-type|zoom"

_AMBULATORY: Resource = {"class": [concept(f"{ACT_CODE}|AMB")]}

R5_KINDS: dict[str, Case] = {
    "class": _kind(ContactType.VIDEO, appointmentType=None, **_VIDEO_CLASS),
    "class-differs": _kind(None, _CONFLICT, kind=ContactType.MOTTAGNING, **_VIDEO_CLASS),
    "ambulatory-tells-nothing": _kind(None, _UNMAPPED, appointmentType=None, **_AMBULATORY),
    "virtual-service": _kind(ContactType.VIDEO, appointmentType=None, virtualService=[{"channelType": coding(_ZOOM)}]),
    "virtual-but-by-phone": _kind(
        ContactType.TELEFON, kind=ContactType.TELEFON, virtualService=[{"channelType": coding(_ZOOM)}]
    ),
}


def _by_service_type(scene: Scene) -> None:
    """A service type is a CodeableConcept in R4 and a CodeableReference in R5."""
    codes = service_type(scene.version, CODE_OF[ContactType.VIDEO])
    _kind(ContactType.VIDEO, appointmentType=None, serviceType=codes)(scene)


def _service_type_differs(scene: Scene) -> None:
    """Two elements that say different things stop the reminder."""
    codes = service_type(scene.version, CODE_OF[ContactType.VIDEO])
    _kind(None, _CONFLICT, kind=ContactType.MOTTAGNING, serviceType=codes)(scene)


def cases(version: FhirVersion) -> dict[str, Case]:
    """Give every case of contact types that this FHIR version can hold."""
    elements = {"by-service-type": _by_service_type, "service-type-differs": _service_type_differs}
    return {**KINDS, **elements, **(R5_KINDS if version is FhirVersion.R5 else {})}
