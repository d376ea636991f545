"""Reading the Appointments of a window over HTTP."""

from datetime import timedelta
from itertools import count

import httpx
import pytest

from fhirnotify.core.model import Booking
from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.client import Limits


def test_the_search_asks_for_exactly_the_window(server, source, ids):
    """Bounds, status, order and an accurate total are asked for by POST, in the body alone."""
    ids(source)
    assert server.searches("Appointment") == [
        {
            "date": ["gt2026-11-24T09:00:00Z", "lt2026-11-26T09:00:00Z"],
            "status": ["booked"],
            "_count": ["100"],
            "_sort": ["date"],
            "_total": ["accurate"],
        }
    ]


def test_fractions_of_a_second_are_rounded_outwards_in_the_search(server, source, window):
    """A server that reads no fractions still finds everything; the exact bounds are applied afterwards."""
    half = timedelta(microseconds=500_000)
    list(source.appointments(window[0] + half, window[1] + half))
    assert server.searches("Appointment")[0]["date"] == ["gt2026-11-24T09:00:00Z", "lt2026-11-26T09:00:01Z"]


def test_each_appointment_comes_once_over_all_pages(server, make_source, appointment, ids):
    """Pages follow each other by their links, in order of start."""
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 251)))
    assert ids(make_source()) == [f"a{n}" for n in range(1, 251)]
    assert [request.method for request in server.requests] == ["GET", "POST", "GET", "GET"]


def test_the_server_may_give_smaller_pages_than_asked_for(server, source, appointment, ids):
    """A server that caps ``_count`` silently gives more pages, and nothing is lost."""
    server.max_page = 7
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 31)))
    assert len(ids(source)) == 30


def test_pages_are_given_as_they_come(server, make_source, appointment, window):
    """The second page is not asked for before the first is done with, so memory holds one page."""
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 5)))
    pages = make_source(page_size=2).appointments(*window)
    assert [one.id for one in next(pages)] == ["a1", "a2"]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("minutes", "status", "given"),
    [
        (1, "booked", True),
        (0, "booked", False),
        (1 / 60, "booked", True),
        (48 * 60, "booked", False),
        (48 * 60 - 1 / 60, "booked", True),
        (-60, "booked", False),
        (1, "cancelled", True),
        (-60, "cancelled", False),
        (None, "booked", True),
        (None, "cancelled", True),
    ],
)
def test_the_filters_are_applied_again(server, source, appointment, ids, minutes, status, given):
    """A server that ignores the filter cannot widen the window; what is not booked goes on to the rules."""
    server.ignores = {"date", "status"}
    server.add(appointment("a1", minutes, status))
    assert ids(source) == (["a1"] if given else [])


def test_what_is_left_out_still_counts_as_a_match(server, source, appointment, ids):
    """The total is held against what the server returned, not against what was kept of it."""
    server.ignores = {"date"}
    server.add(appointment("early", -60), appointment("a1"))
    assert ids(source) == ["a1"]


def test_a_match_that_comes_twice_is_given_once(server, make_source, appointment, ids):
    """Pages that overlap, since something was booked in between, give no Appointment twice."""
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 5)))

    def overlap(bundle):
        bundle["entry"].append({"resource": appointment("a1", 1), "search": {"mode": "match"}})

    server.edit = overlap
    assert ids(make_source(page_size=2)) == ["a1", "a2", "a3", "a4"]


@pytest.mark.parametrize(
    ("total", "complete"), [(3, True), (2, True), (None, True), (4, False), ("3", False), (True, False), (-1, False)]
)
def test_fewer_matches_than_the_total_are_an_incomplete_read(server, source, appointment, ids, total, complete):
    """Something withheld stops the run; more than the total, or no total, does not."""
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(3)))
    server.add(appointment("a3", 3))
    server.edit = lambda bundle: bundle.update(total=total)
    if complete:
        assert len(ids(source)) == 3
    else:
        with pytest.raises(IncompleteRead):
            ids(source)


