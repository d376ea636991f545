"""The port to the journal system: where Appointments, Patients and Consents come from."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Protocol

from fhirnotify.core.model import Booking, ConsentStatement, FhirVersion, Identifier, Invalid, InvalidBooking, Person

Appointment = Booking | InvalidBooking
Patient = Person | Invalid


class Source(Protocol):
    """Reads and translates; whatever it gives has been held against what was asked for.

    Each method raises ``IncompleteRead`` when anything that was asked for may be missing from the answer, and
    ``FhirError`` when the endpoint cannot be used. A resource that cannot be read is a value, not an error.
    """

    @property
    def requests(self) -> int:
        """HTTP requests made so far, retries included; 0 for a directory."""
        ...

    @property
    def version(self) -> FhirVersion:
        """The version by which resources are read; asks the endpoint the first time."""
        ...

    def appointments(self, after: datetime, before: datetime) -> Iterator[list[Appointment]]:
        """Give every Appointment with status booked and ``after < start < before``, a page at a time.

        Each Appointment comes once. Pages are asked for in order of start, but a server may ignore that, and where
        they are asked for by Location or Patient there is no order.
        What a server returns against the filter is given too if it is in the window (the rules name the reason)
        or has no start that can be read, and left out if it is outside.
        """
        ...

    def appointments_by_id(self, ids: Collection[str]) -> dict[str, Appointment]:
        """Read Appointments anew. One that is gone is missing from the answer."""
        ...

    def patients(self, ids: Collection[str]) -> dict[str, Patient]:
        """Read Patients by id, and those that link to them where the server can tell. One that is gone is missing."""
        ...

    def patients_by_identifier(self, identifiers: Collection[Identifier]) -> dict[Identifier, list[Patient]]:
        """Search Patients by business identifier; each identifier asked for stands in the answer."""
        ...

    def consents(
        self, patient_ids: Collection[str], identifiers: Collection[Identifier] = ()
    ) -> list[ConsentStatement]:
        """Search every Consent of these Patients, each Consent once, its patient checked to be one of them.

        ``identifiers`` are the Patients' own: a Consent may name its patient by one of them (a logical reference),
        and is found so where the server can search so. It is one Patient's if exactly one carries the identifier;
        where several do, it is doubt about each of them: unreadable.
        """
        ...

    def shortcomings(self) -> list[str]:
        """Give whom of those by which Appointments are asked for the endpoint cannot find, each as a sentence.

        How the endpoint behaves otherwise is for the probe to tell.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...
