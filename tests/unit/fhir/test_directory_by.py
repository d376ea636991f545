"""A directory that is asked by Location or by Patient answers as a server would."""

from datetime import UTC, datetime, timedelta

import pytest
from raw_resources import ELEMENTS, STOCKHOLM, smallest

from fhirnotify.errors import FhirError
from fhirnotify.fhir.directory import DirectorySource
from fhirnotify.fhir.listed import Listed, Roster

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
NUMBER = {"system": "urn:s", "value": "1"}


def visit(identity, *actors, minutes=0, **elements):
    """Make a booked Appointment with these participants, references or whole Reference elements."""
    references = [{"reference": actor} if isinstance(actor, str) else actor for actor in actors]
    participants = [{"actor": reference, "status": "accepted"} for reference in references]
    start = (START + timedelta(minutes=minutes)).isoformat()
    return smallest("Appointment", id=identity, start=start, participant=participants, **elements)


def patient(identity, *links, **elements):
    """Make a Patient with links."""
    others = [{"type": kind, "other": {"reference": other}} for kind, other in links]
    return smallest("Patient", id=identity, **({"link": others} if others else {}), **elements)


@pytest.fixture
def found(tmp_path):
    """Give the ids of the Appointments that are found by a list or roster."""

    def read(by):
        source = DirectorySource(tmp_path, ELEMENTS, STOCKHOLM, page_size=2, by=by)
        pages = list(source.appointments(START - timedelta(hours=1), START + timedelta(hours=1)))
        assert all(pages)
        return [one.id for page in pages for one in page]

    return read


def locations(*ids):
    """List Locations."""
    return Listed("Location", "fhir.locations", ids)


def patients(*ids):
    """List Patients."""
    return Listed("Patient", "fhir.patients_file", ids)


def test_by_location_those_of_other_places_are_left_out(put, found):
    """In order of start, each once, whatever patients they have; another server's Location is another place."""
    put(
        "x.ndjson",
        visit("a1", "Patient/p", "Location/a", minutes=3),
        visit("a2", "Location/b", "Location/a", "Location/a", minutes=2),
        visit("a3", "Location/b", minutes=1),
        visit("a4", "Patient/a"),
        visit("a5", "http://elsewhere.example.org/Location/a"),
        visit("a6", "Location/a", minutes=90),
        visit("a7", "Location/a", status="cancelled"),
    )
    assert found(locations("a")) == ["a2", "a1"]
    assert found(locations("b", "a")) == ["a3", "a2", "a1"]


def test_by_patient_those_of_other_patients_are_left_out(put, found):
    """By reference, by full url, as R5's subject, and by an identifier of a listed patient."""
    url = "urn:uuid:9a2c0d8e-4c5b-4f0e-9d53-0d4f8d7c3a11"
    entries = [{"fullUrl": url, "resource": patient("p", identifier=[NUMBER])}, {"resource": visit("a1", url)}]
    put("a.json", {"resourceType": "Bundle", "type": "collection", "entry": entries})
    put(
        "x.ndjson",
        {"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"},
        visit("a2", "Patient/p", "Patient/q", minutes=1),
        visit("a3", "Location/p", minutes=2, subject={"reference": "Patient/p"}),
        visit("a4", {"type": "Patient", "identifier": NUMBER}, minutes=3),
        visit("a5", {"type": "Patient", "identifier": {**NUMBER, "value": "2"}}),
        visit("a6", "Patient/q"),
        visit("a7", "Location/p"),
    )
    assert found(patients("p")) == ["a1", "a2", "a3", "a4"]


def test_merged_records_are_those_of_the_listed_patient(put, found):
    """By links on either record, by reference or by number."""
    put(
        "x.ndjson",
        patient("new", ("replaces", "Patient/old")),
        patient("old", identifier=[NUMBER]),
        smallest("Patient", id="older", link=[{"type": "replaced-by", "other": {"identifier": NUMBER}}]),
        patient("child", ("seealso", "Patient/new")),
        visit("a1", "Patient/old"),
        visit("a2", "Patient/older", minutes=1),
        visit("a3", "Patient/child"),
    )
    assert found(patients("new")) == ["a1", "a2"]
    assert found(patients("older")) == ["a1", "a2"]


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("Group", {"member": [{"entity": {"reference": "Patient/p"}}]}),
        ("List", {"status": "current", "entry": [{"item": {"reference": "Patient/p"}}]}),
    ],
)
def test_a_roster_is_read_from_the_directory(put, found, kind, elements):
    """As any other resource of it; one that is not there is an error."""
    put("x.ndjson", {"resourceType": kind, "id": "r", **elements}, visit("a1", "Patient/p"), visit("a2", "Patient/q"))
    assert found(Roster("fhir.patients", kind, "r")) == ["a1"]
    with pytest.raises(FhirError, match=rf"{kind}/s of fhir\.patients is not in the directory"):
        found(Roster("fhir.patients", kind, "s"))


def test_that_nobody_listed_is_known_is_an_error(put, found):
    """Unless a visit of theirs is there, or they themselves: then nothing is booked."""
    put("x.ndjson", patient("p"), {"resourceType": "Location", "id": "a"}, visit("a1", "Patient/q", "Location/b"))
    assert found(patients("x", "p")) == []
    assert found(patients("q")) == ["a1"]
    assert found(locations("x", "a")) == []
    assert found(locations("b")) == ["a1"]
    for nobody in (patients("x"), locations("p")):
        with pytest.raises(FhirError, match="is known there"):
            found(nobody)


def test_a_group_without_an_id_is_left(put, found):
    """Nobody can ask for it, and by date alone nobody does."""
    put("x.ndjson", {"resourceType": "Group"}, {"resourceType": "Location"}, visit("a1", "Patient/p"))
    assert found(None) == ["a1"]
