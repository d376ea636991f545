"""Taking one page of a search apart."""

import pytest

from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.bundle import Seen, read_page

MATCH = {"mode": "match"}


def bundle(*entries, **rest):
    """Make a searchset."""
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries)} | rest


def entry(type_, id_, mode="match"):
    """Make an entry of a type."""
    return {"resource": {"resourceType": type_, "id": id_}} | ({"search": {"mode": mode}} if mode else {})


def outcome(severity, mode="outcome", code="exception", **issue):
    """Make an entry that holds an OperationOutcome."""
    resource = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code} | issue]}
    return {"resource": resource, "search": {"mode": mode}}


def test_matches_are_told_from_what_came_along():
    """By ``search.mode``; without one, by being of the type asked for."""
    page = read_page(
        bundle(
            entry("Patient", "match"),
            entry("Patient", "modeless", mode=None),
            entry("Patient", "included", mode="include"),
            entry("Organization", "org", mode="include"),
            entry("Organization", "modeless-org", mode=None),
            outcome("warning"),
        ),
        "Patient",
    )
    assert [one["id"] for one in page.matches] == ["match", "modeless"]
    assert [one["id"] for one in page.included] == ["included"]


@pytest.mark.parametrize("severity", ["information", "warning", "success"])
def test_warnings_are_no_fault(severity):
    """A server may add remarks to a complete answer."""
    assert len(read_page(bundle(entry("Patient", "p1"), outcome(severity)), "Patient").matches) == 1


@pytest.mark.parametrize("mode", ["outcome", "match", "include"])
@pytest.mark.parametrize("severity", ["error", "fatal", "odd", None])
def test_an_error_within_a_200_is_an_incomplete_read(severity, mode):
    """Whatever the entry calls itself, and whatever else the page holds."""
    with pytest.raises(IncompleteRead, match=r"\(exception\)"):
        read_page(bundle(entry("Patient", "p1"), outcome(severity, mode)), "Patient")


def test_an_error_alone_is_an_incomplete_read():
    """An OperationOutcome in place of the Bundle."""
    with pytest.raises(IncompleteRead, match=r"error \(exception\)"):
        read_page(outcome("error")["resource"], "Patient")


def test_the_codes_of_an_error_are_told_and_its_text_is_not():
    """``diagnostics`` repeats what was searched for; only HAPI's number and codes of the closed set are passed on."""
    told = outcome(
        "error", code="Tolvan", diagnostics="HAPI-0524: Unknown value 191212121212", details={"text": "Tolvan"}
    )
    with pytest.raises(IncompleteRead) as caught:
        read_page(bundle(told), "Patient")
    assert "HAPI-0524" in str(caught.value)
    assert "1912" not in str(caught.value)
    assert "Tolvan" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "Bundle",
        {},
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "type": "batch-response"},
        {"resourceType": "Patient", "id": "p1", "type": "searchset"},
        {"resourceType": "OperationOutcome"},
        {"resourceType": "OperationOutcome", "issue": "x"},
    ],
)
def test_what_is_no_searchset_is_refused(answer):
    """Anything else tells nothing of what matches."""
    with pytest.raises(FhirError, match="searchset"):
        read_page(answer, "Patient")


@pytest.mark.parametrize(
    "broken",
    [
        bundle({"resource": {"resourceType": "Patient"}, "search": MATCH}),
        bundle(entry("Patient", "")),
        bundle(entry("Patient", 7)),
        bundle(entry("Patient", "p\ud800")),
        bundle(entry("Patient", "p\n1")),
        bundle(entry("Patient", None, mode=None)),
        bundle({"search": MATCH, "fullUrl": "http://fhir.test/fhir/Patient/p1"}),
        bundle({"resource": "Patient/p1", "search": MATCH}),
        bundle(entry("Patient", "p1", mode="guess")),
        bundle(entry("Patient", "p1", mode=["match"])),
        bundle(entry("Appointment", "a1")),
        bundle("entry"),
        bundle(entry="entry"),
        bundle(entry=None),
        bundle(total="1"),
        bundle(total=1.0),
        bundle(link="next"),
        bundle(link=[{"relation": "next"}]),
        bundle(link=[{"relation": "next", "url": ""}]),
        bundle(link=[{"relation": "next", "url": 1}]),
    ],
)
def test_a_page_that_may_hide_a_match_is_an_incomplete_read(broken):
    """No id, no resource, an unknown mode, a match of another type, a shape that is not FHIR."""
    with pytest.raises(IncompleteRead):
        read_page(broken, "Patient")


def test_what_came_along_without_an_id_is_left_out():
    """It is extra; nothing that was asked for is missing."""
    page = read_page(bundle({"resource": {"resourceType": "Patient"}, "search": {"mode": "include"}}), "Patient")
    assert page.included == []


def test_the_link_is_given_as_it_stands():
    """Verbatim: it is the server's own."""
    link = "http://fhir.test/fhir?_getpages=1|2&x=%2B"
    page = read_page(bundle(link=[{"relation": "self", "url": "x"}, {"relation": "next", "url": link}]), "Patient")
    assert page.next == link


def test_seen_remembers_each_id_once():
    """Adding tells whether it was new."""
    seen = Seen()
    keys = [f"id-{n}" for n in range(5000)]
    assert all(seen.add(key) for key in keys)
    assert not any(seen.add(key) for key in keys)
    assert len(seen) == 5000
    assert "id-17" in seen
    assert "id-5000" not in seen
