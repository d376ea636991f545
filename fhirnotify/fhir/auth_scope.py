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
    have = set(_permissions(words))
    return [one for one in asked.split() if one not in words and not _covered(one, have)]


def _covered(scope: str, have: set[_Permission]) -> bool:
    wanted = set(_permissions([scope]))
    return bool(wanted) and wanted <= have


def _permissions(scopes: Iterable[str]) -> Iterable[_Permission]:
    for scope in scopes:
        if found := _RESOURCE_SCOPE.fullmatch(scope):
            level, resource_type, interactions, restriction = found.groups()
            for each_type in TYPES if resource_type == "*" else (resource_type,):
                for interaction in _VERSION_1.get(interactions, interactions):
                    yield _Permission(level, each_type, interaction, restriction or "")
