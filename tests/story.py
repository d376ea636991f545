"""A story of two passes over a handful of visits that fare differently, for processes that die in it.

first   an empty ledger; messages that are taken, refused, throttled, lost in silence before and after they were
        taken, taken with a 500, put off by one provider and by two, and some that nobody takes for now
later   three hours on: what the first pass left behind is taken further, one visit has been cancelled, the
        messages that were taken are asked about, new visits have come, and an account runs out of credit
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.elks46 import Elks46Api
from fhirnotify.harness.infobip import InfobipApi
from fhirnotify.harness.link import LinkApi
from fhirnotify.harness.resources import CONSENT_CODE, Resource, appointment, consent, fictional_number, patient
from fhirnotify.harness.scenarios.moments import LOCAL

NOW = datetime(2031, 9, 1, 10, tzinfo=LOCAL)
ATTEMPTS = 2
PROVIDERS = (Elks46Api, InfobipApi, LinkApi)
"""In the order in which they are preferred. Only the last cannot be asked about a message in doubt."""

SETTINGS: dict[str, dict[str, Any]] = {
    "consent": {"codes": [CONSENT_CODE]},
    "sms": {
        "provider": [each.name for each in PROVIDERS],
        "failover_on_account_fault": True,
        "attempts": ATTEMPTS,
        "parallel": 2,
        "rate": 1000,
    },
}

_BUSY = (Behaviour.THROTTLE,) * ATTEMPTS
_AWAY = (Behaviour.UNAVAILABLE,) * ATTEMPTS
_LATEST = timedelta(hours=12)


class Ending(Enum):
    """What must have become of a reminder in the end."""

    SENT = "sent once"
    REFUSED = "refused by the provider"
    CANCELLED = "sent once, or withdrawn since its visit was cancelled after the first pass"


@dataclass(frozen=True)
class Visit:
    """A visit, and what becomes of each message about it; whatever comes after those is accepted."""

    ordinal: int
    name: str
    script: tuple[Behaviour, ...]
    ending: Ending
    start: datetime

    @property
    def number(self) -> str:
        """The patient's own."""
        return fictional_number(self.ordinal)

    def resources(self, *, cancelled: bool) -> Iterator[Resource]:
        """Build what a journal system holds of it."""
        status = "cancelled" if cancelled and self.ending is Ending.CANCELLED else "booked"
        version, kind = FhirVersion.R4, tuple(ContactType)[self.ordinal % len(ContactType)]
        yield patient(f"p-{self.name}", self.number)
        yield consent(version, f"c-{self.name}", f"p-{self.name}")
        yield appointment(version, self.name, self.start, f"p-{self.name}", kind=kind, status=status)


def _visits(first: int, begin: timedelta, *given: tuple[str, tuple[Behaviour, ...], Ending]) -> tuple[Visit, ...]:
    return tuple(
        Visit(ordinal, name, script, ending, NOW + begin + number * timedelta(minutes=5))
        for number, (ordinal, (name, script, ending)) in enumerate(enumerate(given, first))
    )


FIRST = _visits(
    0,
    timedelta(hours=20),
    ("plain", (), Ending.SENT),
    ("plain-too", (), Ending.SENT),
    ("throttled", (Behaviour.THROTTLE,), Ending.SENT),
    ("refused", (Behaviour.REFUSE,) * 30, Ending.REFUSED),
    ("taken-in-silence", (Behaviour.TAKE_AND_HANG,), Ending.SENT),
    ("underway", (Behaviour.UNDERWAY,), Ending.SENT),
    ("taken-and-broken", (Behaviour.TAKE_AND_BREAK,), Ending.SENT),
    ("second-provider", _AWAY, Ending.SENT),
    ("silence", (Behaviour.HANG,), Ending.SENT),
    ("undelivered", (Behaviour.UNDELIVERED,), Ending.SENT),
    ("third-provider", _BUSY + _AWAY, Ending.SENT),
    ("nobody-for-now", _BUSY * len(PROVIDERS), Ending.SENT),
    ("cancelled", (Behaviour.HANG,), Ending.CANCELLED),
)
LATER = _visits(
    len(FIRST),
    timedelta(hours=50),
    ("new", (), Ending.SENT),
    ("new-throttled", (Behaviour.THROTTLE,), Ending.SENT),
    ("new-taken-in-silence", (Behaviour.TAKE_AND_HANG,), Ending.SENT),
    ("new-refused", (Behaviour.REFUSE,) * 30, Ending.REFUSED),
    ("new-second-provider", _AWAY, Ending.SENT),
    ("new-taken-and-lost", (Behaviour.TAKE_AND_DROP,), Ending.SENT),
    ("new-out-of-credit", (Behaviour.OUT_OF_CREDIT,), Ending.SENT),
)


@dataclass(frozen=True)
class Chapter:
    """A pass of the story, which begins so long after ``NOW``, and the visits that are in sight by its end."""

    name: str
    begins: timedelta
    visits: tuple[Visit, ...]


CHAPTERS = (Chapter("first", timedelta(0), FIRST), Chapter("later", timedelta(hours=3), FIRST + LATER))


def write_journals(place: Path) -> None:
    """Write what the journal system holds: ``before`` and ``after`` a visit was cancelled."""
    for name, cancelled in (("before", False), ("after", True)):
        (place / name).mkdir()
        lines = [json.dumps(each) for each in _numbered(FIRST + LATER, cancelled=cancelled)]
        (place / name / "journal.ndjson").write_text("\n".join(lines), "utf-8")


def _numbered(visits: Iterable[Visit], *, cancelled: bool) -> Iterator[Resource]:
    for visit in visits:
        for resource in visit.resources(cancelled=cancelled):
            version = "2" if resource.get("status") == "cancelled" else "1"
            yield resource | {"meta": {"versionId": version}}
