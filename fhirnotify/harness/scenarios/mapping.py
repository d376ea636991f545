"""Writes what a scenario's mappings hold beside those of the installation."""

import json
from pathlib import Path
from typing import Any

from fhirnotify.harness.resources import CODE_OF
from fhirnotify.harness.scenarios.model import Mapping

_KONTAKTTYP = "urn:fhirnotify:kontakttyp"


def written(mapping: Mapping, directory: Path) -> None:
    """Add to a copy of the mappings: entries of ``elements.toml``, and a ConceptMap of the scenario's codes.

    The codes of ordinary Appointments are always among them, so that mappings which know them not can be tested, too.
    """
    entries = [f"\n[[element]]\n{_lines(each.model_dump(exclude_none=True))}" for each in mapping.elements]
    with (directory / "elements.toml").open("a", encoding="utf-8") as elements:
        elements.writelines(entries)
    ordinary = {code: contact_type.value for contact_type, code in CODE_OF.items()}
    text = json.dumps(_concept_map(ordinary | mapping.codes), ensure_ascii=False)
    (directory / "scenario.json").write_text(text, encoding="utf-8")


def _lines(keys: dict[str, str]) -> str:
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in keys.items())


def _concept_map(codes: dict[str, str]) -> dict[str, Any]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for written_code, kontakttyp in codes.items():
        system, _, code = written_code.partition("|")
        target = {"code": kontakttyp, "equivalence": "equivalent"}
        groups.setdefault(system, []).append({"code": code, "target": [target]})
    return {
        "resourceType": "ConceptMap",
        "status": "active",
        "group": [
            {"source": system, "target": _KONTAKTTYP, "element": elements} for system, elements in groups.items()
        ],
    }
