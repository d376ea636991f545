"""Where a Reference leads."""

import pytest

from fhirnotify.core.model import Identifier, PatientRef
from fhirnotify.fhir.references import References, Target

BASE = "https://journal.example/fhir"
HERE = References(BASE)


@pytest.mark.parametrize(
    "literal",
    [
        "Patient/p-1.x",
        "Patient/p-1.x/_history/3",
        "https://journal.example/fhir/Patient/p-1.x",
        "https://journal.example/fhir/Patient/p-1.x/_history/3",
        "HTTPS://Journal.Example:443/fhir/Patient/p-1.x",
        "https://journal.example/fhir//Patient/p-1.x",
    ],
)
def test_a_patient_of_this_server_is_known_by_its_id(literal):
    """Relative, absolute or versioned, however the host is written."""
    assert HERE.patient({"reference": literal}) == PatientRef(id="p-1.x")


@pytest.mark.parametrize("base", ["https://journal.example/fhir/", "https://JOURNAL.example:443/fhir"])
def test_the_configured_base_may_be_written_in_several_ways(base):
    """A trailing slash, capitals in the host and the default port make no difference."""
    assert References(base).patient_id({"reference": f"{BASE}/Patient/p1"}) == "p1"


@pytest.mark.parametrize(
    "literal",
    [
        "http://journal.example/fhir/Patient/p1",
        "https://journal.example:8443/fhir/Patient/p1",
        "https://journal.example/fhir2/Patient/p1",
        "https://journal.example/FHIR/Patient/p1",
        "https://elsewhere.example/fhir/Patient/p1",
        "https://journal.example.elsewhere.example/fhir/Patient/p1",
        "https://[bad/fhir/Patient/p1",
        "https://journal.example:x/fhir/Patient/p1",
        "urn:uuid:9a2c0d8e-4c5b-4f0e-9d53-0d4f8d7c3a11",
        "urn:oid:1.2.3",
        "Patient/",
        "Patient/a_b",
        "Patient/p1?x",
        "Patient/" + "x" * 65,
        "Patient?identifier=x|1",
        "nonsense",
        "",
        "#",
    ],
)
def test_what_cannot_be_followed_is_a_patient_that_nobody_can_read(literal):
    """Another server's patient, or nonsense that may have meant one, is never silently dropped."""
    assert HERE.patient({"reference": literal, "type": "Patient"}) == PatientRef()
    assert HERE.patient_id({"reference": literal}) is None


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Practitioner/p1"},
        {"reference": "https://elsewhere.example/fhir/Location/l1"},
        {"reference": "urn:uuid:9a2c0d8e-4c5b-4f0e-9d53-0d4f8d7c3a11", "type": "Location"},
        {"identifier": {"system": "urn:s", "value": "1"}, "type": "Practitioner"},
        {"type": "http://hl7.org/fhir/StructureDefinition/HealthcareService"},
        {"display": "Anna"},
        {},
    ],
)
def test_what_clearly_means_something_else_is_no_patient(reference):
    """Its type is told by the reference itself or beside it; a display alone tells nothing."""
    assert HERE.patient(reference) is None


@pytest.mark.parametrize(("literal", "stated"), [("Patient/p1", "Practitioner"), ("Practitioner/p1", "Patient")])
def test_a_reference_that_contradicts_itself_is_not_followed(literal, stated):
    """Nobody can tell which of the two was meant."""
    assert HERE.patient({"reference": literal, "type": stated}) == PatientRef()


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        (
            {"identifier": {"system": "urn:s", "value": "1"}, "type": "Patient"},
            PatientRef(None, Identifier("urn:s", "1")),
        ),
        ({"identifier": {"value": "1"}}, PatientRef(None, Identifier(None, "1"), typed=False)),
        ({"identifier": {"system": "urn:s"}, "type": "Patient"}, PatientRef()),
        ({"identifier": {"system": "urn:s"}}, None),
        ({"identifier": "x", "type": "Patient"}, PatientRef()),
        ({"reference": "Patient/p1", "identifier": {"value": "1"}}, PatientRef("p1")),
    ],
)
def test_a_logical_reference_is_known_by_its_identifier(reference, found):
    """It says by ``typed`` whether it says that it means a Patient; a literal reference goes before it."""
    assert HERE.patient(reference) == found


@pytest.mark.parametrize(
    ("literal", "identity"),
    [
        ("urn:uuid:1", "p1"),
        ("https://elsewhere.example/fhir/Patient/p2", "p2"),
        ("https://elsewhere.example/fhir/Patient/p2/_history/7", "p2"),
        ("Patient/p3", "p3"),
        ("urn:uuid:2", None),
        ("urn:uuid:unknown", None),
    ],
)
def test_within_bundles_a_full_url_leads_to_its_resource(literal, identity):
    """``urn:uuid:`` and absolute references are followed by fullUrl; a Location is no Patient."""
    full_urls = {
        "urn:uuid:1": Target("Patient", "p1"),
        "urn:uuid:2": Target("Location", None),
        "https://elsewhere.example/fhir/Patient/p2": Target("Patient", "p2"),
    }
    assert References(full_urls=full_urls).patient_id({"reference": literal}) == identity


@pytest.mark.parametrize("nonsense", [None, 5, "Patient/p1", [], {"reference": 5}, {"reference": None, "type": []}])
def test_nonsense_is_no_reference(nonsense):
    """Whatever stands where a Reference should, nothing is raised."""
    assert HERE.patient_id(nonsense) is None
