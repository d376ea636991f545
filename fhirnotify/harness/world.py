"""A world of ordinary visits, every one of which is reminded of: for tests of all that comes before and after deciding.

What decides otherwise stands in ``fixtures/scenarios``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness.installation import Settings
from fhirnotify.harness.resources import CONSENT_CODE, Resource, appointment, consent, fictional_number, patient
from fhirnotify.harness.scenarios.comparing import region_text
from fhirnotify.harness.scenarios.staging import FIRST_NAME
from fhirnotify.rows import instant

_KINDS = tuple(ContactType)
_FIRST, _LAST = timedelta(hours=5), timedelta(hours=47)
_STEP = timedelta(minutes=35)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of one patient who has consented, and so what a run must say of it."""

    patient: str
    consent: str
    appointment: str
    start: datetime
    contact_type: ContactType
    number: str

    @property
    def text(self) -> str:
        """The reminder, word for word."""
        return region_text(FIRST_NAME, self.contact_type, self.start)


@dataclass(frozen=True, slots=True)
class World:
    """Resources, and the visits of which a run at ``now`` with these settings must remind.

    Attributes:
        settings: what ``fhirnotify.toml`` must hold beside the server and the provider, by section.
        resources: in no order that a server would need: see ``seed``.
    """

    version: FhirVersion
    now: datetime
    settings: Settings
    resources: tuple[Resource, ...]
    visits: tuple[Visit, ...]

    @property
    def inbox(self) -> Counter[tuple[str, str]]:
        """Give what the inbox must hold: number and text of each reminder."""
        return Counter((visit.number, visit.text) for visit in self.visits)

    def differences(self, rows: Iterable[Mapping[str, Any]], *, first: bool = True) -> list[str]:
        """Name what a run said otherwise than expected; nothing for a run that said it all.

        ``first`` is False for a run in which every reminder stands already, from an earlier one.
        """
        said = list(rows)
        times = Counter((row["appointment"], row["patient"]) for row in said)
        found = [f"{who}: said {count} times" for who, count in times.items() if count > 1]
        by_visit = {(row["appointment"], row["patient"]): row for row in said}
        for visit in self.visits:
            row = by_visit.pop((visit.appointment, visit.patient), None)
            found += _differing(visit, row, "remind" if first else "already")
        return found + [f"{who}: not expected at all" for who in by_visit]


def ordinary_world(now: datetime, version: FhirVersion, visits: int, *, prefix: str = "w") -> World:
    """Build a world of visits of one patient each; the first 95 have numbers of their own.

    Args:
        now: the moment of the run, outside quiet hours; aware of its time zone.
        version: the shape of the resources.
        visits: how many, in the two days after ``now``.
        prefix: begins every id, so that worlds on one server keep apart.
    """
    made = [_visit(now.astimezone(UTC), f"{prefix}-{ordinal}", ordinal) for ordinal in range(visits)]
    return World(
        version=version,
        now=now.astimezone(UTC),  # 48 hours are elapsed time, also when the clocks are moved within them
        settings={"consent": {"codes": [CONSENT_CODE]}},
        resources=tuple(resource for visit in made for resource in _resources(version, visit)),
        visits=tuple(made),
    )


def _visit(now: datetime, name: str, ordinal: int) -> Visit:
    start = now + _FIRST + (ordinal * _STEP) % (_LAST - _FIRST)
    kind = _KINDS[ordinal % len(_KINDS)]
    return Visit(f"{name}-p", f"{name}-c", f"{name}-a", start, kind, fictional_number(ordinal))


def _resources(version: FhirVersion, visit: Visit) -> tuple[Resource, ...]:
    return (
        patient(visit.patient, visit.number),
        consent(version, visit.consent, visit.patient),
        appointment(version, visit.appointment, visit.start, visit.patient, kind=visit.contact_type),
    )


def _differing(visit: Visit, row: Mapping[str, Any] | None, reminded: str) -> Iterator[str]:
    who = (visit.appointment, visit.patient)
    if row is None:
        yield f"{who}: missing"
        return
    wanted: dict[str, Any] = {
        "decision": reminded,
        "reason": None,
        "outcome": "accepted",
        "contact_type": visit.contact_type,
        "start": instant(visit.start),
    }
    for key, value in wanted.items():
        if row[key] != value:
            yield f"{who}: {key} is {row[key]}, not {value}"
