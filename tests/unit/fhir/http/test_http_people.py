"""Reading Patients and Consents over HTTP."""

import httpx
import pytest

from fhirnotify.core.model import Identifier
from fhirnotify.errors import IncompleteRead
from fhirnotify.fhir.faults import RefusedError

PERSONNUMMER = "http://electronichealth.se/identifier/personnummer"


def patient(id_, *identifiers, replaced_by=None):
    """Make a Patient with identifiers, and the record that replaces it."""
    resource = {"resourceType": "Patient", "id": id_}
    if identifiers:
        resource["identifier"] = [{"system": s, "value": v} if s else {"value": v} for s, v in identifiers]
    if replaced_by:
        resource["link"] = [{"type": "replaced-by", "other": {"reference": f"Patient/{replaced_by}"}}]
    return resource


def consent(id_, of):
    """Make a Consent of a patient."""
    return {"resourceType": "Consent", "id": id_, "patient": {"reference": of}}


def naming(id_, identifier):
    """Make a Consent that names its patient by identifier."""
    return {
        "resourceType": "Consent",
        "id": id_,
        "patient": {"identifier": {"system": identifier.system, "value": identifier.value}},
    }


class TestPatients:
    """Patients by id."""

    def test_they_are_asked_for_in_chunks_by_post(self, server, source):
        """A hundred ids a search, with an accurate total; one that is gone is missing."""
        server.add(*(patient(f"p{n}") for n in range(119)))
        assert source.patients({f"p{n}" for n in range(120)}).keys() == {f"p{n}" for n in range(119)}
        searches = server.searches("Patient")
        assert [len(search["_id"][0].split(",")) for search in searches] == [100, 20]
        assert searches[0]["_total"] == ["accurate"]
        assert searches[0]["_count"] == ["1000"]

    def test_records_that_they_replace_come_along(self, server, source):
        """A patient who was reminded under an older record is found by it."""
        server.add(patient("new"), patient("old", replaced_by="new"))
        assert source.patients(["new"]).keys() == {"new", "old"}

    def test_a_match_that_also_comes_along_is_given_once(self, server, source):
        """Both records are asked for, and the one links to the other."""
        server.add(patient("new"), patient("old", replaced_by="new"))
        server.edit = lambda bundle: bundle["entry"].append(
            {"resource": patient("old", replaced_by="new"), "search": {"mode": "include"}}
        )
        assert source.patients(["new", "old"]).keys() == {"new", "old"}

    @pytest.mark.parametrize("mode", ["match", None])
    def test_records_that_came_along_are_kept_whatever_the_server_calls_them(self, server, source, mode):
        """A consent may stand on an older record; a stranger's record is dropped all the same."""
        server.add(patient("new"), patient("old", replaced_by="new"), patient("stranger"))
        server.ignores = {"_id"}
        server.edit = lambda bundle: [entry.update(search={"mode": mode} if mode else {}) for entry in bundle["entry"]]
        assert source.patients(["new"]).keys() == {"new", "old"}

    def test_included_records_do_not_count_as_matches(self, server, source):
        """A record that came along does not stand in for a match that is withheld."""
        server.add(patient("new"), patient("old", replaced_by="new"))
        server.edit = lambda bundle: bundle.update(total=2)
        with pytest.raises(IncompleteRead, match="gave 1 of 2 matches"):
            source.patients(["new", "other"])

    def test_revinclude_is_asked_for_only_where_the_server_offers_it(self, server, source):
        """A server may refuse what it does not know."""
        server.rev_includes = ["Consent:patient"]
        server.add(patient("new"), patient("old", replaced_by="new"))
        assert source.patients(["new"]).keys() == {"new"}
        assert "_revinclude" not in server.searches("Patient")[0]

    def test_others_than_those_asked_for_are_dropped(self, server, source):
        """A server that ignores ``_id`` returns everybody."""
        server.ignores = {"_id", "_revinclude"}
        server.add(patient("p1"), patient("p2"))
        assert source.patients(["p1"]).keys() == {"p1"}

    def test_an_id_with_a_mark_of_the_search_language_is_escaped(self, server, source):
        """A comma in what a reference says does not become a second id."""
        source.patients(["a,b|c$d\\e"])
        assert server.searches("Patient")[0]["_id"] == ["a\\,b\\|c\\$d\\\\e"]


