"""One pass and the next: what is told, what is sent, what stands in the ledger."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from facts import NOW, START, TELEFON, UNKNOWN, days, rules
from journal import Desk, Journal, booking, person, statement

from fhirnotify.core.model import Attendance, Identifier, InvalidBooking, Link, PatientRef, Period, Telecom
from fhirnotify.errors import AccountFault, IncompleteRead, LedgerError
from fhirnotify.explain import explain
from fhirnotify.ledger.port import State
from fhirnotify.sms.gateway import CannotTell, Deferred, Rejected, Unknown
from fhirnotify.sms.memory import MemoryGateway

DECLINED = Attendance(PatientRef("p1"), attends=False)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SENT = ("remind", None, "accepted")


def already(outcome):
    """What is told of a reminder that an earlier run made."""
    return ("already", None, outcome)


def skipped(reason, outcome=None):
    """What is told of somebody who is not reminded."""
    return ("skip", reason, outcome)


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


def test_several_patients_of_one_appointment():
    """One row and one message each; who declined gets none."""
    desk = Desk()
    desk.book(1)
    desk.book(2)
    desk.book(3)
    both = (Attendance(PatientRef("p1")), Attendance(PatientRef("p2")), Attendance(PatientRef("p3"), attends=False))
    desk.journal.appointments_by = {"a1": booking("a1", attendances=both)}
    desk.run()
    assert desk.told() == {("a1", "p1"): SENT, ("a1", "p2"): SENT, ("a1", "p3"): skipped("not-attending")}


def merge(desk, old, new, *, back=True):
    """Merge one record into another, as a journal system does."""
    desk.journal.put(replace(desk.journal.people[old], active=False, links=(Link("replaced-by", PatientRef(new)),)))
    if back:
        desk.journal.put(replace(desk.journal.people[new], links=(Link("replaces", PatientRef(old)),)))


@pytest.mark.parametrize("names_the_old_record", [True, False])
def test_a_patient_merged_between_two_passes_is_not_reminded_twice(names_the_old_record):
    """Whether the appointment still names the old record or names the survivor."""
    desk = Desk()
    desk.book(1)
    desk.run()
    desk.journal.put(person("p9", telecoms=(Telecom("phone", "070-174 06 99"),)), statement("c9", patient="p9"))
    merge(desk, "p1", "p9")
    if not names_the_old_record:
        desk.journal.put(booking("a1", attendances=(Attendance(PatientRef("p9")),)))
    summary = desk.run(MINUTE)
    assert (summary.sent, summary.already, len(desk.gateway.taken)) == (0, 1, 1)


def test_a_merge_that_the_survivor_does_not_tell_of_is_found_by_the_ledgers_record():
    """The ledger knows the old record, and the old record leads to the survivor."""
    desk = Desk()
    desk.book(1)
    desk.run()
    desk.journal.put(person("p9", telecoms=(Telecom("phone", "070-174 06 99"),)), statement("c9", patient="p9"))
    merge(desk, "p1", "p9", back=False)
    desk.journal.put(booking("a1", attendances=(Attendance(PatientRef("p9")),)))
    assert desk.run(MINUTE).already == 1


def test_two_records_of_one_person_are_one_row_named_by_the_survivor():
    """And the consents of every record count: a deny on the old one silences."""
    desk = Desk()
    desk.book(1)
    desk.book(2)
    merge(desk, "p1", "p2")
    desk.journal.appointments_by = {
        "a1": booking("a1", attendances=(Attendance(PatientRef("p1")), Attendance(PatientRef("p2"))))
    }
    desk.plan()
    assert desk.told() == {("a1", "p2"): ("remind", None, None)}
    desk.journal.put(statement("c1", patient="p1", decision="deny"))
    desk.plan()
    assert desk.told() == {("a1", "p2"): skipped("consent-denied")}


@pytest.mark.parametrize(
    ("patients", "typed", "expected"),
    [
        (["p1"], True, {("a1", "p1"): SENT}),
        ([], True, {("a1", None): skipped("patient-unreadable")}),
        (["p1", "p2"], True, {("a1", None): skipped("patient-unreadable")}),
        (["p1"], False, {("a1", "p1"): SENT}),
        ([], False, {("a1", None): skipped("patient-unreadable")}),
    ],
)
def test_a_logical_reference_must_give_exactly_one_patient(patients, typed, expected):
    """None or several leave doubt about whom the appointment is for."""
    desk = Desk()
    desk.book(1)
    desk.book(2)
    number = Identifier("http://electronichealth.se/identifier/personnummer", "191212121212")
    desk.journal.identifiers[number] = patients
    who = (Attendance(PatientRef(identifier=number, typed=typed)),)
    desk.journal.appointments_by = {"a1": booking("a1", attendances=who)}
    desk.run()
    assert desk.told() == expected


@pytest.mark.parametrize(
    ("reference", "patient"),
    [(PatientRef("gone"), "gone"), (PatientRef(), None), (PatientRef("#dangling"), None)],
)
def test_a_patient_who_cannot_be_found(reference, patient):
    """Deleted, on another server, or contained nowhere."""
    desk = Desk()
    desk.journal.put(booking("a1", attendances=(Attendance(reference),)))
    desk.run()
    assert desk.told() == {("a1", patient): skipped("patient-unreadable")}


def test_a_contained_patient_has_no_consent():
    """Nobody can consent for a record that exists only inside an appointment."""
    desk = Desk()
    inside = PatientRef("#p1", contained=person("#p1"))
    desk.journal.put(booking("a1", attendances=(Attendance(inside),)), statement("c1", patient="p1"))
    desk.run()
    assert desk.told() == {("a1", "p1"): skipped("no-consent")}


@pytest.mark.parametrize("other", ["#p1", "#elsewhere", "p9"])
def test_a_contained_patient_that_says_it_was_replaced(other):
    """By itself, by what is nowhere, or by a record that is gone: there is nobody to remind."""
    desk = Desk()
    inside = PatientRef("#p1", contained=person("#p1", links=(Link("replaced-by", PatientRef(other)),)))
    desk.journal.put(booking("a1", attendances=(Attendance(inside),)))
    desk.run()
    assert set(desk.told().values()) == {skipped("patient-unreadable")}


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


def test_what_is_deferred_is_retried_by_a_later_run_after_a_re_check():
    """Not before its time, and then as any other."""
    answers = [Deferred("busy", timedelta(minutes=10))]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, "retry")}
    assert summary.pending == 1
    desk.run(5 * MINUTE)
    assert desk.told() == {("a1", "p1"): already("retry")}
    desk.run(5 * MINUTE)
    assert desk.told() == {("a1", "p1"): SENT}


def test_a_provider_that_asks_for_a_long_wait_is_tried_again_after_a_quarter_of_an_hour():
    """At most 15 minutes on."""
    desk = Desk(gateway=MemoryGateway(lambda _: Deferred("busy", timedelta(hours=5))))
    desk.book(1)
    desk.run()
    (reminder,) = desk.ledger.of_appointments(["a1"])
    assert reminder.next_attempt == NOW + 15 * MINUTE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda desk: desk.journal.put(statement("c1", decision="deny")), "consent-denied"),
        (lambda desk: desk.journal.put(statement("c1", period=days(-2, -1))), "consent-expired"),
        (lambda desk: desk.journal.put(booking("a1", status="cancelled")), "not-booked"),
        (lambda desk: desk.journal.put(booking("a1", start=START + 90 * HOUR)), "not-booked"),
        (lambda desk: desk.journal.appointments_by.clear(), "not-booked"),
        (lambda desk: desk.journal.put(booking("a1", attendances=(DECLINED,))), "not-attending"),
        (lambda desk: desk.journal.put(person("p1", deceased=True)), "patient-deceased"),
    ],
)
def test_a_retry_is_withdrawn_when_the_re_check_says_no(change, reason):
    """The facts of a later run decide, also when the appointment is no longer in the window."""
    answers = [Deferred("busy")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    change(desk)
    summary = desk.run(15 * MINUTE)
    assert desk.told() == {("a1", "p1"): skipped(reason, "withdrawn")}
    assert (summary.considered, summary.skipped, len(desk.gateway.taken)) == (1, 1, 0)


def test_what_was_withdrawn_is_reminded_of_if_a_later_run_says_yes():
    """Nothing was sent, and the patient has consented again."""
    answers = [Deferred("busy")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    desk.journal.put(statement("c1", decision="deny"))
    desk.run(15 * MINUTE)
    desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): skipped("consent-denied")}
    desk.journal.put(statement("c1"))
    desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): SENT}
    assert len(desk.gateway.taken) == 1


def test_a_moved_appointment_has_one_row_though_its_old_reminder_waits_for_a_retry():
    """The old time is withdrawn in the ledger, the new one is sent."""
    answers = [Deferred("busy")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    desk.journal.put(booking("a1", start=START + HOUR))
    summary = desk.run(15 * MINUTE)
    assert desk.told() == {("a1", "p1"): SENT}
    assert summary.considered == 1
    assert [reminder.state for reminder in desk.ledger.of_appointments(["a1"])] == ["withdrawn", "accepted"]


def test_a_retry_that_comes_too_late_expires():
    """Less than four hours before the visit nobody is reminded; a person is told."""
    desk = Desk(gateway=MemoryGateway(lambda _: Deferred("busy")), settings=rules(quiet_until=time(21)))
    desk.book(1)
    desk.run()
    desk.watch.moment = START - 4 * HOUR + MINUTE
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, "expired")}
    assert (summary.failed, summary.exit_code()) == (1, 6)
    desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): already("expired")}


def test_what_the_provider_refuses_has_failed():
    """It is not tried again, and a person is told once."""
    desk = Desk(gateway=MemoryGateway(lambda _: Rejected("Invalid to number")))
    desk.book(1)
    summary = desk.run()
    assert (summary.failed, summary.exit_code()) == (1, 6)
    summary = desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): already("rejected")}
    assert (summary.exit_code(), len(desk.gateway.attempts)) == (0, 1)


@pytest.mark.parametrize(("was_taken", "sent"), [(True, 1), (False, 2)])
def test_what_is_unknown_is_settled_by_the_provider(was_taken, sent):
    """It was taken: accepted. It certainly was not: tried again, by a later run, and once."""
    answers = [Unknown("read-timeout")]
    gateway = MemoryGateway(lambda _: answers.pop() if answers else None, taken_when_unknown=was_taken)
    desk = Desk(gateway=gateway)
    desk.book(1)
    desk.run()
    assert desk.told() == {("a1", "p1"): SENT if was_taken else ("remind", None, "retry")}
    desk.run(MINUTE)
    assert desk.states() == {"a1": "accepted"}
    assert (len(gateway.taken), len(gateway.attempts)) == (1, sent)


def test_what_stays_unknown_is_never_sent_again_and_needs_a_person():
    """Exit 6 as long as it is in the window."""
    desk = Desk(gateway=MemoryGateway(lambda _: Unknown("read-timeout"), knows=False))
    desk.book(1)
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, "uncertain")}
    assert (summary.uncertain, summary.exit_code()) == (1, 6)
    summary = desk.run(HOUR)
    assert desk.told() == {("a1", "p1"): already("uncertain")}
    assert (summary.already, summary.exit_code(), len(desk.gateway.attempts)) == (1, 6, 1)


def test_what_is_uncertain_of_a_cancelled_visit_is_told_too():
    """It may have been sent, and the visit is not; once the time has passed it is of no use to anybody."""
    desk = Desk(gateway=MemoryGateway(lambda _: Unknown("read-timeout"), knows=False))
    desk.book(1)
    desk.run()
    desk.journal.put(booking("a1", status="cancelled"))
    assert desk.run(MINUTE).exit_code() == 6
    assert desk.told() == {("a1", "p1"): already("uncertain")}
    desk.journal.put(booking("a1", start=START + HOUR))
    desk.gateway._script = lambda _: None
    desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): SENT}
    desk.watch.moment = START + MINUTE
    desk.journal.appointments_by.clear()
    assert desk.run().exit_code() == 0


def test_a_provider_that_may_still_take_a_message_is_not_believed_that_it_has_not():
    """Not before every request must have come to an end."""
    gateway = MemoryGateway(lambda _: Unknown("read-timeout"))
    gateway.settle = timedelta(seconds=20)
    desk = Desk(gateway=gateway)
    desk.book(1)
    assert desk.run().uncertain == 1
    assert desk.run(timedelta(seconds=60)).unsettled == 1
    desk.gateway._script = lambda _: None
    assert desk.run(timedelta(seconds=11)).sent == 1


def test_another_account_is_not_asked_about_what_it_never_got():
    """Its not knowing a message proves nothing when another account was configured at the time."""
    desk = Desk(gateway=MemoryGateway(lambda _: Unknown("read-timeout"), knows=False))
    desk.book(1)
    desk.run()
    desk.gateway = MemoryGateway()
    desk.gateway.account = "another"
    desk.run(HOUR)
    assert desk.told() == {("a1", "p1"): already("uncertain")}
    assert desk.gateway.taken == []


def test_what_a_dead_run_was_sending_is_uncertain_and_asked_about():
    """It is the state, not a guess, that decides what happens next."""
    desk = Desk(gateway=MemoryGateway(knows=False))
    desk.book(1)
    desk.gateway.send = lambda _: (_ for _ in ()).throw(SystemExit)
    job = desk.job()
    job.ledger.begin("dead", NOW)
    desk.journal.put()
    from fhirnotify.core.answer import Evidence
    from fhirnotify.core.model import ContactType
    from fhirnotify.ledger.port import Change, Claim

    job.ledger.claim("dead", NOW, [Claim("a1", "p1", START, ContactType.VIDEO, Evidence("Appointment/a1"), 2)], [])
    (reminder,) = job.ledger.take("dead", NOW, 1)
    job.ledger.move("dead", NOW, [Change(reminder.id, State.SENDING, provider="memory")])
    summary = desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): ("remind", None, "uncertain")}
    assert summary.exit_code() == 6


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
        move(run, at, changes)

    desk.ledger.move = fail_after_the_first
    with pytest.raises(LedgerError) as stopped:
        desk.run()
    assert stopped.value.summary.complete is False
    assert len(desk.gateway.taken) <= 2
    desk.ledger.move = move
    assert desk.run(MINUTE).sent == 5
    assert len(desk.gateway.taken) == 5


class Ticking:
    """A clock that goes on by some minutes each time it is asked for the run's time, and so does real time."""

    def __init__(self, desk, step):
        self._desk, self._step = desk, step

    def now(self):
        self._desk.watch.moment += self._step
        return self._desk.watch.moment

    def real(self):
        return self._desk.watch.moment


