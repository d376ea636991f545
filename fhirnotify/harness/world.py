"""A world in which every reason occurs that a real server can hold, and what a run must say of it.

``not-booked`` and ``no-start`` are not in it: a server that honours the search never returns such an Appointment.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness import cases_consent, cases_kinds, cases_people, cases_visits
from fhirnotify.harness.cases_consent import Combine
from fhirnotify.harness.resources import CONSENT_CODE
from fhirnotify.harness.scene import Case, Scene, World

_KINDS = tuple(ContactType)
_FIRST, _LAST = timedelta(hours=5), timedelta(hours=47)
_STEP = timedelta(minutes=35)


def every_reason_world(
    now: datetime,
    version: FhirVersion,
    *,
    combine: Combine = "deny-overrides",
    times: int = 2,
    prefix: str = "w",
    without: Collection[str] = (),
) -> World:
    """Build a world of visits in the two days after ``now``, each case played out several times.

    Args:
        now: the moment of the run, outside quiet hours; aware of its time zone.
        version: the shape of the resources.
        combine: how several Consents of one patient are combined.
        times: how often each case is played out, with different kinds of visit, numbers and times.
        prefix: begins every id, so that worlds on one server keep apart.
        without: the names of cases to leave out, such as those that a server would not take.
    """
    now = now.astimezone(UTC)  # 48 hours are elapsed time, also when the clocks are moved within them
    cases: dict[str, Case] = {
        **cases_people.cases(),
        **cases_consent.cases(version, combine),
        **cases_kinds.cases(version),
        **cases_visits.cases(version),
    }
    scenes = [
        _played(case, f"{prefix}{turn}-{title}", version, now, turn * len(cases) + position)
        for turn in range(times)
        for position, (title, case) in enumerate(cases.items())
        if title not in without
    ]
    return World(
        version=version,
        now=now,
        settings={
            "reminder": {"late_booking": "skip"},
            "consent": {"codes": [CONSENT_CODE], "combine": combine},
            "recipient": {"skip_ages": [cases_people.SKIP_AGES]},
        },
        resources=tuple(resource for scene in scenes for resource in scene.resources),
        expected=tuple(row for scene in scenes for row in scene.expected),
    )


def ordinary_world(now: datetime, version: FhirVersion, visits: int, *, prefix: str = "w") -> World:
    """Build a world of ordinary visits of one patient each, all reminded; the first 95 have numbers of their own."""
    now = now.astimezone(UTC)
    scenes = []
    for ordinal in range(visits):
        scenes.append(scene := _scene(f"{prefix}-{ordinal}", version, now, ordinal))
        patient = scene.consenting()
        scene.expect(scene.appointment(patient), patient)
    return World(
        version=version,
        now=now,
        settings={"consent": {"codes": [CONSENT_CODE]}},
        resources=tuple(resource for scene in scenes for resource in scene.resources),
        expected=tuple(row for scene in scenes for row in scene.expected),
    )


def _played(case: Case, name: str, version: FhirVersion, now: datetime, ordinal: int) -> Scene:
    scene = _scene(name, version, now, ordinal)
    case(scene)
    return scene


def _scene(name: str, version: FhirVersion, now: datetime, ordinal: int) -> Scene:
    start = now + _FIRST + (ordinal * _STEP) % (_LAST - _FIRST)
    return Scene(name, version, now, start, _KINDS[ordinal % len(_KINDS)], ordinal)
