"""A directory of FHIR JSON as a source."""

from datetime import UTC, datetime, timedelta

import pytest
from raw_resources import ELEMENTS, STOCKHOLM, smallest

from fhirnotify.core.model import Attendance, FhirVersion, Identifier, Invalid, InvalidBooking, PatientRef
from fhirnotify.fhir.directory import DirectorySource

R4, R5 = FhirVersion.R4, FhirVersion.R5
START = datetime(2026, 11, 24, 9, tzinfo=UTC)
AFTER, BEFORE = START - timedelta(hours=1), START + timedelta(hours=1)
UUID = "urn:uuid:9a2c0d8e-4c5b-4f0e-9d53-0d4f8d7c3a11"


def bundle(*entries, bundle_type="collection"):
    """Make a Bundle of entries, or of resources."""
    wrapped = [entry if "resourceType" not in entry else {"resource": entry} for entry in entries]
    return {"resourceType": "Bundle", "type": bundle_type, "entry": wrapped}


def appointment(identity, minutes=0, **elements):
    """Make a booked Appointment that starts some minutes after START."""
    start = (START + timedelta(minutes=minutes)).isoformat()
    return smallest("Appointment", **{"id": identity, "start": start, **elements})


def ids(source, after=AFTER, before=BEFORE):
    """Give the ids of the Appointments in the window, page by page."""
    return [[booking.id for booking in page] for page in source.appointments(after, before)]


def test_a_directory_makes_no_requests(put, source):
    """Nothing is asked of anybody, nor held open."""
    put("x.json", smallest("Patient"))
    assert source.requests == 0
    assert ids(source) == []
    source.close()


def test_bundles_single_resources_and_ndjson_are_read_below_the_directory_too(put, source):
    """Whatever the type of the Bundle."""
    put("one.json", appointment("a1"))
    put("b/two.json", bundle(appointment("a2", 1), smallest("Patient"), bundle_type="transaction"))
    put("b/c/three.ndjson", appointment("a3", 2), smallest("Patient", id="p2"), bundle(appointment("a4", 3)))
    put("b/ignored.txt", {})
    assert ids(source) == [["a1", "a2"], ["a3", "a4"]]
    assert source.patients(["p1", "p2", "p3"]).keys() == {"p1", "p2"}


def test_appointments_come_in_order_of_start_then_id(put, source):
    """As a server sorts them that is asked to."""
    put("x.ndjson", appointment("b", 1), appointment("c"), appointment("a", 1))
    assert ids(source) == [["c", "a"], ["b"]]


def test_only_what_is_booked_and_starts_within_the_window_is_found(put, source):
    """The bounds themselves lie outside; what cannot be searched by is not found."""
    put(
        "x.ndjson",
        appointment("in"),
        appointment("first", -60),
        appointment("last", 60),
        appointment("cancelled", status="cancelled"),
        appointment("nonsense", status=["booked"]),
        appointment("unreadable", start="2026-11-24"),
        appointment("number", start=5),
        appointment("none", start=None),
    )
    assert ids(source) == [["in"]]


@pytest.mark.parametrize(
    ("version", "periods", "found"),
    [
        (R5, [{"end": "2026-11-30"}, {"start": "2026-11-24T09:30:00Z"}], True),
        (R5, [{"start": "2026-11-24"}], True),
        (R5, [{"start": "2026-11-25"}, {"start": "2026-11-24"}], False),
        (R5, [{"start": "x"}], False),
        (R5, "x", False),
        (R4, [{"start": "2026-11-24"}], False),
    ],
)
def test_r5_searches_by_the_requested_period_where_there_is_no_start(put, tmp_path, version, periods, found):
    """So an R5 server does, and the rules then say that it has no start."""
    put("x.json", appointment("a1", start=None, requestedPeriod=periods))
    source = DirectorySource(tmp_path, ELEMENTS, STOCKHOLM, version=version)
    assert ids(source) == ([["a1"]] if found else [])
    assert source.appointments_by_id(["a1"])["a1"].start is None


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({}, {}),
        ({"versionId": "9"}, {"versionId": "10"}),
        ({"versionId": "x"}, {"versionId": "2"}),
        (
            {"lastUpdated": "2026-11-01T00:00:00Z", "versionId": "9"},
            {"lastUpdated": "2026-11-02T00:00:00Z", "versionId": "1"},
        ),
        ({"versionId": "2"}, {"versionId": "2"}),
    ],
)
def test_of_two_versions_the_newer_one_is_kept(put, source, older, newer):
    """What is read later is newer, unless the versions say otherwise."""
    put("x.ndjson", appointment("a1", meta=older), appointment("a1", meta=newer, status="cancelled"))
    assert source.appointments_by_id(["a1"])["a1"].status == "cancelled"
    assert ids(source) == []


