"""Which scopes were asked for and not granted, as SMART App Launch 2.2 (scopes and launch context) reads them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from fhirnotify.fhir.capability import TYPES

_RESOURCE_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(\?.+)?")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}


class _Permission(NamedTuple):
    """One thing that may be done with resources of one type, within a restriction."""

    level: str
    resource_type: str
    interaction: str
    restriction: str


def not_granted(asked: str, granted: str) -> list[str]:
    """Give each scope asked for that the scopes granted do not cover.

    ``system/Patient.read`` and ``system/Patient.rs`` are the same, and ``system/*.rs`` covers both. What is asked for
    all types is covered when it is granted for Appointment, Patient and Consent. A scope that is narrowed by a search
    (``?category=…``) covers nothing but itself. A scope of another form must be granted word for word.
    """
    words = granted.split()
    named = {found[2] for one in asked.split() if (found := _RESOURCE_SCOPE.fullmatch(one))}
    have = set(_permissions(words, named.union(TYPES) - {"*"}))
    return [one for one in asked.split() if one not in words and not _covered(one, have)]


def to_read(scopes: str) -> str:
    """Give the scopes without those that name Communication, in whatever form: these are for writing back alone.

    So a server that does not grant them, or grants them no more, refuses nobody who only reads.
    """
    return " ".join(one for one in scopes.split() if "communication" not in one.lower())


def lets_write(scopes: str, resource_type: str) -> bool:
    """Tell whether scopes let resources of a type be created and updated, all of them."""
    have = {
        each.interaction for each in _permissions(scopes.split(), {resource_type}) if _is_of_all(each, resource_type)
    }
    return {"c", "u"} <= have


def _is_of_all(permission: _Permission, resource_type: str) -> bool:
    return permission.resource_type == resource_type and permission.level != "patient" and not permission.restriction


def _covered(scope: str, have: set[_Permission]) -> bool:
    wanted = set(_permissions([scope]))
    return bool(wanted) and wanted <= have


def _permissions(scopes: Iterable[str], types: Iterable[str] = TYPES) -> Iterable[_Permission]:
    """Read scopes; one for all types is read as one for each of these."""
    for scope in scopes:
        if found := _RESOURCE_SCOPE.fullmatch(scope):
            level, resource_type, interactions, restriction = found.groups()
            for each_type in types if resource_type == "*" else (resource_type,):
                for interaction in _VERSION_1.get(interactions, interactions):
                    yield _Permission(level, each_type, interaction, restriction or "")
