"""One pass and the next: what is told, what is sent, what stands in the ledger."""

from dataclasses import replace

import pytest
from facts import NOW, START, TELEFON, UNKNOWN, rules
from journal import HOUR, MINUTE, SENT, Desk, Journal, already, booking, skipped, statement

from fhirnotify.explain import explain


def test_a_first_pass_sends_and_a_second_sends_nothing():
    """Every patient of every appointment has one row, and the summary adds up."""
    desk = Desk()
    desk.book(1)
    desk.book(2, codings=(UNKNOWN,))
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): SENT, ("a2", "p2"): skipped("contact-type-unmapped")}
    assert (summary.considered, summary.sent, summary.skipped, summary.exit_code()) == (2, 1, 1, 0)
    summary = desk.run(MINUTE)
    assert desk.told()["a1", "p1"] == already("accepted")
    assert (summary.sent, summary.already, len(desk.gateway.taken)) == (0, 1, 1)


def test_the_message_is_what_was_decided():
    """To the patient's number, by the reminder's own opaque reference."""
    desk = Desk()
    desk.book(1)
    desk.run()
    (sms,) = desk.gateway.taken
    (reminder,) = desk.ledger.of_appointments(["a1"])
    assert (sms.reference, sms.to, sms.sender) == (reminder.id, "+46701740606", "RegionVB")
    assert sms.text.startswith("Påminnelse till Anna: Du har ett videobesök 2026-11-24 klockan 10.00 med")


def test_a_second_pass_reads_no_patient_of_what_the_ledger_holds():
    """Patients and Consents are asked for only for what is new."""
    desk = Desk()
    desk.book(1)
    desk.run()
    desk.journal.asked.clear()
    desk.run(MINUTE)
    assert [what for what, _ in desk.journal.asked] == ["Appointment"]


def test_what_is_fresh_is_not_read_again_before_sending_and_what_is_old_is():
    """Facts older than five minutes are read anew: a consent withdrawn meanwhile counts."""
    desk = Desk()
    desk.book(1)
    desk.run()
    assert [what for what, _ in desk.journal.asked] == ["Appointment", "Patient", "Consent"]

    desk = Desk(journal=Journal(page_size=1))
    desk.book(1)
    desk.book(2, start=START + HOUR)

    def withdraw_while_reading(stage, done):
        if stage == "read" and done == 2:
            desk.watch.moment += 6 * MINUTE
            desk.journal.put(statement("c2", patient="p2", decision="deny"))

    desk.on_progress = withdraw_while_reading
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): SENT, ("a2", "p2"): skipped("consent-denied", "withdrawn")}
    assert (summary.considered, summary.skipped, summary.reasons) == (2, 1, {"consent-denied": 1})


def test_a_moved_appointment_is_reminded_of_anew():
    """A new start is a new reminder; the one before stays as it was."""
    desk = Desk()
    desk.book(1)
    desk.run()
    desk.journal.put(replace(desk.journal.appointments_by["a1"], start=START + HOUR))
    assert desk.run(MINUTE).sent == 1
    assert [sms.text.split("klockan ")[1][:5] for sms in desk.gateway.taken] == ["10.00", "11.00"]


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("page_size", [1, 100])
def test_of_duplicate_bookings_the_smallest_id_is_reminded(page_size, in_order):
    """Also when a later page of a server that ignores the order brings the smaller one."""
    desk = Desk(journal=Journal(page_size))
    desk.journal.in_order = in_order
    desk.book(1)
    same = desk.journal.appointments_by["a1"].attendances
    desk.journal.appointments_by = {
        one: booking(one, attendances=same, **facts)
        for one, facts in {"a3": {}, "a2": {}, "a1": {}, "a4": {"codings": (TELEFON,)}}.items()
    }
    summary = desk.run()
    told = {appointment: answer for (appointment, _), answer in desk.told().items()}
    assert told["a1"] == told["a4"] == SENT
    assert {told["a2"][1], told["a3"][1]} == {"duplicate-booking"}
    assert (summary.considered, summary.sent, summary.skipped) == (4, 2, 2)


def test_a_duplicate_of_an_earlier_runs_reminder():
    """Whatever its id: what was reminded of was reminded of."""
    desk = Desk()
    desk.book(1)
    desk.run()
    desk.journal.put(booking("a0"))
    desk.run(MINUTE)
    assert desk.told()["a0", "p1"] == skipped("duplicate-booking")


@pytest.mark.parametrize("page_size", [1, 100])
def test_a_number_shared_at_one_start(page_size):
    """By setting, neither of two patients is reminded, on one page or over two."""
    desk = Desk(journal=Journal(page_size), settings=rules(shared_number="skip"))
    desk.book(1)
    desk.book(96)
    summary = desk.run()
    assert set(desk.told().values()) == {("skip", "no-mobile-number", None)}
    assert (summary.skipped, len(desk.gateway.taken)) == (2, 0)


def test_quiet_hours_hold_everything_and_the_first_run_after_sends_it():
    """Decided and counted at night, sent in the morning; at night nothing is claimed."""
    desk = Desk()
    desk.book(1)
    desk.book(2, codings=(UNKNOWN,))
    desk.watch.moment = NOW.replace(hour=4)
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, "held"), ("a2", "p2"): skipped("contact-type-unmapped")}
    assert (summary.pending, summary.exit_code(), desk.states()) == (1, 0, {})
    assert desk.run(3 * HOUR).sent == 1


def test_a_plan_tells_what_would_be_sent_and_changes_nothing():
    """Also beside a ledger that holds something."""
    desk = Desk()
    desk.book(1)
    desk.run()
    desk.book(2)
    summary = desk.plan()
    assert desk.told() == {("a1", "p1"): already("accepted"), ("a2", "p2"): ("remind", None, None)}
    assert (summary.pending, len(desk.gateway.taken), desk.states()) == (1, 1, {"a1": "accepted"})


def test_explain_tells_of_a_duplicate_booking():
    """It would not be reminded of, since another one was."""
    desk = Desk()
    desk.book(1)
    desk.journal.put(booking("a2"))
    desk.run()
    assert [row.reason for row in explain(desk.job(), "a2").rows] == ["duplicate-booking"]
    assert [row.decision for row in explain(desk.job(), "a1").rows] == ["remind"]


def test_unmapped_codes_are_counted_once_for_each_appointment():
    """However often the job runs."""
    desk = Desk()
    desk.book(1, codings=(UNKNOWN,))
    desk.book(2, codings=(UNKNOWN,))
    desk.run()
    desk.run(MINUTE)
    assert [(one.coding, one.count) for one in desk.ledger.unmapped()] == [(UNKNOWN, 2)]
