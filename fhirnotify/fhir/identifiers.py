"""The business identifiers that a raw Patient carries."""

from collections.abc import Iterator
from typing import Any

from fhirnotify.core.model import Identifier


def identifiers_of(patient: dict[str, Any]) -> Iterator[Identifier]:
    """Give the business identifiers of a Patient, whatever else is wrong with it."""
    listed = patient.get("identifier")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("value"), str):
            system = entry.get("system")
            yield Identifier(system if isinstance(system, str) else None, entry["value"])