@pytest.mark.parametrize("key", ["lastUpdated", "versionId"])
def test_an_older_version_that_is_read_later_is_left(put, source, key):
    """The order of the files says less than the versions themselves."""
    older, newer = ("1", "2") if key == "versionId" else ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")
    put("x.ndjson", appointment("a1", meta={key: newer}), appointment("a1", meta={key: older}, status="cancelled"))
    assert ids(source) == [["a1"]]


@pytest.mark.parametrize("bundle_type", ["history", "transaction"])
def test_a_deleted_resource_is_gone(put, source, bundle_type):
    """A history Bundle has the newest first."""
    entries = [
        {"resource": appointment("a1")},
        {
            "request": {"method": "DELETE", "url": "Appointment/a1"},
            "response": {"lastModified": "2026-11-02T00:00:00Z"},
        },
    ]
    put("x.json", bundle(*(entries if bundle_type != "history" else reversed(entries)), bundle_type=bundle_type))
    assert ids(source) == []
    assert source.appointments_by_id(["a1"]) == {}


def test_a_full_url_gives_the_id_and_lets_references_resolve(put, source):
    """The patient of one file is found from another; a practitioner is not taken for one."""
    patient = smallest("Patient", id=None)
    put(
        "a.json",
        bundle(
            {"fullUrl": UUID, "resource": patient},
            {"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Practitioner"}},
        ),
    )
    actors = [{"actor": {"reference": url}, "status": "accepted"} for url in (UUID, "urn:uuid:2", "urn:uuid:3")]
    put(
        "b.json",
        bundle({"fullUrl": "https://x.example/Appointment/a9", "resource": appointment(None, participant=actors)}),
    )
    (booking,) = next(source.appointments(AFTER, BEFORE))
    identity = UUID.removeprefix("urn:uuid:")
    assert booking.id == "a9"
    assert booking.attendances == (Attendance(PatientRef(identity)),)
    assert source.patients([identity])[identity].id == identity


def test_absolute_references_are_followed_by_full_url(put, source):
    """Those that equal the fullUrl of some entry; another server's are not."""
    actors = [
        {"actor": {"reference": f"https://{host}/Patient/p1"}, "status": "accepted"}
        for host in ("x.example", "y.example")
    ]
    entries = [{"fullUrl": "https://x.example/Patient/p1", "resource": smallest("Patient")}]
    put("a.json", bundle(*entries, appointment("a1", participant=actors)))
    booking = source.appointments_by_id(["a1"])["a1"]
    assert booking.attendances == (Attendance(PatientRef("p1")), Attendance(PatientRef()))


def test_a_full_url_that_two_resources_claim_leads_nowhere(put, source):
    """Rather than to the wrong person."""
    put("a.json", bundle(*({"fullUrl": UUID, "resource": smallest("Patient", id=one)} for one in ("p1", "p2"))))
    put(
        "b.json",
        appointment("a1", participant=[{"actor": {"reference": UUID, "type": "Patient"}, "status": "accepted"}]),
    )
    assert source.appointments_by_id(["a1"])["a1"].attendances == (Attendance(PatientRef()),)


def test_patients_come_with_those_that_link_to_them(put, source):
    """One step, as a server's ``link`` parameter goes."""
    link = [{"other": {"reference": "Patient/p1"}, "type": "replaces"}]
    put(
        "x.ndjson", smallest("Patient"), smallest("Patient", id="p2", link=link), smallest("Patient", id="p3", link="x")
    )
    assert source.patients(["p1"]).keys() == {"p1", "p2"}
    assert source.patients(["p3"]) == {"p3": Invalid("p3", "Patient/p3", ("Patient.link",))}


