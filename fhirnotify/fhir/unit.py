"""Which unit an Appointment is booked at: the reference that ``[unit]`` of ``elements.toml`` leads to.

For statistics and worklists alone. So nothing that stands there, or is missing, can make an Appointment invalid: what
cannot be read gives no unit. The reference alone is read, never a name that stands beside it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.fhirpath import Expression
from fhirnotify.fhir.references import References

UNIT_TYPES = ("Location", "HealthcareService", "Organization")
"""The resources that a unit can be."""

DEFAULT_UNIT = "Appointment.participant.actor"
"""The first place, service or organisation that takes part in the Appointment."""

_PATH = re.compile(r"Appointment\.(participant\.actor|supportingInformation)")
_EXTENSION = re.compile(r"Appointment((?:\.extension\('[^'\\]+'\))+)\.value(?:\.ofType\(Reference\))?")
_URL = re.compile(r"'([^']+)'")


class Unit:
    """Finds the unit of an Appointment.

    Args:
        expression: a FHIRPath into the Appointment that gives References; the first to a unit counts.

    Raises:
        ValueError: the expression is not one that can be read; the message names it.
    """

    def __init__(self, expression: str = DEFAULT_UNIT) -> None:
        path, extension = _PATH.fullmatch(expression), _EXTENSION.fullmatch(expression)
        self._steps = tuple(path[1].split(".")) if path else ()
        self._urls = tuple(_URL.findall(extension[1])) if extension else ()
        self._compiled = None if self._steps or self._urls else Expression(expression)

    def of(self, appointment: Mapping[str, Any], version: FhirVersion, references: References) -> str | None:
        """Give the unit as ``Location/101``; None where there is none that can be followed on this server."""
        for found in self._found(appointment, version):
            literal = found.get("reference") if isinstance(found, dict) else None
            target = references.target(literal) if isinstance(literal, str) else None
            if target is not None and target.type in UNIT_TYPES and target.id is not None:
                return f"{target.type}/{target.id}"
        return None

    def _found(self, appointment: Mapping[str, Any], version: FhirVersion) -> Iterable[Any]:
        if self._steps:
            return _at_path(appointment, self._steps)
        if self._urls:
            return _in_extensions(appointment, self._urls)
        assert self._compiled is not None
        try:
            return self._compiled.evaluate(appointment, version)
        except Exception:  # noqa: BLE001  (fhirpathpy raises bare Exceptions; what cannot be evaluated gives no unit)
            return ()


def _at_path(appointment: Mapping[str, Any], steps: Iterable[str]) -> list[Any]:
    values: list[Any] = [appointment]
    for step in steps:
        values = [inner for value in values if isinstance(value, dict) for inner in _listed(value.get(step))]
    return values


def _in_extensions(appointment: Mapping[str, Any], urls: Iterable[str]) -> Iterator[Any]:
    holders: list[Any] = [appointment]
    for url in urls:
        inner = [extension for holder in holders for extension in _listed(holder.get("extension"))]
        holders = [each for each in inner if isinstance(each, dict) and each.get("url") == url]
    return (holder.get("valueReference") for holder in holders)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
