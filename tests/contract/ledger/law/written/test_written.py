"""What the journal system is still to be told of, and what it was: the same in every database."""

import threading
from contextlib import closing
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from fhirnotify.core.notice import Notice, Told
from fhirnotify.ledger.old_rows import Age
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.purging import Bounds, purge
from fhirnotify.ledger.subject import erase
from fhirnotify.ledger.written import CORRECTED, FIRST_WAIT, LONGEST_WAIT, SPAN, TOLD, wait
from fhirnotify.ledger.written_sql import SqlWrittenBack


@pytest.mark.parametrize("state", list(State))
def test_what_is_told_first(bring, tell, state):
    """Of what a provider has, had or may have had; not of what was certainly never sent, nor while it is being sent."""
    reminder = bring(state)
    told = TOLD.get(state)
    assert {visit: notice.told for visit, notice in tell().items()} == ({} if told is None else {"a1": told})
    assert tell() == {}
    assert told is None or reminder.state is state


@pytest.mark.parametrize(
    "path", [(State.RETRY,), (State.RETRY, State.WITHDRAWN), (State.RETRY, State.EXPIRED)], ids=lambda path: path[-1]
)
def test_what_was_told_is_corrected(bring, ledger, tell, now, path):
    """What was in doubt, and turns out not to have been sent, was told of: so that is told, too."""
    reminder = bring(State.UNCERTAIN)
    assert tell()["a1"].told is Told.UNCERTAIN
    for step in path:
        ledger.move("r1", now, [Change(reminder.id, step)])
    assert tell()["a1"].told is CORRECTED[path[-1]]
    assert tell() == {}


def test_every_state_is_thought_of():
    """Each is told, corrected, or only passed through."""
    assert {*TOLD, *CORRECTED, State.SENDING} == set(State)


def test_when_it_was_sent_is_when_the_last_request_began(bring, tell, clock):
    """By the real clock: the first one was certainly not taken."""
    reminder = bring(State.RETRY)
    clock.advance(timedelta(minutes=1))
    again = bring(State.ACCEPTED)
    assert again.sending_since == reminder.sending_since + timedelta(minutes=1)
    assert tell()["a1"].sent == again.sending_since


def test_delivered_is_told_with_when_it_was_learnt(bring, ledger, tell, now):
    """Once: a reminder that is told of in one state is told of again in the next, and then no more."""
    reminder = bring(State.ACCEPTED)
    assert tell()["a1"].received is None
    ledger.move("r2", now + timedelta(hours=1), [Change(reminder.id, State.DELIVERED)])
    assert tell() == {
        "a1": Notice(reminder.id, "a1", "p1", Told.DELIVERED, reminder.sending_since, now + timedelta(hours=1))
    }
    assert tell() == {}


def test_nobody_will_ever_know(bring, ledger, tell, now):
    """When the asking has ended, an accepted message is no longer in progress."""
    reminder = bring(State.ACCEPTED)
    assert tell()["a1"].told is Told.ACCEPTED
    ledger.move("r2", now, [Change(reminder.id, State.ACCEPTED, code="no-report")])
    assert tell()["a1"].told is Told.UNCONFIRMED
    assert tell() == {}


@pytest.mark.parametrize(("code", "dead"), [("dead-number EC_1", True), ("EC_2", False)])
def test_a_dead_number_is_told_of(bring, ledger, tell, now, code, dead):
    """It is data to mend; another reason is the provider's, and stays in the ledger."""
    reminder = bring(State.ACCEPTED)
    ledger.move("r2", now, [Change(reminder.id, State.UNDELIVERED, code=code)])
    assert tell()["a1"].dead_number is dead


def test_the_outbox_is_no_provider(bring, tell):
    """A rehearsal tells nothing."""
    bring(State.ACCEPTED, provider="outbox/0123456789ab")
    assert tell() == {}


def test_visits_of_long_ago_are_left_alone(bring, tell, now):
    """Told is of visits that are still to come and of the last week's, however much there is from before."""
    start = bring(State.DELIVERED).start
    assert tell(at=start + SPAN) == {}
    assert list(tell(at=start + SPAN - timedelta(seconds=1))) == ["a1"]


