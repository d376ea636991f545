"""Where the codes stand that tell what kind of visit it is: ``elements.toml``, in FHIRPath.

The plain forms that nearly every element has (a dotted path to a CodeableConcept or a Coding, and the value of an
extension) are read directly; any other expression goes through fhirpathpy, which takes some fifty times as long.
Both give the same answer, which a test shows.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fhirnotify.core.model import Coding, FhirVersion
from fhirnotify.errors import SettingsError
from fhirnotify.fhir.fhirpath import Expression
from fhirnotify.fhir.translate_shapes import CODEABLE_CONCEPT, CODING, Extensions, Many, Object, Shape, Whole
from fhirnotify.fhir.unit import DEFAULT_UNIT, Unit

Resource = Mapping[str, Any]
Find = Callable[[Resource, FhirVersion], Iterable[Any]]

_CONCEPTS = Many(CODEABLE_CONCEPT)
_SHAPES: Mapping[FhirVersion, Mapping[str, Shape]] = {
    FhirVersion.R4: {
        "appointmentType": CODEABLE_CONCEPT,
        "serviceType": _CONCEPTS,
        "serviceCategory": _CONCEPTS,
        "specialty": _CONCEPTS,
    },
    FhirVersion.R5: {
        "appointmentType": CODEABLE_CONCEPT,
        "serviceType": Many(Object({"concept": CODEABLE_CONCEPT})),
        "serviceCategory": _CONCEPTS,
        "specialty": _CONCEPTS,
        "class": _CONCEPTS,
        "virtualService": Many(Object({"channelType": CODING})),
    },
}
_PLAIN = re.compile(
    r"Appointment\.(?:(appointmentType|serviceCategory|specialty|class)|(serviceType)(?:\.(concept))?)(?:\.(coding))?"
    r"|Appointment\.(virtualService)\.(channelType)"
)
_EXTENSION = re.compile(
    r"Appointment((?:\.extension\('[^'\\]+'\))+)\.value(?:\.ofType\((Coding|CodeableConcept|code|string)\)|\.(coding))?"
)
_URL = re.compile(r"'([^']+)'")
_VALUE_OF_TYPE = {
    None: None,
    "Coding": "valueCoding",
    "CodeableConcept": "valueCodeableConcept",
    "code": "valueCode",
    "string": "valueString",
}
_KEYS = frozenset({"expression", "system"})
_NEXT_STEP = "Mend the entry; `fhirnotify mappings check` shows what is wrong with the mappings."

_PLAIN_CODE = re.compile(r"\w[\w.:/-]{0,39}")
"""What a plain string must look like to be a code: one short word. Free text could hold anything about anybody."""


class ElementFault(Exception):
    """An expression could not be evaluated on an Appointment; ``path`` is the element it looks into."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class Element:
    """One place to look: a FHIRPath into the Appointment, and the code system of a plain code or string there."""

    expression: str
    system: str | None = None


class Elements:
    """All the places where codes may stand, in their order, and where the unit stands.

    Raises:
        ValueError: an expression is not one that can be read; the message names it.
    """

    def __init__(self, elements: Iterable[Element], unit: str = DEFAULT_UNIT) -> None:
        self.elements = tuple(elements)
        self.unit = Unit(unit)
        self._compiled = {
            element.expression: Expression(element.expression)
            for element in self.elements
            if _steps(element.expression) is None and _urls(element.expression) is None
        }
        self._places = [
            (element, frozenset(self._names(element.expression)), self._find(element)) for element in self.elements
        ]

    def codings(self, appointment: Resource, version: FhirVersion) -> tuple[Coding, ...]:
        """Give every coding at any of the places, in their order, duplicates dropped.

        A plain code or string counts only where the element names a system for it: free text is no code.

        Raises:
            ElementFault: an expression cannot be evaluated on this Appointment.
        """
        found: dict[Coding, None] = {}
        for element, names, find in self._places:
            if not names.isdisjoint(appointment):
                for value in find(appointment, version):
                    for coding in _codings(value, element.system):
                        found[coding] = None
        return tuple(found)

    def names(self) -> frozenset[str]:
        """Name the elements of the Appointment, at its top, into which the expressions look."""
        return frozenset(name for _, names, _ in self._places for name in names)

    def shapes(self, version: FhirVersion) -> dict[str, Shape]:
        """Tell what must be kept of an Appointment for these elements: no more than is read."""
        whole = {name for expression in self._compiled for name in self._names(expression)}
        shapes = {name: _SHAPES[version].get(name, Whole()) for name in self.names()}
        shapes |= dict.fromkeys(whole, Whole())
        if "extension" in shapes and "extension" not in whole:
            shapes["extension"] = self._extensions()
        return shapes

    def _extensions(self) -> Extensions:
        tree: dict[str, Any] = {}
        for element in self.elements:
            branch = tree
            for url in _urls(element.expression) or ():
                branch = branch.setdefault(url, {})
        return _as_extensions(tree)

    def _names(self, expression: str) -> Sequence[str]:
        steps = _steps(expression)
        if steps is not None:
            return steps[:1]
        return self._compiled[expression].names if expression in self._compiled else ("extension",)

    def _find(self, element: Element) -> Find:
        steps, urls = _steps(element.expression), _urls(element.expression)
        if steps is not None:
            return partial(_at_path, steps)
        if urls is not None:
            return partial(_in_extensions, urls, _wanted_value(element.expression))
        return partial(_evaluate, self._compiled[element.expression])


