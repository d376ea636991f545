"""Reading the Appointments of listed Patients from a server that gives them by patient alone."""

import httpx
import pytest

from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.client import Limits
from fhirnotify.fhir.listed import Listed, Roster


@pytest.fixture
def of(make_source):
    """Make a source that asks by these Patients."""
    return lambda *ids, **settings: make_source(by=Listed("Patient", "fhir.patients_file", ids), **settings)


@pytest.fixture
def visit(appointment):
    """Make an Appointment of these Patients."""

    def make(id_, *patients, minutes=60, status="booked"):
        return appointment(id_, minutes, status, *(f"Patient/{one}" for one in patients))

    return make


def patient(id_, *links, **elements):
    """Make a Patient with links to others."""
    others = [{"type": kind, "other": {"reference": f"Patient/{other}"}} for kind, other in links]
    return {"resourceType": "Patient", "id": id_, "link": others, **elements}


def asked(server):
    """Give the Patients of each search."""
    return [
        search["patient"][0].replace("Patient/", "") for search in server.searches("Appointment") if "patient" in search
    ]


def test_patients_are_asked_for_as_locations_are(server, of, ids, visit):
    """Alone until a visit is found, then together; a visit of two of them comes once."""
    server.add(*map(patient, "abcd"), visit("a1", "b"), visit("a2", "c", "d"), visit("a3", "d"), visit("a4", "x"))
    assert ids(of("a", "b", "c", "d")) == ["a1", "a2", "a3"]
    assert asked(server) == ["a", "b", "c,d,b"]


class TestDates:
    """Whether date and status may stand beside a patient is found out by the first search."""

    def test_they_are_asked_for_where_the_server_takes_them(self, server, of, ids, visit):
        """So that no history travels."""
        server.add(patient("a"), visit("a1", "a"))
        assert ids(of("a")) == ["a1"]
        assert server.searches("Appointment")[0].keys() == {"patient", "date", "status", "_count", "_sort", "_total"}

    @pytest.mark.parametrize("refused", ["date", "status", "_sort"])
    @pytest.mark.parametrize("status", [400, 422, 501])
    def test_a_server_that_refuses_them_is_asked_without(self, server, of, ids, visit, refused, status):
        """Once refused they are not tried again, and the window is applied here."""
        server.refuses = {refused}
        server.refusal = status
        server.add(
            *map(patient, "ab"),
            visit("old", "a", minutes=-60),
            visit("late", "a", minutes=48 * 60),
            visit("cancelled", "a", status="cancelled"),
            visit("proposed", "a", minutes=None, status="proposed"),
            visit("no-start", "a", minutes=None),
            visit("a1", "a"),
            visit("a2", "b"),
        )
        assert ids(of("a", "b")) == ["no-start", "a1", "a2"]
        without = [
            search.keys() == {"patient", "_count"} for search in server.searches("Appointment") if "patient" in search
        ]
        assert without == [False, True, True]

    def test_a_long_history_is_read_page_by_page(self, server, of, window, visit):
        """Only what lies in the window is kept, and translated."""
        server.refuses = {"date"}
        server.add(patient("a"), *(visit(f"old{n}", "a", minutes=-n) for n in range(1, 500)), visit("a1", "a"))
        assert [[one.id for one in page] for page in of("a", page_size=10).appointments(*window)] == [["a1"]]
        assert len(server.requests) > 50

    def test_an_expired_history_is_read_from_its_beginning(self, server, of, ids, visit):
        """Without a date it cannot be resumed; nothing comes twice."""
        server.refuses, server.expire_at = {"date"}, {2}
        server.add(patient("a"), visit("old", "a", minutes=-1), *(visit(f"a{n}", "a", minutes=n) for n in range(1, 8)))
        assert ids(of("a", page_size=3)) == [f"a{n}" for n in range(1, 8)]
        assert len(asked(server)) == 3  # with the date, which is refused; up to the lost page; all again

    def test_what_is_refused_either_way_stops_the_pass(self, server, of, ids):
        """It is something else that the server does not take."""
        server.refuses = {"patient"}
        with pytest.raises(FhirError, match="400 Bad Request"):
            ids(of("a"))

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_other_refusals_are_not_taken_for_it(self, server, of, ids, status):
        """Credentials and addresses are to be mended."""
        server.instead.extend([None, None, httpx.Response(400), httpx.Response(status)])
        with pytest.raises(FhirError, match=str(status)):
            ids(of("a"))
        assert len(server.searches("Appointment")) == 2

    def test_a_refusal_later_on_stops_the_pass(self, server, of, ids, visit):
        """What was taken once is not what is refused now."""
        server.add(*map(patient, "ab"))
        server.instead.extend([None, None, None, httpx.Response(400)])
        with pytest.raises(FhirError, match="400"):
            ids(of("a", "b"))


