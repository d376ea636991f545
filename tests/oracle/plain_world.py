"""One plain world in which Anna is reminded of a video visit, to change one thing at a time in."""

import copy
from typing import Any

from oracle import World

Json = dict[str, Any]
NOW = "2026-11-22T12:00:00+01:00"
CODE = {"system": "urn:test", "code": "sms"}
OTHER = {"system": "urn:test", "code": "research"}
SNOMED = "http://snomed.info/sct"
VIDEO = {"coding": [{"system": SNOMED, "code": "63431000052109"}]}

APPOINTMENT: Json = {
    "resourceType": "Appointment",
    "id": "a1",
    "status": "booked",
    "start": "2026-11-24T09:00:00Z",
    "appointmentType": VIDEO,
    "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
}
PATIENT: Json = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"use": "official", "family": "Berg", "given": ["Anna"]}],
    "telecom": [{"system": "phone", "value": "070-174 06 05"}],
    "birthDate": "1980-01-01",
}
R4_CONSENT: Json = {
    "resourceType": "Consent",
    "id": "c1",
    "status": "active",
    "scope": {"coding": [OTHER]},
    "category": [{"coding": [CODE]}],
    "patient": {"reference": "Patient/p1"},
    "provision": {"type": "permit"},
}
R5_CONSENT: Json = {
    "resourceType": "Consent",
    "id": "c1",
    "status": "active",
    "category": [{"coding": [CODE]}],
    "subject": {"reference": "Patient/p1"},
    "decision": "permit",
}


def world(version: str = "R4", *more: Json, settings: Json | None = None, now: str = NOW, **changes: Json) -> World:
    """Make the plain world with changes to its ``appointment``, ``patient`` or ``consent``, and ``more`` resources."""
    plain = {"appointment": APPOINTMENT, "patient": PATIENT, "consent": R4_CONSENT if version == "R4" else R5_CONSENT}
    made = copy.deepcopy({name: one | changes.get(name, {}) for name, one in plain.items()})
    resources = [{name: value for name, value in one.items() if value is not None} for one in made.values()]
    tables = {"consent": {"codes": ["urn:test|sms"]}}
    for name, table in (settings or {}).items():
        tables[name] = tables.get(name, {}) | table
    return World(version, [*resources, *copy.deepcopy(more)], tables, now)


def another(resource: Json, **changes: Any) -> Json:
    """Give a changed copy of a resource."""
    return copy.deepcopy(resource | changes)
