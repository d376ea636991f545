"""The translator: raw FHIR JSON of one version in, the facts that the rules read out.

It never raises on any JSON whatever. What is read of each resource, and how, stands in the module of its type.
"""

from zoneinfo import ZoneInfo

from fhirnotify.core.model import Booking, ConsentStatement, FhirVersion, Identifier, Invalid, InvalidBooking, Person
from fhirnotify.fhir.elements import Elements
from fhirnotify.fhir.references import References
from fhirnotify.fhir.translate_appointment import AppointmentTranslator
from fhirnotify.fhir.translate_consent import ConsentTranslator
from fhirnotify.fhir.translate_patient import PatientTranslator
from fhirnotify.fhir.translator import Translator


class ResourceTranslator:
    """Reads Appointments, Patients and Consents of one FHIR version.

    Args:
        version: the version whose elements are read.
        references: where references lead, as seen from the source.
        elements: where the codes stand that tell the kind of visit.
        zone: the local time zone, in which dates without a time are meant.
    """

    def __init__(self, version: FhirVersion, references: References, elements: Elements, zone: ZoneInfo) -> None:
        self._version = version
        self._patients = PatientTranslator(version, references, zone)
        self._appointments = AppointmentTranslator(version, references, elements, zone, self._patients)
        self._consents = ConsentTranslator(version, references, zone)

    @property
    def version(self) -> FhirVersion:
        """The version whose elements are read."""
        return self._version

    def appointment(self, resource: object) -> Booking | InvalidBooking:
        """Read an Appointment; one that cannot be read is an ``InvalidBooking``."""
        return self._appointments.appointment(resource)

    def patient(self, resource: object) -> Person | Invalid:
        """Read a Patient; one that cannot be read is an ``Invalid``."""
        return self._patients.patient(resource)

    def consent(self, resource: object, patient: str | None = None) -> ConsentStatement | None:
        """Read a Consent; None if it points at no Patient of this server and nobody says whom it means."""
        return self._consents.consent(resource, patient)

    def identifier_of_consent(self, resource: object) -> Identifier | None:
        """Give the identifier by which a Consent names its patient, if it does not point at one."""
        found = self._consents.reference(resource)
        return None if found is None else found.identifier

    def foreign_patient_of_consent(self, resource: object) -> str | None:
        """Give the id by which a Consent points at a Patient of another server."""
        return self._consents.elsewhere(resource)

    def patient_of_consent(self, resource: object) -> str | None:
        """Give the id of the Patient that a Consent is about, whatever else is wrong with it."""
        found = self._consents.reference(resource)
        return None if found is None else found.id


def translator_for(version: FhirVersion, base_url: str, elements: Elements, zone: ZoneInfo) -> Translator:
    """Make the translator for a FHIR server at ``base_url``."""
    return ResourceTranslator(version, References(base_url), elements, zone)
