"""FHIR JSON in a scenario, in full or laid over the ordinary: what the harness needs of it, told when it is read.

The harness puts its prefix before every id and its tags into every ``meta``. What would undo either, so that a resource
of somebody else's were replaced or one of the harness's own not found again, is refused.
"""

import re
from typing import Any

from fhirnotify.harness.scenarios import moments

ID = r"^[A-Za-z0-9.-]{1,24}$"
"""Short, for a prefix is put before it, and an id of FHIR ends at 64 characters."""

_ID = re.compile(ID.strip("^$"))
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,40}")


def in_full(value: dict[str, Any]) -> dict[str, Any]:
    """Give a resource that is written in full.

    Raises:
        ValueError: it has no type or no id by which it can be put, or what the harness adds to cannot be added to.
    """
    for key in ("resourceType", "id"):
        if not isinstance(value.get(key), str):
            raise ValueError(  # noqa: TRY004 - pydantic's
                f"needs {key}; or begin with patient:, consent: or appointment: for an ordinary one"
            )
    if not _TYPE.fullmatch(value["resourceType"]):
        raise ValueError("has a resourceType that is none: write Patient, Encounter …")
    if not _ID.fullmatch(value["id"]):
        raise ValueError("has an id that is none: write 1 to 24 letters, digits, hyphens and dots")
    for key in ("meta", "participant"):
        if key in value and value[key] is None:
            raise ValueError(f"cannot have {key}: null; leave it out")
    return _checked(value)


def laid_over(value: dict[str, Any]) -> dict[str, Any]:
    """Give elements that are laid over an ordinary resource.

    Raises:
        ValueError: they would make it another resource, or what the harness adds to could not be added to.
    """
    for key in ("resourceType", "id"):
        if key in value:
            raise ValueError(f"cannot have {key}: write the resource in full to say it")
    return _checked(value)


def _checked(value: dict[str, Any]) -> dict[str, Any]:
    meta, participants = value.get("meta"), value.get("participant")
    if meta is not None and not isinstance(meta, dict):
        raise ValueError("cannot have a meta that is no object")
    if meta is not None and not isinstance(meta.get("tag", []), list):
        raise ValueError("cannot have a meta.tag that is no list")
    if participants is not None and not isinstance(participants, list):
        raise ValueError("cannot have a participant that is no list")
    _check_texts(value)
    return value


def _check_texts(value: object) -> None:
    if isinstance(value, str):
        moments.checked_text(value)
    elif isinstance(value, list):
        for each in value:
            _check_texts(each)
    elif isinstance(value, dict):
        for each in value.values():
            _check_texts(each)
