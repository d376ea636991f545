"""Which Patients and Locations a raw Appointment names: held against what was asked for, since servers ignore filters.

They stand in ``participant.actor``, and a Patient in R5 also in ``subject``.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fhirnotify.core.model import Identifier
from fhirnotify.fhir.bundle import Resource
from fhirnotify.fhir.listed import Kind
from fhirnotify.fhir.references import References, stated_type

_LITERAL = re.compile(r"(?:^|/)([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?$")


@dataclass(frozen=True, slots=True)
class Named:
    """Whom, or where, an Appointment names.

    Attributes:
        ids: the ids that its references end in, whatever server they say: one behind a gateway may write its inner
            address.
        unclear: it names somebody in a way that cannot be held against an id: by identifier, contained, by ``urn:``.
    """

    ids: frozenset[str]
    unclear: bool

    def clearly_others(self, asked: Collection[str]) -> bool:
        """Tell whether it is certainly about none of these."""
        return self.ids.isdisjoint(asked) and (bool(self.ids) or not self.unclear)


def named(appointment: Resource, kind: Kind) -> Named:
    """Tell whom of this kind an answer of a server names."""
    ids: set[str] = set()
    unclear = False
    for reference in _actors(appointment, kind):
        literal = reference.get("reference")
        found = _LITERAL.search(literal) if isinstance(literal, str) and not literal.startswith("#") else None
        if found is None:
            unclear = unclear or _could_be(reference, kind)
        elif found[1].lower() == kind.lower():
            ids.add(found[2])
    return Named(frozenset(ids), unclear)


def ids_in(appointment: Resource, kind: Kind, references: References) -> Iterator[str]:
    """Give the ids of those of this kind that its references lead to, strictly, as a directory follows them."""
    for reference in _actors(appointment, kind):
        literal = reference.get("reference")
        if isinstance(literal, str):
            target = references.target(literal)
            if target.type == kind and target.id is not None:
                yield target.id


def identifiers_in(appointment: Resource) -> Iterator[Identifier]:
    """Give the identifiers by which it names patients without pointing at a record."""
    for reference in _actors(appointment, "Patient"):
        identifier = reference.get("identifier")
        if "reference" in reference or not isinstance(identifier, dict):
            continue
        value, system = identifier.get("value"), identifier.get("system")
        if isinstance(value, str) and stated_type(reference) in (None, "Patient"):
            yield Identifier(system if isinstance(system, str) else None, value)


def _actors(appointment: Resource, kind: Kind) -> Iterator[Resource]:
    listed = appointment.get("participant")
    entries = [entry.get("actor") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    if kind == "Patient":
        entries.append(appointment.get("subject"))
    return (reference for reference in entries if isinstance(reference, dict))


def _could_be(reference: Resource, kind: Kind) -> bool:
    says_something = "reference" in reference or "identifier" in reference
    return says_something and stated_type(reference) in (None, kind)
