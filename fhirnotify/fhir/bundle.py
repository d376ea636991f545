"""Reading one page of a search, distrusting it: what matched, what came along, how many in all, and what is next."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.outcome import codes_of, is_error

Resource = dict[str, Any]

_MODES = frozenset({"match", "include", "outcome", None})
_NOT_FHIR = "Check that fhir.base_url is the base of a FHIR server, and see the server's log."
_BROKEN = "See the FHIR server's log; nothing is sent on an incomplete answer."


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search.

    Attributes:
        matches: resources of the type asked for that the server says match; each has an id.
        included: resources of that type that came along without matching; each has an id.
        total: how many match in all, where the server says.
        next: the link to the next page, as the server wrote it.
    """

    matches: list[Resource]
    included: list[Resource]
    total: int | None
    next: str | None


def read_page(answer: object, resource_type: str) -> Page:
    """Take a searchset Bundle apart.

    An entry without ``search.mode`` is a match if it is of the type asked for, else it came along.

    Raises:
        FhirError: the answer is no searchset.
        IncompleteRead: it reports an error, or holds a match that cannot be told apart from others.
    """
    if not isinstance(answer, dict) or answer.get("resourceType") != "Bundle" or answer.get("type") != "searchset":
        _refuse_outcome(answer, resource_type)
        raise FhirError(f"The search for {resource_type} was not answered with a searchset Bundle.", _NOT_FHIR)
    matches: list[Resource] = []
    included: list[Resource] = []
    for entry in _objects(answer, "entry", resource_type):
        resource, mode = _entry(entry, resource_type)
        found_type = resource.get("resourceType")
        if mode == "outcome" or found_type == "OperationOutcome":
            _refuse_outcome(resource, resource_type)
        elif found_type == resource_type:
            if mode != "include":
                matches.append(_with_id(resource, resource_type))
            elif _has_id(resource):
                included.append(resource)
        elif mode == "match":
            raise IncompleteRead(f"A search for {resource_type} gave a match of another type.", _BROKEN)
    return Page(matches, included, _total(answer, resource_type), _next(answer, resource_type))


def _entry(entry: Resource, resource_type: str) -> tuple[Resource, str | None]:
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    resource = entry.get("resource")
    if not isinstance(resource, dict) or not (mode is None or isinstance(mode, str)) or mode not in _MODES:
        raise IncompleteRead(f"A search for {resource_type} gave an entry that cannot be read.", _BROKEN)
    return resource, mode


def _with_id(resource: Resource, resource_type: str) -> Resource:
    if _has_id(resource):
        return resource
    raise IncompleteRead(f"A search for {resource_type} gave a match without id.", _BROKEN)


def _has_id(resource: Resource) -> bool:
    """A lone surrogate or a control character makes an id that cannot even be printed: no id."""
    found = resource.get("id")
    return isinstance(found, str) and found != "" and found.isprintable()


def _refuse_outcome(resource: object, resource_type: str) -> None:
    if is_error(resource):
        codes = ", ".join(codes_of(resource))
        what = f"The search for {resource_type} was answered with an error" + (f" ({codes})." if codes else ".")
        raise IncompleteRead(what, _BROKEN)


def _total(answer: Resource, resource_type: str) -> int | None:
    total = answer.get("total")
    if total is None or (type(total) is int and total >= 0):
        return total
    raise IncompleteRead(f"The search for {resource_type} gave a total that is not a number.", _BROKEN)


def _next(answer: Resource, resource_type: str) -> str | None:
    for link in _objects(answer, "link", resource_type):
        if link.get("relation") == "next":
            url = link.get("url")
            if isinstance(url, str) and url:
                return url
            raise IncompleteRead(f"The search for {resource_type} gave a next page without an address.", _BROKEN)
    return None


def _objects(answer: Resource, name: str, resource_type: str) -> Iterable[Resource]:
    found = answer.get(name, [])
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        return found
    raise IncompleteRead(f"The search for {resource_type} gave a Bundle that cannot be read.", _BROKEN)


class Seen:
    """Remembers ids by 64 bits each: 1 MB for 100 000 of them, where a set of strings takes some 13 MB.

    Two of n ids are mistaken for each other with probability n²/2⁶⁵ (3·10⁻¹⁰ for 100 000), and then one match
    too few is counted, so that a search with a total still fails loudly.
    """

    _BUCKETS = 256  # keeps each insertion within a few kilobytes

    def __init__(self) -> None:
        self._buckets = [array("q") for _ in range(self._BUCKETS)]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: str) -> bool:
        number = hash(key)
        bucket = self._buckets[number % self._BUCKETS]
        at = bisect_left(bucket, number)
        return at < len(bucket) and bucket[at] == number

    def add(self, key: str) -> bool:
        """Remember ``key``; tell whether it is new."""
        number = hash(key)
        bucket = self._buckets[number % self._BUCKETS]
        at = bisect_left(bucket, number)
        if at < len(bucket) and bucket[at] == number:
            return False
        bucket.insert(at, number)
        self._count += 1
        return True
