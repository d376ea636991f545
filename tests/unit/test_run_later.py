"""What a later pass makes of what an earlier one left: retries, withdrawals, doubt."""

from datetime import time, timedelta

import pytest
from facts import NOW, START, TELEFON, VIDEO, days, rules
from journal import HOUR, MINUTE, SENT, Desk, already, booking, merge, person, skipped, statement, ticking

from fhirnotify.core.model import Attendance, InvalidBooking, PatientRef, Period, Telecom
from fhirnotify.ledger.port import State
from fhirnotify.sms.gateway import CannotTell, Deferred, Rejected, Unknown
from fhirnotify.sms.memory import MemoryGateway

DECLINED = Attendance(PatientRef("p1"), attends=False)


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
    assert desk.run(MINUTE).exit_code() == 6
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


def test_an_appointment_that_cannot_be_read_any_more_is_withdrawn():
    """What cannot be read is not sent on, and the path at fault is told."""
    answers = [Deferred("busy")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    desk.journal.appointments_by["a1"] = InvalidBooking("a1", "Appointment/a1", ("Appointment.start",), START, "booked")
    desk.journal.appointments = lambda after, before: iter([[]])
    desk.run(15 * MINUTE)
    assert desk.told() == {("a1", "p1"): skipped("invalid-resource", "withdrawn")}
    assert desk.rows[0].detail == ("Appointment.start",)


def test_a_patient_who_is_no_longer_among_the_participants_is_not_reminded():
    """The visit goes on without them."""
    answers = [Deferred("busy")]
    desk = Desk(gateway=MemoryGateway(lambda _: answers.pop() if answers else None))
    desk.book(1)
    desk.run()
    desk.book(2)
    desk.journal.appointments_by = {"a1": booking("a1", attendances=(Attendance(PatientRef("p2")),))}
    desk.run(15 * MINUTE)
    assert desk.told() == {("a1", "p1"): skipped("not-attending", "withdrawn"), ("a1", "p2"): SENT}


@pytest.mark.parametrize(("kind", "expected"), [(VIDEO, 1), (TELEFON, 2)])
def test_of_two_waiting_reminders_of_patients_merged_since_the_smaller_id_is_sent(kind, expected):
    """Unless they are of different kinds of visit."""
    desk = Desk(gateway=MemoryGateway(lambda _: Deferred("busy")))
    desk.book(1)
    desk.book(2, codings=(kind,))
    desk.run()
    merge(desk, "p2", "p1")
    desk.gateway._script = lambda _: None
    desk.run(15 * MINUTE)
    assert len(desk.gateway.taken) == expected
    assert desk.told()["a1", "p1"] == SENT
    assert desk.told()["a2", "p1"] == (skipped("duplicate-booking", "withdrawn") if expected == 1 else SENT)
