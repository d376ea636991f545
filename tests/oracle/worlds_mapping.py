"""The mapping of the random worlds, and random codes that it decides, hints at or does not know."""

import json
from pathlib import Path

from chance import Chance, Json

SNOMED, ACT_CODE = "http://snomed.info/sct", "http://terminology.hl7.org/CodeSystem/v3-ActCode"
KV, LOCAL, R5 = "urn:oid:1.2.752.129.2.2.2.25", "https://region.example/types", "https://region.example/r5"
CHANNEL, CLASS = "https://region.example/kanal", "https://region.example/StructureDefinition/class"
VIRTUAL = "https://region.example/StructureDefinition/virtual"

ELEMENTS: list[tuple[str, str | None]] = [
    ("Appointment.appointmentType", None),
    ("Appointment.serviceType", None),
    ("Appointment.serviceType.concept", None),
    ("Appointment.serviceCategory", None),
    ("Appointment.class", None),
    ("Appointment.virtualService.channelType", None),
    (f"Appointment.extension('{CLASS}').value", None),
    (f"Appointment.extension('{CHANNEL}').value", CHANNEL),
    (f"Appointment.extension('{VIRTUAL}').extension('channelType').value.coding", None),
]
R4_MAP = [
    (SNOMED, "63431000052109", "video", "equal"),
    (SNOMED, "185317003", "telefon", "equivalent"),
    (SNOMED, "58171000052102", "mottagning", "equal"),
    (SNOMED, "439708006", "ingen", "equivalent"),
    (SNOMED, "185316007", None, "unmatched"),
    (KV, "1", "mottagning", "inexact"),
    (KV, "2", "telefon", "wider"),
    (ACT_CODE, "AMB", "mottagning", "narrower"),
    (ACT_CODE, "VR", "video", "relatedto"),
    (ACT_CODE, "HH", "ingen", "wider"),
    (LOCAL, "VM", "video", "subsumes"),
    (LOCAL, "TM", "telefon", "specializes"),
    (LOCAL, "XX", "mottagning", "disjoint"),
    (CHANNEL, "video", "video", "equal"),
    (CHANNEL, "fysiskt", "mottagning", "equal"),
]
R5_MAP = [
    (R5, "a", "mottagning", "equivalent"),
    (R5, "b", "video", "source-is-narrower-than-target"),
    (R5, "c", "telefon", "related-to"),
    (R5, "d", "mottagning", "source-is-broader-than-target"),
    (R5, "e", "mottagning", "not-related-to"),
    (R5, "f", None, "noMap"),
    (CHANNEL, "telefon", "telefon", "equivalent"),
]
DECIDING = {
    "mottagning": [(SNOMED, "58171000052102"), (CHANNEL, "fysiskt"), (R5, "a")],
    "video": [(SNOMED, "63431000052109"), (LOCAL, "VM"), (CHANNEL, "video"), (R5, "b")],
    "telefon": [(SNOMED, "185317003"), (KV, "2"), (CHANNEL, "telefon")],
    "ingen": [(SNOMED, "439708006"), (ACT_CODE, "HH")],
}
HINTS = [(KV, "1"), (ACT_CODE, "AMB"), (LOCAL, "TM"), (R5, "c"), (R5, "d")]
SILENT = [(SNOMED, "185316007"), (LOCAL, "XX"), (R5, "e"), (R5, "f")]
UNKNOWN = [
    (SNOMED, "1"),
    ("http://snomed.info/SCT", "185317003"),
    ("1.2.752.129.2.2.2.25", "2"),
    (LOCAL, "vm"),
    (CHANNEL, ""),
]


