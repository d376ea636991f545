"""Reading the Appointments of listed Locations, or of listed Patients, from a server."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from fhirnotify.errors import FhirError
from fhirnotify.fhir.body import TooLongError
from fhirnotify.fhir.bundle import Resource, Seen
from fhirnotify.fhir.by_participant import Ask, ByParticipant
from fhirnotify.fhir.client import Client
from fhirnotify.fhir.family import Carriers, Family, Read
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.fhir.listed import By, Listed, Roster, nobody_known
from fhirnotify.fhir.references import References
from fhirnotify.fhir.roster import members
from fhirnotify.fhir.search import BY_IDENTIFIER, every_page, knows_identifier
from fhirnotify.fhir.search_values import chunks, escaped, token
from fhirnotify.fhir.source import Appointment

_CHUNK = 99
"""Ids in one search, beside the one by which the server is held to it."""
_ANY_TIME = datetime.min.replace(tzinfo=UTC)
"""Before whose membership of a Group has ended."""
_GATHERED = 5.0
"""Seconds that what was read may wait for more: what is decided on must be fresh."""


class ByList:
    """Asks by what the settings list. Memory does not grow with the list, but for a Group or List, which is one answer.

    Args:
        by: the Locations or Patients.
        client: reads a Group or List, and asks which Locations there are.
        references: follows references as seen from this server.
        zone: the local time zone, by which periods of a Group's members end.
        read: gives raw Patients, and those that link to them.
        carriers: gives the ids of the Patients that carry each identifier.
    """

    def __init__(
        self, by: By, client: Client, *, references: References, zone: ZoneInfo, read: Read, carriers: Carriers
    ) -> None:
        self._by = by
        self._client = client
        self._references = references
        self._zone = zone
        self._read = read
        self._carriers = carriers

    def pages(self, ask: Ask, at: datetime) -> Iterator[list[Appointment]]:
        """Give the Appointments that ``ask`` finds of those that are listed at this moment.

        An empty page comes after each search. They come in no order that could be relied on.

        Raises:
            IncompleteRead: any of them may be missing.
            FhirError: the Group or List cannot be used, or nothing was found and nobody who is listed is known.
            SettingsError: the file cannot be read.
        """
        asked, seen, known = ByParticipant(self._by.kind, ask), Seen(), False
        for chunk in chunks((one for one in self._ids(at) if one not in seen), _CHUNK):
            if self._by.kind == "Patient":
                known = (yield from self._of_patients(chunk, seen, asked)) or known
            else:
                yield from asked.of([one for one in chunk if seen.add(one)])
        if not (asked.found or known or self._has_locations()):
            raise nobody_known(self._by)

    def shortcomings(self) -> list[str]:
        """Give whom the server cannot find, and what is listed and not there, each as a sentence.

        Raises:
            FhirError: the Group or List cannot be used.
        """
        if self._by.kind == "Patient":
            next(self._ids(_ANY_TIME), None)
            if self._finds_by_identifier:
                return []
            return [f"{BY_IDENTIFIER} is not offered: visits that name their patient by number alone are not found"]
        known = self._locations()
        missing = 0 if known is None else len(set(self._ids(_ANY_TIME)) - known)
        said = f"{missing} of the Locations of {self._by.key} are not on the server: no visit is found by them"
        return [said] if missing else []

    def _of_patients(
        self, chunk: Sequence[str], seen: Seen, asked: ByParticipant
    ) -> Generator[list[Appointment], None, bool]:
        """Give the Appointments of some Patients, by whichever record; tell whether any of them is known."""
        family = Family(chunk, self._references, self._read, self._carriers)
        yield from asked.of([one for one in family.ids if seen.add(one)])
        if self._finds_by_identifier:
            for identifiers in chunks(sorted(family.identifiers, key=token), _CHUNK):
                yield from asked.naming(identifiers)
        return bool(family.known)

    def _ids(self, at: datetime) -> Iterator[str]:
        if isinstance(self._by, Listed):
            return self._by.read()
        return iter(members(self._roster(self._by), self._by, self._references, at, self._zone))

    def _roster(self, roster: Roster) -> Resource:
        params = (("_id", roster.id), ("_count", "1"), ("_total", "accurate"))
        try:
            for page in every_page(self._client, roster.resource_type, params):
                for match in page.matches:
                    if match["id"] == roster.id:
                        return match
        except TooLongError as error:
            what = f"{roster.resource_type}/{roster.id} of {roster.key} is too long. {error.what}"
            raise FhirError(what, "Write the ids to a file and name it in fhir.patients_file.") from None
        raise FhirError(
            f"{roster.resource_type}/{roster.id} of {roster.key} is not on the server.",
            "See fhir.patients, and whether the account may read it.",
        )

    def _has_locations(self) -> bool:
        """Tell whether any of the Locations may be on the server."""
        return self._by.kind == "Location" and self._locations() != set()

    def _locations(self) -> set[str] | None:
        """Give which of the Locations are on the server; None where the account may not ask."""
        known: set[str] = set()
        try:
            for chunk in chunks(self._ids(_ANY_TIME), _CHUNK):
                params = (("_id", ",".join(map(escaped, chunk))), ("_count", "1000"), ("_total", "accurate"))
                for page in every_page(self._client, "Location", params):
                    known.update(match["id"] for match in page.matches if match["id"] in chunk)
        except RefusedError:
            return None
        return known

    @cached_property
    def _finds_by_identifier(self) -> bool:
        return knows_identifier(self._client, "Appointment")


def gathered(
    pages: Iterable[list[Appointment]], size: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[list[Appointment]]:
    """Make one page of many small ones, unless they would have to wait for long.

    Each page costs searches for its Patients and Consents; and what is read is to be decided on while it is fresh.
    """
    kept: list[Appointment] = []
    since = 0.0
    for page in pages:
        if page and not kept:
            since = clock()
        kept += page
        if kept and (len(kept) >= size or clock() - since >= _GATHERED):
            yield kept
            kept = []
    if kept:
        yield kept
