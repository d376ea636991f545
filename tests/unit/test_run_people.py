"""Who is who: several patients, merged and contained records, references that lead nowhere."""

import pytest
from journal import MINUTE, SENT, Desk, already, booking, merge, person, skipped, statement

from fhirnotify.core.model import Attendance, Identifier, Link, PatientRef, Telecom
from fhirnotify.sms.gateway import Deferred


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


def test_records_that_only_refer_to_a_patient_are_not_followed():
    """A twin, or a suspected double, is another person: nothing more is read, and their Consents do not count."""
    desk = Desk()
    desk.book(1)
    see = Link("seealso", PatientRef("p1"))
    desk.journal.put(person("p7", links=(see,)), person("p8", links=(Link("seealso", PatientRef("p7")),)))
    desk.journal.put(statement("c7", patient="p7", decision="deny"))
    desk.run()
    assert desk.told() == {("a1", "p1"): SENT}
    assert [asked for asked in desk.journal.asked if asked[0] == "Patient"] == [("Patient", ("p1",))]
