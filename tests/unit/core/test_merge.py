"""Two records of one person are one."""

import pytest
from facts import person
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.core.merge import Resolved, Unresolved, aliases, follow, replaced
from fhirnotify.core.model import Invalid, Link, PatientRef


def record(patient, **links):
    """A record with links: ``by`` ids it was replaced by, ``of`` ids it replaces."""
    found = [Link("replaced-by", PatientRef(other)) for other in links.get("by", ())]
    found += [Link("replaces", PatientRef(other)) for other in links.get("of", ())]
    return person(patient, links=(Link("seealso", PatientRef("nobody")), *found))


def register(*records):
    """Records by id."""
    return {one.id: one for one in records}


def chain(hops):
    """p0 replaced by p1 … replaced by p<hops>."""
    return register(*(record(f"p{n}", by=[f"p{n + 1}"]) for n in range(hops)), record(f"p{hops}"))


def end(records, patient="p0"):
    """Where the way ends: name, and whether there is a survivor."""
    found = follow(patient, records)
    assert isinstance(found, Resolved)
    return found.id, found.record is not None


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (chain(0), ("p0", True)),
        (chain(1), ("p1", True)),
        (chain(5), ("p5", True)),
        (chain(6), ("p0", False)),
        (register(record("p0", by=["p0"])), ("p0", False)),
        (register(record("p0", by=["p1"]), record("p1", by=["p0"])), ("p0", False)),
        (register(record("p0", by=["p1", "p2"]), record("p1"), record("p2")), ("p0", False)),
        (register(record("p0", by=["p1", "p1"]), record("p1")), ("p1", True)),
        (register(record("p0", by=[None])), ("p0", False)),
        ({"p0": None}, ("p0", False)),
        (register(record("p0", by=["p1"])) | {"p1": None}, ("p1", False)),
    ],
)
def test_follow(records, expected):
    """To the survivor over at most five hops; loops, forks and dead ends lead nowhere."""
    assert end(records) == expected


def test_a_record_that_cannot_be_read_ends_the_way():
    """It is the reason, so it is named."""
    broken = Invalid("p1", "Patient/p1", ("Patient.birthDate",))
    assert follow("p0", {"p0": record("p0", by=["p1"]), "p1": broken}) == Resolved(
        "p1", broken, (record("p0", by=["p1"]),)
    )


def test_what_has_not_been_read_is_asked_for():
    """The rules do no reading."""
    assert follow("p0", register(record("p0", by=["p1"]))) == Unresolved(frozenset({"p1"}))


def family(records, survivor):
    """All ids of a person."""
    return aliases(survivor, records, replaced(records))


@pytest.mark.parametrize(
    ("records", "survivor", "expected"),
    [
        (chain(2), "p2", {"p0", "p1", "p2"}),
        (register(record("p1", of=["p0"]), record("p0", by=["p1"])), "p1", {"p0", "p1"}),
        (register(record("p1", of=["p0"])) | {"p0": None}, "p1", {"p0", "p1"}),
        (register(record("p2", of=["p1"]), record("p1", of=["p0"]), record("p0")), "p2", {"p0", "p1", "p2"}),
        (register(record("p1", of=["p0"]), record("p0", by=["p9"]), record("p9")), "p1", {"p1"}),
        (register(record("p1"), record("p9")), "p1", {"p1"}),
        (register(record("p2", of=["p1"]), record("p1"), record("p0", by=["p1"])), "p2", {"p0", "p1", "p2"}),
    ],
)
def test_aliases(records, survivor, expected):
    """Those that lead to the survivor and those it replaces, but none that leads to somebody else."""
    assert family(records, survivor) == expected


def test_aliases_ask_for_what_has_not_been_read():
    """So that a contrary link is found."""
    assert family(register(record("p1", of=["p0"])), "p1") == Unresolved(frozenset({"p0"}))


IDS = ["p0", "p1", "p2", "p3"]
some = st.lists(st.sampled_from(IDS), max_size=2)


@given(st.fixed_dictionaries({patient: st.tuples(some, some) for patient in IDS}))
def test_any_tangle_of_links_comes_to_an_end(links):
    """Loops and forks in any order lead to a survivor with a family, or nowhere; nothing is asked for twice."""
    records = {patient: record(patient, by=by, of=of) for patient, (by, of) in links.items()}
    for patient in records:
        found = follow(patient, records)
        assert isinstance(found, Resolved)
        if found.record is not None:
            assert {patient, found.id} <= family(records, found.id)