class TestMergedRecords:
    """A visit may be booked on a record that has been merged into the listed one, or the other way round."""

    def test_all_records_of_a_listed_patient_are_asked_for(self, server, of, ids, visit):
        """Replaced and replacing ones, wherever the link stands."""
        server.add(
            patient("new", ("replaces", "old")),
            patient("old"),
            patient("older", ("replaced-by", "old")),
            patient("friend", ("seealso", "new")),
            visit("a1", "old"),
            visit("a2", "older"),
            visit("a3", "friend"),
        )
        assert ids(of("new")) == ["a1", "a2"]
        assert ids(of("older")) == ["a1", "a2"]

    def test_nobody_is_asked_for_twice(self, server, of, ids, visit):
        """Also where both records are listed, a hundred others between them."""
        server.add(patient("new", ("replaces", "old")), patient("old"), visit("a1", "old"))
        others = [f"p{number}" for number in range(100)]
        assert ids(of("new", *others, "old")) == ["a1"]
        assert [name for searched in asked(server) for name in searched.split(",")].count("new") == 1


class TestByNumber:
    """A visit may name its patient by a business identifier alone."""

    @pytest.fixture
    def booked(self, server, appointment):
        """Book one for a patient's number."""
        number = {"system": "urn:s", "value": "1"}
        by_number = appointment("a1")
        by_number["participant"] = [{"actor": {"type": "Patient", "identifier": number}}]
        server.add(patient("a", identifier=[number]), by_number)

    def test_it_is_found_where_the_server_knows_that_search(self, server, of, ids, booked):
        """By each number that the records of the listed carry."""
        source = of("a")
        assert ids(source) == ["a1"]
        assert source.shortcomings() == []
        assert server.searches("Appointment")[-1]["patient:identifier"] == ["urn:s|1"]

    def test_it_is_not_looked_for_where_the_server_does_not(self, server, of, ids, booked):
        """The check tells of it."""
        server.refuses = {"patient:identifier"}
        source = of("a")
        assert ids(source) == []
        assert any("visits that name their patient by number alone" in said for said in source.shortcomings())

    def test_those_of_other_numbers_are_left_out(self, server, of, ids, booked, appointment):
        """A server may give more than was asked for."""
        other = appointment("a2")
        other["participant"] = [{"actor": {"identifier": {"system": "urn:s", "value": "2"}}}]

        def edit(bundle):
            if any(entry["resource"]["id"] == "a1" for entry in bundle["entry"]):
                bundle["entry"].append({"resource": other, "search": {"mode": "match"}})

        server.edit = edit
        assert ids(of("a")) == ["a1"]


