"""A directory of FHIR JSON as a source, which answers as a server that honours every search parameter.

For rehearsals, for the demonstration, and for the files of a Bulk Data export. The directory is read once, when it
is first asked for something.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fhirnotify.core.model import ConsentStatement, FhirVersion, Identifier
from fhirnotify.fhir.directory_files import Resource
from fhirnotify.fhir.directory_index import Index
from fhirnotify.fhir.directory_participants import Chosen
from fhirnotify.fhir.elements import Elements
from fhirnotify.fhir.identifiers import identifiers_of
from fhirnotify.fhir.listed import By
from fhirnotify.fhir.logical import consents_by_identifier
from fhirnotify.fhir.moments import between, instant
from fhirnotify.fhir.references import References
from fhirnotify.fhir.source import Appointment, Patient
from fhirnotify.fhir.translate import ResourceTranslator


class DirectorySource:
    """Appointments, Patients and Consents out of a directory; satisfies ``Source``.

    Args:
        path: the directory; ``*.json`` and ``*.ndjson`` in it and below it are read.
        elements: where the codes stand that tell the kind of visit.
        zone: the local time zone.
        version: the FHIR version; None for what a CapabilityStatement in the directory says, else R4.
        page_size: Appointments a page.
        by: the Locations or Patients whose Appointments alone are given; None for everybody's.
    """

    requests = 0

    def __init__(
        self,
        path: Path,
        elements: Elements,
        zone: ZoneInfo,
        *,
        version: FhirVersion | None = None,
        page_size: int = 100,
        by: By | None = None,
    ) -> None:
        self._path = path
        self._elements = elements
        self._zone = zone
        self._configured = version
        self._page_size = page_size
        self._by = by

    @property
    def version(self) -> FhirVersion:
        """The version by which resources are read."""
        return self._configured or self._index.version or FhirVersion.R4

    def appointments(self, after: datetime, before: datetime) -> Iterator[list[Appointment]]:
        """Give the booked Appointments that start between the two, in order of start, then id, a page at a time."""
        found: Iterator[str] = (identity for first, last, identity in self._starts if last > after and first < before)
        if self._by is not None:
            found = self._chosen(self._by, after).of(found)
        while page := list(islice(found, self._page_size)):
            yield [self._appointment(identity) for identity in page]

    def appointments_by_id(self, ids: Collection[str]) -> dict[str, Appointment]:
        """Give Appointments by id; one that is not there is missing."""
        return {one: self._appointment(one) for one in ids if self._index.holds("Appointment", one)}

    def patients(self, ids: Collection[str]) -> dict[str, Patient]:
        """Give Patients by id, and those that link to them; one that is not there is missing."""
        return {one: self._patient(one) for one in self._with_linking(ids)}

    def patients_by_identifier(self, identifiers: Collection[Identifier]) -> dict[Identifier, list[Patient]]:
        """Give the Patients that carry each identifier, system and value."""
        return {one: [self._patient(id_) for id_ in self._identified.get(one, ())] for one in identifiers}

    def consents(
        self, patient_ids: Collection[str], identifiers: Collection[Identifier] = ()
    ) -> list[ConsentStatement]:
        """Give every Consent that points at one of these Patients, or names one by one of these identifiers."""
        pointing = sorted({consent for patient in patient_ids for consent in self._consents_of.get(patient, ())})
        naming = sorted({consent for one in set(identifiers) for consent in self._consents_naming.get(one, ())})
        statements = (self._translator.consent(self._index.read("Consent", one)) for one in pointing)
        return [statement for statement in statements if statement is not None] + consents_by_identifier(
            (self._index.read("Consent", one) for one in naming), self._translator, self._carriers, set(patient_ids)
        )

    def shortcomings(self) -> list[str]:
        """Give none: everybody who is there is found."""
        return []

    def close(self) -> None:
        """Nothing is held open."""

    def _chosen(self, by: By, at: datetime) -> Chosen:
        def read(ids: Collection[str]) -> Iterator[Resource]:
            return (self._index.read("Patient", one) for one in self._with_linking(ids))

        return Chosen(by, self._index, self._references, self._zone, at, read, self._carriers)

    @cached_property
    def _index(self) -> Index:
        return Index(self._path, configured=self._configured)

    @cached_property
    def _translator(self) -> ResourceTranslator:
        return ResourceTranslator(self.version, self._references, self._elements, self._zone)

    @cached_property
    def _references(self) -> References:
        return References(full_urls=self._index.full_urls)

    @cached_property
    def _starts(self) -> list[tuple[datetime, datetime, str]]:
        """The booked Appointments with the first and last moment at which each may start."""
        booked = []
        for identity, record in self._index.records("Appointment"):
            start = self._start(record.searched_by)
            if start is not None and record.searched_by.get("status") == "booked":
                booked.append((*start, identity))
        return sorted(booked)

    def _start(self, appointment: dict[str, Any]) -> tuple[datetime, datetime] | None:
        """Read what the search parameter ``date`` goes by: start, and in R5 else the first requested period's."""
        start = appointment.get("start")
        if start is not None:
            moment = instant(start) if isinstance(start, str) else None
            return None if moment is None else (moment, moment)
        periods = appointment.get("requestedPeriod") if self.version is FhirVersion.R5 else None
        for period in periods if isinstance(periods, list) else ():
            requested = period.get("start") if isinstance(period, dict) else None
            if isinstance(requested, str):
                return between(requested, self._zone)
        return None

    def _with_linking(self, ids: Collection[str]) -> list[str]:
        """Give those of these Patients that there are, and those that link to them."""
        wanted = set(ids).union(*(self._linking.get(one, ()) for one in ids))
        return [one for one in sorted(wanted) if self._index.holds("Patient", one)]

    @cached_property
    def _linking(self) -> dict[str, list[str]]:
        """The Patients that link to each Patient."""
        linking = defaultdict(list)
        for identity, record in self._index.records("Patient"):
            links = record.searched_by.get("link")
            for link in links if isinstance(links, list) else ():
                other = link.get("other") if isinstance(link, dict) else None
                found = self._references.patient(other) if isinstance(other, dict) else None
                if found is None:
                    continue
                named = self._identified.get(found.identifier, []) if found.identifier else []
                for patient in [found.id] if found.id is not None else named:
                    linking[patient].append(identity)
        return linking

    @cached_property
    def _identified(self) -> dict[Identifier, list[str]]:
        """The Patients that carry each identifier."""
        identified = defaultdict(list)
        for identity, record in self._index.records("Patient"):
            for identifier in dict.fromkeys(identifiers_of(record.searched_by)):
                identified[identifier].append(identity)
        return identified

    @cached_property
    def _consents_of(self) -> dict[str, list[str]]:
        """The Consents of each Patient."""
        consents = defaultdict(list)
        for identity, record in self._index.records("Consent"):
            patient = self._translator.patient_of_consent(record.searched_by)
            if patient is not None:
                consents[patient].append(identity)
        return consents

    @cached_property
    def _consents_naming(self) -> dict[Identifier, list[str]]:
        """The Consents that name their patient by each identifier."""
        consents = defaultdict(list)
        for identity, record in self._index.records("Consent"):
            identifier = self._translator.identifier_of_consent(record.searched_by)
            if identifier is not None:
                consents[identifier].append(identity)
        return consents

    def _carriers(self, identifiers: Collection[Identifier]) -> dict[Identifier, list[str]]:
        return {one: self._identified.get(one, []) for one in identifiers}

    def _appointment(self, identity: str) -> Appointment:
        return self._translator.appointment(self._index.read("Appointment", identity))

    def _patient(self, identity: str) -> Patient:
        return self._translator.patient(self._index.read("Patient", identity))