def ticking(desk, step):
    """Let the desk's clock go on while a pass is at work."""
    job = desk.job()
    desk.job = lambda: replace(job, clock=Ticking(desk, step), stop=desk.stop, gateway=desk.gateway)


def test_what_is_deferred_while_the_clock_goes_on_waits_for_a_later_run():
    """Each reminder has one row, also when a retry comes due before the run is over."""
    desk = Desk(gateway=MemoryGateway(lambda _: Deferred("busy")))
    for number in range(1, 4):
        desk.book(number)
    ticking(desk, 2 * MINUTE)
    summary = desk.run()
    assert set(desk.told().values()) == {("remind", None, "retry")}
    assert (summary.considered, summary.pending, len(desk.gateway.attempts)) == (3, 3, 3)


def test_what_the_provider_never_took_has_one_row_when_it_is_sent_after_all():
    """Asked about, not found, due at once, and sent by the same run."""
    answers = [Unknown("read-timeout")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.gateway.settle = timedelta(seconds=1)
    desk.book(1)
    assert desk.run().uncertain == 1
    ticking(desk, MINUTE)
    summary = desk.run(HOUR)
    assert desk.told() == {("a1", "p1"): SENT}
    assert (summary.considered, summary.sent) == (1, 1)


def test_a_retry_that_falls_due_while_the_run_works_is_left_to_the_next():
    """What is due is judged by the moment at which the run began."""
    answers = [Deferred("busy", 10 * MINUTE)]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    ticking(desk, 6 * MINUTE)
    desk.run()
    assert desk.told() == {("a1", "p1"): already("retry")}


def test_a_number_whose_period_has_ended_since_is_not_asked_about_in_place_of_the_one_that_was_used():
    """What was sent is rendered as of the moment at which it was sent."""
    desk = Desk(gateway=MemoryGateway(lambda _: Unknown("read-timeout"), knows=False))
    desk.book(1)
    soon = NOW + 30 * MINUTE
    both = (
        Telecom("phone", "070-174 06 11", "mobile", period=Period(None, soon)),
        Telecom("phone", "070-174 06 22", "home"),
    )
    desk.journal.put(person("p1", telecoms=both))
    desk.run()
    asked = []
    desk.gateway.find = lambda trace: asked.append(trace.sms.to) or CannotTell("no")
    desk.run(HOUR)
    assert asked == ["+46701740611"]


def test_a_refused_account_leaves_a_row_for_every_appointment_though_something_is_uncertain():
    """The provider refuses to be asked; what is due stays claimed, and is told."""
    desk = Desk(gateway=MemoryGateway(lambda _: Unknown("read-timeout"), knows=False))
    desk.book(1)
    desk.run()
    desk.book(2)
    desk.gateway.find = lambda _: (_ for _ in ()).throw(AccountFault("No."))
    with pytest.raises(AccountFault) as stopped:
        desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): already("uncertain"), ("a2", "p2"): ("remind", None, "claimed")}
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


