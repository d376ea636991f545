"""Loads resources into a FHIR server, and takes them away again.

By transactions of PUTs with our own ids, so that what was there is replaced, and in such an order that a server with
referential integrity takes them: who is pointed at comes first, and records that are linked to each other come
together.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from fhirnotify.errors import FhirError, HarnessError
from fhirnotify.fhir.faults import RefusedError, connection_fault
from fhirnotify.fhir.retry import TEMPORARY_STATUSES
from fhirnotify.harness.loopback import is_loopback
from fhirnotify.harness.resources import Resource

Versions = dict[str, str]
"""The version that a server has given what was put there, by ``Type/id``; without those of which it tells none."""

CHUNK = 200
"""Resources in one transaction. HAPI takes some 500 in two seconds; none of those we know sets a lower limit."""

_TIMEOUT = 120.0
_LAST_TO_BE_POINTED_AT = ("Patient", "RelatedPerson", "Consent", "Appointment", "Communication")
_FHIR_JSON = "application/fhir+json"
_ETAG = re.compile(r'(?:W/)?"?([A-Za-z0-9.-]{1,64})"?')


_RIGHTS = (
    "The credentials of --auth must allow the harness to write: to create, update and delete every type that it puts"
    " (SMART: system/*.cruds). The job itself only needs reading."
)
_PASSING = TEMPORARY_STATUSES - {HTTPStatus.INTERNAL_SERVER_ERROR}
"""Statuses that tell of the endpoint, not of what it was given; of a 500 that cannot be known."""


class RefusedResources(HarnessError):
    """The server was reached, and does not take what it is given."""


class NotTakenAway(HarnessError):
    """The server was reached, and does not delete what was put there: it still stands."""


@dataclass(frozen=True, slots=True)
class _Direction:
    """One way of changing what stands on a server.

    Attributes:
        refused: what its refusal is called, before the status.
        error: what a refusal is raised as.
        missing_is_well: what is not there is no matter.
    """

    method: str
    refused: str
    error: Callable[[str, str], HarnessError]
    missing_is_well: bool = False


_PUT = _Direction("PUT", "The server does not take what it is given", RefusedResources)
_DELETE = _Direction("DELETE", "The server does not delete what was put there", NotTakenAway, missing_is_well=True)


def seed(base_url: str, resources: Iterable[Resource], client: httpx.Client | None = None) -> Versions:
    """Put these resources on the server; give the versions that they have now.

    Args:
        base_url: of the server.
        resources: in any order.
        client: signs the requests and knows the server's certificate; by default a plain one.

    Raises:
        RefusedResources: the server refuses one; those of earlier transactions stay.
        FhirError: the server cannot be reached, does not know who asks, or is no FHIR server.
    """
    given: Versions = {}
    for chunk in _in_order(resources):
        entries = [{"resource": resource, "request": _request(_PUT, resource)} for resource in chunk]
        for resource, response in zip(chunk, _transact(base_url, _PUT, entries, client), strict=True):
            if etag := _ETAG.fullmatch(str(response.get("etag") or "")):
                given[reference(resource)] = etag[1]
    return given


def remove(base_url: str, resources: Iterable[Resource], client: httpx.Client | None = None) -> None:
    """Delete these resources from the server; one that is not there is no matter.

    Raises:
        NotTakenAway: the server refuses; what it was not yet asked to delete stays too.
        FhirError: the server cannot be reached, does not know who asks, or is no FHIR server.
    """
    for chunk in reversed(list(_in_order(resources))):
        entries = [{"request": _request(_DELETE, resource)} for resource in reversed(chunk)]
        _transact(base_url, _DELETE, entries, client)


def reference(resource: Resource) -> str:
    """Name a resource by type and id."""
    return f"{resource['resourceType']}/{resource['id']}"


def _in_order(resources: Iterable[Resource]) -> Iterator[list[Resource]]:
    """Give chunks in which nothing points at what comes in a later one."""
    of_rank: dict[int, list[Resource]] = {}
    for resource in resources:
        of_rank.setdefault(_rank(resource), []).append(resource)
    for rank in sorted(of_rank):
        linked = _linked(of_rank[rank])
        together = [one for one in of_rank[rank] if one["id"] in linked]
        alone = [one for one in of_rank[rank] if one["id"] not in linked]
        yield from filter(None, [together, *(alone[at : at + CHUNK] for at in range(0, len(alone), CHUNK))])


def _rank(resource: Resource) -> int:
    kind = resource["resourceType"]
    return 1 + _LAST_TO_BE_POINTED_AT.index(kind) if kind in _LAST_TO_BE_POINTED_AT else 0


def _linked(resources: Iterable[Resource]) -> set[str]:
    """Give the ids of records that link to another, and of those that they link to."""
    links = [(one["id"], link.get("other", {}).get("reference")) for one in resources for link in one.get("link", ())]
    return {one for one, _ in links} | {other.rpartition("/")[2] for _, other in links if other}


def _request(direction: _Direction, resource: Resource) -> dict[str, str]:
    return {"method": direction.method, "url": reference(resource)}


def _transact(
    base_url: str, direction: _Direction, entries: list[dict[str, Any]], client: httpx.Client | None
) -> list[dict[str, Any]]:
    """Make one transaction, and give what is answered to each entry."""
    answer = _answer(base_url, {"resourceType": "Bundle", "type": "transaction", "entry": entries}, client)
    if not answer.is_success:
        raise _refusal(base_url, direction, answer)
    responses = _responses(answer)
    if len(responses) != len(entries):
        raise FhirError(
            f"What answers at {_origin(base_url)} is not a FHIR server: no transaction response.",
            "See that the address is the FHIR base, and that the server takes transactions there.",
        )
    refused = [
        (entry["request"]["url"], str(response["status"]))
        for entry, response in zip(entries, responses, strict=True)
        if not _is_well(direction, str(response["status"]))
    ]
    if refused:
        forbidden = any(status.startswith(("401", "403")) for _, status in refused)
        named = ", ".join(f"{url} ({status})" for url, status in refused[:5])
        what = f"{direction.refused}: {len(refused)} resources, {named}."
        raise direction.error(what, _RIGHTS if forbidden else "")
    return responses


def _is_well(direction: _Direction, status: str) -> bool:
    return status.startswith("2") or (direction.missing_is_well and status.startswith(("404", "410")))


def _answer(base_url: str, bundle: Mapping[str, Any], client: httpx.Client | None) -> httpx.Response:
    """Send a transaction. What goes wrong is raised outside the handler: an address may hang on the library's error."""
    headers = {"Content-Type": _FHIR_JSON, "Accept": _FHIR_JSON, "Prefer": "return=minimal"}
    body = json.dumps(bundle).encode()
    try:
        if client is not None:
            return client.post(base_url, content=body, headers=headers, timeout=_TIMEOUT)
        with closing(httpx.Client(trust_env=not is_loopback(base_url))) as plain:
            return plain.post(base_url, content=body, headers=headers, timeout=_TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        fault = connection_fault(error, _origin(base_url), _TIMEOUT)
    raise FhirError(fault.what, fault.next_step)


def _refusal(base_url: str, direction: _Direction, answer: httpx.Response) -> FhirError | HarnessError:
    """Tell what a status means, of a transaction that was not done."""
    status, what = answer.status_code, f"{direction.refused}: {_what(answer)}."
    if status == HTTPStatus.UNAUTHORIZED:
        return RefusedError(status, what, _RIGHTS)
    if status in _PASSING:
        return FhirError(f"{_origin(base_url)} answered a transaction with {_what(answer)}.", "See the server's log.")
    return direction.error(what, _RIGHTS if status == HTTPStatus.FORBIDDEN else "")


def _responses(answer: httpx.Response) -> list[dict[str, Any]]:
    """Give the response to each entry, which has a status; none if the answer is no transaction response."""
    try:
        found = [entry["response"] for entry in answer.json()["entry"]]
        return found if all("status" in each and isinstance(each, dict) for each in found) else []
    except (ValueError, KeyError, TypeError):
        return []


def _what(refusal: httpx.Response) -> str:
    """Name a refusal by its HTTP status and HAPI's code; the rest of an OperationOutcome may hold values."""
    codes = re.findall(r"HAPI-\d+", refusal.text)
    return " ".join([str(refusal.status_code), *dict.fromkeys(codes)])


def _origin(base_url: str) -> str:
    """Give scheme, host and port alone."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        return "that address"
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
