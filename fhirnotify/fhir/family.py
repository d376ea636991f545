"""The records of the same persons: a visit may still be booked on a record that has been merged into another."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from fhirnotify.core.merge import MOST_HOPS
from fhirnotify.core.model import Identifier
from fhirnotify.fhir.bundle import Resource
from fhirnotify.fhir.identifiers import identifiers_of
from fhirnotify.fhir.references import References, patient_elsewhere

_SAME_PERSON = frozenset({"replaced-by", "replaces"})

Read = Callable[[Collection[str]], Iterable[Resource]]
"""Gives the raw Patients of these ids, and those that link to them; at times more than once."""
Carriers = Callable[[Collection[Identifier]], Mapping[Identifier, Collection[str]]]
"""Gives the ids of the Patients that carry each identifier."""


class Family:
    """Some Patients with every record that they replace or that replaces them, as many hops as the rules follow.

    Attributes:
        ids: of all records, those asked for included, also where there is no such record.
        known: of those that there are.
        identifiers: business identifiers of all of them.
    """

    def __init__(self, ids: Iterable[str], references: References, read: Read, carriers: Carriers) -> None:
        self.ids = set(ids)
        self.known: set[str] = set()
        self.identifiers: set[Identifier] = set()
        self._references = references
        unread = set(self.ids)
        for _ in range(MOST_HOPS + 1):
            if not unread:
                return
            records = list(read(sorted(unread)))
            self._know(record for record in records if record["id"] in self.ids)
            unread = self._linked(records, carriers) - self.ids
            self.ids |= unread

    def _know(self, records: Iterable[Resource]) -> None:
        for record in records:
            self.known.add(record["id"])
            self.identifiers.update(identifiers_of(record))

    def _linked(self, records: Iterable[Resource], carriers: Carriers) -> set[str]:
        """Give whom those that belong to it link to, and those that link to any of it."""
        linked: set[str] = set()
        by_identifier: set[Identifier] = set()
        for record in records:
            ids, identifiers = self._same_person(record)
            if record["id"] in self.ids:
                linked |= ids
                by_identifier |= identifiers
            elif not (ids.isdisjoint(self.ids) and identifiers.isdisjoint(self.identifiers)):
                linked.add(record["id"])
        if by_identifier:
            linked.update(one for found in carriers(by_identifier).values() for one in found)
        return linked

    def _same_person(self, patient: Resource) -> tuple[set[str], set[Identifier]]:
        """Tell by which ids and identifiers a raw Patient names other records of the person."""
        ids: set[str] = set()
        identifiers: set[Identifier] = set()
        for other in _others(patient):
            found = self._references.patient(other)
            if found is not None and found.identifier is not None:
                identifiers.add(found.identifier)
            elif identity := (found.id if found is not None else None) or patient_elsewhere(other):
                ids.add(identity)
        return ids, identifiers


def _others(patient: Resource) -> Iterator[Resource]:
    links = patient.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("type") in _SAME_PERSON and isinstance(link.get("other"), dict):
            yield link["other"]
