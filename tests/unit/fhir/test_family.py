"""The records of the same persons."""

import json

import pytest

from fhirnotify.core.model import Identifier
from fhirnotify.fhir.family import Family
from fhirnotify.fhir.references import References


def patient(identity, *links, number=None):
    """Make a Patient with links: pairs of a kind, and the id or the Reference of another."""
    others = [(kind, {"reference": f"Patient/{other}"} if isinstance(other, str) else other) for kind, other in links]
    made = {
        "resourceType": "Patient",
        "id": identity,
        "link": [{"type": kind, "other": other} for kind, other in others],
    }
    return made | ({"identifier": [{"system": "urn:s", "value": number}]} if number else {})


def identifiers(patient):
    """Give the identifiers of a Patient."""
    return {Identifier(one["system"], one["value"]) for one in patient.get("identifier", ())}


class Server:
    """Gives Patients by id with those that link to them, as a directory does, and counts how often it is asked."""

    def __init__(self, *patients):
        self.patients = patients
        self.asked = []

    def read(self, ids):
        self.asked.append(list(ids))
        found = [one for one in self.patients if one["id"] in ids]
        texts = [f'"Patient/{id_}"' for id_ in ids] + [one.value for patient in found for one in identifiers(patient)]
        return found + [one for one in self.patients if any(text in json.dumps(one["link"]) for text in texts)]

    def carriers(self, wanted):
        return {one: [patient["id"] for patient in self.patients if one in identifiers(patient)] for one in wanted}

    def family(self, *ids):
        return Family(ids, References("http://fhir.test"), self.read, self.carriers)


BY_NUMBER = {"identifier": {"system": "urn:s", "value": "19"}}


@pytest.mark.parametrize(
    ("patients", "ids"),
    [
        ([patient("a"), patient("b")], "a"),
        ([patient("a", ("replaces", "b"))], "ab"),
        ([patient("a", ("replaced-by", "b"))], "ab"),
        ([patient("a"), patient("b", ("replaced-by", "a"))], "ab"),
        ([patient("a"), patient("b", ("replaces", "a"))], "ab"),
        ([patient("a"), patient("b", ("seealso", "a"))], "a"),
        ([patient("a", ("refer", "b"), ("seealso", "c"))], "a"),
        (
            [patient("a", ("replaces", "b")), patient("b", ("replaces", "c")), patient("d", ("replaced-by", "c"))],
            "abcd",
        ),
        ([patient("a", ("replaced-by", "b")), patient("b", ("replaced-by", "a"))], "ab"),
        ([patient("a", ("replaces", {"reference": "http://inner.example.org/Patient/b"}))], "ab"),
        ([patient("a", ("replaces", BY_NUMBER)), patient("b", number="19")], "ab"),
        ([patient("a", number="19"), patient("b", ("replaced-by", BY_NUMBER))], "ab"),
        ([patient("a", ("replaces", {"display": "x"}), ("replaces", 5)), patient("b")], "a"),
    ],
)
def test_merges_are_followed_both_ways(patients, ids):
    """By replaced-by and replaces, on whichever record they stand, by id or by number; related persons are others."""
    assert Server(*patients).family("a").ids == set(ids)


def test_links_that_cannot_be_read_lead_nowhere():
    """They stop nothing here; the rules tell of them if a visit is found."""
    server = Server({**patient("a"), "link": 5}, {**patient("b"), "link": [5]})
    assert server.family("a", "b").ids == {"a", "b"}


def test_nobody_is_asked_for_who_is_known_already():
    """One search for those without links, one more for each hop."""
    alone = Server(patient("a"), patient("b"))
    alone.family("a", "b")
    assert alone.asked == [["a", "b"]]
    linked = Server(patient("a", ("replaces", "b")), patient("b", ("replaced-by", "a")))
    linked.family("a")
    assert linked.asked == [["a"], ["b"]]


def test_it_tells_who_is_known_and_by_which_numbers():
    """An id that leads to no record is asked for all the same: a visit may still name it."""
    family = Server(patient("a", ("replaces", "b"), number="19"), patient("b", number="20")).family("a", "x")
    assert family.ids == {"a", "b", "x"}
    assert family.known == {"a", "b"}
    assert family.identifiers == {Identifier("urn:s", "19"), Identifier("urn:s", "20")}


def test_hops_are_bounded():
    """As in the rules, which give up there, too."""
    chain = [patient(f"p{n}", ("replaced-by", f"p{n + 1}")) for n in range(20)]
    assert len(Server(*chain).family("p0").ids) == 7