def test_what_was_in_vain_waits_longer_each_time(bring, backlog, tell, clock):
    """Ten minutes, then twice as long, at most a day; the code is kept until it is taken."""
    reminder = bring(State.ACCEPTED)
    for attempts in range(1, 12):
        assert list(tell("status-404")) == ["a1"]
        standing = backlog.standing([reminder.id])[reminder.id]
        assert (standing.written, standing.at, standing.attempts) == (None, clock.now, attempts)
        assert standing.code == "status-404"
        clock.advance(wait(attempts) - timedelta(seconds=1))
        assert tell() == {}
        clock.advance(timedelta(seconds=1))
    assert (wait(1), wait(2), wait(11)) == (FIRST_WAIT, 2 * FIRST_WAIT, LONGEST_WAIT)
    assert list(tell()) == ["a1"]
    standing = backlog.standing([reminder.id])[reminder.id]
    assert (standing.written, standing.attempts, standing.code) == (Told.ACCEPTED, 0, None)


def test_what_one_run_is_at_no_other_is_given(bring, backlog, url, clock, now):
    """Nor is it after a death, until the wait is over: so an older state never overwrites a newer one."""
    bring(State.ACCEPTED)
    (first,) = next(backlog.to_tell(now))
    with closing(SqlWrittenBack(open_database(url, create=False, read_only=False, patience=1), clock)) as other:
        assert list(other.to_tell(now)) == []
        clock.advance(FIRST_WAIT)
        assert list(other.to_tell(now)) == [[first]]


def test_what_has_changed_is_given_as_it_is_by_then(bring, ledger, backlog, now):
    """What was found and has become something else since is told of as that, later in the same pass."""
    reminders = [bring(State.UNDELIVERED, n) for n in range(1, 25)]
    open_ = bring(State.ACCEPTED, 30)
    given = []
    for notices in backlog.to_tell(now):
        if not given:
            ledger.move("r2", now, [Change(open_.id, State.DELIVERED)])
        backlog.told(dict.fromkeys(notices))
        given += notices
    assert len(given) == len(reminders) + 1
    assert given[-1].told is Told.DELIVERED


def test_what_was_not_tried_is_given_to_the_next_run(bring, backlog, tell, now):
    """At once, and with no attempt counted."""
    reminder = bring(State.ACCEPTED)
    backlog.give_back(next(backlog.to_tell(now)))
    assert backlog.standing([reminder.id])[reminder.id].attempts == 0
    assert list(tell()) == ["a1"]


def test_many_are_given_a_little_at_a_time(bring, backlog, now):
    """Each once, the latest visit first, whatever comes of them."""
    for n in range(1, 46):
        bring(State.DELIVERED, n)
    pages = []
    for notices in backlog.to_tell(now):
        backlog.told(dict.fromkeys(notices, None if len(pages) % 2 else "status-500"))
        pages.append(notices)
    assert [len(page) for page in pages] == [20, 20, 5]
    assert len({notice.reminder for page in pages for notice in page}) == 45


def test_of_what_was_erased_nothing_more_is_told(bring, ledger, database, tell, now):
    """Neither before the visit nor after; what the journal system holds by then is its own."""
    bring(State.UNCERTAIN)
    tell()
    erase(database, "e", now, "p1")
    ledger.move("r2", now, [Change(ledger.of_appointments(["a1"])[0].id, State.ACCEPTED)])
    assert tell() == {}


def test_what_is_purged_leaves_nothing(bring, database, backlog, tell, rows, stop):
    """What was told goes with its reminder."""
    reminder = bring(State.DELIVERED)
    tell()
    age = Age(reminder.start + timedelta(days=100), timedelta(days=90))
    purge(database, "p", age, ZoneInfo("Europe/Stockholm"), Bounds(60, stop), lambda _: None)
    assert rows("SELECT * FROM write_back") == []
    assert backlog.standing([reminder.id]) == {}


def test_runs_at_the_same_time_are_given_nothing_twice(bring, url, clock, now):
    """However many machines tell at once: each reminder is given to one of them."""
    for n in range(1, 41):
        bring(State.DELIVERED, n)
    given, together = [], threading.Barrier(3)

    def tell() -> None:
        with closing(SqlWrittenBack(open_database(url, create=False, read_only=False, patience=10), clock)) as mine:
            together.wait(30)
            for notices in mine.to_tell(now):
                given.extend(notices)

    machines = [threading.Thread(target=tell) for _ in range(3)]
    for each in machines:
        each.start()
    for each in machines:
        each.join(60)
    assert len(given) == len(set(given)) == 40
