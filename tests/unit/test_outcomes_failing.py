"""After the visit, where the endpoint fails: at one appointment, at all, or because it is another."""

from collections import Counter
from datetime import timedelta

import pytest
from visits_over import NIGHT, Book, GoingDown, Journal, booking, many, reading

from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.ledger.outcomes import GONE, UNREADABLE
from fhirnotify.outcomes import A_FEW, BATCH, IN_A_ROW, read_outcomes


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


@pytest.mark.parametrize(("down_from", "read"), [(1, 0), (2, BATCH)])
def test_where_nothing_can_be_had_any_more_it_is_no_fault_of_theirs(down_from, read):
    """Then it ends with the error; what was read before is recorded, and the next one begins with others."""
    visits, found = many(BATCH * 2)
    book = Book(visits)
    with pytest.raises(IncompleteRead) as stopped:
        read_outcomes(reading(GoingDown(found, down_from), book))
    assert stopped.value.summary.became == +Counter({"fulfilled": read, UNREADABLE: IN_A_ROW})
    assert book.deeds[-1] == {UNREADABLE: IN_A_ROW}
    assert read_outcomes(reading(Journal(found), book)).became == {"fulfilled": len(visits) - read - IN_A_ROW}


def test_several_in_a_row_stop_no_others():
    """Neither on the day after, when they are asked for again, as long as the endpoint gives anything else."""
    visits, found = many(BATCH * 2)
    poison = [visit.appointment for visit in visits[20:32]]
    found[visits[50].appointment] = booking(visits[50].appointment, "booked")
    book = Book(visits)
    for night, became in enumerate([{"booked": 1, "fulfilled": len(visits) - 13}, {"booked": 1}, {"booked": 1}]):
        done = read_outcomes(reading(Journal(found, poison=poison), book, NIGHT + timedelta(days=night)))
        assert (done.complete, done.became) == (True, became | {UNREADABLE: 12})


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
