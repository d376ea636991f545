"""From Appointments to their patients: read the records, follow merges, gather the Consents.

Few requests for many appointments: everything a page needs is asked for at once, and Consents only of those whom
no earlier rule keeps from being reminded.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from fhirnotify.core.answer import Reason, Skip
from fhirnotify.core.decide import NOBODY, Attendee, decide
from fhirnotify.core.merge import MOST_HOPS, Resolved, Unresolved, aliases, follow, replaced
from fhirnotify.core.model import Attendance, Booking, ConsentStatement, Identifier, Invalid, Person
from fhirnotify.core.rules import Rules
from fhirnotify.fhir.source import Patient, Source

_CONTAINED = "#"
"""Stands in the key of a contained record, and in no id on a server."""


class Register:
    """The patient records read for one page of appointments, and who is who among them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._records: dict[str, Person | Invalid | None] = {}
        self._asked: set[str] = set()
        self._replaced: frozenset[str] = frozenset()
        self._by_identifier: dict[Identifier, str | None] = {}

    def learn(self, bookings: Iterable[Booking], also: Collection[str] = ()) -> None:
        """Read every record that the bookings name, ``also`` these, and all that merges lead to."""
        attendances = [(booking, attendance) for booking in bookings for attendance in booking.attendances]
        for booking, attendance in attendances:
            if attendance.patient.contained is not None:
                self._records[_key(booking, attendance)] = attendance.patient.contained
        self._identify({a.patient.identifier for _, a in attendances if a.patient.identifier})
        named = {self.key(booking, attendance) for booking, attendance in attendances} - {None}
        self._read({key for key in named if key is not None} | set(also))
        self._follow_merges()

    def key(self, booking: Booking, attendance: Attendance) -> str | None:
        """Give the key of the record an attendance names; None if it cannot be told."""
        if attendance.patient.identifier is not None:
            return self._by_identifier.get(attendance.patient.identifier)
        dangling = attendance.patient.contained is None and (attendance.patient.id or _CONTAINED).startswith(_CONTAINED)
        return None if dangling else _key(booking, attendance)

    def resolve(self, key: str) -> Resolved:
        """Follow a record that has been learnt to its survivor."""
        end = follow(key, self._records)
        assert isinstance(end, Resolved)
        return end

    def aliases(self, survivor: str) -> frozenset[str]:
        """Give the ids of all records of a person."""
        found = aliases(survivor, self._records, self._replaced)
        assert not isinstance(found, Unresolved)
        return found

    def identifiers(self, patients: Iterable[str]) -> list[Identifier]:
        """Give the business identifiers of these records."""
        records = (self._records.get(patient) for patient in patients)
        return [one for record in records if isinstance(record, Person) for one in record.identifiers]

    def _identify(self, identifiers: set[Identifier]) -> None:
        unknown = identifiers - self._by_identifier.keys()
        if not unknown:
            return
        for identifier, patients in self._source.patients_by_identifier(unknown).items():
            self._by_identifier[identifier] = patients[0].id if len(patients) == 1 else None
            self._keep(patients)

    def _read(self, ids: Collection[str]) -> None:
        """Read records, and whatever else links to them; what came along before is asked for itself only here."""
        self._records.update(dict.fromkeys(set(ids) - self._records.keys()))
        unasked = set(ids) - self._asked
        self._asked |= unasked
        if on_server := sorted(patient for patient in unasked if _CONTAINED not in patient):
            self._keep(self._source.patients(on_server).values())

    def _keep(self, patients: Iterable[Patient]) -> None:
        kept = list(patients)
        linked = {
            link.other.identifier
            for patient in kept
            if isinstance(patient, Person)
            for link in patient.links
            if link.type in ("replaced-by", "replaces") and link.other.identifier
        }
        self._records.update((patient.id, patient) for patient in kept)
        if not linked:
            return
        self._identify({identifier for identifier in linked if identifier})
        for patient in kept:
            if isinstance(patient, Person):
                self._records[patient.id] = self._with_links_by_id(patient)

    def _with_links_by_id(self, person: Person) -> Person:
        links = tuple(
            replace(link, other=replace(link.other, id=self._by_identifier.get(link.other.identifier)))
            if link.other.identifier
            else link
            for link in person.links
        )
        return replace(person, links=links)

    def _follow_merges(self) -> None:
        for hop in count():
            ends = [follow(key, self._records) for key in tuple(self._records)]
            self._replaced = replaced(self._records)
            survivors = {end.id for end in ends if isinstance(end, Resolved) and isinstance(end.record, Person)}
            families = [aliases(survivor, self._records, self._replaced) for survivor in survivors]
            missing = {unread for found in (*ends, *families) if isinstance(found, Unresolved) for unread in found.ids}
            if hop < MOST_HOPS:
                merged_into = {end.id for end in ends if isinstance(end, Resolved) and end.way}
                missing |= (self._replaced | merged_into) - self._asked
            if not missing:
                return
            self._read(missing)


