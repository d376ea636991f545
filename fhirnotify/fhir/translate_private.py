"""Words of an Appointment that the text may not hold: who is visited, where, and why.

They are gathered leniently, from whatever is there: an error in an element that is only kept out of the text
must not cost anybody the reminder.
"""

from collections.abc import Iterator
from typing import Any

from fhirnotify.fhir.translate_datatypes import values, words

_SERVICES = ("serviceType", "serviceCategory", "specialty")
_NAMED_BY = ("display", "text")


def private_words(appointment: dict[str, Any]) -> Iterator[str]:
    """Gather names of units and services, and the Appointment's identifiers, beside what participants show."""
    for service in _SERVICES:
        if service in appointment:
            yield from words(appointment[service], *_NAMED_BY)
    if "extension" in appointment:
        yield from words(appointment["extension"], "display")
    yield from values(appointment.get("identifier"), "value")
    for resource in contained_resources(appointment) if "contained" in appointment else ():
        if resource.get("resourceType") != "Patient":
            yield from _names(resource.get("name"))


def shown(participant: object) -> str:
    """Give what a raw participant shows of its actor; empty for nothing."""
    actor = participant.get("actor") if isinstance(participant, dict) else None
    display = actor.get("display") if isinstance(actor, dict) else None
    return display.strip() if isinstance(display, str) else ""


def contained_resources(appointment: dict[str, Any], identity: str | None = None) -> list[dict[str, Any]]:
    """Give the contained resources, or those with an id; raw, whatever they are worth."""
    contained = appointment.get("contained")
    if not contained or not isinstance(contained, list):
        return []
    resources = [resource for resource in contained if isinstance(resource, dict)]
    return resources if identity is None else [resource for resource in resources if resource.get("id") == identity]


def _names(name: object) -> Iterator[str]:
    """Give the name of an Organization or a Location, or the whole names of a Practitioner.

    One part of a longer name is no secret: a patient may bear the same first name.
    """
    yield from words(name if isinstance(name, str) else None)
    for human in name if isinstance(name, list) else ():
        if isinstance(human, dict):
            yield from words(human.get("text"))
            if parts := [*words(human.get("given")), *words(human.get("family"))]:
                yield " ".join(parts)
