"""The answers that the rules give: remind, or skip for one named reason; and what each rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fhirnotify.core.model import Coding, ContactType


class Reason(StrEnum):
    """Why a patient is not reminded, in order of precedence: the first that applies is the one given.

    ``invalid-resource`` is first for an Appointment; for a Patient it comes after ``patient-unreadable``.
    """

    INVALID_RESOURCE = "invalid-resource"
    NOT_BOOKED = "not-booked"
    NO_START = "no-start"
    TOO_LATE = "too-late"
    LATE_BOOKING = "late-booking"
    NOT_ATTENDING = "not-attending"
    PATIENT_UNREADABLE = "patient-unreadable"
    PATIENT_INACTIVE = "patient-inactive"
    PATIENT_DECEASED = "patient-deceased"
    PROTECTED_IDENTITY = "protected-identity"
    AGE_POLICY = "age-policy"
    NO_CONSENT = "no-consent"
    CONSENT_DENIED = "consent-denied"
    CONSENT_EXPIRED = "consent-expired"
    CONSENT_UNDETERMINED = "consent-undetermined"
    CONTACT_TYPE_UNMAPPED = "contact-type-unmapped"
    CONTACT_TYPE_CONFLICT = "contact-type-conflict"
    CONTACT_TYPE_NOT_REMINDED = "contact-type-not-reminded"
    NO_FIRST_NAME = "no-first-name"
    NO_MOBILE_NUMBER = "no-mobile-number"
    PRIVACY_BLOCKED = "privacy-blocked"
    DUPLICATE_BOOKING = "duplicate-booking"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which resource versions and which codes a decision rests on. Ids, versions and codes only."""

    appointment: str
    patient: str | None = None
    consent: tuple[str, ...] = ()
    mapping: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the object that stands in the JSON contract and in the ledger."""
        return {
            "appointment": self.appointment,
            "patient": self.patient,
            "consent": list(self.consent),
            "mapping": list(self.mapping),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Evidence":
        """Read back what ``as_json`` gave."""
        return cls(data["appointment"], data["patient"], tuple(data["consent"]), tuple(data["mapping"]))


@dataclass(frozen=True, slots=True)
class Remind:
    """The patient is to be reminded, with this text to this number (E.164). Neither is ever stored."""

    contact_type: ContactType
    number: str = field(repr=False)
    text: str = field(repr=False)
    segments: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Skip:
    """The patient is not reminded, for one named reason.

    ``detail`` holds element paths or codes, never values of personal elements. ``number`` is given for
    ``privacy-blocked``, which comes after it: two patients who share one have none.
    """

    reason: Reason
    evidence: Evidence
    contact_type: ContactType | None = None
    detail: tuple[str, ...] = ()
    unmapped: tuple[Coding, ...] = ()
    number: str | None = field(default=None, repr=False)


Decision = Remind | Skip
