"""What stops a pass, and what is told then."""

import pytest
from facts import START
from journal import HOUR, MINUTE, SENT, Desk, Journal, already, booking, skipped

from fhirnotify.core.model import InvalidBooking
from fhirnotify.errors import AccountFault, IncompleteRead, LedgerError
from fhirnotify.ledger.port import State
from fhirnotify.sms.gateway import Unknown
from fhirnotify.sms.memory import MemoryGateway


def test_one_broken_appointment_stops_nobody():
    """It has one row without a patient; the others go on."""
    desk = Desk()
    desk.book(1)
    desk.journal.appointments_by["b1"] = InvalidBooking(
        "b1", "Appointment/b1", ("Appointment.status",), START, "booked"
    )
    desk.journal.appointments = lambda after, before: iter([list(desk.journal.appointments_by.values())])
    desk.run()
    assert desk.told() == {("b1", None): skipped("invalid-resource"), ("a1", "p1"): SENT}


def test_an_account_fault_stops_the_run_and_what_is_unsent_stays_claimed():
    """Every row is there, and the next run sends it all."""
    faults = [AccountFault("The provider refuses the password.")]
    desk = Desk(gateway=MemoryGateway(lambda _: faults[0] if faults else None), rate=5)
    for number in range(1, 6):
        desk.book(number)
    with pytest.raises(AccountFault) as stopped:
        desk.run()
    summary = stopped.value.summary
    assert set(desk.told().values()) == {("remind", None, "claimed")}
    assert (summary.considered, summary.pending, summary.complete) == (5, 5, True)
    assert set(desk.states().values()) == {"claimed"}
    with pytest.raises(AccountFault):
        desk.run(MINUTE)
    assert set(desk.told().values()) == {("remind", None, "claimed")}
    faults.clear()
    assert desk.run(MINUTE).sent == 5
    assert set(desk.told().values()) == {SENT}


def test_an_incomplete_read_sends_nothing():
    """What was claimed from the pages before is told, kept, and sent by the next run."""
    desk = Desk(journal=Journal(page_size=1))
    desk.book(1)
    desk.book(2, start=START + HOUR)

    def lose_the_second_patient(what):
        if what == "Patient" and desk.journal.asked[-1] == ("Patient", ("p2",)):
            raise IncompleteRead("A page was lost.")

    desk.journal.interrupt = lose_the_second_patient
    with pytest.raises(IncompleteRead) as stopped:
        desk.run()
    assert (stopped.value.summary.complete, stopped.value.summary.pending) == (False, 1)
    assert desk.told() == {("a1", "p1"): ("remind", None, "claimed")}
    assert desk.gateway.attempts == []
    desk.journal.interrupt = lambda _: None
    assert desk.run(MINUTE).sent == 2


def test_a_signal_while_reading_sends_nothing():
    """The read is incomplete, and the run says so."""
    desk = Desk(journal=Journal(page_size=1))
    desk.book(1)
    desk.book(2)
    desk.on_progress = lambda stage, done: desk.stop.set()
    with pytest.raises(IncompleteRead):
        desk.run()
    assert desk.gateway.attempts == []


def test_a_signal_while_sending_lets_what_is_in_flight_end():
    """What was not begun is told as claimed, and the next run sends it."""
    desk = Desk(rate=5)
    for number in range(1, 6):
        desk.book(number)

    def stop_at_the_first(_):
        desk.stop.set()

    desk.gateway._script = stop_at_the_first
    summary = desk.run()
    assert (summary.sent, summary.pending, summary.considered) == (1, 4, 5)
    assert sorted(desk.states().values()) == ["accepted"] + ["claimed"] * 4
    desk.stop.clear()
    desk.gateway._script = lambda _: None
    assert desk.run(MINUTE).sent == 4
    assert len(desk.gateway.taken) == 5


def test_a_ledger_that_fails_stops_the_run_at_once():
    """Nothing more is sent that could not be recorded."""
    desk = Desk(rate=5)
    for number in range(1, 6):
        desk.book(number)
    move = desk.ledger.move

    def fail_after_the_first(run, at, changes):
        if any(change.to is State.ACCEPTED for change in changes):
            raise LedgerError("The disk is full.")
        return move(run, at, changes)

    desk.ledger.move = fail_after_the_first
    with pytest.raises(LedgerError) as stopped:
        desk.run()
    assert stopped.value.summary.complete is False
    assert len(desk.gateway.taken) <= 2
    desk.ledger.move = move
    assert desk.run(MINUTE).sent == 5
    assert len(desk.gateway.taken) == 5


def test_a_provider_that_refuses_to_be_asked_about_what_is_uncertain_sends_all_the_same():
    """Its key may not read what was sent: that is told at the end, when everything that was due has been sent."""
    desk = Desk(gateway=MemoryGateway(lambda _: Unknown("read-timeout"), knows=False))
    desk.book(1)
    desk.run()
    desk.book(2)
    desk.gateway._script = lambda _: None
    desk.gateway.find = lambda _: (_ for _ in ()).throw(AccountFault("No."))
    with pytest.raises(AccountFault, match="asked for messages that are in doubt") as stopped:
        desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): already("uncertain"), ("a2", "p2"): SENT}
    assert stopped.value.summary.complete is True


def test_the_ledger_keeps_the_summary_that_was_given():
    """Complete or not, with what it cost."""
    desk = Desk()
    desk.book(1)
    kept = []
    desk.ledger.finish = lambda run, at, summary: kept.append(summary)
    summary = desk.run()
    desk.journal.interrupt = lambda _: (_ for _ in ()).throw(IncompleteRead("A page was lost."))
    with pytest.raises(IncompleteRead):
        desk.run(MINUTE)
    assert kept[0] == summary.as_json()
    assert kept[0]["fhir_requests"] == 3
    assert [one["complete"] for one in kept] == [True, False]


def test_a_refused_account_while_sending_leaves_the_row_of_a_cancelled_uncertain_one():
    """Every row is there."""
    desk = Desk(gateway=MemoryGateway(lambda _: Unknown("read-timeout"), knows=False))
    desk.book(1)
    desk.run()
    desk.journal.put(booking("a1", status="cancelled"))
    desk.book(2)
    desk.gateway._script = lambda _: AccountFault("No.")
    with pytest.raises(AccountFault):
        desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): already("uncertain"), ("a2", "p2"): ("remind", None, "claimed")}
