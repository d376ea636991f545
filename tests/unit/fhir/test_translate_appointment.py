"""What is read of an Appointment."""

from datetime import UTC, datetime

import pytest
from raw_resources import BASE_URL, ELEMENTS, STOCKHOLM, smallest, translator

from fhirnotify.core.model import (
    Attendance,
    Booking,
    Coding,
    FhirVersion,
    Identifier,
    Invalid,
    InvalidBooking,
    PatientRef,
    Person,
)
from fhirnotify.fhir.translate import translator_for

R4, R5 = FhirVersion.R4, FhirVersion.R5
START = datetime(2026, 11, 24, 9, tzinfo=UTC)


def read(version=R4, **elements):
    """Read the smallest Appointment with these elements."""
    return translator(version).appointment(smallest("Appointment", **elements))


def participant(reference="Patient/p1", status="accepted", **elements):
    """Make a participant whose actor is a literal reference."""
    return {"actor": {"reference": reference}, "status": status, **elements}


@pytest.mark.parametrize("version", FhirVersion)
def test_a_whole_appointment_is_read(version):
    """Every element that a rule asks for, and nothing else."""
    concept = {"coding": [{"system": "urn:s", "code": "a"}]}
    booking = read(
        version,
        meta={"versionId": "3"},
        created="2026-11-01",
        appointmentType=concept,
        end="2026-11-24T11:00:00+01:00",
        description="?",
    )
    assert booking == Booking(
        id="a1",
        ref="Appointment/a1/_history/3",
        status="booked",
        start=START,
        created=datetime(2026, 10, 31, 23, tzinfo=UTC),
        attendances=(Attendance(PatientRef("p1")),),
        codings=(Coding("urn:s", "a"),),
    )


def test_without_a_version_the_reference_is_to_the_resource():
    """Not every server numbers its versions."""
    assert read().ref == "Appointment/a1"


def test_a_missing_start_is_no_error_of_the_resource():
    """FHIR allows it; the rules have a reason of their own for it."""
    assert read(start=None).start is None


@pytest.mark.parametrize(
    ("version", "entry", "attends"),
    [
        (R4, participant(), True),
        (R4, participant(status="tentative"), True),
        (R4, participant(status="needs-action", required="optional"), True),
        (R4, participant(status="declined"), False),
        (R4, participant(required="information-only"), False),
        (R5, participant(required=False), True),
        (R5, participant(required=True), True),
        (R5, participant(status="declined", required=True), False),
    ],
)
def test_a_patient_who_declined_or_is_only_informed_does_not_attend(version, entry, attends):
    """In R4 ``required`` is a code; in R5 it says only whether the visit can be without them."""
    assert read(version, participant=[entry]).attendances == (Attendance(PatientRef("p1"), attends),)


@pytest.mark.parametrize(
    ("actor", "patient"),
    [
        ({"reference": f"{BASE_URL}/Patient/p1/_history/2"}, PatientRef("p1")),
        ({"reference": "https://elsewhere.example/Patient/p1"}, PatientRef()),
        ({"reference": "urn:uuid:1", "type": "Patient"}, PatientRef()),
        ({"reference": "nonsense", "type": "Patient"}, PatientRef()),
        ({"reference": "#gone", "type": "Patient"}, PatientRef()),
        (
            {"identifier": {"system": "urn:s", "value": "1"}},
            PatientRef(identifier=Identifier("urn:s", "1"), typed=False),
        ),
    ],
)
def test_an_actor_that_may_be_a_patient_is_an_attendance(actor, patient):
    """Also where nobody can follow it: it is told, not dropped."""
    assert read(participant=[{"actor": actor, "status": "accepted"}]).attendances == (Attendance(patient),)


@pytest.mark.parametrize(
    "entry",
    [
        participant("Practitioner/d1"),
        participant("https://elsewhere.example/Location/l1"),
        participant("#unit"),
        {"actor": {"reference": "#gone", "type": "Device"}, "status": "accepted"},
        {"actor": {"display": "Anna"}, "status": "accepted"},
        {"type": [{"text": "surgeon"}], "status": "accepted"},
    ],
)
def test_an_actor_that_is_clearly_something_else_is_no_attendance(entry):
    """A unit, a practitioner, a device, or nobody in particular."""
    assert read(participant=[entry], contained=[{"resourceType": "Location", "id": "unit"}]).attendances == ()


