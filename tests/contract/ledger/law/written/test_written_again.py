"""What was told in vain: it is told again, after everything else, whatever the journal system may have taken of it."""

from contextlib import closing
from datetime import timedelta

import pytest

from fhirnotify.core.notice import Told
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.subject import erase
from fhirnotify.ledger.written import CORRECTED, FIRST_WAIT, NOT_TRIED, SPAN
from fhirnotify.ledger.written_sql import SqlWrittenBack

PATHS = [(State.RETRY,), (State.RETRY, State.WITHDRAWN), (State.RETRY, State.EXPIRED)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[-1])
def test_what_may_have_been_taken_is_corrected(bring, ledger, tell, clock, now, path):
    """The answer was lost, and the reminder turned out not to have been sent: what may stand there is set right."""
    reminder = bring(State.UNCERTAIN)
    assert list(tell("no-answer")) == ["a1"]
    for step in path:
        ledger.move("r1", now, [Change(reminder.id, step)])
    clock.advance(FIRST_WAIT)
    assert tell()["a1"].told is CORRECTED[path[-1]]
    clock.advance(timedelta(days=1))
    assert tell() == {}


def test_what_was_told_before_is_told_again_if_another_may_have_been_taken_since(bring, ledger, tell, clock, now):
    """Doubt was told; that it was not sent was told, too, and the answer lost; and then it is in doubt again."""
    reminder = bring(State.UNCERTAIN)
    tell()
    ledger.move("r1", now, [Change(reminder.id, State.RETRY)])
    assert tell("no-answer")["a1"].told is Told.WAITING
    bring(State.UNCERTAIN)
    clock.advance(FIRST_WAIT)
    assert tell()["a1"].told is Told.UNCERTAIN
    clock.advance(timedelta(days=1))
    assert tell() == {}


def test_a_clock_that_was_ahead_silences_nothing(bring, tell, clock):
    """By a month, for one run; once it is set right, what was tried then is tried again."""
    bring(State.ACCEPTED)
    clock.advance(timedelta(days=30))
    assert list(tell("status-500")) == ["a1"]
    clock.advance(timedelta(days=-30))
    assert list(tell()) == ["a1"]


@pytest.mark.parametrize("tried", [False, True])
def test_what_is_given_back_stands_as_it_stood(bring, backlog, tell, clock, now, *, tried):
    """With when it was tried before, and how often; or that it was not."""
    reminder = bring(State.ACCEPTED)
    if tried:
        tell("status-404")
    clock.advance(FIRST_WAIT)
    before = backlog.standing([reminder.id]).get(reminder.id)
    backlog.give_back(next(backlog.to_tell(now)))
    standing = backlog.standing([reminder.id])[reminder.id]
    assert (standing == before) is tried
    assert tried or (standing.written, standing.at, standing.attempts) == (None, None, 0)
    assert list(tell()) == ["a1"]


def test_what_another_run_has_begun_with_is_not_given_back(bring, backlog, url, clock, now):
    """It took this one so long that the other found it dead."""
    reminder = bring(State.ACCEPTED)
    mine = next(backlog.to_tell(now))
    clock.advance(FIRST_WAIT)
    with closing(SqlWrittenBack(open_database(url, create=False, read_only=False, patience=1), clock)) as other:
        assert next(other.to_tell(now)) == mine
    backlog.give_back(mine)
    standing = backlog.standing([reminder.id])[reminder.id]
    assert (standing.at, standing.attempts) == (clock.now, 2)


def test_what_is_refused_keeps_nothing_waiting(bring, backlog, tell, clock, now):
    """What was not tried yet comes first, whatever its state and visit; then what was tried the longest ago."""
    for n in range(1, 23):
        bring(State.UNDELIVERED, n)
    first = list(tell("status-403"))
    clock.advance(timedelta(seconds=1))
    bring(State.REJECTED, 30)
    assert list(tell("status-403")) == ["a30"]
    clock.advance(timedelta(seconds=1))
    bring(State.UNDELIVERED, 31)
    assert list(tell("status-403")) == ["a31"]
    bring(State.DELIVERED, 40)
    clock.advance(FIRST_WAIT)
    given = [notice.appointment for notices in backlog.to_tell(now) for notice in notices]
    assert (given[0], sorted(given[1:23]), given[23:]) == ("a40", sorted(first), ["a30", "a31"])


def test_what_is_outstanding_is_counted(bring, ledger, backlog, tell, clock, now):
    """By its code; one whose run did not come to record it has none, and one that was not tried yet is told apart."""
    for n in (1, 2):
        bring(State.DELIVERED, n)
    tell("status-422")
    reminder = bring(State.ACCEPTED, 3)
    next(backlog.to_tell(now))
    bring(State.UNCERTAIN, 4)
    bring(State.RETRY, 5)
    assert backlog.outstanding(now) == {"status-422": 2, "interrupted": 1, NOT_TRIED: 1}
    assert backlog.outstanding(reminder.start + SPAN) == {}
    clock.advance(FIRST_WAIT)
    tell()
    assert backlog.outstanding(now) == {}


def test_what_is_never_told_is_not_outstanding(bring, ledger, backlog, database, tell, now):
    """What was erased, and what went to the outbox."""
    bring(State.UNCERTAIN)
    bring(State.ACCEPTED, 2, provider="outbox/0123456789ab")
    tell("status-422")
    assert backlog.outstanding(now) == {"status-422": 1}
    erase(database, "e", now, "p1")
    assert backlog.outstanding(now) == {}