def _concept_map(rows: list[tuple[str, str, str | None, str]], relation: str) -> Json:
    groups: dict[str, dict[str, Json]] = {}
    for system, code, target, relationship in rows:
        element = groups.setdefault(system, {}).setdefault(code, {"code": code})
        if target:
            element.setdefault("target", []).append({"code": target, relation: relationship})
        elif relation == "equivalence":
            element["target"] = [{"equivalence": relationship}]
        else:
            element["noMap"] = True
    target = "urn:fhirnotify:kontakttyp"
    group = [
        {"source": system, "target": target, "element": list(elements.values())} for system, elements in groups.items()
    ]
    url = f"https://region.example/ConceptMap/{relation}"
    return {"resourceType": "ConceptMap", "url": url, "status": "active", "group": group}


def write(directory: Path) -> None:
    """Write the mapping of the random worlds into a directory."""
    directory.mkdir(exist_ok=True)
    lines = []
    for expression, system in ELEMENTS:
        lines += ["[[element]]", f"expression = {json.dumps(expression)}"]
        lines += [f"system = {json.dumps(system)}"] if system else []
    (directory / "elements.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, rows, relation in (("r4", R4_MAP, "equivalence"), ("r5", R5_MAP, "relationship")):
        text = json.dumps(_concept_map(rows, relation), indent=1)
        (directory / f"{name}.json").write_text(text, encoding="utf-8")


def codes(chance: Chance) -> list[tuple[str, str]]:
    """Choose the codes of one appointment."""
    words = chance.sample(sorted(DECIDING), 2)
    visit = chance.pick({"mottagning": 3, "video": 3, "telefon": 3})
    kind = chance.pick(
        {"one": 60, "agree": 10, "hint": 7, "silent": 2, "none": 1, "ingen": 4, "conflict": 4, "unknown": 3, "hints": 3}
    )
    found = {
        "one": [chance.choice(DECIDING[visit])],
        "agree": [chance.choice(DECIDING[visit]), chance.choice(DECIDING[visit]), chance.choice(HINTS)],
        "hint": [chance.choice(HINTS)],
        "silent": [chance.choice(SILENT)],
        "none": [],
        "ingen": [chance.choice(DECIDING["ingen"])],
        "conflict": [chance.choice(DECIDING[word]) for word in words],
        "unknown": [chance.choice(UNKNOWN)],
        "hints": [chance.choice([*HINTS, (ACT_CODE, "VR")]) for _ in range(2)],
    }[kind]
    if chance.odds(0.2):
        found.append(chance.choice([*SILENT, *UNKNOWN]))
    return found


def place(chance: Chance, appointment: Json, version: str) -> None:
    """Put the codes where the mapping looks for them."""
    for system, code in codes(chance):
        coding = {"system": system, "code": code or "x"}
        spots = ["appointmentType", "serviceType", "serviceCategory", "extension", "compound"]
        spots += ["class", "virtualService"] if version == "R5" else []
        spot = "channel" if system == CHANNEL and chance.odds(0.7) else chance.choice(spots)
        if spot == "appointmentType":
            appointment.setdefault(spot, {"coding": []})["coding"].append(coding)
        elif spot == "serviceType" and version == "R5":
            appointment.setdefault(spot, []).append({"concept": {"coding": [coding]}})
        elif spot in ("serviceType", "serviceCategory", "class"):
            appointment.setdefault(spot, []).append({"coding": [coding, {"display": "besök"}]})
        elif spot == "virtualService":
            appointment.setdefault(spot, []).append({"channelType": coding, "additionalInfo": ["https://a.example"]})
        elif spot == "compound":
            inner = [
                {"url": "channelType", "valueCodeableConcept": {"coding": [coding]}},
                {"url": "x", "valueCoding": coding},
            ]
            appointment.setdefault("extension", []).append({"url": VIRTUAL, "extension": inner})
        else:
            values = [{"valueCode": code or "x"}, {"valueString": code or "x"}]
            if spot == "extension":
                values = [{"valueCoding": coding}, {"valueCodeableConcept": {"coding": [coding]}}]
            url = CHANNEL if spot == "channel" else CLASS
            appointment.setdefault("extension", []).append({"url": url, **chance.choice(values)})
