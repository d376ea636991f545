"""What units are called: the ``name`` of a Location, HealthcareService or Organization, and nothing else of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fhirnotify.fhir.client import Client
from fhirnotify.fhir.directory_files import resources_in
from fhirnotify.fhir.search import every_page
from fhirnotify.fhir.unit import UNIT_TYPES

_AT_ONCE = 50
_LONGEST = 120


def names_on_server(client: Client, units: Collection[str]) -> dict[str, str]:
    """Ask a server for the names of units, given as ``Location/101``; one that it does not know is left out.

    Raises:
        FhirError: the server could not be asked, or answered with less than everything.
    """
    found: dict[str, str] = {}
    for kind in UNIT_TYPES:
        ids = sorted(unit.partition("/")[2] for unit in units if unit.startswith(f"{kind}/"))
        for first in range(0, len(ids), _AT_ONCE):
            chunk = ids[first : first + _AT_ONCE]
            params = [("_id", ",".join(chunk)), ("_count", str(len(chunk)))]
            for page in every_page(client, kind, params):
                found |= dict(_named(page.matches, kind))
    return {unit: name for unit, name in found.items() if unit in set(units)}


def names_in_directory(directory: Path, units: Collection[str]) -> dict[str, str]:
    """Read the names of units in a directory of FHIR JSON.

    Raises:
        FhirError: the directory cannot be read.
    """
    resources = (found.resource for found in resources_in(directory))
    units = frozenset(units)
    held = [each for each in resources if each.get("resourceType") in UNIT_TYPES]
    named = (pair for each in held for pair in _named([each], str(each["resourceType"])))
    return {unit: name for unit, name in named if unit in units}


def _named(resources: Iterable[Mapping[str, Any]], kind: str) -> Iterator[tuple[str, str]]:
    for each in resources:
        name = each.get("name")
        if isinstance(name, str) and name.strip():
            yield f"{kind}/{each.get('id')}", " ".join(name.split())[:_LONGEST]
