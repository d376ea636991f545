"""Each behaviour that the probe tries, on a server that is honest, and on one that lies in just that."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from canary import SECRETS, WORD, people
from lying_fhir import LyingFhir, visits
from probing import EVERY, findings

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.moments import instant
from fhirnotify.harness.probing.finding import Behaviour, Finding, Verdict

OK, WARNING, UNKNOWN, ERROR = Verdict.OK, Verdict.WARNING, Verdict.UNKNOWN, Verdict.ERROR
ELSEWHERE = "https://elsewhere.example/fhir?_getpages=1"


def test_an_honest_server_has_every_behaviour() -> None:
    """All are tried, all are well, and it costs some thirty searches of next to nothing."""
    server = LyingFhir()
    found = findings(server)
    assert list(found) == EVERY
    assert {each.name: each.verdict for each in found.values()} == dict.fromkeys(EVERY, OK)
    assert len(server.requests) < 30
    assert {
        int(form["_count"]) for _, path, asked in server.requests if path.endswith("_search") if (form := dict(asked))
    } == {1, 2, 100}


def test_an_honest_server_of_r5_has_every_behaviour() -> None:
    """Consents have a subject there."""
    found = findings(LyingFhir(visits(5, version=FhirVersion.R5), fhir_version="5.0.0"))
    assert {each.name: each.verdict for each in found.values()} == dict.fromkeys(EVERY, OK)


def test_nothing_is_written() -> None:
    """Searches, pages, the CapabilityStatement and one read: no request changes anything."""
    server = LyingFhir()
    findings(server)
    posted = [path for method, path, _ in server.requests if method != "GET"]
    assert posted
    assert all(path.endswith("/_search") for path in posted)
    assert {method for method, _, _ in server.requests} == {"GET", "POST"}


def text_of(bound: str) -> datetime:
    """Read a bound by its wall clock, as a server does that leaves offsets unread."""
    moment = instant(bound)
    assert moment
    return datetime.fromisoformat(bound).replace(tzinfo=UTC)


def an_hour_late(bound: str) -> datetime:
    """Read a bound as a server in another time zone does that leaves Z unread."""
    return text_of(bound) - timedelta(hours=1)


def asked(name: str, value: str) -> dict[str, Any]:
    """Refuse whatever asks for this."""
    return {"refuses_if": lambda form: (name, value) in form}


LIES: list[tuple[str, dict[str, Any], Behaviour, Verdict, str]] = [
    ("another version than is read", {"fhir_version": "3.0.2"}, Behaviour.VERSION, ERROR, "3.0.2"),
    ("POST is refused", {"statuses": {"/_search": 405}}, Behaviour.POST_SEARCH, ERROR, "405"),
    ("POST is not known", {"statuses": {"/_search": 404}}, Behaviour.POST_SEARCH, ERROR, "404"),
    ("POST is not implemented", {"statuses": {"/_search": 501}}, Behaviour.POST_SEARCH, ERROR, "501"),
    ("Consents are not for us", {"statuses": {"Consent/_search": 403}}, Behaviour.POST_SEARCH, ERROR, "403"),
    ("searching is not promised", {"searchable": ("Patient",)}, Behaviour.POST_SEARCH, WARNING, "Appointment, Consent"),
    ("a date alone is refused", {"alone": "date"}, Behaviour.BY_DATE, ERROR, "400"),
    ("_sort is refused", {"refuses": {"_sort"}}, Behaviour.BY_DATE, ERROR, "refused with _sort"),
    ("_total is refused", {"refuses": {"_total"}}, Behaviour.BY_DATE, ERROR, "refused with _total"),
    ("status is refused", {"refuses": {"status"}}, Behaviour.BY_DATE, ERROR, "refused with status"),
    ("long pages are refused", asked("_count", "100"), Behaviour.BY_DATE, ERROR, "refused with _count"),
    ("the far future is refused", asked("date", "gt2300-01-01T00:00:00Z"), Behaviour.DATE_BOUNDS, UNKNOWN, "far off"),
    ("the far future is refused", asked("date", "gt2300-01-01T00:00:00Z"), Behaviour.STRICT, UNKNOWN, "far off"),
    ("another status is refused", asked("status", "entered-in-error"), Behaviour.STATUS, UNKNOWN, "is refused"),
    ("sorting down is refused", asked("_sort", "-date"), Behaviour.SORT, UNKNOWN, "is refused"),
    ("date is ignored", {"ignores": {"date"}}, Behaviour.DATE_BOUNDS, WARNING, "date is ignored"),
    ("only the first bound counts", {"bounds": slice(1)}, Behaviour.DATE_BOUNDS, WARNING, "the later bound"),
    ("only the last bound counts", {"bounds": slice(1, None)}, Behaviour.DATE_BOUNDS, WARNING, "the earlier bound"),
    ("Z is left unread", {"bound": an_hour_late}, Behaviour.DATE_UTC, ERROR, "not found"),
    ("date is ignored", {"ignores": {"date"}}, Behaviour.DATE_UTC, WARNING, "loosely"),
    ("offsets are left unread", {"bound": text_of}, Behaviour.DATE_OFFSET, WARNING, "another time"),
    ("status is ignored", {"ignores": {"status"}}, Behaviour.STATUS, WARNING, "ignored"),
    ("the total is not told", {"total": lambda *_: None}, Behaviour.TOTAL, WARNING, "not told"),
    ("the total is of the page", {"total": lambda _, given: given}, Behaviour.TOTAL, WARNING, "something else"),
    ("the total is lower", {"total": lambda *_: 1}, Behaviour.TOTAL, WARNING, "something else"),
    ("the total is higher", {"total": lambda matches, _: matches + 3}, Behaviour.TOTAL, ERROR, "8 told, 5 given"),
    ("the total is no number", {"total": lambda *_: "5"}, Behaviour.BY_DATE, ERROR, "not a number"),
    ("pages are shorter", {"largest_page": 2}, Behaviour.PAGE_SIZE, OK, "2 at most, though 100"),
    ("_count is ignored", {"ignores": {"_count"}}, Behaviour.PAGE_SIZE, WARNING, "longer"),
    (
        "the next page is elsewhere",
        {"next_is": lambda _: ELSEWHERE},
        Behaviour.NEXT_LINK,
        ERROR,
        "another scheme and host",
    ),
    (
        "the next page is at another port",
        {"next_is": lambda _: "http://127.0.0.1:9/x"},
        Behaviour.NEXT_LINK,
        ERROR,
        "another port",
    ),
    ("the next page is no address", {"next_is": lambda _: "http://[::1"}, Behaviour.NEXT_LINK, ERROR, "cannot be read"),
    (
        "the next page is gone",
        {"next_is": lambda link: link.replace("?_getpages", "/x?y")},
        Behaviour.NEXT_LINK,
        ERROR,
        "404",
    ),
    (
        "the next page is the same",
        {"next_is": lambda link: link.split("&")[0] + "&_from=0"},
        Behaviour.NEXT_LINK,
        ERROR,
        "the same page",
    ),
    (
        "the next page is empty",
        {"next_is": lambda link: link.split("&")[0] + "&_from=99"},
        Behaviour.NEXT_LINK,
        ERROR,
        "empty",
    ),
    ("the next page is lost", {"next_is": lambda _: None}, Behaviour.NEXT_LINK, ERROR, "missing"),
    (
        "the next link is relative",
        {"next_is": lambda link: link[link.index("/fhir") :]},
        Behaviour.NEXT_LINK,
        OK,
        "relative",
    ),
    ("_sort is ignored", {"ignores": {"_sort"}}, Behaviour.SORT, WARNING, "ignored"),
    ("lists end at 50", {"longest_list": 51}, Behaviour.BY_ID, ERROR, "lists of 50 at most"),
    ("lists end at 20", {"longest_list": 21}, Behaviour.PATIENTS, ERROR, "lists of 20 at most"),
    ("lists are refused", {"longest_list": 2}, Behaviour.CONSENTS, ERROR, "lists of 1 at most"),
    ("lists are not read to their end", {"cut_list": 50}, Behaviour.BY_ID, ERROR, "not read to its end"),
    ("_id is refused", {"refuses": {"Appointment._id"}}, Behaviour.BY_ID, ERROR, "400"),
    ("_id is ignored", {"ignores": {"Patient._id"}}, Behaviour.PATIENTS, WARNING, "ignored"),
    ("identifiers are refused", {"refuses": {"identifier"}}, Behaviour.IDENTIFIER, WARNING, "400"),
    ("identifiers are ignored", {"ignores": {"identifier"}}, Behaviour.IDENTIFIER, WARNING, "ignored"),
    ("merges are not promised", {"rev_includes": ()}, Behaviour.REPLACED, WARNING, "not in the CapabilityStatement"),
    (
        "merges are refused",
        {"rev_includes": (), "refuses": {"_revinclude"}},
        Behaviour.REPLACED,
        WARNING,
        "not offered",
    ),
    (
        "merges are promised and refused",
        {"refuses": {"_revinclude"}},
        Behaviour.REPLACED,
        ERROR,
        "promised, but refused",
    ),
    ("Consents are refused", {"refuses": {"Consent.patient"}}, Behaviour.CONSENTS, ERROR, "400"),
    ("patient is ignored", {"ignores": {"Consent.patient"}}, Behaviour.CONSENTS, WARNING, "ignored"),
    (
        "the modifier is refused",
        {"refuses": {"patient:identifier"}},
        Behaviour.CONSENT_IDENTIFIER,
        WARNING,
        "not offered",
    ),
    ("the modifier is ignored", {"ignores": {"patient:identifier"}}, Behaviour.CONSENT_IDENTIFIER, WARNING, "ignored"),
    ("no versions", {"versions": False}, Behaviour.VERSIONS, WARNING, "missing in Appointment, Patient, Consent"),
    ("no ETag", {"etag": None}, Behaviour.VERSIONS, OK, "no ETag"),
    ("another ETag", {"etag": 'W/"2"'}, Behaviour.VERSIONS, OK, "says otherwise"),
    ("no single read", {"statuses": {"Appointment/a0": 403}}, Behaviour.VERSIONS, OK, "refused"),
    ("strangers are refused", {"unknown": "always"}, Behaviour.UNKNOWN_PARAMETER, OK, "refused"),
    ("strangers are refused", {"unknown": "always"}, Behaviour.STRICT, OK, "not needed"),
    ("strictness is ignored", {"unknown": "never"}, Behaviour.STRICT, OK, "ignored"),
    ("by patient is refused", {"refuses": {"Appointment.patient"}}, Behaviour.BY_PATIENT, OK, "refused"),
    ("by patient is ignored", {"ignores": {"Appointment.patient"}}, Behaviour.BY_PATIENT, OK, "ignored"),
    ("by location finds none", {"cut_list": 0}, Behaviour.BY_LOCATION, OK, "does not find"),
]


@pytest.fixture(scope="module")
def honest() -> dict[str, Finding]:
    """What is found on a server that is honest."""
    return findings(LyingFhir())


@pytest.mark.parametrize(
    ("lie", "name", "verdict", "says"), [each[1:] for each in LIES], ids=[each[0] for each in LIES]
)
def test_a_lie_is_found_out(
    honest: dict[str, Finding], lie: dict[str, Any], name: Behaviour, verdict: Verdict, says: str
) -> None:
    """The finding turns, or tells the difference, and says so."""
    found = findings(LyingFhir(**lie))[name]
    assert (honest[name].verdict, found.verdict) == (OK, verdict)
    assert says in found.found
    assert says not in honest[name].found


def told(found: dict[str, Finding]) -> str:
    """Write all that the findings say."""
    return json.dumps([asdict(each) for each in found.values()]).lower()


@pytest.mark.parametrize("lie", [each[1] for each in LIES], ids=[each[0] for each in LIES])
def test_nothing_of_a_resource_is_told(lie: dict[str, Any]) -> None:
    """No id, name, number or text, whatever the server does, and repeats in its errors."""
    visit, person, consent = people()
    text = json.dumps([visit | {"start": "2061-03-01T13:00:00Z"}, person, consent])
    text = text.replace('"Patient/p"', f'"Patient/{WORD}"')
    resources = [
        one | {"id": f"{WORD}{number}" if number != "p" else WORD}
        for one, number in zip(json.loads(text) + json.loads(text), ["", "p", "1", "2", "3", "4"], strict=True)
    ]
    server = LyingFhir(resources, **lie)
    found = findings(server)
    assert [secret for secret in SECRETS if secret in told(found)] == []
    if Behaviour.BY_DATE in found and found[Behaviour.BY_DATE].verdict is OK:
        assert WORD in str(server.requests)
