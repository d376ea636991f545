"""The FHIR Communication that tells of a reminder: its bytes depend on ids, states and instants alone.

R4 and R5 have the same elements of the same types here, so one form serves both. There is never a payload, a note, a
text, a sender, nor anything of what the message said or of the kind of visit.

What a status means (http://hl7.org/fhir/event-status): ``in-progress`` is occurring; ``completed`` has concluded;
``stopped`` was ended before it was complete, after it had begun; ``not-done`` was ended before it had begun;
``preparation`` has not begun; ``unknown``: one of the others applies, and nobody knows which.

    what was told   status        sent  received  why
    accepted        in-progress   yes             a provider has the message, and is asked what becomes of it
    delivered       completed     yes   yes       it has come
    undelivered     stopped       yes             it was on its way and did not come; the reason, if the number is dead
    unconfirmed     unknown       yes             a provider took it, and nobody will ever tell what became of it
    uncertain       unknown                       it may or may not have been sent
    rejected        not-done                      the provider refused it, so nothing was sent
    waiting         preparation                   it was in doubt, was certainly not sent, and is to be tried again
    given-up        not-done                      likewise, and is not to be tried any more

The last two are written only in the place of another, such as ``unknown``: of what nobody can have taken nothing is
told.
"""

import json
from datetime import UTC, datetime
from typing import Any

from fhirnotify.core.notice import Notice, Told

IDENTIFIER = "urn:fhirnotify:reminder"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_PREFIX = "fhirnotify-"

STATUS = {
    Told.ACCEPTED: "in-progress",
    Told.DELIVERED: "completed",
    Told.UNDELIVERED: "stopped",
    Told.UNCONFIRMED: "unknown",
    Told.UNCERTAIN: "unknown",
    Told.REJECTED: "not-done",
    Told.WAITING: "preparation",
    Told.GIVEN_UP: "not-done",
}
"""The status of the Communication, of FHIR's EventStatus."""

WAS_SENT = frozenset({Told.ACCEPTED, Told.DELIVERED, Told.UNDELIVERED, Told.UNCONFIRMED})
"""Of these a provider had the message, so that it can be said when it was sent."""


def id_of(reminder: str) -> str:
    """Derive the Communication's id from a reminder's: always the same, 64 letters at most, and not a number alone."""
    return f"{_PREFIX}{reminder}"


def communication(notice: Notice) -> dict[str, Any]:
    """Make the Communication, valid in R4 and R5."""
    patient = {"reference": f"Patient/{notice.patient}"}
    made: dict[str, Any] = {
        "resourceType": "Communication",
        "id": id_of(notice.reminder),
        "identifier": [{"system": IDENTIFIER, "value": notice.reminder}],
        "status": STATUS[notice.told],
    }
    if notice.told is Told.UNDELIVERED and notice.dead_number:
        made["statusReason"] = _concept("communication-not-done-reason", "invalid-phone-number")
    made |= {
        "category": [_concept("communication-category", "reminder")],
        "medium": [_concept("v3-ParticipationMode", "SMSWRIT")],
        "subject": patient,
        "about": [{"reference": f"Appointment/{notice.appointment}"}],
        "recipient": [patient],
    }
    if notice.told in WAS_SENT and notice.sent is not None:
        made["sent"] = _instant(notice.sent)
    if notice.told is Told.DELIVERED and notice.received is not None:
        made["received"] = _instant(notice.received)
    return made


def written(notice: Notice) -> bytes:
    """Write the Communication: the same bytes for the same notice, so that a repeat makes no new version."""
    return json.dumps(communication(notice), separators=(",", ":")).encode()


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_TERMINOLOGY}{system}", "code": code}]}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
