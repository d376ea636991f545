"""FHIR's data types as the core's: codings, periods, ids and versions, and strings gathered leniently."""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from fhirnotify.core.model import Coding, Period
from fhirnotify.fhir.moments import between
from fhirnotify.fhir.references import ID

_TELLABLE = re.compile(r"[A-Za-z0-9_.:~-]{1,255}")
"""What may be told as an id in rows and logs: one token, without room for words."""


def coding(raw: dict[str, Any]) -> Coding | None:
    """Read a Coding that has a code."""
    code = raw.get("code")
    return Coding(raw.get("system"), code) if code else None


def codings(raw: Iterable[dict[str, Any]]) -> Iterator[Coding]:
    """Read Codings."""
    return (found for found in map(coding, raw) if found is not None)


def concepts(raw: Iterable[dict[str, Any]]) -> Iterator[Coding]:
    """Read all codings of CodeableConcepts."""
    for concept in raw:
        yield from codings(concept.get("coding", ()))


def period(raw: dict[str, Any], zone: ZoneInfo) -> Period:
    """Read a Period: its start from the first moment of what is written, its end to the last."""
    start, end = raw.get("start"), raw.get("end")
    first = between(start, zone) if start else None
    last = between(end, zone) if end else None
    return Period(first[0] if first else None, last[1] if last else None)


def id_of(resource: object) -> str:
    """Give the id that a resource says it has, also one that FHIR would not allow; empty where it may not be an id."""
    found = resource.get("id") if isinstance(resource, dict) else None
    return found if isinstance(found, str) and _TELLABLE.fullmatch(found) else ""


def ref_of(resource: object, resource_type: str) -> str:
    """Name a resource with its version: ``Patient/p1/_history/2``; what is missing is left out."""
    identity = id_of(resource)
    if not identity or not isinstance(resource, dict):
        return resource_type
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    versioned = isinstance(version, str) and ID.fullmatch(version)
    return f"{resource_type}/{identity}/_history/{version}" if versioned else f"{resource_type}/{identity}"


def words(raw: object, *keys: str) -> list[str]:
    """Give every string in any JSON whatever, or those under ``keys``, at any depth, trimmed, blank ones left out.

    It walks with a list of its own: JSON may be nested deeper than Python recurses.
    """
    found: list[str] = []
    waiting: list[tuple[Iterable[tuple[str, object]], bool]] = [([("", raw)], not keys)]
    while waiting:
        entries, wanted = waiting.pop()
        for name, entry in entries:
            told = wanted or name in keys
            if isinstance(entry, str):
                if told and (word := entry.strip()):
                    found.append(word)
            elif isinstance(entry, dict):
                waiting.append((entry.items(), told))
            elif isinstance(entry, list):
                waiting.append(([("", inner) for inner in entry], told))
    return found
