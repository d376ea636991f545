"""What a region has settled: the settings that the rules depend on, and what its ConceptMaps say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from enum import Enum
from string import Template
from typing import Literal
from zoneinfo import ZoneInfo

from fhirnotify.core.model import Coding, ContactType


class Strength(Enum):
    """What a ConceptMap's equivalence lets a code say about the kind of visit."""

    DECIDES = "decides"
    HINTS = "hints"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Mapped:
    """One target of a code. ``target`` is None for ``ingen``, and for a silent one that names no target."""

    target: ContactType | None
    strength: Strength


KontakttypMap = Mapping[Coding, tuple[Mapped, ...]]
"""All ConceptMaps together: every code they know, with each of its targets."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the rules depend on, validated.

    Attributes:
        zone: the local time zone.
        lead: how long before the visit the reminder goes out.
        latest: how long before the visit it goes out at the latest.
        quiet_from: local time at which quiet hours begin; equal to ``quiet_until`` means there are none.
        consent_codes: the codes that make a Consent one about these reminders.
        countries: ISO 3166 codes of the countries whose mobile numbers are sent to.
        skip_ages: inclusive ranges of whole years.
        template: holds only ``$fornamn``, ``$kontakttyp``, ``$datum``, ``$tid``.
        words: the word for each contact type.
    """

    zone: ZoneInfo
    consent_codes: frozenset[Coding]
    kontakttyp: KontakttypMap
    template: Template
    words: Mapping[ContactType, str]
    lead: timedelta = timedelta(hours=48)
    latest: timedelta = timedelta(hours=4)
    quiet_from: time = time(21)
    quiet_until: time = time(7)
    late_booking: Literal["send", "skip"] = "send"
    combine: Literal["deny-overrides", "newest-wins"] = "deny-overrides"
    countries: tuple[str, ...] = ("SE",)
    skip_ages: tuple[tuple[int, int], ...] = ()
    shared_number: Literal["allow", "skip"] = "allow"
