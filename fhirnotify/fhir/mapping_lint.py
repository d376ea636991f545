"""Finds what is wrong with a mapping directory, before a patient does.

The ConceptMaps, ``elements.toml``, and the two held against each other.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirnotify.core.rules import Strength
from fhirnotify.errors import SettingsError
from fhirnotify.fhir.conceptmaps import Entry, Finding, MapFile, contradictions, entries_of, read_directory
from fhirnotify.fhir.elements import load_elements

if TYPE_CHECKING:
    from fhirnotify.core.model import Coding

ELEMENTS = "elements.toml"

_CODED = frozenset({"CodeableConcept", "CodeableReference", "Coding"})
_PLAIN = frozenset({"code", "string", "uri", "url", "canonical", "id"})
_DOTTED = re.compile(r"Appointment(?:\.[A-Za-z]+)+")
_ENTRY = re.compile(r"(element\[\d+\]): ")
_OF_TYPE = re.compile(r"\.ofType\((?:FHIR\.)?([A-Za-z]+)\)$")


@dataclass(frozen=True, slots=True)
class _Place:
    """One ``[[element]]``, and the FHIR types that it may give where its expression tells; none if it does not."""

    at: str
    expression: str
    system: str | None
    types: frozenset[str]

    @property
    def plain(self) -> bool:
        """It gives codes without a system of their own."""
        return bool(self.types) and self.types <= _PLAIN

    def reaches(self, system: str) -> bool:
        """Tell whether it can give a code of this system."""
        return system == self.system if self.system is not None else not self.plain


def lint(directory: Path) -> list[Finding]:
    """Find what is wrong with the mappings, file by file in order of their names, ``elements.toml`` last.

    Whatever ``load_kontakttyp`` or ``load_elements`` refuses is among the errors.

    Raises:
        SettingsError: the directory cannot be read, or holds no ConceptMap at all.
    """
    maps = read_directory(directory)
    findings = [finding for each in maps for finding in (each.findings or _invalid(each))]
    findings += contradictions(maps)
    findings += _needless(maps)
    findings += _addresses(maps)
    try:
        load_elements(directory / ELEMENTS)
    except SettingsError as error:
        findings.append(_refused(error, directory / ELEMENTS))
    else:
        places = list(_places(directory / ELEMENTS))
        findings += _unreachable(maps, places)
        for place in places:
            findings += _misplaced(place)
        findings += _unused_systems(maps, places)
    order = {each.name: index for index, each in enumerate(maps)}
    return sorted(findings, key=lambda finding: order.get(finding.file, len(order)))


def _refused(error: SettingsError, path: Path) -> Finding:
    """Tell what ``load_elements`` refused, with the entry as the place."""
    what = error.what.removeprefix(str(path)).lstrip(",: ").rstrip(".")
    entry = _ENTRY.match(what)
    return Finding(
        "error", ELEMENTS, entry[1] if entry else "", what[entry.end() :] if entry else what, error.next_step
    )


def _invalid(each: MapFile) -> Iterator[Finding]:
    """Hold the file against FHIR itself: fhirnotify can read it, but a terminology tool may not."""
    from pydantic import ValidationError  # noqa: PLC0415 - the FHIR models are slow to import, and only wanted here

    step = "Mend it, so that a terminology tool can open the map."
    try:
        _model(each.resource).model_validate(each.resource)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False, include_context=False):
            yield Finding("warning", each.name, _path(found["loc"]), f"is not valid FHIR: {found['msg']}", step)
    for place, target in _targets(each.resource):
        if target.get("equivalence") in ("narrower", "inexact") and not target.get("comment"):
            what = f"is {target['equivalence']} and has no comment, which FHIR asks for (cmd-1)"
            yield Finding("warning", each.name, place, what, "Tell in comment what is lost.")


def _model(resource: dict[str, Any]) -> Any:  # noqa: ANN401 - one of two unrelated model classes
    """Give the model of the version that the map is written in: R5 alone has relationship and noMap."""
    elements = [element for group in resource["group"] for element in group["element"]]
    if any("noMap" in element for element in elements) or any("relationship" in t for _, t in _targets(resource)):
        from fhir.resources import conceptmap as r5  # noqa: PLC0415 - as above

        return r5.ConceptMap
    from fhir.resources.R4B import conceptmap as r4  # noqa: PLC0415 - as above

    return r4.ConceptMap


def _targets(resource: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for g, group in enumerate(resource["group"]):
        for e, element in enumerate(group["element"]):
            for t, target in enumerate(element.get("target", ())):
                yield f"group[{g}].element[{e}].target[{t}]", target


def _path(location: Sequence[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")


def _needless(maps: Sequence[MapFile]) -> Iterator[Finding]:
    """Name codes that are mapped more than once, though not to different targets."""
    first: dict[Coding, Entry] = {}
    for entry in entries_of(maps):
        before = first.setdefault(entry.coding, entry)
        where = f"{before.file} {before.place}"
        if before is entry or (
            entry.target != before.target and Strength.SILENT not in {entry.strength, before.strength}
        ):
            continue
        if entry.mapped == before.mapped:
            what = f"{entry.coding} is mapped already, in {where}"
        else:
            what = f"{entry.coding} is mapped with another strength in {where}; the stronger holds"
        yield Finding("warning", entry.file, entry.place, what, "Keep the one that is right.")


def _addresses(maps: Sequence[MapFile]) -> Iterator[Finding]:
    """Name maps that a terminology tool cannot tell apart."""
    first: dict[str, str] = {}
    for each in maps:
        url = each.resource.get("url")
        if not each.resource:
            continue
        if not isinstance(url, str):
            step = "Give it a canonical url of your own."
            yield Finding("warning", each.name, "url", "is missing; a terminology tool knows a map by it", step)
        elif first.setdefault(url, each.name) != each.name:
            what = f"{url} is the url of {first[url]} too"
            yield Finding("warning", each.name, "url", what, "Give each map a canonical url of its own.")


def _places(path: Path) -> Iterator[_Place]:
    """Give the elements of a file that ``load_elements`` has accepted."""
    for index, element in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["element"]):
        expression = element["expression"].strip()
        yield _Place(f"element[{index}]", expression, element.get("system"), _types(expression))


def _types(expression: str) -> frozenset[str]:
    """Tell which FHIR types an expression can give in R4 and R5, as far as it can be seen without a resource.

    ``nothing`` stands for a path that no Appointment has.
    """
    of_type = _OF_TYPE.search(expression)
    if of_type:
        return frozenset({of_type[1]})
    if not _DOTTED.fullmatch(expression):
        return frozenset()
    from fhirpathpy.models import models  # noqa: PLC0415 - large tables, only wanted here

    found = {_type_of(expression.split("."), models[version]) for version in ("r4", "r5")}
    return frozenset() if None in found else frozenset(found - {"nothing"} or {"nothing"})  # type: ignore[arg-type]


def _type_of(steps: Sequence[str], model: dict[str, Any]) -> str | None:
    """Follow a dotted path through the element tables of one FHIR version; None where it may give several types."""
    types = model["path2Type"]
    at = steps[0]
    for step in steps[1:]:
        path = f"{at}.{step}"
        if path in model["choiceTypePaths"]:
            return None
        inner = any(known.startswith(f"{path}.") for known in types)
        at = types.get(path, path if inner else "nothing")
    return at


def _unreachable(maps: Sequence[MapFile], places: Sequence[_Place]) -> Iterator[Finding]:
    for each in maps:
        for index, group in enumerate(each.resource.get("group", ()) if not each.findings else ()):
            system = group["source"].partition("|")[0]
            if not any(place.reaches(system) for place in places):
                what = f"no element of {ELEMENTS} can give a code of {system}"
                step = f"Add the element where these codes stand to {ELEMENTS}, or take the map away."
                yield Finding("error", each.name, f"group[{index}]", what, step)


def _misplaced(place: _Place) -> Iterator[Finding]:
    """Name an element that can give no code."""
    if place.types == {"nothing"}:
        what = f"{place.expression}: an Appointment has no such element, in R4 or R5"
        yield Finding("error", ELEMENTS, place.at, what, "Mend the path.")
    elif place.types and not place.types & (_CODED | _PLAIN):
        what = f"{place.expression} gives {', '.join(sorted(place.types))}, in which no code can stand"
        yield Finding(
            "error", ELEMENTS, place.at, what, "Let it end at a CodeableConcept, a Coding, a code or a string."
        )
    elif place.plain and place.system is None:
        what = f"{place.expression} gives plain codes, and has no system to read them by"
        yield Finding("error", ELEMENTS, place.at, what, 'Add system = "…" with the code system of the codes.')
    elif place.types and place.types <= _CODED and place.system is not None:
        what = f"system is not used: {place.expression} gives codes that name their own"
        yield Finding("warning", ELEMENTS, place.at, what, "Take system away.")


def _unused_systems(maps: Sequence[MapFile], places: Sequence[_Place]) -> Iterator[Finding]:
    """Name systems that stand in ``elements.toml`` and in no map: their codes all end as unmapped."""
    mapped = {entry.coding.system for entry in entries_of(maps)}
    for place in places:
        if place.system is not None and place.system not in mapped:
            what = f"no ConceptMap maps a code of {place.system}"
            yield Finding("warning", ELEMENTS, place.at, what, "Add a ConceptMap with this system as source.")
