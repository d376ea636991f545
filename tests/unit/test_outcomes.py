"""After the visit: which appointments are asked about, how often, and what is made of the answers."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from visits_over import NIGHT, START, Book, Journal, booking, reading

from fhirnotify.core.model import InvalidBooking
from fhirnotify.errors import FhirError
from fhirnotify.ledger.outcomes import GONE, MOVED, UNREADABLE, Visit
from fhirnotify.outcomes import BATCH, became_of, read_outcomes


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
