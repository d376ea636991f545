"""Cases of which visit: when, who attends, what is booked twice or cannot be read."""

from datetime import timedelta
from typing import Any

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness.resources import (
    UNKNOWN_MODIFIER,
    Resource,
    link,
    participant,
    period,
    to_patient,
)
from fhirnotify.harness.scene import Case, Scene
from fhirnotify.rows import instant

_PRACTITIONER: Resource = {"type": "Practitioner", "display": "Distriktssköterska"}


def _too_late(scene: Scene) -> None:
    """Less than four hours are left, whoever it is about."""
    patient = scene.patient()
    start = scene.now + timedelta(hours=3, minutes=50)
    scene.expect(scene.appointment(patient, start=start), patient, Reason.TOO_LATE, start=start)


def _late_booking(scene: Scene) -> None:
    """Booked less than 48 hours before, with that set to be skipped."""
    patient = scene.consenting()
    created = instant(scene.start - timedelta(hours=47))
    scene.expect(scene.appointment(patient, created=created), patient, Reason.LATE_BOOKING)


def _booked_in_time(scene: Scene) -> None:
    """Booked just more than 48 hours before; and one without any date of booking."""
    patient = scene.consenting()
    created = instant(scene.start - timedelta(hours=48, seconds=1))
    scene.expect(scene.appointment(patient, created=created), patient)
    other = scene.consenting("q")
    scene.expect(scene.appointment(other, tail="b", created=None), other)


def _outside(scene: Scene) -> None:
    """Of what is over, too far off or not booked nothing is said."""
    patient = scene.consenting()
    scene.appointment(patient, tail="over", start=scene.now - timedelta(hours=1))
    scene.appointment(patient, tail="far", start=scene.now + timedelta(hours=48, minutes=30))
    for status in ("proposed", "pending", "cancelled", "fulfilled", "noshow", "entered-in-error", "waitlist"):
        scene.appointment(patient, tail=status, status=status)


def _attending(reason: Reason | None, *entries: dict[str, Any]) -> Case:
    """Make a case of a visit in which the patient stands among the participants with each of these entries."""

    def case(scene: Scene) -> None:
        patient = scene.consenting()
        made = [participant(scene.version, to_patient(patient), **entry) for entry in entries]
        scene.expect(scene.appointment(participant=made), patient, reason)

    return case


def _several(scene: Scene) -> None:
    """Each patient of a group visit is decided for alone."""
    p, q, r = scene.consenting("p"), scene.patient("q"), scene.consenting("r")
    entries = [participant(scene.version, to_patient(patient)) for patient in (p, q)]
    entries.append(participant(scene.version, to_patient(r), status="declined"))
    group = scene.appointment(participant=entries)
    scene.expect(group, p)
    scene.expect(group, q, Reason.NO_CONSENT)
    scene.expect(group, r, Reason.NOT_ATTENDING)


def _two_reminded(scene: Scene) -> None:
    """Two patients of one visit are both reminded."""
    p, q = scene.consenting("p"), scene.consenting("q")
    group = scene.appointment(p, q)
    scene.expect(group, p)
    scene.expect(group, q)


def _nobody(scene: Scene) -> None:
    """A visit without any patient."""
    entry = participant(scene.version, _PRACTITIONER)
    scene.expect(scene.appointment(participant=[entry]), None, Reason.PATIENT_UNREADABLE)


def _invalid(**elements: Any) -> Case:
    """Make a case of an Appointment that a server takes and that we refuse."""

    def case(scene: Scene) -> None:
        scene.expect(scene.appointment(scene.consenting(), **elements), None, Reason.INVALID_RESOURCE)

    return case


def _participant_without_status(scene: Scene) -> None:
    """An element that is needed is missing."""
    entry = participant(scene.version, to_patient(scene.consenting()), status=None)
    scene.expect(scene.appointment(participant=[entry]), None, Reason.INVALID_RESOURCE)


def _modified_participant(scene: Scene) -> None:
    """A modifier that nobody knows, on an element that is read."""
    entry = participant(scene.version, to_patient(scene.consenting()), **UNKNOWN_MODIFIER)
    scene.expect(scene.appointment(participant=[entry]), None, Reason.INVALID_RESOURCE)


