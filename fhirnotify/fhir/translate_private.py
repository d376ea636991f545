"""Words of an Appointment that the text may not hold: who is visited, where, and why.

They are gathered leniently, from whatever is there: an error in an element that is only kept out of the text
must not cost anybody the reminder.
"""

from collections.abc import Iterator
from typing import Any

from fhirnotify.fhir.references import References, stated_type
from fhirnotify.fhir.translate_datatypes import words

_SERVICES = ("serviceType", "serviceCategory", "specialty")
_NAMED_BY = ("display", "text")


def private_words(appointment: dict[str, Any], references: References) -> frozenset[str]:
    """Gather names of units, practitioners and services, and the Appointment's identifiers."""
    return frozenset(_gather(appointment, references))


def _gather(appointment: dict[str, Any], references: References) -> Iterator[str]:
    for service in _SERVICES:
        if service in appointment:
            yield from words(appointment[service], *_NAMED_BY)
    if "extension" in appointment:
        yield from words(appointment["extension"], "display")
    if "identifier" in appointment:
        yield from words(appointment["identifier"], "value")
    participants = appointment.get("participant")
    for participant in participants if isinstance(participants, list) else ():
        actor = participant.get("actor") if isinstance(participant, dict) else None
        if isinstance(actor, dict) and "display" in actor and not _is_patient(actor, appointment, references):
            yield from words(actor["display"])
    for resource in contained_resources(appointment):
        if resource.get("resourceType") != "Patient":
            yield from _names(resource.get("name"))


def contained_resources(appointment: dict[str, Any], identity: str | None = None) -> list[dict[str, Any]]:
    """Give the contained resources, or those with an id; raw, whatever they are worth."""
    contained = appointment.get("contained")
    if not isinstance(contained, list):
        return []
    resources = [resource for resource in contained if isinstance(resource, dict)]
    return resources if identity is None else [resource for resource in resources if resource.get("id") == identity]


def _is_patient(actor: dict[str, Any], appointment: dict[str, Any], references: References) -> bool:
    literal = actor.get("reference")
    if isinstance(literal, str) and literal.startswith("#"):
        contained = contained_resources(appointment, literal[1:])
        return stated_type(actor) == "Patient" or any(r.get("resourceType") == "Patient" for r in contained)
    return references.patient(actor) is not None


def _names(name: object) -> Iterator[str]:
    """Give the name of an Organization or a Location, or the whole names of a Practitioner.

    A practitioner's first name alone is no secret: a patient may bear the same.
    """
    yield from words(name if isinstance(name, str) else None)
    for human in name if isinstance(name, list) else ():
        if isinstance(human, dict):
            yield from words(human.get("text"))
            parts = [*words(human.get("given")), *words(human.get("family"))]
            if len(parts) > 1:
                yield " ".join(parts)
