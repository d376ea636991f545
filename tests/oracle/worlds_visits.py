"""What is odd about an appointment: broken elements, lost patients, contained ones."""

import worlds_people
from chance import Chance, Json
from worlds_consents import MODIFIER

_ENTRY: Json = {"actor": {"reference": "Patient/p1"}, "status": "accepted"}
_INVALID: list[Json] = [
    {"created": "then"},
    {"participant": ["x"]},
    {"participant": [{"actor": {"reference": "Patient/p1"}}]},
    {"participant": [_ENTRY | {"status": "bogus"}]},
    {"participant": [_ENTRY | {"required": "maybe"}]},
    {"participant": [_ENTRY | {"modifierExtension": MODIFIER}]},
    {"modifierExtension": MODIFIER},
    {"implicitRules": "https://a.example/r"},
    {"appointmentType": "x"},
    {"serviceCategory": "x"},
]
_UNNEEDED: list[Json] = [
    {"end": "later"},
    {"description": 5},
    {"priority": {}},
    {"slot": "x"},
    {"comment": {}},
    {"minutesDuration": -1},
    {"shoeSize": 43},
    {"requestedPeriod": "x"},
]
_LOST: list[Json] = [
    {"reference": "Patient/nobody"},
    {"reference": "https://other.example/fhir/Patient/p1"},
    {"type": "Patient", "identifier": {"system": "urn:none", "value": "1"}},
    {"type": "Patient", "reference": "urn:uuid:00000000-0000-4000-8000-000000000000"},
]


NAMES = ["Anna", "Bo", "Doktor Bo", "Åsa", "Hudmottagningen", "Karl-Erik", "Berg"]


def name(chance: Chance, made: Json, version: str) -> None:
    """Name a service, a contained unit or an identifier by what may also be a first name."""
    kind = chance.pick({None: 12, "identifier": 1, "service": 1, "contained": 1, "description": 1})
    text = chance.choice(NAMES)
    if kind == "identifier":
        made["identifier"] = [{"system": "https://region.example/booking", "value": text}]
    elif kind == "description":
        made["description"] = text
    elif kind == "service":
        concept = chance.choice([{"text": text}, {"coding": [{"display": text, "code": "x"}]}])
        element = chance.choice(["serviceType", "serviceCategory", "specialty"])
        concept = {"concept": concept} if element == "serviceType" and version == "R5" else concept
        made.setdefault(element, []).append(concept)
    elif kind == "contained":
        unit = {"id": "unit", "resourceType": chance.choice(["Location", "HealthcareService", "Practitioner"])}
        unit["name"] = [{"text": text}] if unit["resourceType"] == "Practitioner" else text
        made["contained"] = [unit]
        made["participant"].append({"actor": {"reference": "#unit"}, "status": "accepted"})


def spoil(chance: Chance, made: Json) -> None:
    """Break an appointment, or give it what a rule looks at."""
    kinds = {_invalid: 4, _unneeded: 3, _not_booked: 2, _not_started: 6, _lost: 4, _contained: 2}
    chance.pick(kinds)(chance, made)


def _invalid(chance: Chance, made: Json) -> None:
    made |= chance.choice(_INVALID)
    made["participant"] = list(made["participant"])


def _unneeded(chance: Chance, made: Json) -> None:
    made |= chance.choice(_UNNEEDED)


def _not_booked(chance: Chance, made: Json) -> None:
    made["status"] = chance.choice(["cancelled", "pending", "bogus", "waitlist", "noshow"])


def _not_started(chance: Chance, made: Json) -> None:
    start = chance.choice(["soon", made["start"][:10], None])
    if start:
        made["start"] = start
    else:
        made["requestedPeriod"] = [{"start": made.pop("start")}]


def _lost(chance: Chance, made: Json) -> None:
    entry = {"actor": chance.choice(_LOST), "status": chance.pick({"accepted": 4, "declined": 1})}
    made["participant"] = [entry] if chance.odds(0.6) else [*made["participant"], entry]
    if chance.odds(0.3):
        made["participant"] = []
        made.pop("subject", None)


def _contained(chance: Chance, made: Json) -> None:
    inner = worlds_people.patient(chance, f"in-{made['id']}")
    made["contained"] = [*made.get("contained", []), inner]
    made["participant"].append({"actor": {"reference": f"#{inner['id']}"}, "status": "accepted"})
