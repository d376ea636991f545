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


def spoil(chance: Chance, made: Json) -> None:
    """Break an appointment, or give it what a rule looks at."""
    kinds = {_invalid: 4, _unneeded: 3, _not_booked: 2, _not_started: 1, _lost: 4, _contained: 2}
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
        del made["start"]


def _lost(chance: Chance, made: Json) -> None:
    entry = {"actor": chance.choice(_LOST), "status": chance.pick({"accepted": 4, "declined": 1})}
    made["participant"] = [entry] if chance.odds(0.6) else [*made["participant"], entry]
    if chance.odds(0.3):
        made["participant"] = []
        made.pop("subject", None)


def _contained(chance: Chance, made: Json) -> None:
    inner = worlds_people.patient(chance, f"in-{made['id']}")
    made["contained"] = [inner]
    made["participant"].append({"actor": {"reference": f"#{inner['id']}"}, "status": "accepted"})