def _key(booking: Booking, attendance: Attendance) -> str:
    """Name a record; a contained one by its appointment too, since its id means something only there."""
    patient = attendance.patient
    return f"{booking.id}{patient.id}" if patient.contained is not None else patient.id or ""


def attendees(
    source: Source, bookings: Sequence[Booking], now: datetime, rules: Rules, also: Collection[str] = ()
) -> list[list[Attendee]]:
    """Give the patients of each booking, each person once, in the order of the bookings.

    Args:
        source: where to read.
        bookings: the appointments, at most a page.
        now: the moment of the decisions, by which Consents are asked for or not.
        rules: the settings.
        also: ids of records to read too, so that merges of them are known.

    Raises:
        IncompleteRead: something that was asked for may be missing.
    """
    register = Register(source)
    register.learn(bookings, also)
    people = [_people(register, booking) for booking in bookings]
    wanted = {
        alias
        for booking, persons in zip(bookings, people, strict=True)
        for attendee in persons
        if _consent_matters(booking, attendee, now, rules)
        for alias in attendee.aliases
    }
    consents = _by_patient(source.consents(sorted(wanted), register.identifiers(wanted))) if wanted else {}
    return [[_with_consents(attendee, consents) for attendee in persons] for persons in people]


def _people(register: Register, booking: Booking) -> list[Attendee]:
    found: dict[str | None, Attendee] = {}
    for attendance in booking.attendances:
        key = register.key(booking, attendance)
        if key is None and not attendance.patient.typed:
            continue
        attendee = _attendee(register, key, attends=attendance.attends)
        known = found.get(attendee.id)
        if known is not None:
            way = tuple({record.id: record for record in (*known.way, *attendee.way)}.values())
            attendee = replace(attendee, attends=known.attends and attendee.attends, way=way)
        found[attendee.id] = attendee
    return list(found.values()) or [NOBODY]


def _attendee(register: Register, key: str | None, *, attends: bool) -> Attendee:
    if key is None:
        return Attendee(None, attends=attends)
    end = register.resolve(key)
    survives = isinstance(end.record, Person)
    family = register.aliases(end.id) if survives else frozenset({end.id})
    return Attendee(end.id.rpartition(_CONTAINED)[2], end.record, end.way, family, attends)


def _consent_matters(booking: Booking, attendee: Attendee, now: datetime, rules: Rules) -> bool:
    """Tell whether the rules come as far as Consent: without any, that is what the decision then rests on."""
    decision = decide(booking, attendee, now, rules)
    return isinstance(decision, Skip) and decision.reason is Reason.NO_CONSENT


def _by_patient(consents: Iterable[ConsentStatement]) -> Mapping[str, list[ConsentStatement]]:
    found: dict[str, list[ConsentStatement]] = {}
    for consent in consents:
        found.setdefault(consent.patient, []).append(consent)
    return found


def _with_consents(attendee: Attendee, consents: Mapping[str, list[ConsentStatement]]) -> Attendee:
    own = tuple(consent for alias in sorted(attendee.aliases) for consent in consents.get(alias, ()))
    return replace(attendee, consents=own) if own else attendee