class TestByIdentifier:
    """Patients by business identifier, for logical references."""

    TOLVAN = Identifier(PERSONNUMMER, "191212121212")
    OTHER = Identifier(PERSONNUMMER, "195009072553")

    def test_none_one_and_many_are_told_apart(self, server, source):
        """Each identifier asked for stands in the answer with those who carry it."""
        none = Identifier(PERSONNUMMER, "196101182803")
        server.add(
            patient("p1", (PERSONNUMMER, "191212121212")),
            patient("p2", (PERSONNUMMER, "195009072553")),
            patient("p3", ("urn:other", "1"), (PERSONNUMMER, "195009072553")),
        )
        found = source.patients_by_identifier([self.TOLVAN, self.OTHER, none])
        assert {key: [one.id for one in people] for key, people in found.items()} == {
            self.TOLVAN: ["p1"],
            self.OTHER: ["p2", "p3"],
            none: [],
        }

    @pytest.mark.parametrize(
        "carried",
        [("urn:oid:1.2.752.129.2.1.3.1", "191212121212"), (None, "191212121212"), (PERSONNUMMER, "19121212-1212")],
    )
    def test_only_the_very_same_identifier_counts(self, server, source, carried):
        """What a server finds by some rule of its own is not taken for the person meant."""
        server.ignores = {"identifier"}
        server.add(patient("p1", carried))
        assert source.patients_by_identifier([self.TOLVAN]) == {self.TOLVAN: []}

    def test_one_without_a_system_means_one_without_a_system(self, server, source):
        """A value alone says little: it is not held against every system's values."""
        asked = Identifier(None, "17")
        server.add(patient("p1", (None, "17")), patient("p2", ("urn:a", "17")))
        assert [one.id for one in source.patients_by_identifier([asked])[asked]] == ["p1"]
        assert server.searches("Patient")[0]["identifier"] == ["|17"]

    def test_the_same_patient_over_two_searches_is_one(self, server, source):
        """A page that expired is read again, and its Patients are not doubled."""
        server.max_page, server.expire_at = 1, {1}
        server.add(*(patient(f"p{n}", (PERSONNUMMER, "191212121212")) for n in range(2)))
        assert [one.id for one in source.patients_by_identifier([self.TOLVAN])[self.TOLVAN]] == ["p0", "p1"]

    def test_they_are_searched_twenty_at_a_time(self, server, source):
        """HAPI has been seen to hang on longer lists."""
        asked = [Identifier("urn:a", str(n)) for n in range(45)]
        server.add(*(patient(f"p{n}", ("urn:a", str(n))) for n in range(45)))
        found = source.patients_by_identifier(asked)
        assert [one.id for people in found.values() for one in people] == [f"p{n}" for n in range(45)]
        assert len(server.searches("Patient")) == 3

    @pytest.mark.parametrize("value", ["\ud800", "1,2|3"])
    def test_odd_values_find_nobody_and_harm_nothing(self, server, source, value):
        """A lone surrogate or a mark of the search language is no reason to stop."""
        asked = Identifier("urn:a", value)
        server.add(patient("p1", ("urn:a", "1")))
        assert source.patients_by_identifier([asked]) == {asked: []}

    def test_no_value_is_not_searched(self, server, source):
        """It would find everybody of that system."""
        asked = Identifier("urn:a", "")
        assert source.patients_by_identifier([asked]) == {asked: []}
        assert server.searches("Patient") == []

    @pytest.mark.parametrize("identifier", ["x", ["x"], [{}], [{"value": 7}], [{"system": 1, "value": "x"}], {}])
    def test_broken_identifiers_match_nothing(self, server, source, identifier):
        """Whatever stands there, the search goes on."""
        server.ignores = {"identifier"}
        server.add({"resourceType": "Patient", "id": "p1", "identifier": identifier})
        assert source.patients_by_identifier([self.TOLVAN]) == {self.TOLVAN: []}


