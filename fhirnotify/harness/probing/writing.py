"""What a server says of taking Communications, as ``fhir.write_back`` wants it. Nothing is written to find out."""

from fhirnotify.fhir.capability import offers_update
from fhirnotify.harness.probing.finding import Behaviour, Finding, ok, warning

_STEP = "Ask the server's vendor for update of Communication with ids of the client's (updateCreate), or leave it off."


def communications(statement: object, *, write_back: bool) -> Finding:
    """Tell whether the server says that it takes Communications, and whether that matters."""
    name = Behaviour.COMMUNICATIONS
    offered = offers_update(statement, "Communication")
    found = "update is offered" if offered else "update with ids of the client's is not offered"
    if not write_back:
        return ok(name, found, "Not needed: fhir.write_back is off.")
    if offered:
        return ok(name, found, "The journal system is told of each reminder.")
    meaning = "Reminders are sent all the same; the journal system may not be told of them, as fhir.write_back says."
    return warning(name, found, meaning, _STEP)
