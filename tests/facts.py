"""Facts for tests of the rules: a patient who is reminded, unless the test says otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from string import Template
from typing import Any
from zoneinfo import ZoneInfo

from fhirnotify.core.decide import Attendee
from fhirnotify.core.model import (
    Attendance,
    Between,
    Booking,
    Coding,
    ConsentStatement,
    ContactType,
    FhirVersion,
    Given,
    Name,
    PatientRef,
    Period,
    Person,
    Provision,
    Telecom,
)
from fhirnotify.core.rules import Mapped, Rules, Strength

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

SMS = Coding("urn:example:samtycke", "sms-paminnelse")
OTHER = Coding("urn:example:samtycke", "forskning")

VIDEO, TELEFON, MOTTAGNING, HOME, AMB, SILENT, UNKNOWN = (
    Coding("urn:example:typ", code) for code in ("video", "telefon", "mottagning", "hem", "amb", "tyst", "okand")
)
KONTAKTTYP = {
    VIDEO: (Mapped(ContactType.VIDEO, Strength.DECIDES),),
    TELEFON: (Mapped(ContactType.TELEFON, Strength.DECIDES),),
    MOTTAGNING: (Mapped(ContactType.MOTTAGNING, Strength.DECIDES),),
    HOME: (Mapped(None, Strength.DECIDES),),
    AMB: (Mapped(ContactType.MOTTAGNING, Strength.HINTS),),
    SILENT: (Mapped(None, Strength.SILENT),),
}
TEMPLATE = Template(
    "Påminnelse till $fornamn: Du har ett $kontakttyp $datum klockan $tid med hälso- och sjukvården, "
    "Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. Till de "
    "flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
)
WORDS = {
    ContactType.MOTTAGNING: "mottagningsbesök",
    ContactType.VIDEO: "videobesök",
    ContactType.TELEFON: "telefonbesök",
}
RULES = Rules(STOCKHOLM, frozenset({SMS}), KONTAKTTYP, TEMPLATE, WORDS)


def rules(**settings: Any) -> Rules:
    """Give the default rules with other settings."""
    return replace(RULES, **settings)


def booking(appointment: str = "a1", **facts: Any) -> Booking:
    """Give a booked video visit of patient p1."""
    plain = Booking(
        appointment,
        f"Appointment/{appointment}/_history/1",
        "booked",
        START,
        created=START - timedelta(days=30),
        attendances=(Attendance(PatientRef("p1")),),
        codings=(VIDEO,),
    )
    return replace(plain, **facts)


def person(patient: str = "p1", **facts: Any) -> Person:
    """Give Anna, with a mobile number."""
    plain = Person(
        patient,
        f"Patient/{patient}/_history/1",
        names=(name("Anna"),),
        telecoms=(Telecom("phone", "070-174 06 05", "mobile"),),
    )
    return replace(plain, **facts)


def name(*given: str, use: str | None = "official", call: str | None = None, **facts: Any) -> Name:
    """Give a name; ``call`` is the given name marked as tilltalsnamn."""
    return Name(use, tuple(Given(text, text == call) for text in given), **{"family": "Testsson", **facts})


def statement(consent: str = "c1", **facts: Any) -> ConsentStatement:
    """Give an active R4 permit about reminders."""
    plain = ConsentStatement(
        FhirVersion.R4,
        consent,
        f"Consent/{consent}/_history/1",
        "p1",
        status="active",
        codes=frozenset({SMS}),
        decision="permit",
    )
    return replace(plain, **facts)


def r5(consent: str = "c1", **facts: Any) -> ConsentStatement:
    """Give an active R5 permit about reminders."""
    return statement(consent, **{"version": FhirVersion.R5, **facts})


def provision(kind: str | None = None, *codes: Coding, **facts: Any) -> Provision:
    """Give a provision that carries these codes as ``code``."""
    stated = frozenset(codes)
    return Provision(kind, **{"subject": stated, "about": stated, "limited": bool(codes), **facts})


def days(start: int | None, end: int | None) -> Period:
    """Give a period in days from now."""
    return Period(*(None if day is None else NOW + timedelta(days=day) for day in (start, end)))


def ago(number: int) -> Between:
    """Give a moment so many days ago."""
    moment = NOW - timedelta(days=number)
    return Between(moment, moment)


def day_ago(number: int) -> Between:
    """Give a whole local day, so many days ago, as a date alone tells it."""
    first = (NOW - timedelta(days=number)).astimezone(STOCKHOLM).replace(hour=0, minute=0)
    return Between(first, first + timedelta(days=1, microseconds=-1))


def attendee(record: Any = ..., *consents: ConsentStatement, **facts: Any) -> Attendee:
    """Give Anna with one consent, unless told otherwise."""
    who = person() if record is ... else record
    plain = Attendee(
        getattr(who, "id", "p1"),
        who,
        aliases=frozenset({getattr(who, "id", "p1")}),
        consents=consents or (statement(),),
    )
    return replace(plain, **facts)
