"""Manners on a FHIR server that belongs to somebody: what the harness looks at before, and takes away after.

Every resource that it puts carries a tag that tells the run it belongs to. It writes only where every Patient is its
own, or where it was told to twice; it chooses a year in which no Appointment stands; and what a run that crashed left
behind is taken away by the next.
"""

import os
import random
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fhirnotify.errors import FhirError, HarnessError
from fhirnotify.fhir.client import Client, Params
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.fhir.search import every_page
from fhirnotify.harness.resources import Resource

TAG = "urn:fhirnotify:harness|scenario"
"""On every resource of the harness, as a search has it: HAPI takes no system alone (HAPI-1218)."""
RUN = "urn:fhirnotify:harness:run"
"""The system of the tag that tells the run."""

YEARS = range(2041, 2096)

_TYPES = ("Appointment", "Consent", "Patient", "Group", "List", "Location", "HealthcareService", "Organization")
_STALE = timedelta(hours=2)
"""A run on another machine is over after this long: no scenario stands on a server for more than minutes."""
_CODE = re.compile(r"(?P<began>\d{8}T\d{6}Z)-(?P<host>[0-9a-z]+)-(?P<process>\d+)")
_ALL = ("_count", "100")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the harness: when it began, on which machine, in which process."""

    began: datetime
    host: str
    process: int

    @classmethod
    def now(cls) -> "Run":
        """Give this process's."""
        return cls(datetime.now(UTC).replace(microsecond=0), _host(), os.getpid())

    @property
    def code(self) -> str:
        """The tag's code."""
        return f"{self.began:%Y%m%dT%H%M%SZ}-{self.host}-{self.process}"

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags that each resource of this run carries."""
        system, _, code = TAG.partition("|")
        return [{"system": system, "code": code}, {"system": RUN, "code": self.code}]


class Guest:
    """Looks at a server before it is written to."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def refuse_foreign_patients(self) -> None:
        """See that every Patient on the server is the harness's own.

        Raises:
            HarnessError: one is not.
        """
        for resource in self._every("Patient", (_ALL,)):
            if _code_of(resource) is None:
                raise HarnessError(
                    f"The server at {self._client.origin} holds Patients that are not the harness's own.",
                    "Take a server for tests; or, if this one may be written to, say so with --write-to and the "
                    "same URL once more. The probe reads only: add --read-only.",
                )

    def left_behind(self) -> list[Resource]:
        """Give the resources of runs that are over and did not take theirs away.

        A server that ignores ``_tag`` cannot be asked for them: then what it gives first is looked at, no more.

        Raises:
            FhirError: it cannot be searched, or refuses the search for Patients by tag.
        """
        found: list[Resource] = []
        for kind in _TYPES:
            try:
                for resource in self._every(kind, (("_tag", TAG), _ALL)):
                    code = _code_of(resource)
                    if code is None:
                        break
                    if _is_over(code):
                        found.append({"resourceType": kind, "id": resource["id"], "link": resource.get("link", [])})
            except RefusedError:
                if kind == "Patient":
                    raise
        return found

    def free_year(self, taken: frozenset[int] = frozenset()) -> int:
        """Choose a year far off in which the server has no Appointment.

        Raises:
            HarnessError: there is none.
        """
        years = [year for year in YEARS if year not in taken]
        random.shuffle(years)
        for year in years:
            if not self._is_booked(year):
                return year
        raise HarnessError(
            f"In each year from {YEARS[0]} to {YEARS[-1]} the server has Appointments.",
            "Take them away, or take another server for tests.",
        )

    def _is_booked(self, year: int) -> bool:
        params = (("date", f"ge{year}-01-01T00:00:00Z"), ("date", f"lt{year + 1}-01-01T00:00:00Z"), ("_count", "10"))
        try:
            page = next(every_page(self._client, "Appointment", params))
        except FhirError:  # it cannot be asked by date
            return False
        return any(str(resource.get("start", "")).startswith(str(year)) for resource in page.matches)

    def _every(self, kind: str, params: Params) -> Iterator[Resource]:
        for page in every_page(self._client, kind, params):
            yield from page.matches


def _code_of(resource: Resource) -> str | None:
    """Give the code of the run that a resource belongs to; None if it is not the harness's own."""
    meta = resource.get("meta")
    tags: Any = meta.get("tag") if isinstance(meta, dict) else None
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict) and tag.get("system") == RUN:
            return str(tag.get("code"))
    return None


def _is_over(code: str) -> bool:
    found = _CODE.fullmatch(code)
    if found is None:
        return True
    if found["host"] == _host():
        return not _is_alive(int(found["process"]))
    return datetime.strptime(found["began"], "%Y%m%dT%H%M%S%z") < datetime.now(UTC) - _STALE


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return re.sub(r"[^0-9a-z]", "", socket.gethostname().lower())[:16] or "host"