def test_patients_are_found_by_identifier_system_and_value(put, source):
    """Each identifier that is asked for stands in the answer."""
    one, other, bare = Identifier("urn:s", "1"), Identifier("urn:t", "1"), Identifier(None, "1")
    patients = [
        smallest("Patient", id="p1", identifier=[{"system": "urn:s", "value": "1"}] * 2),
        smallest("Patient", id="p2", identifier=[{"value": "1"}, 5, {"system": "urn:s", "value": 1}]),
        smallest("Patient", id="p3", identifier=[{"system": "urn:s", "value": "1"}]),
    ]
    put("x.ndjson", *patients)
    found = source.patients_by_identifier([one, other, bare])
    assert {identifier: [person.id for person in people] for identifier, people in found.items()} == {
        one: ["p1", "p3"],
        other: [],
        bare: ["p2"],
    }


def test_consents_are_found_by_their_patient(put, source):
    """Each once; one that cannot be read is given with its fault, one of another patient is not given."""
    put(
        "x.ndjson",
        smallest("Consent", id="c1"),
        smallest("Consent", id="c2", status="x"),
        smallest("Consent", id="c3", patient={"reference": "Patient/p2"}),
        smallest("Consent", id="c4", patient={"reference": "Group/p1"}),
    )
    found = source.consents(["p1", "p1", "p9"])
    assert [(consent.id, consent.unreadable) for consent in found] == [("c1", ()), ("c2", ("Consent.status",))]


def test_a_consent_may_name_its_patient_by_identifier(put, source):
    """It is that of the one Patient who carries it; where two do, it is doubt about both; else it is nobody's."""
    mine, shared = ({"system": "urn:x", "value": value} for value in ("1", "2"))
    put(
        "x.ndjson",
        smallest("Patient", id="p1", identifier=[mine, shared]),
        smallest("Patient", id="p2", identifier=[shared]),
        smallest("Consent", id="c1", patient={"identifier": mine}),
        smallest("Consent", id="c2", patient={"identifier": shared}),
        smallest("Consent", id="c3", patient={"identifier": {"system": "urn:y", "value": "1"}}),
    )
    known = [Identifier("urn:x", "1"), Identifier("urn:x", "2")]
    found = source.consents(["p1", "p2"], known)
    assert [(one.id, one.patient, one.unreadable) for one in found] == [
        ("c1", "p1", ()),
        ("c2", "p1", ("Consent.patient",)),
        ("c2", "p2", ("Consent.patient",)),
    ]
    assert source.consents(["p2"], known[:1]) == []


def test_file_names_in_capitals_are_read(put, source):
    """What is lost on the way could be the Consent that says no."""
    put("C.JSON", smallest("Patient"))
    assert source.patients(["p1"]).keys() == {"p1"}


def test_a_resource_that_cannot_be_read_is_a_value(put, source):
    """One broken resource stops nothing."""
    put("x.ndjson", appointment("a1", created="x"), appointment("a2", 1), smallest("Patient", active="x"))
    broken, whole = next(source.appointments(AFTER, BEFORE))
    assert broken == InvalidBooking("a1", "Appointment/a1", ("Appointment.created",), START, "booked")
    assert whole.id == "a2"


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0", "5.0.0"])
def test_a_capability_statement_tells_the_version(put, source, version):
    """Without one it is R4."""
    put("metadata.json", {"resourceType": "CapabilityStatement", "fhirVersion": version})
    assert source.version is (R5 if version == "5.0.0" else R4)


def test_without_a_capability_statement_it_is_r4(put, source):
    """A directory cannot be asked."""
    put("x.json", appointment("a1"))
    assert source.version is R4


def test_a_configured_version_goes_before_a_capability_statement(put, tmp_path):
    """The region knows better than an old file."""
    put("metadata.json", {"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"})
    source = DirectorySource(tmp_path, ELEMENTS, STOCKHOLM, version=R5)
    assert source.version is R5
    assert ids(source) == []