def _booked_twice(scene: Scene) -> None:
    """Of two bookings of the same visit the one with the smallest id is reminded of."""
    patient = scene.consenting()
    scene.expect(scene.appointment(patient, tail="b"), patient, Reason.DUPLICATE_BOOKING)
    scene.expect(scene.appointment(patient, tail="a"), patient)


def _booked_twice_by_merge(scene: Scene) -> None:
    """Bookings of two records of one person are bookings of one."""
    new, old = f"{scene.name}-new", f"{scene.name}-old"
    scene.consenting("new", link=[link("replaces", old)])
    scene.patient("old", active=False, link=[link("replaced-by", new)])
    scene.expect(scene.appointment(old, tail="a"), new)
    scene.expect(scene.appointment(new, tail="b"), new, Reason.DUPLICATE_BOOKING)


def _two_kinds_at_once(scene: Scene) -> None:
    """Two visits at the same time of different kinds are two; so are two at different times."""
    patient = scene.consenting()
    later = scene.start + timedelta(minutes=5)
    scene.expect(scene.appointment(patient, tail="a", kind=ContactType.VIDEO), patient, kind=ContactType.VIDEO)
    scene.expect(scene.appointment(patient, tail="b", kind=ContactType.TELEFON), patient, kind=ContactType.TELEFON)
    scene.expect(
        scene.appointment(patient, tail="c", start=later, kind=ContactType.TELEFON),
        patient,
        start=later,
        kind=ContactType.TELEFON,
    )


_DECLINED = {"status": "declined"}

VISITS: dict[str, Case] = {
    "too-late": _too_late,
    "late-booking": _late_booking,
    "booked-in-time": _booked_in_time,
    "outside": _outside,
    "tentative": _attending(None, {"status": "tentative"}),
    "needs-action": _attending(None, {"status": "needs-action"}),
    "declined": _attending(Reason.NOT_ATTENDING, _DECLINED),
    "declined-and-accepted": _attending(Reason.NOT_ATTENDING, {}, _DECLINED),
    "named-twice": _attending(None, {}, {}),
    "past-participation": _attending(None, {"period": period(end="2021-01-01")}),
    "several": _several,
    "two-reminded": _two_reminded,
    "nobody": _nobody,
    "appointment-implicit-rules": _invalid(implicitRules="urn:fhirnotify:rules"),
    "appointment-rule-of-unknown-meaning": _invalid(**UNKNOWN_MODIFIER),
    "participant-without-status": _participant_without_status,
    "participant-rule-of-unknown-meaning": _modified_participant,
    "booked-twice": _booked_twice,
    "booked-twice-by-merge": _booked_twice_by_merge,
    "two-kinds-at-once": _two_kinds_at_once,
}

R4_VISITS: dict[str, Case] = {
    "information-only": _attending(Reason.NOT_ATTENDING, {"required": "information-only"}),
    "optional": _attending(None, {"required": "optional"}),
}


def _subject(scene: Scene) -> None:
    """R5 names the patient as subject too; one who stands there alone is a patient of the visit."""
    patient = scene.consenting()
    entry = participant(scene.version, _PRACTITIONER)
    scene.expect(scene.appointment(participant=[entry], subject=to_patient(patient)), patient)


def _subject_and_participant(scene: Scene) -> None:
    """One who is both is one."""
    patient = scene.consenting()
    scene.expect(scene.appointment(patient, subject=to_patient(patient)), patient)


def _subject_declines(scene: Scene) -> None:
    """What the entry among the participants says holds for the subject."""
    patient = scene.consenting()
    entry = participant(scene.version, to_patient(patient), status="declined")
    visit = scene.appointment(participant=[entry], subject=to_patient(patient))
    scene.expect(visit, patient, Reason.NOT_ATTENDING)


R5_VISITS: dict[str, Case] = {
    "subject": _subject,
    "subject-and-participant": _subject_and_participant,
    "subject-declines": _subject_declines,
    "not-required": _attending(None, {"required": False}),
}


def cases(version: FhirVersion) -> dict[str, Case]:
    """Give every case of visits that this FHIR version can hold."""
    own = R4_VISITS if version is FhirVersion.R4 else R5_VISITS
    return {**VISITS, **own}
