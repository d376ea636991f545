"""The decision for one patient of one appointment: remind, with this text to this number, or skip for one reason.

Pure and total: the same facts and the same moment give the same answer, every time, and there always is one.
The scan and the re-check before sending call the same function.
"""

from dataclasses import dataclass, field
from datetime import datetime

from fhirnotify.core import message, privacy, recipient, schedule
from fhirnotify.core.answer import Decision, Evidence, Reason, Remind, Skip
from fhirnotify.core.consent import consent
from fhirnotify.core.contact_type import judge
from fhirnotify.core.model import Booking, ConsentStatement, Invalid, InvalidBooking, Person
from fhirnotify.core.rules import Rules


@dataclass(frozen=True, slots=True)
class Attendee:
    """One patient of one appointment, after merge.

    Attributes:
        id: the record by which the patient is named; None if there is none.
        record: the surviving record; Invalid if it cannot be read, None if there is none.
        way: the records that led to it.
        aliases: ids of all records of this person, the survivor's among them.
        attends: False if any entry of the patient among the participants says so.
        consents: every Consent of every record of this person.
    """

    id: str | None
    record: Person | Invalid | None = None
    way: tuple[Person, ...] = ()
    aliases: frozenset[str] = frozenset()
    attends: bool = True
    consents: tuple[ConsentStatement, ...] = field(default=(), repr=False)


NOBODY = Attendee(None)
"""Stands for the patient of an appointment that names none, or that cannot be read."""


def decide(booking: Booking | InvalidBooking, attendee: Attendee, now: datetime, rules: Rules) -> Decision:
    """Decide for one patient of one appointment that is in the window at ``now``.

    Duplicate bookings and shared numbers concern several decisions at once: see ``together``.
    """
    if isinstance(booking, InvalidBooking):
        return Skip(Reason.INVALID_RESOURCE, Evidence(booking.ref), detail=booking.paths)
    named = Evidence(booking.ref, None if attendee.record is None else attendee.record.ref)
    if reason := schedule.timing(booking, now, rules):
        return Skip(reason, named)
    if not attendee.attends:
        return Skip(Reason.NOT_ATTENDING, named)
    if attendee.record is None:
        return Skip(Reason.PATIENT_UNREADABLE, named)
    if isinstance(attendee.record, Invalid):
        return Skip(Reason.INVALID_RESOURCE, named, detail=attendee.record.paths)
    assert booking.start is not None
    if reason := recipient.barred(attendee.record, attendee.way, booking.start, rules):
        return Skip(reason, named)
    return _decide_willing(booking, attendee, attendee.record, now, rules)


def _decide_willing(booking: Booking, attendee: Attendee, person: Person, now: datetime, rules: Rules) -> Decision:
    """Decide for a person who may be reminded at all: consent, contact type, address, text."""
    answer = consent(attendee.consents, now, rules)
    judged = judge(booking.codings, rules.kontakttyp)
    evidence = Evidence(booking.ref, person.ref, answer.refs, judged.mapping if answer.reason is None else ())
    if answer.reason:
        return Skip(answer.reason, evidence)
    if judged.contact_type is None:
        assert judged.reason is not None
        return Skip(judged.reason, evidence, detail=tuple(map(str, judged.unmapped)), unmapped=judged.unmapped)
    address = addressed(person, now, rules)
    if isinstance(address, Reason):
        return Skip(address, evidence, judged.contact_type)
    if any(map(message.refused, (address.name, message.sendable(address.name)))) or privacy.reveals(
        address.name, booking, person
    ):
        return Skip(Reason.PRIVACY_BLOCKED, evidence, judged.contact_type, number=address.number)
    assert booking.start is not None  # schedule.timing
    text = message.text_of(address.name, judged.contact_type, booking.start, rules)
    return Remind(judged.contact_type, address.number, text, message.segments(text), evidence)


@dataclass(frozen=True, slots=True)
class Address:
    """By which normalised first name, and at which number (E.164), a person is reminded."""

    name: str = field(repr=False)
    number: str = field(repr=False)


def addressed(person: Person, now: datetime, rules: Rules) -> Address | Reason:
    """Choose first name and number, or give the reason that there is none."""
    name = message.normalised(recipient.first_name(person, now) or "")
    if not name:
        return Reason.NO_FIRST_NAME
    number = recipient.mobile_number(person, now, rules)
    return Reason.NO_MOBILE_NUMBER if number is None else Address(name, number)
