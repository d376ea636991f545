"""Reading the Appointments of listed Locations from a server that wants a location beside the date."""

import httpx
import pytest

from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.by_list import gathered
from fhirnotify.fhir.listed import Listed


@pytest.fixture
def at(make_source):
    """Make a source that asks by these Locations."""
    return lambda *ids, **settings: make_source(by=Listed("Location", "fhir.locations", ids), **settings)


@pytest.fixture
def visit(appointment):
    """Make an Appointment at these Locations."""

    def make(id_, *locations, minutes=60):
        return appointment(id_, minutes, "booked", "Patient/p", *(f"Location/{one}" for one in locations))

    return make


def asked(server):
    """Give the Locations of each search."""
    return [search["location"][0].replace("Location/", "") for search in server.searches("Appointment")]


def test_the_window_is_asked_for_beside_the_location(server, at, ids):
    """Everything else is as it is by date alone."""
    server.add({"resourceType": "Location", "id": "a"})
    ids(at("a"))
    assert server.searches("Appointment") == [
        {
            "location": ["Location/a"],
            "date": ["gt2026-11-24T09:00:00Z", "lt2026-11-26T09:00:00Z"],
            "status": ["booked"],
            "_count": ["100"],
            "_sort": ["date"],
            "_total": ["accurate"],
        }
    ]


def test_after_the_first_visit_the_rest_is_asked_for_together(server, at, ids, visit):
    """The list ends with the Location that is known to have a visit; who is listed twice is asked for once."""
    server.add(visit("a1", "b"), visit("a2", "d"), visit("a3", "x"))
    assert ids(at("a", "b", "d", "c", "a", "d")) == ["a1", "a2"]
    assert asked(server) == ["a", "b", "c,d,b"]


def test_lists_hold_a_hundred_and_the_known_one_goes_on_to_the_next(server, at, ids, visit):
    """Four hundred Locations are some five searches."""
    locations = [f"l{number:03}" for number in range(400)]
    server.add(*(visit(f"a{one}", one) for one in locations))
    assert sorted(ids(at(*locations))) == [f"a{one}" for one in locations]
    assert [len(one.split(",")) for one in asked(server)] == [1, 99, 100, 100, 100, 5]


@pytest.mark.parametrize(
    "reads_list",
    [
        lambda found: found[:1],
        lambda found: found[:2],
        lambda found: [",".join(found)],
        lambda found: found * (len(found) < 2),
    ],
    ids=["the first alone", "the first two", "as one id", "not at all"],
)
def test_a_server_that_does_not_read_lists_forgets_nobody(server, at, ids, visit, reads_list):
    """Each is then asked for alone, and no list is tried again."""
    server.reads_list = reads_list
    locations = [f"l{number:03}" for number in range(150)]
    server.add(*(visit(f"a{one}", one) for one in locations))
    assert sorted(ids(at(*locations))) == [f"a{one}" for one in locations]
    assert sum("," in one for one in asked(server)) == 1


def test_a_list_that_is_refused_for_another_reason_stops_the_pass(server, at, ids, visit):
    """An account whose right ran out gets no more of the others either."""
    server.add(visit("a1", "a"))
    server.instead.extend([None, None, httpx.Response(403)])
    with pytest.raises(FhirError, match="403"):
        ids(at("a", "b", "c"))


def test_a_known_visit_that_is_cancelled_in_between_does_not_end_the_lists(server, at, ids, visit):
    """The next one that is found takes its place."""
    server.add(visit("a1", "a"), visit("a2", "b"), visit("a3", "e"))
    server.at_request[3] = lambda: server.resources.pop(0)
    locations = [f"x{number}" for number in range(98)]
    assert ids(at("a", *locations, "b", "c", "e")) == ["a1", "a2", "a3"]
    lists = [one for one in asked(server) if "," in one]
    assert lists[-1] == "c,e,b"


def test_a_visit_at_two_locations_proves_no_list(server, at, ids, visit):
    """It could have been found by the other one, from a list of which only the beginning was read."""
    server.reads_list = lambda found: found[:1]
    server.add(visit("a1", "a", "b"), visit("a2", "c"), visit("a3", "d"))
    assert ids(at("a", "b", "c", "d")) == ["a1", "a2", "a3"]
    assert asked(server)[:2] == ["a", "b"]


def test_a_visit_at_two_locations_comes_once(server, at, ids, visit):
    """Also when they are asked for in different searches."""
    server.reads_list = lambda found: found[:1]
    server.add(visit("a1", "a", "b"), visit("a2", "a"))
    assert sorted(ids(at("a", "b"))) == ["a1", "a2"]


def test_visits_of_other_places_are_left_out(server, at, ids, visit):
    """A server that takes no notice of the location cannot widen what was listed."""
    server.ignores = {"location"}
    server.add(visit("a1", "a"), visit("a2", "b"), visit("a3"))
    assert ids(at("a")) == ["a1"]


