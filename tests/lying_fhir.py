"""A small FHIR server on the loopback that is honest by default, and lies in whichever way a test has told it to."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.moments import instant
from fhirnotify.harness import resources
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request

NOW = datetime(2061, 3, 1, 8, tzinfo=UTC)

KNOWN = {"_id", "date", "status", "patient", "location", "identifier", "patient:identifier"}
_RESULTS = {"_count", "_sort", "_total", "_revinclude"}


def visits(count: int, prefix: str = "", version: FhirVersion = FhirVersion.R4) -> list[dict[str, Any]]:
    """Build visits of the next two days, an hour apart, each with a patient who has consented, at one location."""
    made = []
    for number in range(count):
        patient, start = f"{prefix}p{number}", NOW + timedelta(hours=5 + number)
        visit = resources.appointment(version, f"{prefix}a{number}", start, patient)
        at = resources.participant(version, {"reference": f"Location/{prefix}l"})
        visit["participant"].append(at)
        made += [resources.patient(patient), resources.consent(version, f"{prefix}c{number}", patient), visit]
    return [*made, {"resourceType": "Location", "id": f"{prefix}l"}]


@dataclass
class LyingFhir:
    """What the server has, and how it lies; honest where nothing is set.

    Parameters are named alone, ``date``, or as of one type, ``Consent.patient``.
    """

    resources: list[dict[str, Any]] = field(default_factory=lambda: visits(5))
    fhir_version: str = "4.0.1"
    searchable: tuple[str, ...] = ("Appointment", "Patient", "Consent")
    rev_includes: tuple[str, ...] = ("Patient:link",)
    statuses: dict[str, int] = field(default_factory=dict)
    """By the end of a path: what is answered instead."""
    ignores: Collection[str] = ()
    refuses: Collection[str] = ()
    refuses_if: Callable[[list[tuple[str, str]]], bool] = lambda _: False
    """By all that is asked for."""
    alone: str = ""
    """A parameter that is refused without a patient or a location beside it."""
    bounds: slice = field(default_factory=lambda: slice(None))
    """Which of several values of ``date`` are honoured."""
    bound: Callable[[str], datetime | None] = instant
    """How a date in a search is read."""
    longest_list: int = 10_000
    cut_list: int = 10_000
    largest_page: int = 1000
    values: Callable[[str, list[str]], list[str]] = lambda _, found: found
    """What a resource is thought to have for a parameter."""
    next_is: Callable[[str], str | None] = lambda link: link
    total: Callable[[int, int], Any] = lambda matches, given: matches
    edit: Callable[[dict[str, Any]], None] = lambda bundle: None
    unknown: str = "strict"
    """An unknown parameter is refused ``always``, ``strict`` (if asked for) or ``never``."""
    token: str = ""
    """What a client has to show, if anything."""
    versions: bool = True
    etag: str | None = 'W/"1"'
    requests: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    _server: LoopbackServer | None = None
    _open: list[tuple[list[dict[str, Any]], int, bool]] = field(default_factory=list)

    def serve(self) -> LoopbackServer:
        """Give a server that answers so."""
        self._server = LoopbackServer(self.answer)
        return self._server

    @property
    def base_url(self) -> str:
        return f"{self._server.base_url}/fhir" if self._server else "/fhir"

    def answer(self, request: Request) -> Reply:
        path = request.path.removeprefix("/fhir/")
        form = parse_qsl(request.body.decode(), keep_blank_values=True) or list(request.query.items())
        self.requests.append((request.method, path, form))
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return _outcome(401)
        for end, status in self.statuses.items():
            if request.path.endswith(end):
                return _outcome(status)
        kind, _, rest = path.partition("/")
        if "_getpages" in request.query:
            return _json(self._page(int(request.query["_getpages"]), int(request.query["_from"])))
        if path == "metadata":
            return _json(self._statement())
        if rest == "_search":
            return self._search(kind, form, request)
        found = [one for one in self.resources if (one["resourceType"], one["id"]) == (kind, rest)]
        return _json(found[0], {"ETag": self.etag} if self.etag else {}) if found else _outcome(404)

    def _statement(self) -> dict[str, Any]:
        types = [
            {
                "type": kind,
                "interaction": [{"code": "search-type"}] if kind in self.searchable else [],
                "searchRevInclude": list(self.rev_includes) if kind == "Patient" else [],
            }
            for kind in ("Appointment", "Patient", "Consent")
        ]
        rest = [{"mode": "server", "resource": types}]
        return {"resourceType": "CapabilityStatement", "fhirVersion": self.fhir_version, "rest": rest}

    def _search(self, kind: str, form: list[tuple[str, str]], request: Request) -> Reply:
        names = [name for name, _ in form]
        refused = {name for name in names if name in self.refuses or f"{kind}.{name}" in self.refuses}
        strangers = set(names) - KNOWN - _RESULTS
        strict = request.headers.get("prefer") == "handling=strict"
        if (
            refused
            or self.refuses_if(form)
            or (self.alone in names and not {"patient", "location"} & set(names))
            or (strangers and (self.unknown == "always" or (self.unknown == "strict" and strict)))
            or any(value.count(",") >= self.longest_list for _, value in form)
        ):
            return _outcome(400)
        asked = [(name, value) for name, value in form if not {name, f"{kind}.{name}"} & set(self.ignores)]
        dates = [value for name, value in asked if name == "date"][self.bounds]
        asked = [one for one in asked if one[0] != "date"] + [("date", value) for value in dates]
        matches = [one for one in self.resources if one["resourceType"] == kind and self._is(one, asked)]
        last = dict(asked)
        if "_sort" in last:
            matches.sort(key=lambda one: instant(one["start"]) or NOW, reverse=last["_sort"].startswith("-"))
        self._open.append((matches, min(int(last.get("_count", 20)), self.largest_page), "_total" in last))
        return _json(self._page(len(self._open) - 1, 0))

    def _page(self, search: int, first: int) -> dict[str, Any]:
        matches, size, totalled = self._open[search]
        given = matches[first : first + size]
        meta = {"meta": {"versionId": "1"}} if self.versions else {}
        entries = [{"resource": one | meta, "search": {"mode": "match"}} for one in given]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
        if totalled and (total := self.total(len(matches), len(given))) is not None:
            bundle["total"] = total
        if first + size < len(matches):
            link = self.next_is(f"{self.base_url}?_getpages={search}&_from={first + size}")
            bundle["link"] = [{"relation": "next", "url": link}] if link else []
        self.edit(bundle)
        return bundle

    def _is(self, one: dict[str, Any], asked: list[tuple[str, str]]) -> bool:
        return all(self._agrees(one, name, value) for name, value in asked if name in KNOWN)

    def _agrees(self, one: dict[str, Any], name: str, value: str) -> bool:
        if name == "date":
            start, bound = instant(one["start"]), self.bound(value[2:])
            assert start
            assert bound
            return start > bound if value[:2] == "gt" else start < bound
        return bool(set(self.values(name, list(_values(one, name)))) & set(value.split(",")[: self.cut_list]))


def _values(one: dict[str, Any], name: str) -> Iterator[str]:
    match name:
        case "_id":
            yield one["id"]
        case "status":
            yield one["status"]
        case "identifier":
            yield from (f"{each.get('system', '')}|{each['value']}" for each in one.get("identifier", ()))
        case "patient" | "location":
            yield (one.get("patient") or one.get("subject") or {}).get("reference", "")
            yield from (each["actor"].get("reference", "") for each in one.get("participant", ()))


def _outcome(status: int) -> Reply:
    issue = [{"severity": "error", "code": "processing", "diagnostics": "Qzkanarie 191212121212"}]
    return _json({"resourceType": "OperationOutcome", "issue": issue}, status=status)


def _json(body: dict[str, Any], headers: dict[str, str] | None = None, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/fhir+json", **(headers or {})})