def test_a_contained_patient_is_read_with_the_appointment():
    """It is known by ``#id``, since it is nobody's record on the server."""
    patient = smallest("Patient", name=[{"given": ["Anna"]}])
    booking = read(participant=[participant("#p1")], contained=[patient], meta={"versionId": "2"})
    (attendance,) = booking.attendances
    assert attendance.patient.id == "#p1"
    assert isinstance(attendance.patient.contained, Person)
    assert attendance.patient.contained.id == "#p1"
    assert attendance.patient.contained.ref == "Appointment/a1/_history/2#p1"


def test_a_contained_patient_that_cannot_be_read_leaves_the_appointment_readable():
    """The fault is the Patient's."""
    booking = read(participant=[participant("#p1")], contained=[smallest("Patient", active="x")])
    assert booking.attendances[0].patient.contained == Invalid("#p1", "Appointment/a1#p1", ("Patient.active",))


def test_two_contained_resources_of_one_id_are_not_guessed_between():
    """One of them may be another patient."""
    booking = read(participant=[participant("#p1")], contained=[smallest("Patient"), smallest("Patient", active=True)])
    assert booking.attendances == (Attendance(PatientRef()),)


@pytest.mark.parametrize(
    ("subject", "attendances"),
    [
        ({"reference": "Patient/p2"}, (Attendance(PatientRef("p2")),)),
        ({"reference": "Group/g1"}, ()),
        ({"display": "?"}, ()),
    ],
)
def test_the_subject_of_r5_attends_if_it_is_a_patient(subject, attendances):
    """It comes after the participants; in R4 there is none."""
    assert read(R5, subject=subject).attendances == (Attendance(PatientRef("p1")), *attendances)
    assert read(R4, subject=subject).attendances == (Attendance(PatientRef("p1")),)


def test_names_of_units_practitioners_and_services_may_not_stand_in_the_text():
    """They are gathered from wherever they stand; a patient's own display is none of them."""
    booking = read(
        identifier=[{"value": "2026-4711"}],
        serviceType=[{"coding": [{"system": "urn:s", "code": "k", "display": "Knäkontroll"}], "text": "Ortopedi"}],
        serviceCategory=[{"text": "Kirurgi"}],
        specialty=[{"coding": [{"display": "Ortopedmottagning"}]}],
        extension=[{"url": "urn:provider", "valueReference": {"display": "Norrlands universitetssjukhus"}}],
        participant=[
            {"actor": {"reference": "Patient/p1", "display": "Anna Svensson"}, "status": "accepted"},
            {"actor": {"reference": "Practitioner/d1", "display": " Dr Karlsson "}, "status": "accepted"},
            {"actor": {"reference": "#unit"}, "status": "accepted"},
            {"actor": {"reference": "#doctor"}, "status": "accepted"},
            {"actor": {"reference": "#p1", "display": "Anna S"}, "status": "accepted"},
        ],
        contained=[
            {"resourceType": "Location", "id": "unit", "name": "Provtagningen"},
            {"resourceType": "Practitioner", "id": "doctor", "name": [{"given": ["Eva"], "family": "Berg"}]},
            smallest("Patient"),
        ],
    )
    assert booking.private == {
        "2026-4711",
        "Knäkontroll",
        "Ortopedi",
        "Kirurgi",
        "Ortopedmottagning",
        "Norrlands universitetssjukhus",
        "Dr Karlsson",
        "Provtagningen",
        "Eva Berg",
    }


