"""Loads resources into a FHIR server, and takes them away again.

By transactions of PUTs with our own ids, so that what was there is replaced, and in such an order that a server with
referential integrity takes them: who is pointed at comes first, and records that are linked to each other come
together.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import httpx

from fhirnotify.errors import HarnessError
from fhirnotify.harness.loopback import is_loopback
from fhirnotify.harness.resources import Resource

CHUNK = 200
"""Resources in one transaction. HAPI takes some 500 in two seconds; none of those we know sets a lower limit."""

_TIMEOUT = 120.0
_LAST_TO_BE_POINTED_AT = ("Patient", "RelatedPerson", "Consent", "Appointment", "Communication")
_FHIR_JSON = "application/fhir+json"


class RefusedResources(HarnessError):
    """The server was reached, and does not take what it is given."""


def seed(base_url: str, resources: Iterable[Resource], client: httpx.Client | None = None) -> int:
    """Put these resources on the server; give their number.

    Args:
        base_url: of the server.
        resources: in any order.
        client: signs the requests and knows the server's certificate; by default a plain one.

    Raises:
        RefusedResources: the server refuses one; those of earlier transactions stay.
        HarnessError: the server cannot be reached.
    """
    count = 0
    for chunk in _in_order(resources):
        entries = [{"resource": resource, "request": _request("PUT", resource)} for resource in chunk]
        _transact(base_url, entries, client)
        count += len(chunk)
    return count


def remove(base_url: str, resources: Iterable[Resource], client: httpx.Client | None = None) -> None:
    """Delete these resources from the server; one that is not there is no matter.

    Raises:
        HarnessError: the server cannot be reached, or refuses.
    """
    for chunk in reversed(list(_in_order(resources))):
        _transact(base_url, [{"request": _request("DELETE", resource)} for resource in reversed(chunk)], client)


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


def _request(method: str, resource: Resource) -> dict[str, str]:
    return {"method": method, "url": f"{resource['resourceType']}/{resource['id']}"}


def _transact(base_url: str, entries: list[dict[str, Any]], client: httpx.Client | None) -> None:
    statuses = _statuses(base_url, {"resourceType": "Bundle", "type": "transaction", "entry": entries}, client)
    if len(statuses) != len(entries):
        raise HarnessError(f"What answers at {base_url} is not a FHIR server: no transaction response.")
    refused = [
        f"{entry['request']['url']} ({status})"
        for entry, status in zip(entries, statuses, strict=True)
        if not status.startswith("2")
    ]
    if refused:
        raise RefusedResources(f"The server refuses {len(refused)} resources: {', '.join(refused[:5])}.")


def _statuses(base_url: str, bundle: Mapping[str, Any], client: httpx.Client | None) -> list[str]:
    """Give the status of each entry; none if the answer is no transaction response."""
    headers = {"Content-Type": _FHIR_JSON, "Accept": _FHIR_JSON, "Prefer": "return=minimal"}
    body = json.dumps(bundle).encode()
    try:
        if client is not None:
            answer = client.post(base_url, content=body, headers=headers, timeout=_TIMEOUT)
        else:
            with closing(httpx.Client(trust_env=not is_loopback(base_url))) as plain:
                answer = plain.post(base_url, content=body, headers=headers, timeout=_TIMEOUT)
    except httpx.HTTPError:
        raise HarnessError(f"No FHIR server answers at {base_url}.", "Is it running?") from None
    if not answer.is_success:
        raise RefusedResources(f"The server refuses to be seeded: {_what(answer)}.")
    try:
        return [str(entry["response"]["status"]) for entry in answer.json()["entry"]]
    except (ValueError, KeyError, TypeError):
        return []


def _what(refusal: httpx.Response) -> str:
    """Name a refusal by its HTTP status and HAPI's code; the rest of an OperationOutcome may hold values."""
    codes = re.findall(r"HAPI-\d+", refusal.text)
    return " ".join([str(refusal.status_code), *dict.fromkeys(codes)])
