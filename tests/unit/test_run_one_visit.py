"""One visit, two runs at the same time: merged records, and two bookings that each claimed unseen by the other."""

import pytest
from facts import NOW, START, person, statement
from journal import MINUTE, SENT, merge, skipped
from machines import of_one_patient, two_machines

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import Attendance, ContactType, PatientRef
from fhirnotify.ledger.changes import LEASE
from fhirnotify.ledger.port import Change, Claim, State


@pytest.fixture
def desks():
    """Two machines on one ledger, one journal and one provider."""
    return two_machines()


def of_two_records(desk):
    """Book a visit of a patient who has a second record, with a consent of its own."""
    desk.book(1)
    desk.journal.put(person("p9", telecoms=desk.journal.people["p1"].telecoms), statement("c9", patient="p9"))


def before_it_reads(desk, what, work):
    """Do something when the desk asks for what the journal has of a kind, the first time."""
    pending = [work]

    def interrupt(asked):
        if asked == what and pending:
            pending.pop()()

    desk.journal.interrupt = interrupt


@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("already_sent", [True, False])
def test_records_merged_while_one_reads(desks, already_sent, back):
    """One looks for what stands, the other claims and may send it, then the one reads the patient by another record."""
    one, other = desks
    of_two_records(one)

    def claimed_by_the_other_and_merged():
        if already_sent:
            other.run()
        else:
            claim = Claim("a1", "p1", START, ContactType.VIDEO, Evidence("Appointment/a1"), 2)
            assert one.ledger.claim("other", NOW, [claim], []) == [True]
            assert len(one.ledger.take("other", NOW, 1)) == 1
        merge(one, "p1", "p9", back=back)

    before_it_reads(one, "Patient", claimed_by_the_other_and_merged)
    one.run()

    assert one.told()["a1", "p9"] == skipped("duplicate-booking", "withdrawn")
    assert len(one.gateway.taken) == already_sent


def test_records_merged_after_one_has_read(desks):
    """One has read the patient, then the other sends by the record into which that is merged."""
    one, other = desks
    of_two_records(one)

    def merged_and_sent_by_the_other():
        merge(one, "p1", "p9")
        other.run()

    before_it_reads(one, "Consent", merged_and_sent_by_the_other)
    one.run()

    assert other.told() == {("a1", "p9"): SENT}
    assert one.told() == {("a1", "p9"): skipped("duplicate-booking", "withdrawn")}
    assert len(one.gateway.taken) == 1


def test_a_visit_of_two_is_looked_at_again_and_both_are_reminded(desks):
    """Two patients of one visit are no duplicates of each other, whoever claims them."""
    one, _ = desks
    one.book(2)
    one.book(1, attendances=tuple(Attendance(PatientRef(patient)) for patient in ("p1", "p2")))
    del one.journal.appointments_by["a2"]

    one.run()

    assert one.told() == {("a1", "p1"): SENT, ("a1", "p2"): SENT}


class Race:
    """Another run claims and takes a2, when one has seen that nothing stands beside its own a1, of the same visit."""

    def __init__(self, one):
        self.ledger = one.ledger
        one.book(1)
        one.book(2)
        one.journal.put(of_one_patient(one))
        hidden = one.journal.appointments_by.pop("a2")
        claim_really, take_really = self.ledger.claim, self.ledger.take

        def claim_after_the_other(run, at, claims, verdicts):
            self.ledger.claim = claim_really
            one.journal.put(hidden)
            claim = Claim("a2", "p1", START, ContactType.VIDEO, Evidence("Appointment/a2"), 2)
            assert claim_really("other", NOW, [claim], []) == [True]
            (self.taken,) = take_really("other", NOW, 1)
            return claim_really(run, at, claims, verdicts)

        self.ledger.claim = claim_after_the_other

    def other_may_send(self):
        """Whether the other run, which looks no more, can begin."""
        return not self.ledger.move("other", NOW, [Change(self.taken.id, State.SENDING)])


@pytest.mark.parametrize("record", ["p1", "p9"])
def test_what_another_run_has_taken_goes_first(desks, record):
    """It may have been looked at before this one was claimed, and is sent without a further look: whatever its id.

    Also when the other claimed it by the record that the patient had before a merge.
    """
    one, _ = desks
    race = Race(one)
    if record == "p9":
        of_two_records(one)
        merge(one, "p1", "p9")

    one.run()

    assert one.told() == {("a1", record): skipped("duplicate-booking", "withdrawn")}
    assert one.gateway.taken == []
    assert race.other_may_send()


def test_what_a_run_took_that_froze_goes_by_its_id(desks):
    """A lease that has run out says nothing: the smaller id is sent, and the frozen run may not begin."""
    one, _ = desks
    race = Race(one)
    take = one.ledger.take

    def take_when_the_other_has_been_frozen_for_long(run, at, _):
        one.watch.moment += LEASE
        return take(run, at, 1)

    one.ledger.take = take_when_the_other_has_been_frozen_for_long
    one.run()

    assert one.told()["a1", "p1"] == SENT
    assert len(one.gateway.taken) == 1
    assert not race.other_may_send()


def test_what_another_run_sends_while_one_asks_who_holds_it(desks):
    """It is held no more when that is asked, since it has been sent: that is seen."""
    one, _ = desks
    race = Race(one)
    held = one.ledger.held

    def held_no_more(run, reminders):
        one.ledger.held = held
        assert race.other_may_send()
        one.ledger.move("other", NOW, [Change(race.taken.id, State.ACCEPTED, message_id="m")])
        return held(run, reminders)

    one.ledger.held = held_no_more
    one.run()

    assert one.told() == {("a1", "p1"): skipped("duplicate-booking", "withdrawn")}
    assert one.gateway.taken == []


def test_withdrawn_by_both_is_claimed_anew(desks):
    """Should two runs each see the other's, neither is sent by them: by the next run one is."""
    one, _ = desks
    race = Race(one)
    one.run()
    one.ledger.move("other", NOW, [Change(race.taken.id, State.WITHDRAWN)])
    assert one.gateway.taken == []

    one.run(MINUTE)

    assert one.told() == {("a1", "p1"): SENT, ("a2", "p1"): skipped("duplicate-booking")}
    assert len(one.gateway.taken) == 1