@pytest.mark.parametrize(
    ("elements", "path"),
    [
        ({"resourceType": "Slot"}, "Appointment.resourceType"),
        ({"id": None}, "Appointment.id"),
        ({"id": "a b"}, "Appointment.id"),
        ({"meta": "x"}, "Appointment.meta"),
        ({"meta": {"versionId": "a b"}}, "Appointment.meta.versionId"),
        ({"implicitRules": "urn:x"}, "Appointment.implicitRules"),
        ({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "Appointment.modifierExtension"),
        ({"status": None}, "Appointment.status"),
        ({"status": "confirmed"}, "Appointment.status"),
        ({"status": "Booked"}, "Appointment.status"),
        ({"status": 5}, "Appointment.status"),
        ({"start": 1795510800}, "Appointment.start"),
        ({"start": "2026-11-24"}, "Appointment.start"),
        ({"start": "2026-11-24T10:00:00"}, "Appointment.start"),
        ({"start": "2026-02-30T10:00:00Z"}, "Appointment.start"),
        ({"created": "2026-11-24T10:00"}, "Appointment.created"),
        ({"created": 2026}, "Appointment.created"),
        ({"participant": None}, "Appointment.participant"),
        ({"participant": {}}, "Appointment.participant"),
        ({"participant": ["x"]}, "Appointment.participant[0]"),
        ({"participant": [participant(), {"actor": {}}]}, "Appointment.participant[1].status"),
        ({"participant": [participant(status="maybe")]}, "Appointment.participant[0].status"),
        ({"participant": [participant(required="yes")]}, "Appointment.participant[0].required"),
        ({"participant": [participant(required=True)]}, "Appointment.participant[0].required"),
        ({"participant": [participant(5)]}, "Appointment.participant[0].actor.reference"),
        ({"participant": [participant("")]}, "Appointment.participant[0].actor.reference"),
        (
            {"participant": [participant(modifierExtension=[{"url": "urn:x"}])]},
            "Appointment.participant[0].modifierExtension",
        ),
    ],
)
def test_an_error_in_a_needed_element_is_told_by_its_path(elements, path):
    """The path, and never the value."""
    invalid = read(**elements)
    assert isinstance(invalid, InvalidBooking)
    assert invalid.paths == (path,)


@pytest.mark.parametrize(
    ("elements", "path"),
    [
        ({"participant": [participant(required="required")]}, "Appointment.participant[0].required"),
        ({"participant": [participant(required="true")]}, "Appointment.participant[0].required"),
        ({"subject": "Patient/p1"}, "Appointment.subject"),
        ({"subject": {"reference": 5}}, "Appointment.subject.reference"),
    ],
)
def test_r5_has_errors_of_its_own(elements, path):
    """``required`` is a boolean there, and there is a subject."""
    assert read(R5, **elements).paths == (path,)


@pytest.mark.parametrize(
    ("elements", "start", "status"),
    [
        ({"id": None}, START, "booked"),
        ({"start": 5}, None, "booked"),
        ({"status": "x"}, START, "x"),
        ({"status": ["x"], "start": "x"}, None, None),
    ],
)
def test_start_and_status_of_an_invalid_appointment_are_kept_where_they_alone_can_be_read(elements, start, status):
    """So that it can still be told whether it lies in the window."""
    invalid = read(**elements)
    assert (invalid.start, invalid.status) == (start, status)


@pytest.mark.parametrize(
    "elements",
    [
        {
            "end": "x",
            "minutesDuration": "x",
            "slot": 5,
            "description": [],
            "supportingInformation": "x",
            "unheardOf": 1,
        },
        {"identifier": 5, "serviceCategory": 5, "contained": [5, {"resourceType": 5}], "text": "x"},
        {"participant": [{**participant(), "period": "x", "type": 5, "unheardOf": 1}]},
        {"participant": [{"actor": {"reference": "Patient/p1", "display": 5, "extension": 5}, "status": "accepted"}]},
        {"meta": {"lastUpdated": 5, "security": "x"}, "language": 5},
    ],
)
def test_an_error_in_an_element_that_nobody_needs_costs_nobody_the_reminder(elements):
    """What the rules do not read is not looked at."""
    assert read(**elements).attendances == (Attendance(PatientRef("p1")),)


@pytest.mark.parametrize("resource", [None, 5, "x", [], True, {}, {"resourceType": "Patient"}])
def test_what_is_no_appointment_at_all_is_an_invalid_one(resource):
    """Whatever stands where an Appointment should, nothing is raised."""
    assert isinstance(translator().appointment(resource), InvalidBooking)


def test_the_translator_for_a_server_follows_references_to_its_base():
    """As the composition root makes it."""
    made = translator_for(R5, f"{BASE_URL}/", ELEMENTS, STOCKHOLM)
    actor = participant(f"{BASE_URL}/Patient/p1")
    assert made.version is R5
    assert made.appointment(smallest("Appointment", participant=[actor])).attendances == (Attendance(PatientRef("p1")),)


@pytest.mark.parametrize("version", FhirVersion)
def test_the_unit_is_read_of_a_valid_and_of_an_invalid_appointment(version):
    """For statistics and worklists, where what cannot be read is the more interesting."""
    at = [participant(), participant(f"{BASE_URL}/Location/101")]
    assert read(version, participant=at).unit == "Location/101"
    invalid = read(version, participant=at, status="bogus")
    assert isinstance(invalid, InvalidBooking)
    assert invalid.unit == "Location/101"
