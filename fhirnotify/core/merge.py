"""Two records of one person are one: follow ``replaced-by`` to the survivor, and ``replaces`` back."""

from collections.abc import Mapping
from dataclasses import dataclass

from fhirnotify.core.model import Invalid, Person

MOST_HOPS = 5

Records = Mapping[str, Person | Invalid | None]
"""Patients by id, as far as they have been read; None for one that is known to be gone."""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Records that must be read before the way can be followed further."""

    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where the way from a record ended.

    Attributes:
        id: the record by which the patient is named: the survivor, else the record that cannot be read, else (a loop,
            a fork, too many hops) the one the way began with.
        record: the survivor; Invalid if it cannot be read; None if the way leads nowhere (gone, a loop, too long).
        way: the records that led to it, without the survivor.
    """

    id: str
    record: Person | Invalid | None
    way: tuple[Person, ...] = ()


def follow(patient: str, records: Records) -> Resolved | Unresolved:
    """Follow ``replaced-by`` from one record to the survivor, at most five hops, without loops."""
    way: list[Person] = []
    current = patient
    while True:
        if current not in records:
            return Unresolved(frozenset({current}))
        record = records[current]
        if record is None:
            return Resolved(current, None, tuple(way))
        if isinstance(record, Invalid):
            return Resolved(current, record, tuple(way))
        targets = {link.other.id for link in record.links if link.type == "replaced-by"}
        if not targets:
            return Resolved(current, record, tuple(way))
        way.append(record)
        (target,) = targets if len(targets) == 1 else (None,)
        if target is None or len(way) > MOST_HOPS or any(target == passed.id for passed in way):
            return Resolved(patient, None, tuple(way))
        current = target


def replaced(records: Records) -> frozenset[str]:
    """Give the ids of the records that have been replaced by another."""
    return frozenset(
        patient
        for patient, record in records.items()
        if isinstance(record, Person) and any(link.type == "replaced-by" for link in record.links)
    )


def aliases(survivor: str, records: Records, replaced_ones: frozenset[str]) -> frozenset[str] | Unresolved:
    """Give the ids of all known records of a person: those it replaces, and those that lead to it or to one of these.

    A record that is said to be replaced but leads to somebody else is not one of them, nor is one that is more than
    five hops away.
    """
    if not replaced_ones and not _replaces(records.get(survivor)):
        return frozenset({survivor})
    found = {survivor}
    front = {survivor}
    for _ in range(MOST_HOPS):
        older = {other for patient in front for other in _replaces(records.get(patient))} - found
        unread = frozenset(older - records.keys())
        if unread:
            return Unresolved(unread)
        front = {other for other in older if other not in replaced_ones or _leads_to(other, {survivor}, records)}
        found |= front
    return frozenset(found | {other for other in replaced_ones if _leads_to(other, found, records)})


def _replaces(record: Person | Invalid | None) -> set[str]:
    if not isinstance(record, Person) or not record.links:
        return set()
    return {link.other.id for link in record.links if link.type == "replaces" and link.other.id is not None}


def _leads_to(other: str, ends: set[str], records: Records) -> bool:
    end = follow(other, records)
    return isinstance(end, Resolved) and end.id in ends
