"""A FHIR server in this process, behind respx, that can be told to misbehave; and a source that reads it."""

import json
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from fhirnotify.core.model import Booking, ConsentStatement, FhirVersion, Identifier, Person
from fhirnotify.fhir.http import HttpSource
from fhirnotify.fhir.references import patient_elsewhere

BASE = "http://fhir.test/fhir"
AFTER = datetime(2026, 11, 24, 9, tzinfo=UTC)
BEFORE = AFTER + timedelta(hours=48)
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""One for all sources: reading the world's authorities anew takes 80 ms."""


class FakeFhir:
    """Answers searches over its resources as HAPI does, except where a test has set something else."""

    def __init__(self) -> None:
        self.resources: list[dict[str, Any]] = []
        self.fhir_version: Any = "4.0.1"
        self.rev_includes = ["Patient:link"]
        self.max_page = 1000
        self.ignores: set[str] = set()
        """Search parameters that it takes no notice of."""
        self.refuses: set[str] = set()
        """Search parameters that it does not take."""
        self.refusal = 400
        self.reads_list: Callable[[list[str]], list[str]] = lambda ids: ids
        """What it makes of several references in one parameter; none at all is a refusal."""
        self.next_is: Callable[[str], Any] = lambda link: link
        self.edit: Callable[[dict[str, Any]], None] = lambda bundle: None
        """Changes every Bundle before it is sent."""
        self.instead: deque[httpx.Response | Exception | None] = deque()
        """What the next requests get instead of an answer; None for the answer."""
        self.expire_at: set[int] = set()
        """The numbers of the requests for a next page (from 1) that find the search gone."""
        self.gone = 410
        self.at_request: dict[int, Callable[[], None]] = {}
        """What happens on the server before it answers the request of that number (from 1)."""
        self.requests: list[httpx.Request] = []
        self._open: list[tuple[list[dict[str, Any]], list[dict[str, Any]], int]] = []
        self._nexts = 0

    def add(self, *resources: dict[str, Any]) -> None:
        self.resources.extend(resources)

    def searches(self, resource_type: str) -> list[dict[str, list[str]]]:
        """The parameters of each search made for a type."""
        return [
            parse_qs(request.content.decode(), keep_blank_values=True)
            for request in self.requests
            if request.url.path == f"/fhir/{resource_type}/_search"
        ]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if happening := self.at_request.get(len(self.requests)):
            happening()
        if self.instead and (instead := self.instead.popleft()) is not None:
            if isinstance(instead, Exception):
                raise instead
            return instead
        if request.url.path == "/fhir/metadata":
            return httpx.Response(200, json=self._capability())
        if request.url.params.get("_getpages"):
            return self._next_page(request)
        if request.method == "GET":
            return self._read(*request.url.path.split("/")[-2:])
        assert request.method == "POST"
        assert not request.url.query
        form = parse_qs(request.content.decode(), keep_blank_values=True)
        return self._search(request.url.path.split("/")[-2], form)

    def _capability(self) -> dict[str, Any]:
        types = [
            {
                "type": name,
                "interaction": [{"code": "read"}, {"code": "search-type"}],
                "searchParam": [{"name": "_id", "type": "token"}, {"name": "identifier", "type": "token"}],
                "searchRevInclude": self.rev_includes if name == "Patient" else [],
            }
            for name in ("Appointment", "Patient", "Consent")
        ]
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": self.fhir_version,
            "software": {"name": "Fake FHIR", "version": "1.2"},
            "rest": [{"mode": "server", "resource": types}],
        }

    def _search(self, resource_type: str, form: dict[str, list[str]]) -> httpx.Response:
        participants = [value.split(",") for name in ("patient", "location") for value in form.get(name, ())]
        if self.refuses.intersection(form) or not all(map(self.reads_list, participants)):
            return httpx.Response(self.refusal, json={"resourceType": "OperationOutcome", "issue": []})
        asked = {name: values for name, values in form.items() if name not in self.ignores}
        found = [r for r in self.resources if r["resourceType"] == resource_type and self._matches(r, asked)]
        if "_sort" in asked:
            found.sort(key=lambda r: r.get("start", ""))
        matched = {f"Patient/{r.get('id')}" for r in found}
        included = [
            r
            for r in self.resources
            if asked.get("_revinclude") == ["Patient:link"]
            and f"Patient/{r.get('id')}" not in matched
            and any(link["other"]["reference"] in matched for link in r.get("link", []))
        ]
        self._open.append((found, included, min(int(asked["_count"][0]), self.max_page)))
        return self._page(len(self._open) - 1, 0)

    def _read(self, resource_type: str, id_: str) -> httpx.Response:
        found = [r for r in self.resources if (r["resourceType"], r["id"]) == (resource_type, id_)]
        return httpx.Response(200, json=found[0]) if found else httpx.Response(self.gone)

    def _matches(self, resource: dict[str, Any], asked: dict[str, list[str]]) -> bool:
        checks = {
            "_id": lambda v: resource.get("id") in v.split(","),
            "status": lambda v: resource.get("status") in v.split(","),
            "date": lambda v: _compares(resource.get("start"), v),
            "patient": lambda v: self._names(resource, v),
            "location": lambda v: self._names(resource, v),
            "patient:identifier": lambda v: any(
                _token(r.get("identifier", {"value": ""})) in v.split(",") for r in _whom(resource)
            ),
            "identifier": lambda v: any(_token(i) in v.split(",") for i in resource.get("identifier", [])),
        }
        return all(checks[name](value) for name, values in asked.items() if name in checks for value in values)

    def _names(self, resource: dict[str, Any], value: str) -> bool:
        asked = self.reads_list(value.split(","))
        return any(reference.get("reference") in asked for reference in _whom(resource))

    def _next_page(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        self._nexts += 1
        if self._nexts in self.expire_at:
            return httpx.Response(self.gone, json={"resourceType": "OperationOutcome", "issue": []})
        return self._page(int(request.url.params["_getpages"]), int(request.url.params["_getpagesoffset"]))

    def _page(self, number: int, offset: int) -> httpx.Response:
        found, included, count = self._open[number]
        entries = [{"resource": r, "search": {"mode": "match"}} for r in found[offset : offset + count]]
        entries += [{"resource": r, "search": {"mode": "include"}} for r in included]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
        if offset + count < len(found):
            link = f"{BASE}?_getpages={number}&_getpagesoffset={offset + count}&_bundletype=searchset"
            bundle["link"] = [{"relation": "self", "url": BASE}, {"relation": "next", "url": self.next_is(link)}]
        bundle = json.loads(json.dumps(bundle))
        self.edit(bundle)
        return httpx.Response(200, json=bundle)


def _whom(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The references of a Consent to its patient, or of an Appointment to those who take part."""
    return [resource.get("patient", {}), *(entry["actor"] for entry in resource.get("participant", []))]


def _token(identifier: dict[str, Any]) -> str:
    return f"{identifier.get('system', '')}|{identifier['value']}"


def _compares(start: str | None, value: str) -> bool:
    if start is None:
        return False
    moment, bound = datetime.fromisoformat(start), datetime.fromisoformat(value[2:])
    return {"gt": moment > bound, "ge": moment >= bound, "lt": moment < bound}[value[:2]]


class FakeTranslator:
    """Reads just enough to tell resources apart."""

    version = FhirVersion.R4

    def appointment(self, resource: dict[str, Any]) -> Booking:
        start = resource.get("start")
        moment = datetime.fromisoformat(start) if start else None
        return Booking(resource["id"], f"Appointment/{resource['id']}", resource.get("status", ""), moment)

    def patient(self, resource: dict[str, Any]) -> Person:
        return Person(resource["id"], f"Patient/{resource['id']}")

    def consent(self, resource: dict[str, Any], patient: str | None = None) -> ConsentStatement | None:
        reference = resource["patient"].get("reference", "")
        if patient is None and reference.startswith("Patient/"):
            patient = reference.removeprefix("Patient/")
        if patient is None:
            return None
        return ConsentStatement(FhirVersion.R4, resource["id"], f"Consent/{resource['id']}", patient)

    def foreign_patient_of_consent(self, resource: dict[str, Any]) -> str | None:
        return patient_elsewhere(resource["patient"])

    def identifier_of_consent(self, resource: dict[str, Any]) -> Identifier | None:
        found = resource["patient"].get("identifier")
        return None if found is None else Identifier(found["system"], found["value"])


@pytest.fixture
def server() -> Iterator[FakeFhir]:
    """The fake server, answering for ``http://fhir.test``."""
    fake = FakeFhir()
    with respx.mock(assert_all_called=False) as router:
        router.route(host="fhir.test").mock(side_effect=fake.answer)
        yield fake


@pytest.fixture
def waits() -> list[float]:
    """The waits between attempts, which take no time here."""
    return []


@pytest.fixture
def make_source(waits: list[float]) -> Iterator[Callable[..., HttpSource]]:
    """Make a source with settings of its own; it is closed at the end."""
    made: list[HttpSource] = []

    def make(base_url: str = BASE, **settings: Any) -> HttpSource:
        given = {"version": None, "timeout": timedelta(seconds=5), "sleep": waits.append, "verify": TLS} | settings
        made.append(HttpSource(base_url, lambda version: FakeTranslator(), **given))
        return made[-1]

    yield make
    for source in made:
        source.close()


@pytest.fixture
def source(make_source: Callable[..., HttpSource]) -> HttpSource:
    """A source with the default settings."""
    return make_source()


@pytest.fixture
def appointment() -> Callable[..., dict[str, Any]]:
    """Make an Appointment that starts some minutes into the window."""

    def make(id_: str, minutes: float | None = 60, status: str = "booked", *actors: str) -> dict[str, Any]:
        start = {} if minutes is None else {"start": (AFTER + timedelta(minutes=minutes)).isoformat()}
        who = {"participant": [{"actor": {"reference": actor}} for actor in actors]} if actors else {}
        return {"resourceType": "Appointment", "id": id_, "status": status} | start | who

    return make


@pytest.fixture
def ids() -> Callable[[HttpSource], list[str]]:
    """Read the whole window, and give the ids in the order in which they came."""

    def read(source: HttpSource) -> list[str]:
        return [one.id for page in source.appointments(AFTER, BEFORE) for one in page]

    return read


@pytest.fixture
def window() -> tuple[datetime, datetime]:
    """The bounds of the window that the tests read."""
    return AFTER, BEFORE
