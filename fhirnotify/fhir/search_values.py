"""How what is searched for is written in a search parameter, and in which portions."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from fhirnotify.core.model import Identifier

_Item = TypeVar("_Item")


def escaped(text: str) -> str:
    """Escape what has a meaning in the value of a search parameter (FHIR, search.html#escaping)."""
    for mark in "\\,|$":
        text = text.replace(mark, f"\\{mark}")
    return text


def token(identifier: Identifier) -> str:
    """Write an identifier as ``system|value``; one without a system is searched for without one."""
    return f"{escaped(identifier.system or '')}|{escaped(identifier.value)}"


def references(resource_type: str, ids: Iterable[str]) -> str:
    """Write references to these resources, any of which may match."""
    return ",".join(f"{resource_type}/{escaped(one)}" for one in ids)


def chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Give the items in lists of at most ``size``, without reading further ahead."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
