"""Runs: one after another, after a crash, and two at once."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from fhirnotify.errors import LedgerError
from fhirnotify.ledger.changes import LEASE
from fhirnotify.ledger.port import RUN_DIED, Change, State, Transition

alone = pytest.mark.parametrize("opened", ["sqlite"], indirect=True)
"""For a ledger that one run at a time works on."""

DYING_RUN = """
import sys, time
from datetime import UTC, datetime, timedelta
from fhirnotify.core.model import ContactType
from fhirnotify.core.answer import Evidence
from fhirnotify.ledger.port import Change, Claim, State
from fhirnotify.ledger.sql import SqlLedger

now = datetime(2026, 11, 22, 12, tzinfo=UTC)
ledger = SqlLedger(sys.argv[1])
ledger.begin("dying", now)
claims = [Claim(f"a{n}", "p", now + timedelta(hours=n), ContactType.VIDEO, Evidence("Appointment/a"), 1) for n in range(3)]
ledger.claim("dying", now, claims, [])
first, second, third = ledger.take("dying", now, 3)
ledger.move("dying", now, [Change(first.id, State.SENDING), Change(second.id, State.SENDING)])
ledger.move("dying", now, [Change(second.id, State.ACCEPTED, message_id="m")])
print("at work", flush=True)
time.sleep(600)
"""


@pytest.fixture
def dying_run(tmp_path):
    """A run in a process of its own, with one reminder in ``sending``, one accepted and one taken."""
    command = [sys.executable, "-c", DYING_RUN, f"sqlite:///{tmp_path}/ledger.db"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "at work\n"
            yield process
        finally:
            process.kill()


def test_a_dead_run_leaves_uncertainty(ledger, reach, clock, now):
    """What a dead run left in ``sending`` becomes ``uncertain`` when a run begins, and all that it took is free."""
    ledger.begin("r1", now)
    sending, taken = reach(State.SENDING, 1), reach(State.CLAIMED, 2)
    ledger.take("r1", now, 9)
    later = now + timedelta(minutes=5)
    clock.advance(LEASE)

    ledger.begin("r2", later)

    (uncertain,) = ledger.in_state(State.UNCERTAIN)
    assert (uncertain.id, uncertain.run, uncertain.code) == (sending.id, "r2", RUN_DIED)
    last = Transition(sending.id, later, "r2", State.SENDING, State.UNCERTAIN, RUN_DIED)
    assert ledger.transitions(sending.id)[-1] == last
    assert ledger.take("r2", later, 9) == [taken]


def test_runs_follow_each_other(ledger, claim_of, now):
    """A run begins after another has finished, and sees what it did."""
    ledger.begin("r1", now)
    ledger.claim("r1", now, [claim_of(1)], [])
    ledger.finish("r1", now, {"considered": 1, "reasons": {"no-consent": 1}})

    ledger.begin("r2", now)

    assert [each.run for each in ledger.of_appointments(["a1"])] == ["r1"]
    ledger.finish("r2", now, {})


def test_run_id_is_used_once(ledger, now):
    """Two runs cannot have one id."""
    ledger.begin("r1", now)
    ledger.finish("r1", now, {})

    with pytest.raises(LedgerError, match="already holds a run r1"):
        ledger.begin("r1", now)

    ledger.begin("r2", now)


@alone
def test_second_run_waits_for_the_first(opened, now):
    """While a run is at work another is refused, with the process to look for; afterwards it may begin."""
    first, second = opened(), opened()
    first.begin("r1", now)

    with pytest.raises(LedgerError, match=rf"Another run \(process {os.getpid()}\) is at work"):
        second.begin("r2", now)

    first.finish("r1", now, {})
    second.begin("r2", now)


@alone
def test_closing_gives_the_ledger_free(opened, now):
    """A run that is closed without a finish does not keep others out."""
    first, second = opened(), opened()
    first.begin("r1", now)
    first.close()

    second.begin("r2", now)


@alone
def test_refused_begin_does_not_hold(opened, now):
    """A run that could not begin does not keep others out."""
    first, second = opened(), opened()
    first.begin("r1", now)
    first.finish("r1", now, {})
    with pytest.raises(LedgerError):
        second.begin("r1", now)

    first.begin("r2", now)


@alone
def test_killed_run_is_recovered(dying_run, opened, now):
    """While a process holds the ledger nobody else can run; when it was killed, what it began is uncertain."""
    ledger = opened()
    with pytest.raises(LedgerError, match=rf"process {dying_run.pid}\)"):
        ledger.begin("r2", now)
    dying_run.send_signal(signal.SIGKILL)
    dying_run.wait()

    ledger.begin("r2", now)

    states = [each.state for each in ledger.of_appointments(["a0", "a1", "a2"])]
    assert states == [State.UNCERTAIN, State.ACCEPTED, State.CLAIMED]
    assert [each.appointment for each in ledger.take("r2", now, 9)] == ["a2"]


def test_first_claim_wins(opened, claim_of, now):
    """Of two that claim one reminder, the one that commits first has it."""
    one, other = opened(), opened()

    assert one.claim("r1", now, [claim_of(1), claim_of(2)], []) == [True, True]
    assert other.claim("r2", now, [claim_of(2), claim_of(3)], []) == [False, True]

    assert [each.run for each in one.of_appointments(["a1", "a2", "a3"])] == ["r1", "r1", "r2"]


def test_two_take_disjoint(opened, claim_of, now):
    """Two that take for sending never have one reminder."""
    one, other = opened(), opened()
    one.claim("r1", now, [claim_of(n, hours=n) for n in range(6)], [])

    taken = [ledger.take(run, now, 2) for run, ledger in (("r1", one), ("r2", other), ("r1", one), ("r2", other))]

    assert [[each.appointment for each in part] for part in taken] == [["a0", "a1"], ["a2", "a3"], ["a4", "a5"], []]


def test_everything_is_there_after_reopening(opened, claim_of, verdict_of, now):
    """What a method changed is there when the ledger is opened again."""
    first = opened()
    first.begin("r1", now)
    first.claim("r1", now, [claim_of(1)], [verdict_of(1, unmapped=())])
    (reminder,) = first.take("r1", now, 1)
    first.move("r1", now, [Change(reminder.id, State.SENDING, provider="outbox")])
    first.move("r1", now, [Change(reminder.id, State.ACCEPTED, message_id="m1")])
    first.finish("r1", now, {"sent": 1})
    held = first.of_appointments(["a1"]), first.transitions(reminder.id), first.verdicts("a1")
    first.close()

    again = opened()

    assert (again.of_appointments(["a1"]), again.transitions(reminder.id), again.verdicts("a1")) == held
