"""Raw FHIR JSON for tests: the smallest valid resources to alter, and a translator for each FHIR version."""

from copy import deepcopy
from functools import cache
from zoneinfo import ZoneInfo

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.elements import Element, Elements
from fhirnotify.fhir.references import References
from fhirnotify.fhir.translate import ResourceTranslator

BASE_URL = "https://journal.example/fhir"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
ELEMENTS = Elements(
    [
        Element("Appointment.appointmentType"),
        Element("Appointment.serviceType"),
        Element("Appointment.class"),
        Element("Appointment.virtualService.channelType"),
        Element("Appointment.extension('urn:kind').value", system="urn:plain"),
    ]
)
SMALLEST = {
    "Appointment": {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "booked",
        "start": "2026-11-24T10:00:00+01:00",
        "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
    },
    "Patient": {"resourceType": "Patient", "id": "p1", "name": [{"given": ["Anna"], "family": "Svensson"}]},
    (FhirVersion.R4, "Consent"): {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "scope": {"coding": [{"system": "urn:scope", "code": "reminders"}]},
        "category": [{"coding": [{"system": "urn:category", "code": "sms"}]}],
        "patient": {"reference": "Patient/p1"},
        "provision": {"type": "permit"},
    },
    (FhirVersion.R5, "Consent"): {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "category": [{"coding": [{"system": "urn:category", "code": "sms"}]}],
        "subject": {"reference": "Patient/p1"},
        "decision": "permit",
    },
}


def smallest(resource_type, version=FhirVersion.R4, **elements):
    """Give the smallest valid resource, with these elements put in or, where None, taken out."""
    found = SMALLEST.get(resource_type) or SMALLEST[version, resource_type]
    resource = {**deepcopy(found), **elements}
    return {name: value for name, value in resource.items() if value is not None}


@cache
def translator(version=FhirVersion.R4, elements=ELEMENTS):
    """Make a translator as for a server."""
    return ResourceTranslator(version, References(BASE_URL), elements, STOCKHOLM)