def test_only_visits_of_other_places_are_an_incomplete_read(server, at, ids, visit):
    """What was asked for has then not been answered."""
    server.ignores = {"location"}
    server.add(visit("a2", "b"))
    with pytest.raises(IncompleteRead, match="by location, the server gives those of others") as caught:
        ids(at("a"))
    assert "fhir.appointments" in caught.value.next_step


def test_a_place_that_cannot_be_told_by_an_id_is_believed(server, at, ids, visit):
    """The server may know by which identifier it is named."""
    server.ignores = {"location"}
    made = visit("a1")
    made["participant"].append({"actor": {"type": "Location", "identifier": {"value": "ward 3"}}})
    server.add(made)
    assert ids(at("a")) == ["a1"]


def test_without_the_date_nothing_is_asked_for(server, at, ids):
    """The whole history of a hospital is not to be read."""
    server.refuses = {"date"}
    with pytest.raises(FhirError, match="400 Bad Request"):
        ids(at("a"))
    assert len(server.searches("Appointment")) == 1


def test_pages_that_expire_are_read_again_by_the_same_search(server, at, ids, visit):
    """From the last start that was seen, as by date alone."""
    server.expire_at = {1}
    server.add(*(visit(f"a{n}", "a", minutes=n) for n in range(1, 6)), visit("b1", "b"))
    assert ids(at("a", "b", page_size=2)) == ["a1", "a2", "a3", "a4", "a5", "b1"]
    assert [(search["location"][0], search["date"][0][:2]) for search in server.searches("Appointment")] == [
        ("Location/a", "gt"),
        ("Location/a", "ge"),
        ("Location/b", "gt"),
    ]


def test_small_pages_are_gathered(server, at, visit, window):
    """A hundred Locations with a visit each are not a hundred searches for Patients."""
    server.reads_list = lambda found: found * (len(found) < 2)
    locations = [f"l{number:02}" for number in range(25)]
    server.add(*(visit(f"a{one}", one) for one in locations))
    assert [len(page) for page in at(*locations, page_size=10).appointments(*window)] == [10, 10, 5]


def test_what_is_gathered_does_not_wait_for_long():
    """What is decided on must be fresh, and most searches may find nothing."""
    times = iter([0.0, 0.0, 4.0, 5.0, 100.0, 101.0])
    pages = gathered(iter([["a"], [], ["b"], [], [], ["c"]]), 10, lambda: next(times))
    assert list(pages) == [["a", "b"], ["c"]]
    assert list(gathered(iter([[], []]), 10)) == []


class TestNothingFound:
    """A pass that finds nothing makes sure that there is something that it can find."""

    def test_none_of_the_locations_is_known(self, server, at, ids):
        """Their ids are wrong, then, and nobody would ever be reminded."""
        server.add({"resourceType": "Location", "id": "c"})
        with pytest.raises(FhirError, match=r"None of the Locations of fhir\.locations is known"):
            ids(at("a", "b"))

    def test_one_of_the_locations_is_known(self, server, at, ids):
        """There is nothing booked, then."""
        server.add({"resourceType": "Location", "id": "b"})
        assert ids(at("a", "b")) == []
        assert server.searches("Location")[0]["_id"] == ["a,b"]

    def test_a_server_that_ignores_the_id_proves_nothing(self, server, at, ids):
        """Other Locations are no answer."""
        server.ignores = {"_id"}
        server.add({"resourceType": "Location", "id": "c"})
        with pytest.raises(FhirError, match="None of the Locations"):
            ids(at("a"))

    def test_locations_may_not_be_read(self, server, at, ids):
        """The account needs no right to: then it cannot be told."""
        server.instead.extend([None, None, httpx.Response(403)])
        assert ids(at("a")) == []


def test_the_check_tells_how_many_locations_are_not_there(server, at):
    """A wrong id among many would be noticed by nobody else."""
    server.add({"resourceType": "Location", "id": "a"})
    (said,) = at("a", "b", "c").shortcomings()
    assert said.startswith("2 of the Locations of fhir.locations are not on the server")
    assert at("a").shortcomings() == []
    server.refuses = {"_id"}
    assert at("b").shortcomings() == []


def test_the_file_is_read_anew_for_each_window(server, make_source, ids, visit, tmp_path):
    """A long-lived source sees what has been changed."""
    (tmp_path / "ids").write_text("a")
    source = make_source(by=Listed("Location", "fhir.locations_file", file=tmp_path / "ids"))
    server.add(visit("a1", "a"), visit("a2", "b"))
    assert ids(source) == ["a1"]
    (tmp_path / "ids").write_text("b")
    assert ids(source) == ["a2"]
