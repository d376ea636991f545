"""Where a FHIR Reference leads: to a Patient of this server, to something else, or nowhere that can be followed.

FHIR (references): a literal reference is relative (``Patient/1``), absolute, versioned (``…/_history/2``), a
``urn:uuid:`` or ``urn:oid:`` within a Bundle, or ``#id`` for a contained resource; a logical one has an
identifier instead.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fhirnotify.core.model import Identifier, PatientRef

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""A logical id (FHIR datatypes, ``id``)."""

_RELATIVE = r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?"
_IS_RELATIVE = re.compile(_RELATIVE)
_IS_ABSOLUTE = re.compile(rf"((?i:https?)://\S+?)/{_RELATIVE}")
_NAMES_PATIENT = re.compile(r"(?i:(?:^|/)patient)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?$")
_VERSION = re.compile(r"/_history/[^/]*$")
_TYPE_URL = "http://hl7.org/fhir/StructureDefinition/"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """What a literal reference points at: its type where that can be told, its id where it can be followed."""

    type: str | None = None
    id: str | None = None


NOWHERE = Target()


class References:
    """Follows references as seen from one server, or from the bundles of one directory.

    Attributes:
        full_urls: ``Bundle.entry.fullUrl`` to the type and id of its resource; may grow while bundles are read.
    """

    def __init__(self, base_url: str | None = None, full_urls: Mapping[str, Target] | None = None) -> None:
        self._base = None if base_url is None else _normal(base_url)
        self.full_urls: Mapping[str, Target] = {} if full_urls is None else full_urls

    def target(self, literal: str) -> Target:
        """Follow a literal reference that does not point into ``contained``."""
        relative = _IS_RELATIVE.fullmatch(literal)
        if relative is not None:
            return Target(relative[1], relative[2])
        known = self.full_urls.get(literal) or self.full_urls.get(_VERSION.sub("", literal))
        if known is not None:
            return known
        absolute = _IS_ABSOLUTE.fullmatch(literal)
        if absolute is None:
            return NOWHERE
        here = self._base is not None and _normal(absolute[1]) == self._base
        return Target(absolute[2], absolute[3] if here else None)

    def patient(self, reference: Mapping[str, Any]) -> PatientRef | None:
        """Read a Reference that may mean a Patient; None if it clearly means something else, or says nothing.

        A reference that contradicts its own ``type``, or that says it means a Patient and cannot be followed, is a
        Patient that cannot be followed.
        """
        stated = stated_type(reference) if "type" in reference else None
        literal = reference.get("reference")
        if isinstance(literal, str):
            target = self.target(literal)
            if target.type is None:
                means_one = stated == "Patient" or (stated is None and patient_elsewhere(reference) is not None)
                return PatientRef() if means_one else None
            if stated not in (None, target.type) and "Patient" in (stated, target.type):
                return PatientRef()
            return PatientRef(id=target.id) if target.type == "Patient" else None
        identifier = reference.get("identifier")
        if isinstance(identifier, dict) and stated in (None, "Patient"):
            value, system = identifier.get("value"), identifier.get("system")
            if isinstance(value, str) and value:
                system = system if isinstance(system, str) else None
                return PatientRef(identifier=Identifier(system, value), typed=stated is not None)
        return PatientRef() if stated == "Patient" else None

    def patient_id(self, reference: object) -> str | None:
        """Give the id of the Patient of this server that a Reference points at; None for every other reference."""
        if not isinstance(reference, dict):
            return None
        found = self.patient(reference)
        return None if found is None else found.id


def patient_elsewhere(reference: object) -> str | None:
    """Give the id of the Patient that a reference names in a way that cannot be followed; None for every other.

    That is an absolute one to whatever server, or one that is nearly relative (``/Patient/1``, ``patient/1``).
    """
    literal = reference.get("reference") if isinstance(reference, dict) else None
    named = _NAMES_PATIENT.search(literal) if isinstance(literal, str) else None
    return named[1] if named is not None else None


def stated_type(reference: Mapping[str, Any]) -> str | None:
    """Give ``Reference.type``, which may be written as a whole URL."""
    stated = reference.get("type")
    return stated.removeprefix(_TYPE_URL) if isinstance(stated, str) and stated else None


def _normal(url: str) -> tuple[str, str, int | None, str] | None:
    """Write a base URL so that two ways of writing one server are equal; None if it is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    default = _DEFAULT_PORTS.get(scheme)
    return scheme, (parts.hostname or "").lower(), port or default, parts.path.rstrip("/")