def test_a_plan_tells_of_what_earlier_runs_left_what_a_run_would_do():
    """A retry that is due would be sent, or withdrawn; one that is not due stands."""
    desk = Desk(gateway=MemoryGateway(lambda _: Deferred("busy", 10 * MINUTE)))
    desk.book(1)
    desk.run()
    desk.plan()
    assert desk.told() == {("a1", "p1"): already("retry")}
    desk.watch.moment += 15 * MINUTE
    desk.plan()
    assert desk.told() == {("a1", "p1"): ("remind", None, None)}
    desk.journal.put(statement("c1", decision="deny"))
    desk.plan()
    assert desk.told() == {("a1", "p1"): skipped("consent-denied")}
    assert desk.states() == {"a1": "retry"}


def test_a_cancelled_visit_does_not_fail_for_having_waited_too_long():
    """Nobody need be woken for a reminder that nobody needs."""
    desk = Desk(gateway=MemoryGateway(lambda _: Deferred("busy")), settings=rules(quiet_until=time(21)))
    desk.book(1)
    desk.run()
    desk.journal.put(booking("a1", status="cancelled"))
    desk.watch.moment = START - HOUR
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): skipped("not-booked", "withdrawn")}
    assert summary.exit_code() == 0


def test_the_last_verdict_kept_is_that_of_the_re_check():
    """What the ledger says of a withdrawn reminder is why it was withdrawn."""
    answers = [Deferred("busy")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    desk.journal.put(statement("c1", decision="deny"))
    desk.run(15 * MINUTE)
    assert [kept.verdict.reason for kept in desk.ledger.verdicts("a1")] == ["consent-denied"]


def test_a_consent_behind_two_merges_counts():
    """Told by the old records alone: the appointment names the survivor, the deny stands two records back."""
    desk = Desk()
    desk.book(1)
    desk.journal.put(
        person("p0", links=(Link("replaced-by", PatientRef("px")),)),
        person("px", links=(Link("replaced-by", PatientRef("p1")),)),
        statement("c0", patient="p0", decision="deny"),
    )
    desk.run()
    assert desk.told() == {("a1", "p1"): skipped("consent-denied")}


@pytest.mark.parametrize("back", [True, False])
def test_a_consent_on_another_record_that_the_survivor_replaced_counts(back):
    """The appointment names one old record, the deny stands on another that only it itself tells of."""
    desk = Desk()
    desk.book(1)
    desk.journal.put(person("p9", telecoms=(Telecom("phone", "070-174 06 99"),)))
    merge(desk, "p1", "p9", back=back)
    desk.journal.put(
        person("p5", links=(Link("replaced-by", PatientRef("p9")),)), statement("c5", patient="p5", decision="deny")
    )
    desk.run()
    assert desk.told() == {("a1", "p9"): skipped("consent-denied")}


@pytest.mark.parametrize("same_appointment", [True, False])
def test_two_patients_who_turn_out_to_be_one_get_one_message(same_appointment):
    """One was reminded, the other waits for a retry, and then their records are merged."""
    desk = Desk()
    desk.book(1)
    desk.book(2)
    if same_appointment:
        both = (Attendance(PatientRef("p1")), Attendance(PatientRef("p2")))
        desk.journal.appointments_by = {"a1": booking("a1", attendances=both)}
    second = "+46701740607"
    desk.gateway._script = lambda sms: Deferred("busy") if sms.to == second else None
    desk.run()
    assert len(desk.gateway.taken) == 1
    merge(desk, "p2", "p1")
    desk.gateway._script = lambda _: None
    summary = desk.run(15 * MINUTE)
    assert len(desk.gateway.taken) == 1
    expected = {("a1", "p1"): already("accepted")}
    if not same_appointment:
        expected["a2", "p1"] = skipped("duplicate-booking", "withdrawn")
    assert desk.told() == expected
    assert summary.sent == 0


def test_an_uncertain_reminder_of_a_merged_patient_has_one_row():
    """Named by the record that has survived."""
    desk = Desk(gateway=MemoryGateway(lambda _: Unknown("read-timeout"), knows=False))
    desk.book(1)
    desk.run()
    desk.journal.put(person("p9"), statement("c9", patient="p9"))
    merge(desk, "p1", "p9")
    desk.journal.put(booking("a1", attendances=(Attendance(PatientRef("p9")),)))
    summary = desk.run(MINUTE)
    assert desk.told() == {("a1", "p9"): already("uncertain")}
    assert summary.unsettled == 1


def test_a_retry_outside_the_window_that_becomes_uncertain_has_one_row():
    """The lead was shortened since."""
    answers = [Deferred("busy"), Unknown("read-timeout")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop(0), knows=False))
    desk.book(1)
    desk.run()
    desk.settings = rules(lead=12 * HOUR)
    summary = desk.run(15 * MINUTE)
    assert desk.told() == {("a1", "p1"): ("remind", None, "uncertain")}
    assert summary.considered == 1


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


def test_a_withdrawal_is_told_and_kept_by_what_it_rests_on():
    """The Consent that says no, in the version that says it; and not over the decision on the visit's new time."""
    answers = [Deferred("busy")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    desk.journal.put(statement("c1", decision="deny", ref="Consent/c1/_history/2"))
    desk.run(15 * MINUTE)
    (row,), (kept,) = desk.rows, desk.ledger.verdicts("a1")
    assert row.evidence.consent == kept.verdict.evidence.consent == ("Consent/c1/_history/2",)

    answers.append(Deferred("busy"))
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    desk.journal.put(booking("a1", start=START + HOUR))
    desk.run(15 * MINUTE)
    (kept,) = desk.ledger.verdicts("a1")
    assert (kept.verdict.start, kept.verdict.reason) == (START + HOUR, None)


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
