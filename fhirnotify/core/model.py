"""The facts that the rules read of an Appointment, its patients and their Consents.

Every moment is a time-zone aware ``datetime``. FHIR's partial dates have been turned into the moments between
which they lie by the time they stand here, with the local time zone (``reminder.time_zone``).
Nothing here prints itself with a patient's data: the fields that hold some are left out of ``repr``.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

CALL_ME = "CL"
"""The qualifier of a *tilltalsnamn* (HL7 Sweden, SEBasePatient: iso21090-EN-qualifier on ``given``)."""


class FhirVersion(StrEnum):
    """The element set a resource is read by; R4B has R4's for the three resources we read."""

    R4 = "R4"
    R5 = "R5"


class ContactType(StrEnum):
    """The three kinds of visit that are reminded of."""

    MOTTAGNING = "mottagning"
    VIDEO = "video"
    TELEFON = "telefon"


@dataclass(frozen=True, slots=True)
class Coding:
    """A code with its system, compared exactly; ``system`` is None where the resource names none."""

    system: str | None
    code: str

    def __str__(self) -> str:
        return f"{self.system or ''}|{self.code}"


@dataclass(frozen=True, slots=True)
class Period:
    """A period with inclusive bounds; a missing bound is open. A date alone has become its first or last moment."""

    start: datetime | None = None
    end: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Tell whether ``moment`` lies within the period."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment <= self.end)


ALWAYS = Period()


@dataclass(frozen=True, slots=True)
class Between:
    """A moment known to lie from ``first`` to ``last``; the two are equal unless it was given as a date alone."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Invalid:
    """A resource that cannot be read: which one, and the paths of the elements at fault, never their values."""

    id: str
    ref: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InvalidBooking(Invalid):
    """An Appointment that cannot be read. ``start``, ``status`` and ``unit`` are given where they could be read."""

    start: datetime | None = None
    status: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Identifier:
    """A business identifier, for logical references. It is personal data: never logged."""

    system: str | None = field(repr=False)
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PatientRef:
    """How a resource points at a Patient: by ``id``, by ``identifier`` (a logical reference), or ``contained``.

    ``id`` is the logical id on the configured server; a contained Patient's stands with a leading ``#``.
    With all of them None the reference cannot be followed (another server, or nonsense): patient unreadable.
    ``typed`` is False for a logical reference that does not say that it means a Patient.
    """

    id: str | None = None
    identifier: Identifier | None = None
    contained: "Person | Invalid | None" = field(default=None, repr=False)
    typed: bool = True


@dataclass(frozen=True, slots=True)
class Attendance:
    """One entry of a patient among the participants.

    ``attends`` is False for ``participant.status`` declined and for R4 ``participant.required`` information-only.
    """

    patient: PatientRef
    attends: bool = True


@dataclass(frozen=True, slots=True)
class Booking:
    """What the rules read of an Appointment.

    Attributes:
        ref: ``Appointment/a1/_history/3``, without the version where the server gives none.
        created: the first moment at which it can have been created.
        attendances: one for each participant entry that points at a Patient, and R5 ``subject``, in document order.
        codings: everything found by the elements of ``elements.toml``, in their order, duplicates dropped.
        private: words that the text may not hold: names of units, practitioners and services, identifiers.
        unit: the reference to where the visit is booked (``Location/101``), for statistics alone: no rule reads it.
    """

    id: str
    ref: str
    status: str
    start: datetime | None
    created: datetime | None = None
    attendances: tuple[Attendance, ...] = ()
    codings: tuple[Coding, ...] = ()
    private: frozenset[str] = field(default=frozenset(), repr=False)
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """One given name, and whether it is marked as the name the person goes by."""

    text: str = field(repr=False)
    call_me: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """A HumanName; ``use`` is None where it is not given."""

    use: str | None
    given: tuple[Given, ...]
    family: str | None = field(default=None, repr=False)
    period: Period = ALWAYS


@dataclass(frozen=True, slots=True)
class Telecom:
    """A ContactPoint that has a value."""

    system: str | None
    value: str = field(repr=False)
    use: str | None = None
    rank: int | None = None
    period: Period = ALWAYS


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another record of the same person, or to a related one."""

    type: str
    other: PatientRef


@dataclass(frozen=True, slots=True)
class Person:
    """What the rules read of a Patient.

    Attributes:
        active: ``Patient.active``, true where it is missing.
        deceased: ``deceasedBoolean`` true, or any ``deceasedDateTime``.
        protected: a security label or a placeholder name of protected identity.
        birth_date: only where the whole date is given.
        identifiers: business identifiers, by which a Consent may name the person.
        private: words that the text may not hold beside family names: identifiers, numbers, address lines.
    """

    id: str
    ref: str
    active: bool = True
    deceased: bool = False
    protected: bool = False
    birth_date: date | None = field(default=None, repr=False)
    names: tuple[Name, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    links: tuple[Link, ...] = ()
    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)
    private: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Provision:
    """A Consent provision, with those nested in it.

    Attributes:
        type: ``permit``, ``deny`` or None, as R4 says. R5 has none: see ``ConsentStatement.version``.
        subject: codings of ``code`` and ``purpose``, by which a Consent matches.
        about: codings of ``code``, ``purpose`` and R4 ``class``.
        limited: it carries ``code``, ``purpose`` or ``class`` at all, also one without a coding.
        has_actor: it names an ``actor``.
    """

    type: str | None = None
    period: Period = ALWAYS
    subject: frozenset[Coding] = frozenset()
    about: frozenset[Coding] = frozenset()
    limited: bool = False
    has_actor: bool = False
    provisions: tuple["Provision", ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentStatement:
    """What the rules read of a Consent.

    Attributes:
        version: R4 or R5; decides which statuses are known and what nested provisions mean.
        patient: id of the Patient it is about, as the Consent says (before merge).
        unreadable: paths at fault when it cannot be read; then nothing below means anything.
        modified: it carries a ``modifierExtension`` that nobody knows, or ``implicitRules``.
        codes: codings of ``category`` and ``scope``.
        made: ``dateTime`` (R4) or ``date`` (R5).
        period: R4 root ``provision.period``, R5 ``period``.
        decision: R4 root ``provision.type``, R5 ``decision``.
        policy: R4 ``policyRule`` as ``permit`` (OPTIN) or ``deny`` (OPTOUT); None if neither or both.
        subject: codings of the R4 root provision's own ``code`` and ``purpose``.
        provisions: R4 those nested in the root, R5 the exceptions.
    """

    version: FhirVersion
    id: str
    ref: str
    patient: str
    unreadable: tuple[str, ...] = ()
    status: str = ""
    modified: bool = False
    codes: frozenset[Coding] = frozenset()
    made: Between | None = None
    period: Period = ALWAYS
    decision: str | None = None
    policy: str | None = None
    subject: frozenset[Coding] = frozenset()
    provisions: tuple[Provision, ...] = ()