def test_a_lost_next_link_is_an_incomplete_read(server, make_source, appointment, ids):
    """HAPI has been seen to leave out the link to the next page (hapi-fhir#7081)."""
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 5)))
    server.edit = lambda bundle: bundle.pop("link", None)
    with pytest.raises(IncompleteRead, match="gave 2 of 4 matches"):
        ids(make_source(page_size=2))


def test_an_empty_last_page_is_no_fault(server, source, appointment, ids):
    """HAPI has been seen to end with an empty page (hapi-fhir#5237)."""
    server.add(appointment("a1"))
    answers = iter([[{"relation": "next", "url": "http://fhir.test/fhir?_getpages=0&_getpagesoffset=1"}], []])
    server.edit = lambda bundle: bundle.update(link=next(answers))
    assert ids(source) == ["a1"]


@pytest.mark.parametrize("entry", [[], None], ids=["empty", "repeated"])
def test_pages_that_give_nothing_new_are_not_followed_for_ever(server, make_source, appointment, ids, entry):
    """Each with a link never seen before: after some of them it is an incomplete read."""
    server.add(appointment("a1"))
    links = count(2)

    def go_on(bundle):
        url = f"http://fhir.test/fhir?_getpages=0&_getpagesoffset=0&n={next(links)}"
        bundle["link"] = [{"relation": "next", "url": url}]
        if entry is not None and "n" in server.requests[-1].url.params:
            bundle["entry"] = entry

    server.edit = go_on
    with pytest.raises(IncompleteRead, match="have no end"):
        ids(make_source(limits=Limits(barren=20)))
    assert len(server.requests) == 22


def test_pages_with_something_new_in_between_are_followed(server, make_source, appointment, ids):
    """Empty pages are counted in a row: those of a server that hides much are no fault."""
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 11)))
    server.edit = lambda bundle: bundle.update({"total": 5} | ({"entry": []} if len(server.requests) % 2 else {}))
    assert len(ids(make_source(page_size=1, limits=Limits(barren=2)))) == 5


def test_matches_that_are_said_not_to_match_are_an_incomplete_read(server, source, appointment, ids):
    """Nothing was asked to come along, so what comes along was asked for, and is not to be lost."""
    server.add(appointment("a1"), appointment("a2"))

    def mark(bundle):
        bundle["entry"][1]["search"]["mode"] = "include"
        del bundle["total"]

    server.edit = mark
    with pytest.raises(IncompleteRead, match="not asked for"):
        ids(source)


def test_an_empty_window_is_no_fault(server, source, ids):
    """No appointments is an answer."""
    server.edit = lambda bundle: bundle.pop("entry")
    assert ids(source) == []


