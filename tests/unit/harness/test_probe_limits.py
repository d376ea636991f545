"""What the probe cannot know, what it costs, and what stops it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from lying_fhir import NOW, LyingFhir, visits
from probing import findings, findings_at

from fhirnotify.errors import FhirError
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request, Silence
from fhirnotify.harness.probing.finding import Behaviour, Verdict
from fhirnotify.harness.probing.pages import pace, place

OK, WARNING, UNKNOWN, ERROR = Verdict.OK, Verdict.WARNING, Verdict.UNKNOWN, Verdict.ERROR


def named(found: dict[str, Any], verdict: Verdict) -> set[str]:
    """Give the names of the findings with this verdict."""
    return {each.name for each in found.values() if each.verdict is verdict}


def test_an_empty_server_is_not_praised() -> None:
    """What needs an Appointment, a Patient or a Consent to be seen is not known, and the next step says what would do."""
    found = findings(LyingFhir([]))
    assert named(found, UNKNOWN) == {
        *(Behaviour.DATE_BOUNDS, Behaviour.DATE_UTC, Behaviour.DATE_OFFSET, Behaviour.STATUS, Behaviour.TOTAL),
        *(Behaviour.PAGE_SIZE, Behaviour.NEXT_LINK, Behaviour.SORT, Behaviour.BY_ID, Behaviour.PATIENTS),
        *(Behaviour.IDENTIFIER, Behaviour.CONSENTS, Behaviour.CONSENT_IDENTIFIER, Behaviour.VERSIONS),
    }
    assert named(found, WARNING) | named(found, ERROR) == set()
    assert all("robe again" in found[name].next_step for name in named(found, UNKNOWN))


def test_one_visit_tells_all_but_what_takes_two() -> None:
    """There is nothing to part into pages, or to sort."""
    assert named(findings(LyingFhir(visits(1))), UNKNOWN) == {Behaviour.PAGE_SIZE, Behaviour.NEXT_LINK, Behaviour.SORT}


def test_visits_of_other_weeks_tell_as_much() -> None:
    """A test server whose visits are long over can be probed all the same."""
    server = LyingFhir()
    with server.serve():
        found = findings_at(server.base_url, NOW + timedelta(days=400))
    assert {each.verdict for each in found.values()} == {OK}


def test_a_status_that_finds_nothing_is_found_out_by_visits_of_other_weeks() -> None:
    """An empty window tells nothing of a filter that lets nothing through."""
    resources = [{**one, "status": "fulfilled"} if "participant" in one else one for one in visits(3)]
    server = LyingFhir(resources, values=lambda name, found: [] if name == "status" else found)
    assert findings(server)[Behaviour.STATUS].verdict is ERROR


def test_a_visit_that_is_moved_meanwhile_accuses_nobody() -> None:
    """The server did not find it where it no longer was."""
    server = LyingFhir(visits(1))

    def moved(bundle: dict[str, Any]) -> None:
        if len(server.requests) == 5:
            visit = next(one for one in server.resources if one["resourceType"] == "Appointment")
            visit["start"] = (NOW + timedelta(hours=30)).isoformat()

    server.edit = moved
    assert findings(server)[Behaviour.DATE_UTC].verdict is UNKNOWN


def test_visits_at_one_time_cannot_be_sorted() -> None:
    """Both orders are the same, and right."""
    resources = [one | {"start": "2061-03-01T13:00:00Z"} if "start" in one else one for one in visits(3)]
    assert findings(LyingFhir(resources))[Behaviour.SORT].verdict is UNKNOWN


def test_a_patient_who_is_withheld_is_told_apart_from_a_list_that_is_cut() -> None:
    """The visit is there and the record is not: a matter of the account."""
    found = findings(LyingFhir([one for one in visits(3) if one["resourceType"] != "Patient"]))[Behaviour.PATIENTS]
    assert (found.verdict, "not found" in found.found) == (WARNING, True)


def test_after_a_refusal_of_post_nothing_more_is_tried() -> None:
    """There is one thing to mend, and it is told alone."""
    found = findings(LyingFhir(statuses={"/_search": 405}))
    assert list(found) == [Behaviour.VERSION, Behaviour.POST_SEARCH]


def test_the_page_size_of_the_settings_is_tried() -> None:
    """As a run would ask for it."""
    assert findings(LyingFhir(), page_size="2")[Behaviour.PAGE_SIZE].found == "2 as asked for"


def test_a_search_that_is_never_answered_is_not_made_for_every_type() -> None:
    """Each would take as long as the time limit."""
    server = LyingFhir()

    def answer(request: Request) -> Reply | Silence:
        reply = server.answer(request)
        return Silence() if request.path.endswith("/_search") else reply

    with LoopbackServer(answer) as serving:
        found = findings_at(f"{serving.base_url}/fhir")
    assert (list(found)[-1], found[Behaviour.POST_SEARCH].verdict) == (Behaviour.POST_SEARCH, ERROR)
    assert len([path for _, path, _ in server.requests if path.endswith("_search")]) == 1


def test_the_version_of_the_settings_must_agree() -> None:
    """Reading R5 by R4's elements would misread a Consent."""
    found = findings(LyingFhir(fhir_version="5.0.0"), version="R4")
    assert list(found) == [Behaviour.VERSION]
    assert found[Behaviour.VERSION].verdict is ERROR


