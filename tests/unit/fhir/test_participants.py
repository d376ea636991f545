"""Whom a raw Appointment names."""

import pytest

from fhirnotify.core.model import Identifier
from fhirnotify.fhir.participants import identifiers_in, ids_in, named
from fhirnotify.fhir.references import References


def visit(*actors, **elements):
    """Make an Appointment with these participants."""
    return {"resourceType": "Appointment", "participant": [{"actor": actor} for actor in actors], **elements}


def to(reference, **elements):
    """Make a Reference."""
    return {"reference": reference, **elements}


BY_NUMBER = {"identifier": {"system": "urn:s", "value": "1"}}


@pytest.mark.parametrize(
    ("appointment", "ids", "unclear"),
    [
        (visit(to("Patient/1")), {"1"}, False),
        (visit(to("Patient/1/_history/2"), to("Patient/2")), {"1", "2"}, False),
        (visit(to("http://inner.example.org/x/Patient/1")), {"1"}, False),
        (visit(to("/patient/1")), {"1"}, False),
        (visit(subject=to("Patient/1")), {"1"}, False),
        (visit(to("Location/1")), set(), False),
        (visit(to("urn:uuid:1")), set(), True),
        (visit(to("urn:uuid:1", type="Location")), set(), False),
        (visit(to("#p")), set(), True),
        (visit(BY_NUMBER), set(), True),
        (visit({**BY_NUMBER, "type": "Practitioner"}), set(), False),
        (visit({"display": "somebody"}), set(), False),
        (visit(to("Patient/1"), BY_NUMBER), {"1"}, True),
        (visit(to(5)), set(), True),
        ({"participant": 5, "subject": []}, set(), False),
        ({"participant": [5, {"actor": 5}]}, set(), False),
        ({}, set(), False),
    ],
)
def test_patients_are_told_by_the_end_of_their_reference(appointment, ids, unclear):
    """Whatever server stands before it; what has no id to be told by is unclear."""
    found = named(appointment, "Patient")
    assert (found.ids, found.unclear) == (ids, unclear)


def test_locations_stand_among_the_participants_alone():
    """A subject is no place."""
    found = named(visit(to("Location/1"), to("Patient/2"), subject=to("Location/3")), "Location")
    assert (found.ids, found.unclear) == ({"1"}, False)


@pytest.mark.parametrize(
    ("actors", "others"),
    [
        ([to("Location/1")], False),
        ([to("Location/2"), to("Location/1")], False),
        ([to("Location/2")], True),
        ([to("Location/2"), BY_NUMBER], True),
        ([to("#l")], False),
        ([BY_NUMBER], False),
        ([to("Patient/1")], True),
        ([], True),
    ],
)
def test_only_what_is_clearly_about_others_is_left_out(actors, others):
    """What the server says is theirs, and cannot be held against an id, is believed."""
    assert named(visit(*actors), "Location").clearly_others(["1", "9"]) is others


def test_a_directory_follows_references_strictly():
    """Another server's Patient of the same id is another."""
    appointment = visit(to("Patient/1"), to("http://elsewhere.example.org/Patient/2"), to("Location/3"), BY_NUMBER)
    assert list(ids_in(appointment, "Patient", References())) == ["1"]
    assert list(ids_in(appointment, "Location", References())) == ["3"]


def test_patients_named_by_number_alone():
    """Not those of a reference, nor of something that is no Patient."""
    other = {"type": "Practitioner", "identifier": {"value": "2"}}
    appointment = visit(BY_NUMBER, {"identifier": {"value": "3"}, "type": "Patient"}, {**BY_NUMBER, **to("Patient/1")})
    found = list(
        identifiers_in(visit(*(e["actor"] for e in appointment["participant"]), other, {"identifier": {"value": 5}}))
    )
    assert found == [Identifier("urn:s", "1"), Identifier(None, "3")]
