"""Contact type: where the codes stand, and what the ConceptMaps say of them."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
TARGET = "urn:fhirnotify:kontakttyp"
DECIDING = {"equal", "equivalent", "wider", "subsumes", "source-is-narrower-than-target"}
HINTING = {"inexact", "narrower", "specializes", "relatedto", "related-to", "source-is-broader-than-target"}
_STEP = re.compile(r"extension\('([^']*)'\)|([A-Za-z]+)")


@dataclass(frozen=True)
class Mapping:
    """The ``[[element]]`` tables, and for each (system, code) its deciding and its hinting targets."""

    elements: tuple[tuple[str, str | None], ...]
    deciding: dict[tuple[str, str], set[str]]
    hinting: dict[tuple[str, str], set[str]]

    def needed(self) -> dict[str, set[str]]:
        """Name the elements of Appointment that the expressions read, and the extensions by their url."""
        names: dict[str, set[str]] = {}
        for expression, _ in self.elements:
            url, name = _steps(expression)[0]
            names.setdefault("extension" if url else name, set()).update({url} if url else ())
        return names


def load(directory: Path) -> Mapping:
    """Read ``elements.toml`` and every ConceptMap of a directory."""
    tables = tomllib.loads((directory / "elements.toml").read_text(encoding="utf-8"))["element"]
    deciding: dict[tuple[str, str], set[str]] = {}
    hinting: dict[tuple[str, str], set[str]] = {}
    for path in sorted(directory.glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")).get("group", []):
            if group.get("target") != TARGET:
                continue
            for element in group["element"]:
                for target in element.get("target", []):
                    relation = target.get("equivalence") or target.get("relationship")
                    into = deciding if relation in DECIDING else hinting if relation in HINTING else None
                    if into is not None:
                        into.setdefault((group["source"], element["code"]), set()).add(target["code"])
    elements = tuple((table["expression"], table.get("system")) for table in tables)
    return Mapping(elements, deciding, hinting)


def _steps(expression: str) -> list[tuple[str, str]]:
    return _STEP.findall(expression.removeprefix("Appointment."))


def _walk(nodes: list[Any], step: tuple[str, str]) -> list[Any]:
    url, name = step
    found: list[Any] = []
    for node in nodes:
        if not isinstance(node, dict):
            continue
        if url:
            found += [one for one in node.get("extension", []) if one.get("url") == url]
        elif name == "value" and "value" not in node:
            found += [value for key, value in node.items() if key.startswith("value")]
        elif name in node:
            found += node[name] if isinstance(node[name], list) else [node[name]]
    return found


def codes(appointment: Json, mapping: Mapping) -> set[tuple[str, str]]:
    """Give every (system, code) that stands where the mapping says codes stand."""
    found: set[tuple[str, str]] = set()
    for expression, system in mapping.elements:
        nodes: list[Any] = [appointment]
        for step in _steps(expression):
            nodes = _walk(nodes, step)
        for node in nodes:
            if isinstance(node, str):
                found.add((system or "", node))
            elif isinstance(node, dict):
                concept = node.get("concept", node)
                codings = concept.get("coding", [concept] if "code" in concept else [])
                found |= {(one.get("system", ""), one["code"]) for one in codings if "code" in one}
    return found


def contact_type(appointment: Json, mapping: Mapping) -> tuple[str | None, str | None]:
    """Give (contact type, None), or (None, the reason that there is none)."""
    found = codes(appointment, mapping)
    targets = {target for pair in found for target in mapping.deciding.get(pair, ())}
    targets = targets or {target for pair in found for target in mapping.hinting.get(pair, ())}
    if not targets:
        return None, "contact-type-unmapped"
    if len(targets) > 1:
        return None, "contact-type-conflict"
    kind = targets.pop()
    return (None, "contact-type-not-reminded") if kind == "ingen" else (kind, None)