def load_elements(path: Path) -> Elements:
    """Read ``elements.toml``.

    Raises:
        SettingsError: it cannot be read, holds an unknown key, or an expression that is no FHIRPath into an
            Appointment; the message names the file and the entry.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", _NEXT_STEP) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}", _NEXT_STEP) from None
    entries = content.get("element")
    if not isinstance(entries, list) or not entries or not content.keys() <= {"element", "unit"}:
        raise SettingsError(f"{path} must hold [[element]] tables, at most one [unit], and nothing else", _NEXT_STEP)
    elements = [_element(path, index, entry) for index, entry in enumerate(entries)]
    for index, element in enumerate(elements):
        try:
            Elements([element])
        except ValueError as error:
            raise SettingsError(f"{path}, element[{index}]: {error}", _NEXT_STEP) from None
    try:
        return Elements(elements, _unit(path, content.get("unit", {"expression": DEFAULT_UNIT})))
    except ValueError as error:
        raise SettingsError(f"{path}, unit: {error}", _NEXT_STEP) from None


def _unit(path: Path, table: object) -> str:
    expression = table.get("expression") if isinstance(table, dict) and table.keys() == {"expression"} else None
    if not isinstance(expression, str) or not expression.strip():
        raise SettingsError(f"{path}, unit: [unit] must hold an expression, and nothing else", _NEXT_STEP)
    return expression.strip()


def _element(path: Path, index: int, entry: object) -> Element:
    where = f"{path}, element[{index}]"
    if not isinstance(entry, dict):
        raise SettingsError(f"{where}: must be a table", _NEXT_STEP)
    for key, value in entry.items():
        if key not in _KEYS:
            raise SettingsError(f"{where}: unknown key {key!r}; it may have {' and '.join(sorted(_KEYS))}", _NEXT_STEP)
        if not isinstance(value, str) or not value.strip():
            raise SettingsError(f"{where}: {key} must be a string that says something", _NEXT_STEP)
    if "expression" not in entry:
        raise SettingsError(f"{where}: has no expression", _NEXT_STEP)
    return Element(entry["expression"].strip(), entry.get("system"))


def _steps(expression: str) -> tuple[str, ...] | None:
    """Give the steps of a plain path; None for another expression."""
    plain = _PLAIN.fullmatch(expression)
    return tuple(step for step in plain.groups() if step) if plain else None


def _urls(expression: str) -> tuple[str, ...] | None:
    """Give the urls of an extension, and of those nested in it; None for another expression."""
    extension = _EXTENSION.fullmatch(expression)
    return tuple(_URL.findall(extension[1])) if extension else None


def _wanted_value(expression: str) -> str | None:
    """Give the one kind of value wanted, such as ``valueCode``; None for any."""
    extension = _EXTENSION.fullmatch(expression)
    assert extension is not None
    return "valueCodeableConcept" if extension[3] else _VALUE_OF_TYPE[extension[2]]


def _as_extensions(tree: Mapping[str, Any]) -> Extensions:
    return Extensions({url: _as_extensions(nested) for url, nested in tree.items()})


def _at_path(steps: Sequence[str], appointment: Resource, _: FhirVersion) -> list[Any]:
    values: list[Any] = [appointment]
    for step in steps:
        found: list[Any] = []
        for value in values:
            inner = value.get(step) if isinstance(value, dict) else None
            if isinstance(inner, list):
                found += inner
            elif inner is not None:
                found.append(inner)
        values = found
    return values


def _in_extensions(urls: Sequence[str], wanted: str | None, appointment: Resource, _: FhirVersion) -> Iterator[Any]:
    holders: list[Any] = [appointment]
    for url in urls:
        holders = [
            extension
            for holder in holders
            for extension in holder.get("extension", ())
            if isinstance(extension, dict) and extension.get("url") == url
        ]
    for holder in holders:
        for name, value in holder.items():
            if name == wanted or (wanted is None and name.startswith("value")):
                yield value


def _evaluate(expression: Expression, appointment: Resource, version: FhirVersion) -> Iterable[Any]:
    try:
        return expression.evaluate(appointment, version)
    except Exception:  # noqa: BLE001  (fhirpathpy raises bare Exceptions; one appointment's data may not stop the run)
        raise ElementFault(f"Appointment.{expression.names[0]}") from None


def _codings(value: object, system: str | None) -> Iterator[Coding]:
    """Give the codings of what an expression found: a concept, a reference to one, a Coding, or a plain code."""
    if isinstance(value, str):
        if system is not None and _PLAIN_CODE.fullmatch(value):
            yield Coding(system, value)
    elif isinstance(value, dict):
        concept = value.get("concept", value)
        listed = concept.get("coding") if isinstance(concept, dict) else None
        for coding in listed if isinstance(listed, list) else (value,):
            if isinstance(coding, dict) and isinstance(coding.get("code"), str) and "value" not in coding:
                its_system = coding.get("system")
                yield Coding(its_system if isinstance(its_system, str) else None, coding["code"])
