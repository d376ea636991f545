"""A world with a unique word, number and identity in every personal field, and in place of every single value."""

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from place import START

from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness import resources

Resource = dict[str, Any]
Path_ = tuple[str | int, ...]

WORD = "Qzkanarie"
OTHER = f"{WORD}n"
"""What begins with the word but is another one, as a text that holds the first name and nothing else must."""
NUMBER = "+46701740699"
IDENTITY = "191212121212"
SECRETS = (WORD.lower(), "701740699", "70-174 06 99", IDENTITY, "1912-12-12")

_TEXT = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{OTHER}</div>'}
_IDENTIFIER = {"system": "http://electronichealth.se/identifier/personnummer", "value": IDENTITY}
_TOLD = ("id", "resourceType", "versionId", "system", "code", "reference")
"""Ids, versions and codes are told; every other value is personal, or may be."""


def people() -> list[Resource]:
    """Build one visit, its patient and the consent, with everything personal that such resources hold."""
    patient = resources.patient(
        "p",
        NUMBER,
        text=_TEXT,
        identifier=[_IDENTIFIER],
        name=[
            {
                "use": "official",
                "text": OTHER,
                "family": f"{OTHER}sson",
                "given": [WORD],
                "prefix": [OTHER],
                "suffix": [OTHER],
            },
            {"use": "old", "family": f"{OTHER}dotter", "given": [OTHER], "period": {"end": "2001-01-01"}},
        ],
        birthDate="1912-12-12",
        gender="female",
        address=[{"text": OTHER, "line": [f"{OTHER}gatan 1"], "city": OTHER, "postalCode": OTHER}],
        contact=[{"name": {"text": OTHER}, "telecom": [{"system": "phone", "value": NUMBER}]}],
        generalPractitioner=[{"display": OTHER}],
        managingOrganization={"display": OTHER},
        extension=[{"url": "urn:x", "valueString": OTHER}],
    )
    patient["telecom"] += [
        {"system": "email", "value": f"{OTHER}@example.org"},
        {"system": "phone", "value": "070-174 06 99", "rank": 2, "period": {"start": "2001-01-01"}},
    ]
    appointment = resources.appointment(
        FhirVersion.R4,
        "a",
        START,
        "p",
        kind=ContactType.VIDEO,
        text=_TEXT,
        identifier=[_IDENTIFIER],
        description=OTHER,
        comment=OTHER,
        patientInstruction=OTHER,
        reasonCode=[{"text": OTHER}],
        serviceType=[{"text": OTHER}],
        extension=[{"url": "urn:x", "valueString": OTHER}],
    )
    appointment["appointmentType"]["text"] = OTHER
    appointment["appointmentType"]["coding"][0]["display"] = OTHER
    appointment["participant"][0]["actor"]["display"] = OTHER
    appointment["participant"][1]["actor"] = {"display": f"{OTHER}mottagningen", "identifier": _IDENTIFIER}
    consent = resources.consent(
        FhirVersion.R4,
        "c",
        "p",
        text=_TEXT,
        identifier=[_IDENTIFIER],
        performer=[{"display": OTHER}],
        organization=[{"display": OTHER}],
        sourceAttachment={"title": OTHER},
        verification=[{"verified": True, "verifiedWith": {"display": OTHER}}],
        provisions=[
            {
                "type": "permit",
                "period": {"start": "2001-01-01"},
                "code": [resources.concept(resources.CONSENT_CODE) | {"text": OTHER}],
                "actor": [{"role": {"text": OTHER}, "reference": {"display": OTHER}}],
            }
        ],
    )
    return [appointment, patient, consent]


def leaves(value: Any, at: Path_ = ()) -> Iterator[Path_]:
    """Give the path of every value that holds no others."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from leaves(inner, (*at, step))
    if not isinstance(value, dict | list):
        yield at


def bent(made: list[Resource], which: int, at: Path_, to: object) -> list[Resource]:
    """Give the three resources with one value of one of them replaced."""
    copies = copy.deepcopy(made)
    place: Any = copies[which]
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = to
    return copies


def numbered(made: list[Resource], number: int) -> list[Resource]:
    """Give the three resources ids of their own, and a minute of their own."""
    text = json.dumps(made).replace('"Patient/p"', f'"Patient/p{number}"')
    appointment, patient, consent = json.loads(text)
    appointment["id"], patient["id"], consent["id"] = f"a{number}", f"p{number}", f"c{number}"
    if isinstance(appointment.get("start"), str) and WORD not in appointment["start"]:
        appointment["start"] = (START + timedelta(seconds=number)).isoformat()
    return [appointment, patient, consent]


def everything() -> list[Resource]:
    """Build the valid three, and three more for every value that the word can take the place of."""
    made = people()
    worlds = [made]
    for which, resource in enumerate(made):
        for at in leaves(resource):
            if at[0] in ("id", "resourceType"):
                continue
            worlds.append(bent(made, which, at, [WORD]))
            if at[-1] not in _TOLD:
                worlds.append(bent(made, which, at, f"{WORD}\n{NUMBER}"))
    logical = bent(made, 0, ("participant", 0, "actor"), {"type": "Patient", "identifier": _IDENTIFIER})
    foreign = f"https://elsewhere.example/fhir/Patient?identifier={WORD}"
    worlds += [logical, bent(made, 0, ("participant", 0, "actor", "reference"), foreign)]
    worlds.append(bent(made, 1, ("meta",), {"security": [{"system": "urn:x", "code": "x", "display": WORD}]}))
    worlds.append(bent(made, 0, ("contained",), [{**made[1], "id": "inner", "birthDate": WORD}]))
    return [each for number, world in enumerate(worlds) for each in numbered(world, number)]


WORLD = everything()