class TestExpiredPages:
    """A search whose pages are gone is made again from the last start seen."""

    @pytest.mark.parametrize("gone", [404, 410])
    def test_it_goes_on_from_the_last_start(self, server, make_source, appointment, ids, gone):
        """That start is asked for again, since others may share it; none comes twice."""
        server.gone, server.expire_at = gone, {2}
        server.add(*(appointment(f"a{n}", minutes=n // 3) for n in range(3, 23)))
        assert sorted(ids(make_source(page_size=5))) == sorted(f"a{n}" for n in range(3, 23))
        assert [search["date"][0] for search in server.searches("Appointment")] == [
            "gt2026-11-24T09:00:00Z",
            "ge2026-11-24T09:04:00Z",
        ]

    def test_it_begins_anew_when_the_server_does_not_sort(self, server, make_source, appointment, ids):
        """Without order the last start says nothing of what is still to come."""
        server.ignores, server.expire_at = {"_sort"}, {2}
        server.add(*(appointment(f"a{n}", minutes=100 - n) for n in range(1, 21)))
        assert sorted(ids(make_source(page_size=5))) == sorted(f"a{n}" for n in range(1, 21))
        assert [search["date"][0] for search in server.searches("Appointment")] == ["gt2026-11-24T09:00:00Z"] * 2

    def test_order_by_chance_does_not_lose_the_rest(self, server, make_source, appointment, ids):
        """What came in order so far but was not sorted is found out by the first total, and all is read again."""
        server.ignores, server.expire_at = {"_sort"}, {1}
        server.add(*(appointment(f"a{n}", minutes=n) for n in (50, 60, 10, 20, 70)))
        assert sorted(ids(make_source(page_size=2))) == ["a10", "a20", "a50", "a60", "a70"]
        assert len(server.searches("Appointment")) == 3

    def test_one_cancelled_in_between_does_not_stop_the_run(self, server, make_source, appointment, ids):
        """The total of before no longer holds; reading all again settles it."""
        server.expire_at = {2}
        server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 11)))
        server.at_request[4] = server.resources.pop
        assert ids(make_source(page_size=4)) == [f"a{n}" for n in range(1, 10)]

    def test_a_resumed_search_is_held_against_its_own_total(self, server, make_source, appointment, ids):
        """What is withheld after a restart is an incomplete read too."""
        server.expire_at = {1}
        server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 11)))
        server.edit = lambda bundle: bundle["total"] < 10 and bundle["entry"].pop()
        with pytest.raises(IncompleteRead, match="matches"):
            ids(make_source(page_size=4))

    def test_restarts_are_bounded(self, server, make_source, appointment, ids):
        """A server that forgets every search at once cannot be read, and the message says what to do."""
        server.expire_at = set(range(1, 100))
        server.add(*(appointment(f"a{n}", minutes=5) for n in range(1, 11)))
        with pytest.raises(IncompleteRead, match="expire before they are read") as caught:
            ids(make_source(page_size=4))
        assert len(server.searches("Appointment")) == 4
        assert "fhir.page_size" in caught.value.next_step

    def test_other_refusals_of_a_next_page_are_not_taken_for_it(self, server, make_source, appointment, ids):
        """Only what is gone is asked for again."""
        server.instead.extend([None, None, httpx.Response(400)])
        server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 11)))
        with pytest.raises(FhirError, match="400 Bad Request"):
            ids(make_source(page_size=4))


class TestById:
    """Appointments read anew before sending."""

    def test_they_are_asked_for_in_chunks_of_a_hundred(self, server, source, appointment):
        """Whatever their status is now; one that is gone is missing."""
        server.add(*(appointment(f"a{n}", status="cancelled") for n in range(149)))
        found = source.appointments_by_id([f"a{n}" for n in range(150)])
        assert found.keys() == {f"a{n}" for n in range(149)}
        assert found["a7"] == Booking("a7", "Appointment/a7", "cancelled", found["a7"].start)
        assert [len(search["_id"][0].split(",")) for search in server.searches("Appointment")] == [100, 50]

    def test_others_than_those_asked_for_are_dropped(self, server, source, appointment):
        """A server that ignores ``_id`` returns everything."""
        server.ignores = {"_id"}
        server.add(appointment("a1"), appointment("a2"))
        assert source.appointments_by_id(["a1"]).keys() == {"a1"}

    def test_expired_pages_are_read_again(self, server, source, appointment):
        """From the beginning, since there is no order to go on from."""
        server.max_page, server.expire_at = 2, {1}
        server.add(*(appointment(f"a{n}") for n in range(5)))
        assert len(source.appointments_by_id([f"a{n}" for n in range(5)])) == 5

    def test_pages_that_always_expire_are_an_incomplete_read(self, server, source, appointment):
        """After three restarts it is given up."""
        server.max_page, server.expire_at = 2, set(range(1, 100))
        server.add(*(appointment(f"a{n}") for n in range(5)))
        with pytest.raises(IncompleteRead, match="expire"):
            source.appointments_by_id([f"a{n}" for n in range(5)])
        assert len(server.searches("Appointment")) == 4

    def test_nothing_asked_is_nothing_searched(self, server, source):
        """An empty list of ids makes no search, which would find everything."""
        assert source.appointments_by_id([]) == {}
        assert source.appointments_by_id([""]) == {}
        assert server.searches("Appointment") == []
