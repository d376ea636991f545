"""After the visit: read what became of the appointments that the ledger knows. Nothing is decided or sent by it.

Of which, and how often

    A visit is over when the local day of its start is. What became of it is read as soon as that is so, once, however
    late; and again, on each later day on which this runs, until it is final (``ledger.outcomes.FINAL``) or its start
    two weeks ago; what is gone or cannot be read even then, once a week. Nothing is read of what is older than the
    retention time. What was never read comes first, the latest day first.

Many at a time, by id. Each batch is recorded as soon as it has been read, so whatever stops the work, the next one goes
on from there. Where a batch fails, its halves are asked for, so that one resource at which the endpoint fails stops no
other. A fault that cannot lie in what was asked for stops the work at once.
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

BATCH = 100
"""Visits in one search, and in one transaction."""

IN_A_ROW = 3
"""When so many appointments one after the other cannot be had, one that could be is asked for again."""

A_FEW = 5
"""When more than so many visits, the latest, are gone, and nothing else was found, it is another endpoint."""


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
    """What reading needs. ``told`` hears after each batch how much has been read; after ``seconds`` none begins."""

    source: Source
    visits: Visits
    clock: Clock
    zone: ZoneInfo
    retention: timedelta
    told: Callable[[Read], None]
    stop: threading.Event
    seconds: float


def read_outcomes(reading: Reading) -> Read:
    """Read what became of every visit that is to be asked about, as far as the time goes.

    Raises:
        FhirError: the endpoint cannot be used, did not give everything, or is not the one that has the visits.
        LedgerError: the ledger cannot be used. Either error's ``summary`` tells what was read and recorded until then.
    """
    done, began = Read(uuid4().hex, reading.clock.now()), time.monotonic()
    try:
        _read(reading, done, began + reading.seconds)
    except FhirnotifyError as error:
        done.complete = False
        error.summary = done
        raise
    finally:
        done.fhir_requests, done.seconds = reading.source.requests, time.monotonic() - began
    return done


def _read(reading: Reading, done: Read, until: float) -> None:
    today = datetime.combine(done.now.astimezone(reading.zone).date(), time_of_day(), reading.zone)
    kept, endpoint = done.now - reading.retention, _Endpoint(reading)
    for visits in _batches(reading.visits.unread(kept, today, reading.clock.real())):
        _read_batch(reading, done, endpoint.became(visits), is_known=bool(set(done.became) - {GONE}))
        if _is_over(reading, done, until):
            return
    for visits in _batches(reading.visits.not_final(kept, done.now, today)):
        _read_batch(reading, done, endpoint.became(visits), is_known=True)
        if _is_over(reading, done, until):
            return


def _is_over(reading: Reading, done: Read, until: float) -> bool:
    if reading.stop.is_set() or time.monotonic() >= until:
        done.complete = False
    return not done.complete


def _read_batch(reading: Reading, done: Read, answers: Iterator[tuple[Visit, str]], *, is_known: bool) -> None:
    """Read a batch and record it, also what was read of it before a failure. ``is_known``: something was found yet."""
    became: dict[Visit, str] = {}
    failure: FhirError | None = None
    try:
        became.update(answers)
    except FhirError as error:
        done.complete = False
        failure = None if reading.stop.is_set() else error  # a signal ended its waits: no fault of the endpoint
    if not is_known and len(became) > A_FEW and set(became.values()) == {GONE}:
        raise FhirError(
            f"The endpoint has none of the {len(became)} appointments of the latest visits.",
            "Set fhir.base_url to the endpoint that the passes read from. None of them was recorded as gone.",
        )
    if became:
        reading.visits.record(done.run, reading.clock.now(), became)
        done.became.update(became.values())
        reading.told(done)
    if failure is not None:
        raise failure


class _Endpoint:
    """What the endpoint says became of visits. An appointment at which it fails alone cannot be read."""

    def __init__(self, reading: Reading) -> None:
        self._source, self._visits, self._stop = reading.source, reading.visits, reading.stop
        self._failed = 0
        self._answered: str | None = None

    def became(self, visits: Sequence[Visit]) -> Iterator[tuple[Visit, str]]:
        """Give visits with what became of them, as they are read.

        Raises:
            FhirError: it lies not in what was asked for, or what could be had before cannot be had any more.
        """
        _ = self._source.version  # it lies in no appointment when even that cannot be had
        yield from self._halving(visits)

    def _halving(self, visits: Sequence[Visit]) -> Iterator[tuple[Visit, str]]:
        ids = sorted({visit.appointment for visit in visits})
        try:
            found = self._source.appointments_by_id(ids)
        except FhirError as error:
            if self._stop.is_set() or not error.of_what_was_asked:
                raise
            if len(ids) == 1:
                yield from ((visit, UNREADABLE) for visit in visits)
                self._failed += 1
                if self._failed == IN_A_ROW:
                    if (known := self._answered or self._visits.readable()) is None:
                        raise
                    self._source.appointments_by_id([known])
                    self._failed = 0
                return
        else:
            self._failed, self._answered = 0, ids[0]
            yield from ((visit, became_of(visit, found.get(visit.appointment))) for visit in visits)
            return
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            yield from self._halving([visit for visit in visits if visit.appointment in half])


def became_of(visit: Visit, found: Appointment | None) -> str:
    """Tell what became of a visit: the appointment's status, unless it is gone, moved or cannot be read."""
    match found:
        case None:
            return GONE
        case InvalidBooking():
            return UNREADABLE
        case Booking(start=start, status=status):
            return status if start in (visit.start, None) else MOVED


def _batches(pages: Iterable[Sequence[Visit]]) -> Iterator[Sequence[Visit]]:
    for page in pages:
        for first in range(0, len(page), BATCH):
            yield page[first : first + BATCH]
