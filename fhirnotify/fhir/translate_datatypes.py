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


def codings(raw: Iterable[dict[str, Any]]) -> list[Coding]:
    """Read the Codings that have a code."""
    return [Coding(coding.get("system"), coding["code"]) for coding in raw if coding.get("code")]


def concepts(raw: Iterable[dict[str, Any]]) -> list[Coding]:
    """Read all codings of CodeableConcepts."""
    return [coding for concept in raw if "coding" in concept for coding in codings(concept["coding"])]


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
    """Name a resource of any JSON whatever with its version, as far as both may be told."""
    identity = id_of(resource)
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    if not identity:
        return resource_type
    return versioned(resource_type, identity, version if isinstance(version, str) and ID.fullmatch(version) else None)


def ref_of_valid(kept: dict[str, Any]) -> str:
    """Name a resource that has been found valid, with its version: ``Patient/p1/_history/2``."""
    meta = kept.get("meta")
    return versioned(kept["resourceType"], kept["id"], meta.get("versionId") if meta else None)


def versioned(resource_type: str, identity: str, version: str | None) -> str:
    """Write the reference to a version of a resource, or to the resource where the server gives no version."""
    return f"{resource_type}/{identity}/_history/{version}" if version else f"{resource_type}/{identity}"


def values(raw: object, key: str) -> Iterator[str]:
    """Give the strings that stand under a key in an object or in each of a list of them; others are passed over."""
    for entry in raw if isinstance(raw, list) else (raw,):
        value = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(value, str):
            if word := value.strip():
                yield word
        elif value is not None:
            yield from words(value)


def words(raw: object, *keys: str) -> list[str]:
    """Give every string in any JSON whatever, or those under ``keys``, at any depth, trimmed, blank ones left out.

    It walks with a list of its own: JSON may be nested deeper than Python recurses.
    """
    found: list[str] = []
    waiting: list[tuple[object, bool]] = [(raw, not keys)]
    for value, wanted in waiting:
        if isinstance(value, dict):
            for name, entry in value.items():
                if not isinstance(entry, str):
                    waiting.append((entry, wanted or name in keys))
                elif wanted or name in keys:
                    found.append(entry)
        elif isinstance(value, list):
            waiting += [(entry, wanted) for entry in value]
        elif wanted and isinstance(value, str):
            found.append(value)
    return [word for text in found if (word := text.strip())]
