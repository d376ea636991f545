"""The resources of a world, references of every kind, and the way from a record to its survivor."""

import re
from dataclasses import dataclass, field
from typing import Any

from oracle_read import InvalidError, has_modifiers, read

Json = dict[str, Any]
HOPS = 5
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True)
class Target:
    """What a reference leads to. ``key`` is the Patient's id, ``#id`` when contained, None when nothing is found."""

    is_patient: bool
    key: str | None = None
    contained: Any = field(default=None, compare=False)


NOBODY = Target(is_patient=False)
LOST = Target(is_patient=True)


@dataclass(frozen=True)
class Person:
    """A participant after merge: the records on the way, the survivor last, or the fault that stopped it.

    ``astray``: the links lead in a circle, too far, or two ways.
    """

    named: str | None
    records: tuple[Json, ...] = field(default=(), compare=False)
    uncut: tuple[Json, ...] = field(default=(), compare=False)
    fault: str | None = None
    astray: bool = False

    @property
    def survivor(self) -> Json:
        """The record that everything is evaluated for."""
        return self.records[-1]


class Store:
    """Finds what references point to in one world."""

    def __init__(self, resources: list[Json], full_urls: dict[str, str], version: str) -> None:
        self.version = version
        self.patients = {one["id"]: one for one in resources if one["resourceType"] == "Patient"}
        self.consents = [one for one in resources if one["resourceType"] == "Consent"]
        self.appointments = [one for one in resources if one["resourceType"] == "Appointment"]
        present = {f"{one['resourceType']}/{one['id']}" for one in resources}
        self.at = {url: name for name, url in full_urls.items() if name in present}

    def resolve(self, reference: Any, owner: Json) -> Target:
        """Follow a Reference that stands in ``owner``."""
        if not isinstance(reference, dict):
            return NOBODY
        text = reference.get("reference")
        hinted = LOST if reference.get("type") == "Patient" else NOBODY
        if not text:
            return self._by_identifier(reference)
        if text.startswith("#"):
            return self._in_contained(text, owner, hinted)
        plain = text.split("/_history/")[0]
        if ":" in plain:
            if plain in self.at:
                plain = self.at[plain]
            elif plain.startswith("urn:"):
                return hinted
            else:
                return LOST if plain.split("/")[-2] == "Patient" else NOBODY
        kind, _, key = plain.partition("/")
        if kind != "Patient":
            return NOBODY
        return Target(is_patient=True, key=key) if _ID.fullmatch(key) else LOST

    def _in_contained(self, text: str, owner: Json, hinted: Target) -> Target:
        for one in owner.get("contained", []):
            if one.get("id") == text[1:]:
                is_patient = one.get("resourceType") == "Patient"
                return Target(is_patient=True, key=text, contained=one) if is_patient else NOBODY
        return hinted

    def _by_identifier(self, reference: Json) -> Target:
        wanted = reference.get("identifier")
        if not isinstance(wanted, dict) or reference.get("type", "Patient") != "Patient":
            return LOST if reference.get("type") == "Patient" else NOBODY
        pair = (wanted.get("system"), wanted.get("value"))
        found = [
            key
            for key, patient in self.patients.items()
            if pair in [(one.get("system"), one.get("value")) for one in _dicts(patient.get("identifier"))]
        ]
        return Target(is_patient=True, key=found[0]) if len(found) == 1 else LOST

    def follow(self, target: Target) -> Person:
        """Follow ``replaced-by`` from a reference's target to the surviving record."""
        first = None if target.key is None else target.key.removeprefix("#")
        records: list[Json] = []
        uncut: list[Json] = []
        seen: list[str | None] = []
        while True:
            raw = target.contained or self.patients.get(target.key or "")
            if raw is None:
                return Person(target.key if seen else first, fault="patient-unreadable")
            seen.append(target.key)
            try:
                record = read(raw, self.version)
            except InvalidError:
                return Person(raw["id"], fault="invalid-resource")
            if has_modifiers(record):
                return Person(raw["id"], fault="invalid-resource")
            records.append(record)
            uncut.append(raw)
            links = [one["other"] for one in record.get("link", []) if one["type"] == "replaced-by"]
            if not links:
                return Person(record["id"], tuple(records), tuple(uncut))
            ways = {self.resolve(one, raw) for one in links}
            target = ways.pop()
            if ways or not target.is_patient or target.key in seen or len(seen) > HOPS:
                return Person(first, fault="patient-unreadable", astray=True)

    def consents_of(self, person: Person) -> list[Json]:
        """Give the Consents whose patient is this person, after merge: by ``replaced-by``, or by ``replaces``."""
        name, replaced = "patient" if self.version == "R4" else "subject", self._replaced(person.survivor)
        found = []
        for consent in self.consents:
            target = self.resolve(consent.get(name), consent)
            if target.key is None or target.contained:
                continue
            owner = self.follow(target)
            is_survivor = owner.fault is None and owner.named == person.named
            if is_survivor or (owner.named in replaced and not owner.astray):
                found.append(consent)
        return found

    def _replaced(self, survivor: Json) -> set[str | None]:
        """Give the ids that a survivor says it replaces, and those that they say they replace."""
        found: set[str | None] = set()
        waiting = [survivor]
        while waiting:
            record = waiting.pop()
            for link in _dicts(record.get("link")):
                key = self.resolve(link.get("other"), record).key
                if link.get("type") == "replaces" and key not in found:
                    found.add(key)
                    waiting += [self.patients[key]] if key in self.patients else []
        return found


def _dicts(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