class TestRosters:
    """The Patients may be the members of a Group, or the items of a List."""

    @pytest.mark.parametrize(
        ("kind", "elements"),
        [
            ("Group", {"member": [{"entity": {"reference": f"Patient/{one}"}} for one in "ab"]}),
            ("List", {"status": "current", "entry": [{"item": {"reference": f"Patient/{one}"}} for one in "ab"]}),
        ],
    )
    def test_they_are_read_from_the_server(self, server, make_source, ids, visit, kind, elements):
        """By a search of its id, at each pass."""
        server.add({"resourceType": kind, "id": "r", **elements}, visit("a1", "a"), visit("a2", "b"), visit("a3", "c"))
        assert ids(make_source(by=Roster("fhir.patients", kind, "r"))) == ["a1", "a2"]
        assert server.searches(kind)[0]["_id"] == ["r"]

    @pytest.mark.parametrize("ignores", [set(), {"_id"}])
    def test_one_that_is_not_there_stops_the_pass(self, server, make_source, ids, ignores):
        """Another that is given in its place is not it."""
        server.ignores = ignores
        server.add({"resourceType": "Group", "id": "other"})
        with pytest.raises(FhirError, match=r"Group/r of fhir\.patients is not on the server"):
            ids(make_source(by=Roster("fhir.patients", "Group", "r")))

    def test_the_check_finds_that_it_is_not_there(self, server, make_source):
        """Before the first pass has to."""
        with pytest.raises(FhirError, match=r"Group/r of fhir\.patients"):
            make_source(by=Roster("fhir.patients", "Group", "r")).shortcomings()

    def test_one_that_is_too_long_is_refused(self, server, make_source, ids):
        """It is one answer and has to fit into memory; a file has not."""
        members = [{"entity": {"reference": f"Patient/{number}"}} for number in range(60_000)]
        server.add({"resourceType": "Group", "id": "r", "member": members})
        source = make_source(by=Roster("fhir.patients", "Group", "r"), limits=Limits(body=2**21))
        with pytest.raises(FhirError, match="longer than 2 MiB") as caught:
            ids(source)
        assert "fhir.patients_file" in caught.value.next_step


class TestNothingFound:
    """A pass that finds nothing makes sure that it knows anybody."""

    def test_none_of_the_patients_is_known(self, server, of, ids):
        """Personal identity numbers are no logical ids, for example."""
        with pytest.raises(FhirError, match=r"None of the Patients of fhir\.patients_file is known"):
            ids(of("191212121212"))

    def test_one_of_the_patients_is_known(self, server, of, ids):
        """Nothing is booked, then."""
        server.add(patient("b"))
        assert ids(of("a", "b")) == []

    def test_a_visit_is_found_of_a_patient_who_is_not_there(self, server, of, ids, visit):
        """The rules say what is wrong with it."""
        server.add(visit("a1", "a"))
        assert ids(of("a")) == ["a1"]


def test_those_of_other_patients_are_left_out(server, of, ids, visit):
    """A server that takes no notice of the patient is found out as soon as it gives none of those asked for."""
    server.ignores = {"patient"}
    server.add(visit("a1", "a"), visit("a2", "b"))
    assert ids(of("a")) == ["a1"]
    with pytest.raises(IncompleteRead, match="by patient, the server gives those of others"):
        ids(of("c"))


class TestReadingAnew:
    """Cambio's server gives "all appointments for a patient, or information for a single appointment"."""

    def test_each_is_read_alone_where_a_search_by_id_is_refused(self, server, of, visit):
        """One that is gone is missing, by 404 or 410."""
        server.refuses = {"_id"}
        server.add(visit("a1", "a", status="cancelled"), visit("a2", "a"))
        found = of("a").appointments_by_id(["a1", "a2", "a3"])
        assert {id_: one.status for id_, one in found.items()} == {"a1": "cancelled", "a2": "booked"}
        server.gone = 404
        assert of("a").appointments_by_id(["a3"]) == {}

    def test_another_resource_is_an_incomplete_read(self, server, source, visit):
        """Whatever is decided on it would be about another visit."""
        server.refuses = {"_id"}
        server.instead.extend([None, None, httpx.Response(200, json=visit("a2", "a"))])
        with pytest.raises(IncompleteRead, match=r"GET Appointment/\[id\]"):
            source.appointments_by_id(["a1"])

    @pytest.mark.parametrize(("status", "id_"), [(403, "a1"), (400, "../a1")])
    def test_else_the_refusal_stands(self, server, source, status, id_):
        """Of the account, or for an id that could stand in no address."""
        server.instead.extend([None, httpx.Response(status)])
        with pytest.raises(FhirError, match=str(status)):
            source.appointments_by_id([id_])
        assert all(request.method == "POST" for request in server.requests[1:])

    def test_a_refused_reading_stops_the_pass(self, server, source):
        """Only 404 and 410 say that it is gone."""
        server.refuses = {"_id"}
        server.instead.extend([None, None, httpx.Response(403)])
        with pytest.raises(FhirError, match="403"):
            source.appointments_by_id(["a1"])
