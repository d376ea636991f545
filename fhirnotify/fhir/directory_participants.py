"""Which Appointments of a directory are those of listed Locations or Patients: as a server would find them."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from fhirnotify.errors import FhirError
from fhirnotify.fhir.directory_files import Resource
from fhirnotify.fhir.directory_index import Index
from fhirnotify.fhir.family import Carriers, Family, Read
from fhirnotify.fhir.listed import By, Listed, Roster, nobody_known
from fhirnotify.fhir.participants import identifiers_in, ids_in
from fhirnotify.fhir.references import References
from fhirnotify.fhir.roster import members


class Chosen:
    """Chooses the Appointments of those who are listed at one moment.

    Raises:
        FhirError: the Group or List cannot be used.
        SettingsError: the file cannot be read.
    """

    def __init__(
        self, by: By, index: Index, references: References, zone: ZoneInfo, at: datetime, read: Read, carriers: Carriers
    ) -> None:
        self._by = by
        self._index = index
        self._references = references
        listed = list(by.read() if isinstance(by, Listed) else self._members(by, at, zone))
        if by.kind == "Patient":
            family = Family(listed, references, read, carriers)
            self._ids, self._known, self._identifiers = family.ids, bool(family.known), family.identifiers
        else:
            self._ids, self._identifiers = set(listed), set()
            self._known = any(index.holds("Location", one) for one in listed)

    def of(self, found: Iterator[str]) -> Iterator[str]:
        """Give those of these Appointments that are theirs.

        Raises:
            FhirError: there are none, and nobody who is listed is known.
        """
        any_found = False
        for identity in found:
            if self._is_theirs(self._index.read("Appointment", identity)):
                any_found = True
                yield identity
        if not any_found and not self._known:
            raise nobody_known(self._by)

    def _is_theirs(self, appointment: Resource) -> bool:
        if not self._ids.isdisjoint(ids_in(appointment, self._by.kind, self._references)):
            return True
        return not self._identifiers.isdisjoint(identifiers_in(appointment))

    def _members(self, roster: Roster, at: datetime, zone: ZoneInfo) -> list[str]:
        if not self._index.holds(roster.resource_type, roster.id):
            raise FhirError(
                f"{roster.resource_type}/{roster.id} of {roster.key} is not in the directory.", "See fhir.patients."
            )
        return members(self._index.read(roster.resource_type, roster.id), roster, self._references, at, zone)
