"""The Patients that a Group or a List names, as those whose Appointments are asked for.

Whatever makes it doubtful who is meant is an error: a member that is passed over is a patient who is forgotten.
FHIR R4 and R5, ``group.html`` and ``list.html``.
"""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from fhirnotify.errors import FhirError
from fhirnotify.fhir.bundle import Resource
from fhirnotify.fhir.listed import Roster
from fhirnotify.fhir.moments import between
from fhirnotify.fhir.references import References

_NESTED = ("Group", "List")
_ANOTHER = "Name another Group or List in fhir.patients, or write the ids to a file and name it in fhir.patients_file."


def members(resource: Resource, roster: Roster, references: References, at: datetime, zone: ZoneInfo) -> list[str]:
    """Give the ids of the Patients, each once, in their order.

    Of a Group those are left out that are inactive or whose period has ended; of a List those marked as deleted.
    Practitioners and whoever else is no Patient are left out.

    Raises:
        FhirError: it names no Patient, is not in use, describes its members instead of naming them, or has a member
            that cannot be followed.
    """
    entries = _of_group(resource, roster, at, zone) if roster.resource_type == "Group" else _of_list(resource, roster)
    ids = dict.fromkeys(found for entry in entries if (found := _patient(entry, roster, references)) is not None)
    if not ids:
        raise _refused(roster, "names no Patient who is in it now: nobody would be reminded")
    return list(ids)


def _of_group(group: Resource, roster: Roster, at: datetime, zone: ZoneInfo) -> Iterator[object]:
    if group.get("active") is False:
        raise _refused(roster, "is not active")
    listed = group.get("member")
    if not listed and any(key in group for key in ("characteristic", "quantity")):
        raise _refused(roster, "describes its members (characteristic, quantity) and does not name them")
    for member in _objects(listed, roster):
        if member.get("inactive") is not True and not _has_ended(member.get("period"), at, zone):
            yield member.get("entity")


def _of_list(resource: Resource, roster: Roster) -> Iterator[object]:
    if resource.get("status") != "current":
        raise _refused(roster, "is not current")
    return (entry.get("item") for entry in _objects(resource.get("entry"), roster) if entry.get("deleted") is not True)


def _objects(listed: object, roster: Roster) -> list[Resource]:
    if listed is None:
        return []
    if isinstance(listed, list) and all(isinstance(one, dict) for one in listed):
        return listed
    raise _refused(roster, "cannot be read")


def _has_ended(period: object, at: datetime, zone: ZoneInfo) -> bool:
    end = period.get("end") if isinstance(period, dict) else None
    covered = between(end, zone) if isinstance(end, str) else None
    return covered is not None and covered[1] < at


def _patient(reference: object, roster: Roster, references: References) -> str | None:
    """Give the id of a member; None for one that clearly is something else."""
    literal = reference.get("reference") if isinstance(reference, dict) else None
    target = references.target(literal) if isinstance(literal, str) else None
    if target is not None and target.type in _NESTED:
        raise _refused(roster, f"holds another {target.type}")
    if isinstance(reference, dict) and target is not None and target.type is not None:
        found = references.patient(reference)
        if found is None:
            return None
        if found.id is not None:
            return found.id
    raise _refused(roster, "holds a member that does not point at a Patient of this server by its id")


def _refused(roster: Roster, why: str) -> FhirError:
    return FhirError(f"{roster.resource_type}/{roster.id} of {roster.key} {why}.", _ANOTHER)
