"""After the visit: read what became of the appointments that the ledger knows. Nothing is decided or sent by it.

Of which, and how often

    A visit is over when the local day of its start is. What became of it is read as soon as that is so, once, however
    late; and again, on each later day on which this runs, until it is final (``ledger.outcomes.FINAL``) or its start
    two weeks ago. Nothing is read of what is older than the retention time. What was never read comes first, the
    oldest first.

Many at a time, by id. Each batch is recorded as soon as it has been read, so whatever stops the work, the next one goes
on from there.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from fhirnotify.core.model import Booking, InvalidBooking
from fhirnotify.errors import FhirError, FhirnotifyError
from fhirnotify.fhir.source import Appointment, Source
from fhirnotify.job import Clock
from fhirnotify.ledger.outcomes import GONE, MOVED, UNREADABLE, Visit, Visits
from fhirnotify.rows import instant

ASKED_AGAIN = timedelta(days=14)
"""How long after its start a visit is asked about again; by then it has been closed, or nobody will."""

BATCH = 100
"""Visits in one search, and in one transaction."""


@dataclass(slots=True)
class Read:
    """What was read so far: how many visits, by what became of them. ``complete`` is False when it was stopped."""

    run: str
    now: datetime
    became: Counter[str] = field(default_factory=Counter)
    complete: bool = True
    fhir_requests: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the object for programs."""
        return {
            "run": self.run,
            "now": instant(self.now),
            "asked": self.became.total(),
            "became": dict(sorted(self.became.items())),
            "fhir_requests": self.fhir_requests,
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs. ``told`` hears after each batch how much has been read."""

    source: Source
    visits: Visits
    clock: Clock
    zone: ZoneInfo
    retention: timedelta
    told: Callable[[Read], None]
    stop: threading.Event


def read_outcomes(reading: Reading) -> Read:
    """Read what became of every visit that is to be asked about.

    Raises:
        FhirError: the endpoint cannot be used, or did not give everything.
        LedgerError: the ledger cannot be used. Either error's ``summary`` tells what was read and recorded until then.
    """
    done, began = Read(uuid4().hex, reading.clock.now()), time.monotonic()
    try:
        try:
            _read(reading, done)
        finally:  # also what was read before an incomplete answer was read by somebody
            reading.visits.close_with(done.run, reading.clock.now(), done.became)
    except FhirnotifyError as error:
        done.complete = False
        error.summary = done
        raise
    finally:
        done.fhir_requests, done.seconds = reading.source.requests, time.monotonic() - began
    return done


def _read(reading: Reading, done: Read) -> None:
    for visits in _batches(_wanted(reading, done.now)):
        if reading.stop.is_set():
            done.complete = False
            return
        try:
            found = reading.source.appointments_by_id(sorted({visit.appointment for visit in visits}))
        except FhirError:
            done.complete = False
            if reading.stop.is_set():  # the signal ended its waits between attempts: that is no fault of the endpoint
                return
            raise
        became = {visit: became_of(visit, found.get(visit.appointment)) for visit in visits}
        reading.visits.record(reading.clock.now(), became)
        done.became.update(became.values())
        reading.told(done)


def became_of(visit: Visit, found: Appointment | None) -> str:
    """Tell what became of a visit: the appointment's status, unless it is gone, moved or cannot be read."""
    match found:
        case None:
            return GONE
        case InvalidBooking():
            return UNREADABLE
        case Booking(start=start, status=status):
            return status if start in (visit.start, None) else MOVED


def _wanted(reading: Reading, now: datetime) -> Iterator[Sequence[Visit]]:
    today = datetime.combine(now.astimezone(reading.zone).date(), time_of_day(), reading.zone).astimezone(now.tzinfo)
    kept = now - reading.retention
    yield from reading.visits.never_read(kept, today)
    yield from reading.visits.not_final(max(kept, now - ASKED_AGAIN), today)


def _batches(pages: Iterable[Sequence[Visit]]) -> Iterator[Sequence[Visit]]:
    for page in pages:
        for first in range(0, len(page), BATCH):
            yield page[first : first + BATCH]
