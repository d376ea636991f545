"""The seam between the sources and the translation: raw FHIR JSON in, the facts that the rules read out."""

from typing import Any, Protocol

from fhirnotify.core.model import ConsentStatement, FhirVersion, Identifier
from fhirnotify.fhir.source import Appointment, Patient


class Translator(Protocol):
    """Reads one resource at a time, by the elements of one FHIR version. It never raises on bad data."""

    @property
    def version(self) -> FhirVersion:
        """The version whose elements are read."""
        ...

    def appointment(self, resource: dict[str, Any]) -> Appointment:
        """Read an Appointment; one that cannot be read is an ``InvalidBooking``."""
        ...

    def patient(self, resource: dict[str, Any]) -> Patient:
        """Read a Patient; one that cannot be read is an ``Invalid``."""
        ...

    def consent(self, resource: dict[str, Any], patient: str | None = None) -> ConsentStatement | None:
        """Read a Consent; None if it points at no Patient of this server.

        ``patient`` is the id of the Patient whom a logical reference has been found to mean.
        """
        ...

    def foreign_patient_of_consent(self, resource: dict[str, Any]) -> str | None:
        """Give the id by which a Consent points at a Patient of another server, if it does."""
        ...

    def identifier_of_consent(self, resource: dict[str, Any]) -> Identifier | None:
        """Give the identifier by which a Consent names its patient, if it does not point at one."""
        ...
