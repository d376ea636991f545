"""Reads the resources out of a directory of FHIR JSON: Bundles, single resources, and NDJSON.

NDJSON (one resource a line) is what a Bulk Data export gives (hl7.org/fhir/uv/bulkdata). It can be large, so its
resources stay where they are, and only their place is remembered.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.outcome import is_error

Resource = dict[str, Any]

_NOT_FHIR = "Take it out of the directory, or put FHIR JSON in its place: a resource, a Bundle, or NDJSON."
_MOST_NESTED = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an NDJSON file."""

    file: Path
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Found:
    """A resource where it was found; or, with ``deleted``, the word of a history Bundle that it is gone.

    Attributes:
        full_url: ``Bundle.entry.fullUrl``.
        line: its place, if it can be read again from there.
        file: the name of its file within the directory.
    """

    resource: Resource
    file: str
    full_url: str | None = None
    line: Line | None = None
    deleted: bool = False


_ENDINGS = frozenset({".json", ".ndjson"})


def resources_in(directory: Path) -> Iterator[Found]:
    """Give every resource of a directory and those below it, file by file in order of their names.

    Raises:
        FhirError: it cannot be read, holds no FHIR JSON at all, or a file is not FHIR JSON; the message names it.
        IncompleteRead: a file tells of an error while its resources were gathered.
    """
    try:
        files = _files(directory)
    except OSError as error:
        raise FhirError(
            f"{directory} cannot be read: {error.strerror}.", "Give the job the right to enter and read it."
        ) from None
    if not files:
        raise FhirError(f"{directory} holds no FHIR JSON.", "Put *.json or *.ndjson files there.")
    for path in files:
        name = path.relative_to(directory).as_posix()
        try:
            yield from _lines(path, name) if path.suffix.lower() == ".ndjson" else _document(path, name)
        except OSError as error:
            raise FhirError(f"{name} cannot be read: {error.strerror}.", "Give the job the right to read it.") from None


def _files(directory: Path) -> list[Path]:
    if not directory.is_dir():
        raise FhirError(f"{directory} is not a directory.", "Set fhir.base_url to file: and a directory of FHIR JSON.")
    found = sorted(path for path in directory.rglob("*") if _ENDINGS.intersection(map(str.lower, path.suffixes)))
    for path in found:
        if path.suffix.lower() not in _ENDINGS or not path.is_file():
            name = path.relative_to(directory).as_posix()
            raise FhirError(f"{name} cannot be read: it is packed, or no file.", "Unpack it, or take it away.")
    return found


def read_line(line: Line, resource_type: str, identity: str) -> Resource:
    """Read a resource again from its place.

    Raises:
        IncompleteRead: it is no longer there; perhaps another one is.
    """
    try:
        with line.file.open("rb") as file:
            file.seek(line.offset)
            resource = json.loads(file.read(line.length))
    except (OSError, ValueError, RecursionError):
        resource = None
    if not isinstance(resource, dict) or (resource.get("resourceType"), resource.get("id")) != (
        resource_type,
        identity,
    ):
        raise IncompleteRead(f"{line.file.name} was changed while it was being read.", "Run again when it is at rest.")
    assert isinstance(resource, dict)
    return resource


def _lines(path: Path, name: str) -> Iterator[Found]:
    offset = 0
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if text.strip():
                resource = _parse(text, f"{name}, line {number},")
                line = None if resource.get("resourceType") == "Bundle" else Line(path, offset, len(text))
                yield from _from_resource(resource, name, line=line)
            offset += len(text)


def _document(path: Path, name: str) -> Iterator[Found]:
    yield from _from_resource(_parse(path.read_bytes(), name), name)


def _parse(text: bytes, where: str) -> Resource:
    try:
        resource = json.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise FhirError(f"{where} is not JSON.", _NOT_FHIR) from None
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise FhirError(f"{where} is not a FHIR resource.", _NOT_FHIR)
    return resource


def _from_resource(
    resource: Resource, name: str, full_url: str | None = None, line: Line | None = None, depth: int = 0
) -> Iterator[Found]:
    if is_error(resource):
        raise IncompleteRead(
            f"{name} holds an OperationOutcome of an error: what stands here is not everything.",
            "Mend what went wrong when the directory was filled, and fill it again.",
        )
    if resource["resourceType"] != "Bundle":
        yield Found(resource, name, full_url, line)
        return
    entries = resource.get("entry") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries) or depth > _MOST_NESTED:
        raise FhirError(f"{name} holds a Bundle that cannot be read.", _NOT_FHIR)
    newest_last = reversed(entries) if resource.get("type") == "history" else entries
    for entry in newest_last:
        yield from _from_entry(entry, name, depth)


def _from_entry(entry: Resource, name: str, depth: int) -> Iterator[Found]:
    resource, full_url = entry.get("resource"), entry.get("fullUrl")
    if resource is None:
        yield from _deletion(entry, name)
    elif not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise FhirError(f"{name} holds a Bundle entry that is not a FHIR resource.", _NOT_FHIR)
    else:
        yield from _from_resource(resource, name, full_url if isinstance(full_url, str) else None, depth=depth + 1)


def _deletion(entry: Resource, name: str) -> Iterator[Found]:
    """Read the entry of a resource that was deleted (hl7.org/fhir/http.html#history)."""
    request, response = entry.get("request"), entry.get("response")
    if not isinstance(request, dict) or request.get("method") != "DELETE" or not isinstance(request.get("url"), str):
        return
    resource_type, _, identity = request["url"].rstrip("/").rpartition("/")
    when = response.get("lastModified") if isinstance(response, dict) else None
    gone = {"resourceType": resource_type.rpartition("/")[2], "id": identity, "meta": {"lastUpdated": when}}
    yield Found(gone, name, deleted=True)
