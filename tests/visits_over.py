"""A journal system and a ledger in which visits are over, for what reads what became of them."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fhirnotify.clock import FixedClock
from fhirnotify.core.model import Booking, FhirVersion
from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.ledger.outcomes import FINAL, GONE, UNREADABLE, Visit
from fhirnotify.ledger.statistics import ASKED_AGAIN
from fhirnotify.outcomes import Reading

SWEDEN = ZoneInfo("Europe/Stockholm")
START = datetime(2026, 11, 20, 9, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
"""Half past midnight in Sweden, on the day after the visit."""


class Journal:
    """A source of appointments by id. ``fails_at`` is the request that gives no answer, ``fault`` why.

    Whenever one of ``poison`` is asked for, there is no answer that is whole.
    """

    version = FhirVersion.R4

    def __init__(self, found, fails_at=None, fault=None, poison=()):
        self.found, self.fails_at, self.poison = found, fails_at, set(poison)
        self.fault = fault or FhirError("The connection was lost.")
        self.requests = 0
        self.asked = []

    def appointments_by_id(self, ids):
        self.requests += 1
        if self.requests == self.fails_at:
            raise self.fault
        if self.poison.intersection(ids):
            raise IncompleteRead("A match is missing.")
        self.asked.append(list(ids))
        return {id_: self.found[id_] for id_ in ids if id_ in self.found}


class Book:
    """The port over a dictionary; by the rules of its docstrings."""

    def __init__(self, visits):
        self.visits = sorted(visits)
        self.read = {}
        self.deeds = []

    def unread(self, since, until, real):
        yield [one for one in self.visits if since <= one.start < until and one not in self.read]

    def not_final(self, since, now, today):
        yield [
            one
            for one, (was, at) in self.read.items()
            if was not in FINAL and at < today and one.start >= max(since, now - ASKED_AGAIN)
        ]

    def readable(self):
        return next((visit.appointment for visit, (was, _) in self.read.items() if was not in (GONE, UNREADABLE)), None)

    def record(self, run, at, became):
        self.read |= {visit: (status, at) for visit, status in became.items()}
        self.deeds.append(Counter(became.values()))


def reading(journal, book, now=NIGHT, *, stop=None, told=lambda _: None, retention=timedelta(days=90), seconds=600.0):
    """Put together what reading needs."""
    return Reading(journal, book, FixedClock(now), SWEDEN, retention, told, stop or threading.Event(), seconds)


def booking(id_="a", status="fulfilled", start=START):
    """Make an appointment as it is after the visit."""
    return Booking(id_, f"Appointment/{id_}", status, start)


def many(count):
    """Give the visits of one day, and the appointments as they are afterwards."""
    ids = [f"a{n:03}" for n in range(count)]
    return [Visit(START, id_) for id_ in ids], {id_: booking(id_) for id_ in ids}


class GoingDown(Journal):
    """Fails at everything from a request on, as a server does with 500."""

    def __init__(self, found, down_from):
        super().__init__(found)
        self.down_from = down_from

    def appointments_by_id(self, ids):
        if self.requests + 1 >= self.down_from:
            self.poison.update(ids)
        return super().appointments_by_id(ids)
