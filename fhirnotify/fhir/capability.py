"""What a server says about itself in its CapabilityStatement, as far as it matters here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import FhirError

TYPES = ("Appointment", "Patient", "Consent")

_VERSIONS = {"4.0.1": FhirVersion.R4, "4.3.0": FhirVersion.R4, "5.0.0": FhirVersion.R5}
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class TypeSupport:
    """What the server says that it can do with one resource type.

    Attributes:
        searchable: it names the interaction ``search-type``.
        rev_includes: values that ``_revinclude`` takes.
    """

    searchable: bool = False
    rev_includes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Capability:
    """A server's own account of itself.

    Attributes:
        fhir_version: as the server writes it: 4.0.1, 4.3.0 or 5.0.0.
        version: the element set that resources are read by.
        types: Appointment, Patient and Consent; one that the server does not list supports nothing.
        software: what the server calls its program; empty where it does not tell.
    """

    fhir_version: str
    version: FhirVersion
    types: Mapping[str, TypeSupport]
    software: str = ""


def read_capability(answer: object) -> Capability:
    """Read a CapabilityStatement.

    Raises:
        FhirError: it is none, or the server speaks a version of FHIR that is not read.
    """
    if not isinstance(answer, dict) or answer.get("resourceType") != "CapabilityStatement":
        raise FhirError(
            "GET metadata was not answered with a CapabilityStatement.",
            "Check that fhir.base_url is the FHIR base: the address that /metadata stands under.",
        )
    written = answer.get("fhirVersion")
    version = _VERSIONS.get(written) if isinstance(written, str) else None
    if version is None:
        raise FhirError(
            f"The server speaks FHIR {_shown(written) or 'of no stated version'}.",
            "Only 4.0.1 (R4), 4.3.0 (R4B) and 5.0.0 (R5) are read: ask for an endpoint of one of these.",
        )
    software = answer.get("software")
    name = software.get("name") if isinstance(software, dict) else None
    return Capability(str(written), version, _types(answer), _shown(name))


def _types(answer: dict[str, Any]) -> dict[str, TypeSupport]:
    types = dict.fromkeys(TYPES, TypeSupport())
    for rest in _objects(answer, "rest"):
        if rest.get("mode", "server") != "server":
            continue
        for resource in _objects(rest, "resource"):
            name = resource.get("type")
            if isinstance(name, str) and name in types:
                types[name] = _support(resource)
    return types


def offers_update(answer: object, resource_type: str) -> bool:
    """Tell whether a CapabilityStatement says that a type may be updated, also where the id is new and the client's.

    A server that does not say whether new ids may be the client's is believed to let them be.
    """
    rests = _objects(answer, "rest") if isinstance(answer, dict) else []
    return any(
        resource.get("updateCreate") is not False
        and any(one.get("code") == "update" for one in _objects(resource, "interaction"))
        for rest in rests
        for resource in _objects(rest, "resource")
        if resource.get("type") == resource_type and rest.get("mode", "server") == "server"
    )


def _support(resource: dict[str, Any]) -> TypeSupport:
    rev_includes = resource.get("searchRevInclude")
    return TypeSupport(
        searchable=any(one.get("code") == "search-type" for one in _objects(resource, "interaction")),
        rev_includes=frozenset(_strings(rev_includes)) if isinstance(rev_includes, list) else frozenset(),
    )


def _objects(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = parent.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _strings(found: Any) -> Iterator[str]:  # noqa: ANN401 - any iterable of JSON values
    return (one for one in found if isinstance(one, str))


def _shown(text: object) -> str:
    """Make a word of the server's fit to be printed on one line."""
    if not isinstance(text, str):
        return ""
    return "".join(letter for letter in text[:_LONGEST_NAME] if letter.isprintable())
