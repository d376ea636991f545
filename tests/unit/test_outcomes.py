"""After the visit: which appointments are asked about, how often, and what is made of the answers."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fhirnotify.clock import FixedClock
from fhirnotify.core.model import Booking, FhirVersion, InvalidBooking
from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.ledger.outcomes import FINAL, GONE, MOVED, UNREADABLE, Visit
from fhirnotify.ledger.statistics import ASKED_AGAIN
from fhirnotify.outcomes import A_FEW, BATCH, IN_A_ROW, Reading, became_of, read_outcomes

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

    def record(self, run, at, became):
        self.read |= {visit: (status, at) for visit, status in became.items()}
        self.deeds.append(Counter(became.values()))


def reading(journal, book, now=NIGHT, *, stop=None, told=lambda _: None, retention=timedelta(days=90), seconds=600.0):
    """Put together what reading needs."""
    return Reading(journal, book, FixedClock(now), SWEDEN, retention, told, stop or threading.Event(), seconds)


def booking(id_="a", status="fulfilled", start=START):
    """Make an appointment as it is after the visit."""
    return Booking(id_, f"Appointment/{id_}", status, start)


@pytest.mark.parametrize(
    ("found", "became"),
    [
        (booking(), "fulfilled"),
        (booking(status="noshow"), "noshow"),
        (booking(status="booked"), "booked"),
        (booking(status="fulfilled", start=START + timedelta(days=7)), MOVED),
        (booking(status="cancelled", start=START - timedelta(hours=1)), MOVED),
        (booking(status="cancelled", start=None), "cancelled"),
        (InvalidBooking("a", "Appointment/a", ("Appointment.status",), START, "noshow"), UNREADABLE),
        (None, GONE),
    ],
)
def test_what_became_of_a_visit(found, became):
    """Its status, if it still is at that time, is there and can be read; of one that cannot be read nothing is believed."""
    assert became_of(Visit(START, "a"), found) == became


@pytest.mark.parametrize(
    ("start", "is_over"),
    [
        (datetime(2026, 11, 20, 22, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 20, 23, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 9, tzinfo=UTC), False),
        (NIGHT - timedelta(days=90), True),
        (NIGHT - timedelta(days=90, seconds=1), False),
    ],
)
def test_a_visit_is_over_when_its_local_day_is(start, is_over):
    """From then on it is asked about, until the retention time is over."""
    journal, book = Journal({"a": booking(start=start)}), Book([Visit(start, "a")])
    read_outcomes(reading(journal, book))
    assert bool(journal.asked) is is_over


@pytest.mark.parametrize("status", ["booked", "arrived", "checked-in", "waitlist", "proposed", "pending"])
def test_what_is_not_final_is_asked_again_once_a_day(status):
    """On each later day, and for two weeks after the visit."""
    journal, book = Journal({"a": booking(status=status)}), Book([Visit(START, "a")])
    days = []
    for hours in range(0, 24 * 20, 6):
        before = len(journal.asked)
        read_outcomes(reading(journal, book, NIGHT + timedelta(hours=hours)))
        days += [hours // 24] * (len(journal.asked) - before)
    assert days == list(range(14))


@pytest.mark.parametrize(
    ("found", "again"),
    [({"a": booking(status=status)}, False) for status in ("fulfilled", "noshow", "cancelled", "entered-in-error")]
    + [({"a": booking(start=START + timedelta(days=1))}, False), ({}, True)]
    + [({"a": InvalidBooking("a", "Appointment/a", ("Appointment",))}, True)],
)
def test_what_is_final_is_not_asked_again(found, again):
    """Nor what was moved; what is gone or cannot be read may come back."""
    journal, book = Journal(found), Book([Visit(START, "a")])
    for day in range(3):
        read_outcomes(reading(journal, book, NIGHT + timedelta(days=day)))
    assert len(journal.asked) == (3 if again else 1)


def test_a_batch_at_a_time_and_what_was_read_is_kept():
    """A lost connection stops it at once; the batches before are recorded, and told of; the next one goes on from there."""
    ids = [f"a{n:03}" for n in range(BATCH * 2 + 5)]
    visits = [Visit(START, id_) for id_ in ids]
    book, told = Book(visits), []
    journal = Journal({id_: booking(id_) for id_ in ids}, fails_at=2)
    with pytest.raises(FhirError) as stopped:
        read_outcomes(reading(journal, book, told=lambda done: told.append(done.became.total())))
    assert stopped.value.summary.as_json() | {"run": "", "seconds": 0} == {
        "run": "",
        "now": "2026-11-20T23:30:00Z",
        "asked": BATCH,
        "became": {"fulfilled": BATCH},
        "fhir_requests": 2,
        "seconds": 0,
        "complete": False,
    }
    assert (len(book.read), told, book.deeds) == (BATCH, [BATCH], [Counter(fulfilled=BATCH)])
    done = read_outcomes(reading(journal, book))
    assert (done.complete, done.became, len(book.read)) == (True, Counter(fulfilled=BATCH + 5), len(ids))
    assert [len(each) for each in journal.asked] == [BATCH, BATCH, 5]


def test_one_that_cannot_be_read_stops_no_other():
    """It is recorded as such."""
    journal = Journal({"a": InvalidBooking("a", "Appointment/a", ("Appointment",)), "b": booking("b")})
    book = Book([Visit(START, "a"), Visit(START, "b")])
    assert read_outcomes(reading(journal, book)).became == {UNREADABLE: 1, "fulfilled": 1}


def test_one_appointment_at_two_times_is_asked_for_once():
    """It was moved: of the time before it is known that it was; of the time after what became of it."""
    later = START + timedelta(hours=3)
    journal, book = Journal({"a": booking(start=later, status="noshow")}), Book([Visit(START, "a"), Visit(later, "a")])
    read_outcomes(reading(journal, book))
    assert journal.asked == [["a"]]
    assert {visit.start: was for visit, (was, _) in book.read.items()} == {START: MOVED, later: "noshow"}


def test_a_signal_ends_it_after_the_batch_in_hand():
    """What was read is recorded, and it says that there is more."""
    ids = [f"a{n:03}" for n in range(BATCH * 2)]
    stop = threading.Event()
    journal, book = Journal({id_: booking(id_) for id_ in ids}), Book([Visit(START, id_) for id_ in ids])
    done = read_outcomes(reading(journal, book, stop=stop, told=lambda _: stop.set()))
    assert (done.complete, done.became.total(), len(book.read)) == (False, BATCH, BATCH)


def test_a_signal_while_an_answer_is_waited_for():
    """It ends the attempts; that is no fault of the endpoint, so it ends well, with what was read before."""
    ids = [f"a{n:03}" for n in range(BATCH * 2)]
    stop = threading.Event()

    class Interrupted(Journal):
        def appointments_by_id(self, ids):
            if self.asked:
                stop.set()
            return super().appointments_by_id(ids)

    journal = Interrupted({id_: booking(id_) for id_ in ids}, fails_at=2)
    done = read_outcomes(reading(journal, Book([Visit(START, id_) for id_ in ids]), stop=stop))
    assert (done.complete, done.became.total()) == (False, BATCH)


def test_nothing_to_read_asks_nobody():
    """Not even what the endpoint is."""
    journal, book = Journal({}), Book([])
    assert read_outcomes(reading(journal, book)).became == {}
    assert journal.requests == 0


def many(count):
    """Give the visits of one day, and the appointments as they are afterwards."""
    ids = [f"a{n:03}" for n in range(count)]
    return [Visit(START, id_) for id_ in ids], {id_: booking(id_) for id_ in ids}


@pytest.mark.parametrize("poison", [["a000"], ["a017"], ["a099"], ["a017", "a018"], ["a050", "a120", "a203"]])
def test_one_that_no_answer_comes_for_stops_no_other(poison):
    """It is recorded as one that cannot be read, and asked about again the day after, when all else has been read."""
    visits, found = many(BATCH * 2 + 50)
    book = Book(visits)
    done = read_outcomes(reading(Journal(found, poison=poison), book))
    assert (done.complete, done.became) == (True, {"fulfilled": len(visits) - len(poison), UNREADABLE: len(poison)})
    assert [visit.appointment for visit, (was, _) in book.read.items() if was == UNREADABLE] == poison
    journal = Journal(found)
    assert read_outcomes(reading(journal, book, NIGHT + timedelta(days=1))).became == {"fulfilled": len(poison)}


def test_several_in_a_row_are_no_fault_of_theirs():
    """Then it ends with the error; what was read before is recorded, and the next one begins with others."""
    visits, found = many(BATCH * 2)
    poison = [visit.appointment for visit in visits[10:]]
    book = Book(visits)
    with pytest.raises(IncompleteRead) as stopped:
        read_outcomes(reading(Journal(found, poison=poison), book))
    assert stopped.value.summary.became == Counter({"fulfilled": 10, UNREADABLE: IN_A_ROW})
    assert book.deeds == [stopped.value.summary.became]
    with pytest.raises(IncompleteRead):
        read_outcomes(reading(Journal(found, poison=poison), book))
    assert len(book.read) == 10 + 2 * IN_A_ROW


def test_what_says_nothing_of_a_visit_stops_it_at_once():
    """No connection, no version: nobody is recorded as one that cannot be read."""
    visits, found = many(BATCH)
    for journal in (Journal(found, fails_at=1), Journal(found, fails_at=1, fault=FhirError("401"))):
        book = Book(visits)
        with pytest.raises(FhirError):
            read_outcomes(reading(journal, book))
        assert (book.read, journal.requests) == ({}, 1)


@pytest.mark.parametrize(("count", "is_another"), [(A_FEW, False), (A_FEW + 1, True), (BATCH * 2, True)])
def test_where_all_is_gone_it_is_another_endpoint(count, is_another):
    """Nothing is recorded then, and it says what to do; a few may be gone."""
    visits, _ = many(count)
    book = Book(visits)
    if not is_another:
        assert read_outcomes(reading(Journal({}), book)).became == {GONE: count}
        return
    with pytest.raises(FhirError, match=r"fhir\.base_url") as stopped:
        read_outcomes(reading(Journal({}), book))
    assert (book.read, stopped.value.summary.became, stopped.value.summary.complete) == ({}, {}, False)


def test_a_whole_batch_may_be_gone_where_others_are_found():
    """As when a journal system deletes what is cancelled."""
    visits, found = many(BATCH * 2)
    for visit in visits[BATCH:]:
        del found[visit.appointment]
    done = read_outcomes(reading(Journal(found), Book(visits)))
    assert done.became == {"fulfilled": BATCH, GONE: BATCH}


def test_when_its_time_is_over_it_ends_well():
    """After the batch in hand; the next one goes on from there."""
    visits, found = many(BATCH * 2)
    book = Book(visits)
    for complete in (False, False):
        done = read_outcomes(reading(Journal(found), book, seconds=0))
        assert (done.complete, done.became.total()) == (complete, BATCH)
    assert read_outcomes(reading(Journal(found), book, seconds=0)).complete
