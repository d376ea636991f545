"""What a directory holds, found by id: the newest version of each Appointment, Patient and Consent.

So are Groups, Lists and Locations, by which Appointments may be asked for; one of them without an id is left.

Of two versions of one resource the later ``meta.lastUpdated`` is kept; where one has none, the higher
``meta.versionId`` if both are numbers; else the one that was read last.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.capability import TYPES, read_capability
from fhirnotify.fhir.directory_files import Found, Line, Resource, read_line, resources_in
from fhirnotify.fhir.moments import instant
from fhirnotify.fhir.references import ID, Target

NOWHERE = Target()
_KEPT = {
    "Appointment": ("status", "start", "requestedPeriod"),
    "Patient": ("identifier", "link"),
    "Consent": ("patient", "subject"),
    "Group": (),
    "List": (),
    "Location": (),
}
"""What is kept in memory to search by; the rest is read again when it is asked for."""


@dataclass(frozen=True, slots=True)
class Record:
    """One resource: where to read it again, and what it is searched by. ``text`` is None for one that is deleted."""

    text: bytes | Line | None
    last_updated: datetime | None
    version: int | None
    searched_by: Resource

    def supersedes(self, other: "Record") -> bool:
        """Tell whether this one, read later, is the newer version."""
        if self.last_updated is not None and other.last_updated is not None:
            return self.last_updated >= other.last_updated
        if self.version is not None and other.version is not None:
            return self.version >= other.version
        return True


class Index:
    """The resources of a directory.

    Attributes:
        full_urls: where the ``fullUrl`` of each Bundle entry leads.
        version: what a CapabilityStatement in the directory says; None without one.
    """

    def __init__(self, directory: Path, *, configured: FhirVersion | None) -> None:
        self.full_urls: dict[str, Target] = {}
        self.version = configured
        self._configured = configured is not None
        self._records: dict[str, dict[str, Record]] = {kind: {} for kind in _KEPT}
        for found in resources_in(directory):
            self._take(found)

    def records(self, resource_type: str) -> Iterator[tuple[str, Record]]:
        """Give each resource of a type that is not deleted, by its id."""
        return ((id_, record) for id_, record in self._records[resource_type].items() if record.text is not None)

    def holds(self, resource_type: str, identity: str) -> bool:
        """Tell whether there is a resource of this id that is not deleted."""
        record = self._records[resource_type].get(identity)
        return record is not None and record.text is not None

    def read(self, resource_type: str, identity: str) -> Resource:
        """Read a resource that the directory holds.

        Raises:
            IncompleteRead: its file was changed in the meantime.
        """
        text = self._records[resource_type][identity].text
        assert text is not None
        if isinstance(text, Line):
            return read_line(text, resource_type, identity)
        resource: Resource = json.loads(text)
        return resource

    def _take(self, found: Found) -> None:
        kind = found.resource["resourceType"]
        identity = _id(found)
        if found.full_url is not None and not found.deleted:
            self._name(found.full_url, Target(kind, identity))
        if kind == "CapabilityStatement":
            self._take_version(found)
        if kind not in _KEPT:
            return
        if identity is None and kind not in TYPES:
            return
        if identity is None:
            raise IncompleteRead(
                f"{found.file} holds a resource of type {kind} without an id.",
                "Give it an id, or a Bundle.entry.fullUrl that says one.",
            )
        record = _record(found, identity)
        known = self._records[kind].get(identity)
        if known is None or record.supersedes(known):
            self._records[kind][identity] = record

    def _name(self, full_url: str, target: Target) -> None:
        """Remember where a fullUrl leads; one that two resources claim leads nowhere, rather than to the wrong one."""
        known = self.full_urls.setdefault(full_url, target)
        if known != target:
            self.full_urls[full_url] = NOWHERE

    def _take_version(self, found: Found) -> None:
        if self._configured:
            return
        try:
            version = read_capability(found.resource).version
        except FhirError as error:
            raise FhirError(f"{found.file}: {error.what}", error.next_step) from None
        if self.version not in (None, version):
            raise FhirError(
                f"{found.file} says another FHIR version than a CapabilityStatement before it.",
                "Keep one CapabilityStatement, or set fhir.version.",
            )
        self.version = version


def _id(found: Found) -> str | None:
    """Give the id of a resource: its own, or the one that its fullUrl says."""
    own = found.resource.get("id")
    if isinstance(own, str) and own:
        return own
    url = found.full_url or ""
    said = url.rpartition(":" if url.startswith("urn:") else "/")[2]
    at_its_type = url.startswith("urn:") or url.endswith(f"/{found.resource['resourceType']}/{said}")
    return said if at_its_type and ID.fullmatch(said) else None


def _record(found: Found, identity: str) -> Record:
    resource = found.resource
    meta: Any = resource.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    updated, version = meta.get("lastUpdated"), meta.get("versionId")
    return Record(
        text=None if found.deleted else found.line or _text(found, identity),
        last_updated=instant(updated) if isinstance(updated, str) else None,
        version=int(version) if isinstance(version, str) and version.isascii() and version.isdigit() else None,
        searched_by={name: resource[name] for name in _KEPT[resource["resourceType"]] if name in resource},
    )


def _text(found: Found, identity: str) -> bytes:
    return json.dumps({**found.resource, "id": identity}, separators=(",", ":")).encode()
