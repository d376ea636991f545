"""Reads the ConceptMaps that tell what each code says about the kind of visit.

R4 writes ``target.equivalence``, from the source to the target: ``wider`` is a target that is wider than the code
(hl7.org/fhir/R4/valueset-concept-map-equivalence). R5 writes ``target.relationship``, from source to target as well,
and ``element.noMap`` (hl7.org/fhir/R5/valueset-concept-map-relationship). Whatever could change the meaning of a
mapping and is not honoured here is refused, never passed over.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fhirnotify.core.model import Coding, ContactType
from fhirnotify.core.rules import KontakttypMap, Mapped, Strength
from fhirnotify.errors import SettingsError

TARGET_SYSTEM = "urn:fhirnotify:kontakttyp"

TARGETS = {**{kind.value: kind for kind in ContactType}, "ingen": None}
"""The codes of the target system; ``ingen`` is a known kind of visit that is not reminded of."""

EQUIVALENCES = {
    "equal": Strength.DECIDES,
    "equivalent": Strength.DECIDES,
    "wider": Strength.DECIDES,
    "subsumes": Strength.DECIDES,
    "inexact": Strength.HINTS,
    "narrower": Strength.HINTS,
    "specializes": Strength.HINTS,
    "relatedto": Strength.HINTS,
    "unmatched": Strength.SILENT,
    "disjoint": Strength.SILENT,
}
"""R4: what an equivalence lets a code say."""

RELATIONSHIPS = {
    "equivalent": Strength.DECIDES,
    "source-is-narrower-than-target": Strength.DECIDES,
    "related-to": Strength.HINTS,
    "source-is-broader-than-target": Strength.HINTS,
    "not-related-to": Strength.SILENT,
}
"""R5: what a relationship lets a code say."""

_STATUSES = ("draft", "active", "unknown")
_CONDITIONS = ("dependsOn", "product")
_NEXT_STEP = "Mend the mapping; `fhirnotify mappings check` shows everything that is wrong with it."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend in a mapping.

    Attributes:
        severity: an ``error`` makes a visit be judged wrongly or not at all; a ``warning`` does not.
        file: name of the file in the mapping directory.
        place: where in the file, as ``group[0].element[3].target[0]``; empty for the whole file.
        what: what is wrong.
        next_step: what to do about it.
    """

    severity: Literal["error", "warning"]
    file: str
    place: str
    what: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.what}" if self.place else f"{self.file}: {self.what}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one target of one element says of a code. ``target`` is the code as written, None where there is none."""

    file: str
    place: str
    coding: Coding
    target: str | None
    strength: Strength

    @property
    def mapped(self) -> Mapped:
        """The same in the words of the rules."""
        return Mapped(TARGETS[self.target] if self.target else None, self.strength)


@dataclass(slots=True)
class MapFile:
    """One file of the directory: the resource, what it says, and what is wrong with it."""

    name: str
    resource: dict[str, Any] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def fault(self, place: str, what: str, next_step: str) -> None:
        """Note an error."""
        self.findings.append(Finding("error", self.name, place, what, next_step))


def load_kontakttyp(directory: Path) -> KontakttypMap:
    """Read every ``*.json`` of the directory as a ConceptMap and put them together.

    Raises:
        SettingsError: with everything that is wrong in any of them, file and place, at once.
    """
    maps = read_directory(directory)
    findings = [finding for each in maps for finding in each.findings]
    findings += contradictions(maps)
    if findings:
        count = "one error" if len(findings) == 1 else f"{len(findings)} errors"
        lines = "\n".join(f"  {finding}" for finding in findings)
        raise SettingsError(f"The mappings in {directory} have {count}:\n{lines}", _NEXT_STEP)
    known: dict[Coding, dict[Mapped, None]] = {}
    for entry in entries_of(maps):
        known.setdefault(entry.coding, {})[entry.mapped] = None
    return {coding: tuple(mapped) for coding, mapped in known.items()}


def read_directory(directory: Path) -> list[MapFile]:
    """Read every ``*.json`` of the directory, in the order of their names, with what is wrong in each.

    Raises:
        SettingsError: the directory cannot be read, or holds no ConceptMap at all.
    """
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".json")
    except OSError as error:
        raise SettingsError(
            f"The mapping directory {directory} cannot be read: {error.strerror}.",
            "Set mappings.directory to a directory of ConceptMaps, or leave it out to use those that come along.",
        ) from None
    if not paths:
        raise SettingsError(
            f"There is no ConceptMap (*.json) in the mapping directory {directory}.",
            "Set mappings.directory to a directory of ConceptMaps, or leave it out to use those that come along.",
        )
    return [read_map(path) for path in paths]


def read_map(path: Path) -> MapFile:
    """Read one ConceptMap. What is wrong stands in ``findings``; what could be read stands in ``entries``."""
    map_file = MapFile(path.name)
    try:
        resource = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        map_file.fault("", f"cannot be read: {error.strerror}", "Make the file readable for fhirnotify.")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        map_file.fault(place, f"is not JSON: {error.msg}", "Mend the JSON.")
    except (UnicodeDecodeError, RecursionError):
        map_file.fault("", "is not JSON in UTF-8", "Save the file as JSON in UTF-8.")
    else:
        if isinstance(resource, dict) and resource.get("resourceType") == "ConceptMap":
            map_file.resource = resource
            _read_resource(map_file)
        else:
            map_file.fault("", "is not a ConceptMap", "Only ConceptMaps may stand as *.json in this directory.")
    return map_file


def entries_of(maps: Iterable[MapFile]) -> Iterator[Entry]:
    """Give what all the files say, in their order."""
    for each in maps:
        yield from each.entries


def contradictions(maps: Sequence[MapFile]) -> list[Finding]:
    """Name each code that is given two different targets, within a file or between two, at its second place."""
    first: dict[Coding, Entry] = {}
    found = []
    for entry in entries_of(maps):
        if entry.strength is Strength.SILENT:
            continue
        before = first.setdefault(entry.coding, entry)
        if before.target != entry.target:
            what = f"{entry.coding} is mapped to {entry.target}, but to {before.target} in {before.file} {before.place}"
            found.append(Finding("error", entry.file, entry.place, what, "Decide which of the two holds."))
    return found


def _read_resource(map_file: MapFile) -> None:
    resource = map_file.resource
    if "status" in resource and resource["status"] not in _STATUSES:
        step = "Take a retired map out of the directory; else write draft, active or unknown."
        map_file.fault("status", f"{_shown(resource['status'])} is not the status of a map in use", step)
    _refuse(map_file, resource, "", ("implicitRules", "modifierExtension"))
    for place, group in _objects(map_file, resource, "group", ""):
        _read_group(map_file, group, place)


def _read_group(map_file: MapFile, group: dict[str, Any], place: str) -> None:
    _refuse(map_file, group, place, ("unmapped", "modifierExtension"))
    source = _canonical(group.get("source"))
    if source is None:
        map_file.fault(place, "has no source", "Write the code system of the source: systems are compared exactly.")
    target = _canonical(group.get("target"))
    if target != TARGET_SYSTEM:
        what = "has no target system" if target is None else f"has the unknown target system {target}"
        map_file.fault(place, what, f"Write {TARGET_SYSTEM} as the target of the group.")
    for at, element in _objects(map_file, group, "element", place):
        _read_element(map_file, element, at, source)


def _read_element(map_file: MapFile, element: dict[str, Any], place: str, source: str | None) -> None:
    _refuse(map_file, element, place, ("valueSet", "modifierExtension"))
    code = _word(element.get("code"))
    if code is None:
        map_file.fault(place, "has no code", "Write the code as the journal system writes it.")
    coding = Coding(source, code) if source and code else None
    if element.get("noMap") is True and "target" not in element:
        if coding:
            map_file.entries.append(Entry(map_file.name, place, coding, None, Strength.SILENT))
        return
    if element.get("noMap", False) is not False:
        map_file.fault(place, "noMap is true or false, and true only without a target", "Take away one of the two.")
    for at, target in _objects(map_file, element, "target", place):
        _read_target(map_file, target, at, coding)


def _read_target(map_file: MapFile, target: dict[str, Any], place: str, coding: Coding | None) -> None:
    _refuse(map_file, target, place, (*_CONDITIONS, "valueSet", "modifierExtension"))
    strength = _strength(map_file, target, place)
    code = _word(target.get("code"))
    if "code" in target and code not in TARGETS:
        what = f"{_shown(target['code'])} is not a kontakttyp"
        map_file.fault(place, what, f"Write one of {', '.join(TARGETS)}.")
    elif code is None and strength not in (None, Strength.SILENT):
        map_file.fault(place, "has no code", f"Write one of {', '.join(TARGETS)}, or say that nothing matches.")
    elif coding and strength:
        map_file.entries.append(Entry(map_file.name, place, coding, code, strength))


def _strength(map_file: MapFile, target: dict[str, Any], place: str) -> Strength | None:
    given = [name for name in ("equivalence", "relationship") if name in target]
    if len(given) != 1:
        what = "has both equivalence (R4) and relationship (R5)" if given else "has no equivalence"
        map_file.fault(place, what, "Write the one of the FHIR version that the map is written in.")
        return None
    table = EQUIVALENCES if given == ["equivalence"] else RELATIONSHIPS
    value = target[given[0]]
    strength = table.get(value) if isinstance(value, str) else None
    if strength is None:
        map_file.fault(place, f"{_shown(value)} is not known as {given[0]}", f"Write one of {', '.join(table)}.")
    return strength


def _refuse(map_file: MapFile, element: dict[str, Any], place: str, names: Iterable[str]) -> None:
    for name in names:
        if name in element:
            at = f"{place}.{name}" if place else name
            step = "Take it away, and write every code that it stands for."
            map_file.fault(at, "is not honoured, and would change what the codes mean", step)


def _objects(map_file: MapFile, parent: dict[str, Any], name: str, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each object of a list that must be there and not empty, with its place."""
    path = f"{place}.{name}" if place else name
    items = parent.get(name)
    if not isinstance(items, list) or not items:
        map_file.fault(place, f"has no {name}", f"Write at least one {name}, as FHIR has it, or take this away.")
        return
    for index, item in enumerate(items):
        at = f"{path}[{index}]"
        if isinstance(item, dict):
            yield at, item
        else:
            map_file.fault(at, "is not an object", "Write it as FHIR has it.")


def _word(value: object) -> str | None:
    """Give a code or URI as FHIR allows it: a string, not empty, without space around it."""
    return value if isinstance(value, str) and value and value == value.strip() else None


def _canonical(value: object) -> str | None:
    """Give a code system without the version that R5 may write after ``|``."""
    word = _word(value)
    return word.partition("|")[0] or None if word else None


def _shown(value: object) -> str:
    """Show a value of the file as JSON, cut to a line's length."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - the same figure, less the dots