class TestConsents:
    """Consents by patient."""

    def test_they_are_searched_by_reference_in_chunks(self, server, source):
        """A hundred patients a search, over as many pages as it takes."""
        server.max_page = 30
        server.add(*(consent(f"c{n}", f"Patient/p{n}") for n in range(120)))
        found = source.consents({f"p{n}" for n in range(120)})
        assert sorted(one.id for one in found) == sorted(f"c{n}" for n in range(120))
        assert [len(search["patient"][0].split(",")) for search in server.searches("Consent")] == [100, 20]
        assert server.searches("Consent")[0]["patient"][0].startswith("Patient/p0,Patient/p1,")

    @pytest.mark.parametrize("of", ["/Patient/p1", "patient/p1", "urn:x/Patient/p1/_history/2"])
    def test_one_whose_reference_is_not_quite_one_is_in_doubt(self, server, source, of):
        """The server gave it as this patient's."""
        server.ignores = {"patient"}
        server.add(consent("c1", of))
        assert [(one.patient, one.unreadable) for one in source.consents(["p1"])] == [("p1", ("Consent.patient",))]

    @pytest.mark.parametrize("of", ["Patient/p2", "https://elsewhere.test/fhir/Patient/p2", "Group/p1"])
    def test_the_consent_of_another_is_dropped(self, server, source, of):
        """A server that ignores ``patient`` must not let one person's consent speak for another."""
        server.ignores = {"patient"}
        server.add(consent("c1", of), consent("c2", "Patient/p1"))
        assert [one.id for one in source.consents(["p1"])] == ["c2"]

    def test_one_that_points_to_the_patient_at_another_address_is_in_doubt(self, server, source):
        """A server behind a gateway may write its inner address; the Consent may be the one that says no."""
        server.ignores = {"patient"}
        server.add(consent("c1", "http://inner.test:8080/fhir/Patient/p1"))
        assert [(one.patient, one.unreadable) for one in source.consents(["p1"])] == [("p1", ("Consent.patient",))]

    def test_each_consent_comes_once(self, server, source):
        """Also when every search returns all of them."""
        server.ignores = {"patient"}
        server.add(*(consent(f"c{n}", f"Patient/p{n}") for n in range(150)))
        assert len(source.consents([f"p{n}" for n in range(150)])) == 150

    def test_fewer_than_the_total_is_an_incomplete_read(self, server, source):
        """A withheld Consent might be the one that says no."""
        server.add(consent("c1", "Patient/p1"))
        server.edit = lambda bundle: bundle.update(total=2)
        with pytest.raises(IncompleteRead, match="Consent gave 1 of 2"):
            source.consents(["p1"])

    def test_one_may_name_its_patient_by_identifier(self, server, source):
        """Where the server can search so; what it is then is told by the Patients who carry the identifier."""
        mine = Identifier(PERSONNUMMER, "191212121212")
        server.add(patient("p1", (mine.system, mine.value)), naming("c1", mine), consent("c2", "Patient/p1"))
        found = source.consents(["p1"], [mine])
        assert [(one.id, one.patient, one.unreadable) for one in found] == [("c2", "p1", ()), ("c1", "p1", ())]
        server.add(patient("p9", (mine.system, mine.value)))
        assert source.consents(["p1"], [mine])[1].unreadable == ("Consent.patient",)

    def test_one_that_comes_as_a_match_is_read_though_it_names_its_patient_by_identifier(self, server, source):
        """The server says whose it is; that it cannot be searched for is no reason to drop it."""
        mine = Identifier(PERSONNUMMER, "191212121212")
        server.refuses, server.ignores = {"patient:identifier"}, {"patient"}
        server.add(patient("p1", (mine.system, mine.value)), naming("c1", mine))
        assert [(one.id, one.patient) for one in source.consents(["p1"], [mine])] == [("c1", "p1")]

    @pytest.mark.parametrize("mode", ["include", None])
    def test_one_that_is_said_to_have_come_along_counts(self, server, source, mode):
        """Nothing was asked to come along, and it may be the one that says no."""
        server.add(consent("c1", "Patient/p1"))

        def relabel(bundle):
            del bundle["total"]
            for entry in bundle["entry"]:
                entry["search"] = {"mode": mode} if mode else {}

        server.edit = relabel
        assert [one.id for one in source.consents(["p1"])] == ["c1"]

    @pytest.mark.parametrize("how", ["refuses", "ignores"])
    def test_a_server_that_cannot_search_so_is_asked_once(self, server, source, how):
        """HAPI answers 400; one that ignores the modifier would give everybody's."""
        mine = Identifier(PERSONNUMMER, "191212121212")
        server.add(patient("p1", (mine.system, mine.value)), naming("c1", mine), consent("c2", "Patient/p1"))
        getattr(server, how).add("patient:identifier")
        for _ in range(2):
            assert [one.id for one in source.consents(["p1"], [mine])] == ["c2"]
        assert sum("patient:identifier" in search for search in server.searches("Consent")) == 1

    def test_who_is_refused_has_not_learnt_what_the_server_knows(self, server, source):
        """A 401 at the trial stops the run: taken for a no, it would hide Consents that may say no."""
        mine = Identifier(PERSONNUMMER, "191212121212")
        server.add(patient("p1", (mine.system, mine.value)), naming("c1", mine))
        server.instead.extend([None, httpx.Response(401)])
        with pytest.raises(RefusedError, match="401"):
            source.consents(["p1"], [mine])

    def test_nobody_asked_for_is_nothing_searched(self, server, source):
        """An empty list of patients makes no search."""
        assert source.consents([]) == []
        assert server.searches("Consent") == []
