"""The faults of FHIR servers that the harness can play: each a name, what the server does, and the promise at stake."""

import difflib
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from fhirnotify.errors import HarnessError
from fhirnotify.harness.faults import (
    bodies,
    connections,
    counts,
    entries,
    filters,
    links,
    pages,
    resources,
    statuses,
)
from fhirnotify.harness.faults.fault import Fault
from fhirnotify.harness.proxy import HostileProxy, Statement

_BY_IDEA = (links, pages, counts, entries, filters, bodies, statuses, connections, resources)

FAULTS: dict[str, Fault] = {fault.name: fault for idea in _BY_IDEA for fault in idea.FAULTS}
"""Every fault by its name."""


def named(name: str) -> Fault:
    """Give a fault.

    Raises:
        HarnessError: there is none of this name.
    """
    if name in FAULTS:
        return FAULTS[name]
    near = difflib.get_close_matches(name, FAULTS, n=3)
    said = f" The nearest: {', '.join(near)}." if near else ""
    raise HarnessError(
        f"There is no fault {name}.{said}", "'fhirnotify harness scenarios --only faults/*' names them all."
    )


class NeverActed(HarnessError):
    """The requests on which a fault acts were never made: nothing is known of how it would have been met."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The fault {name} never came to act.")


def before(base_url: str, *, verify: ssl.SSLContext | bool = True) -> Callable[[str], AbstractContextManager[str]]:
    """Give what puts a fault, by its name, before this server: a context manager that gives the proxy's base URL.

    Entering it raises HarnessError if there is no such fault, leaving it NeverActed.
    """
    statement: Statement = []

    @contextmanager
    def faulty(name: str) -> Iterator[str]:
        with HostileProxy(base_url, named(name).act, verify=verify, statement=statement) as proxy:
            yield proxy.base_url
        if not proxy.acted:
            raise NeverActed(name)

    return faulty