def test_refused_credentials_stop_it() -> None:
    """With the message that every command gives."""
    with pytest.raises(FhirError, match="401") as caught:
        findings(LyingFhir(statuses={"/_search": 401}))
    assert "[fhir.auth]" in caught.value.next_step


def test_a_trial_that_breaks_the_connection_is_a_finding() -> None:
    """A gateway that hangs up on a long list, say: the server is still there for everything else."""
    server = LyingFhir()

    def answer(request: Request) -> Reply | Silence:
        return Silence() if request.body.count(b"%2C") > 60 else server.answer(request)

    with LoopbackServer(answer) as serving:
        found = findings_at(f"{serving.base_url}/fhir")
    assert "lists of 50 at most: The connection" in found[Behaviour.BY_ID].found


def test_a_server_that_goes_away_stops_it() -> None:
    """What is left would only be the same fault again and again."""
    server = LyingFhir()

    def answer(request: Request) -> Reply | Silence:
        return Silence() if len(server.requests) > 7 else server.answer(request)

    with LoopbackServer(answer) as serving, pytest.raises(FhirError, match="lost"):
        findings_at(f"{serving.base_url}/fhir")


@pytest.mark.parametrize(("seconds", "verdict"), [(0.1, OK), (10.0, OK), (10.1, WARNING), (29.0, WARNING)])
def test_a_first_page_may_take_a_third_of_the_time_limit(seconds: float, verdict: Verdict) -> None:
    """Above that a busy hour could stop a run."""
    assert pace(seconds, 100, timedelta(seconds=30)).verdict is verdict


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("https://fhir.example/fhir?x", "to the same origin"),
        ("https://fhir.example:443/other?x", "to the same origin"),
        ("HTTPS://FHIR.example/fhir?x", "to the same origin"),
        ("/fhir?x", "relative"),
        ("?x", "relative"),
        ("http://fhir.example/fhir?x", "to another scheme and port"),
        ("https://fhir.example:8443/fhir?x", "to another port"),
        ("//inner.example/fhir?x", "to another host"),
        ("http://[", "cannot be read"),
    ],
)
def test_where_a_link_leads_is_told_without_repeating_it(link: str, says: str) -> None:
    """As seen from the endpoint; a path or a query could hold anything."""
    assert place(link, "https://fhir.example") == says


def test_the_start_of_the_window_may_have_fractions() -> None:
    """The real clock has."""
    server = LyingFhir()
    with server.serve():
        found = findings_at(server.base_url, NOW + timedelta(microseconds=123456))
    assert {each.verdict for each in found.values()} == {OK}
    dates = [value for _, _, form in server.requests for name, value in form if name == "date"]
    assert all(datetime.fromisoformat(value[2:]).microsecond == 0 for value in dates)
