"""The Appointments that trials are made with: those of the next days, else any, and what they tell of themselves."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fhirnotify.fhir.bundle import Page, Resource
from fhirnotify.fhir.client import Params
from fhirnotify.fhir.moments import instant
from fhirnotify.fhir.references import ID, References
from fhirnotify.harness.probing.asking import ONE, TOTAL, TWO, Asker, Refusal, around, window, window_of_the_job

LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(2300, 1, 1, tzinfo=UTC)
NO_VISIT = "Probe again when the server has a booked Appointment in the next days: a test visit will do."
NO_VISITS = "Probe again when the server has two booked Appointments, of different starts, in the next days."

_OTHER_WAY = "Probe again with settings (--auth FILE) whose fhir.appointments is a way that is answered."
_ENOUGH = 20


@dataclass(frozen=True)
class Sample:
    """What the server gave of Appointments.

    Attributes:
        first_page: what the job's own search of its window was answered with.
        seconds: how long that took.
        known: Appointments that exist, with a start that can be read: of the window, else any.
        of_window: they came in answer to the job's own search.
        several: a search whose answer is more than one Appointment, asked one by one and sorted; None if none is known.
    """

    first_page: Page | Refusal
    seconds: float
    known: tuple[Resource, ...]
    of_window: bool
    several: Params | None

    @property
    def would_tell(self) -> str:
        """What would make known what takes an Appointment to be seen."""
        return NO_VISIT if isinstance(self.first_page, Page) else _OTHER_WAY

    @property
    def starts(self) -> list[datetime]:
        """The starts of those that are known, in the order in which they came."""
        return [start for one in self.known if (start := start_of(one))]

    def actors(self, resource_type: str, references: References) -> list[str]:
        """Give the ids of the actors of one type that take part in those that are known, each once, some twenty."""
        found = dict.fromkeys(_actors(self.known, resource_type, references))
        return list(found)[:_ENOUGH]


def take(asker: Asker, beside: Sequence[Params], after: datetime, before: datetime, page_size: int) -> Sample:
    """Read the first page of the window as the job does; if it is empty, look for any two Appointments.

    Args:
        asker: makes the trials.
        beside: what may stand beside the date, at least one; the asker keeps to the first that is answered.
        after: where the window begins.
        before: where it ends.
        page_size: Appointments a page.
    """
    page, seconds = _first(asker, beside, window_of_the_job(after, before, page_size))
    known = _readable(page)
    if known:
        several = window_of_the_job(after, before, 1) if _is_more(page) else None
        return Sample(page, seconds, known, of_window=True, several=several)
    known = _readable(asker.visits(window(LONG_AGO, FAR_OFF)[0], TWO))
    return Sample(page, seconds, known, of_window=False, several=_between(known))


def _first(asker: Asker, beside: Sequence[Params], search: Params) -> tuple[Page | Refusal, float]:
    for params in beside:
        asker.beside = params
        began = time.monotonic()
        page = asker.visits(*search)
        if isinstance(page, Page):
            break
    return page, time.monotonic() - began


def start_of(appointment: Resource) -> datetime | None:
    """Give the start of an Appointment, in UTC; None if it has none that can be read."""
    start = appointment.get("start")
    return instant(start) if isinstance(start, str) else None


def outside(page: Page, after: datetime, before: datetime) -> bool:
    """Tell whether a page holds what does not start between two moments."""
    starts = [start_of(match) for match in page.matches]
    return any(start is None or not after < start < before for start in starts)


def _readable(page: Page | Refusal) -> tuple[Resource, ...]:
    matches = page.matches if isinstance(page, Page) else []
    return tuple(match for match in matches if _is_within_reason(start_of(match)) and ID.fullmatch(match["id"]))


def _is_within_reason(start: datetime | None) -> bool:
    return start is not None and LONG_AGO < start < FAR_OFF


def _is_more(page: Page | Refusal) -> bool:
    return isinstance(page, Page) and (len(page.matches) > 1 or page.next is not None or (page.total or 0) > 1)


def _between(known: tuple[Resource, ...]) -> Params | None:
    starts = sorted(start for one in known if (start := start_of(one)))
    if len(starts) < 2:  # noqa: PLR2004
        return None
    bounds = window(around(starts[0])[0], around(starts[-1])[1])
    return *bounds, ONE, ("_sort", "date"), TOTAL


def _actors(appointments: tuple[Resource, ...], resource_type: str, references: References) -> Iterator[str]:
    for appointment in appointments:
        participants = appointment.get("participant")
        for participant in participants if isinstance(participants, list) else ():
            actor = participant.get("actor") if isinstance(participant, dict) else None
            literal = actor.get("reference") if isinstance(actor, dict) else None
            target = references.target(literal) if isinstance(literal, str) else None
            if target is not None and target.type == resource_type and target.id is not None:
                yield target.id
