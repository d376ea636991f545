"""Manners on a FHIR server that belongs to somebody: what the harness looks at before, and takes away after.

Every resource that it puts carries a tag that tells the run it belongs to. It writes only where every Patient is its
own, or where it was told to twice; it chooses a year in which no Appointment stands, and holds it by one of its own;
and what a run that crashed left behind is taken away by the next.
"""

import hashlib
import os
import random
import re
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.fhir.client import Client, Params
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.fhir.search import every_page
from fhirnotify.harness.resources import Resource, participant

TAG = "urn:fhirnotify:harness|scenario"
"""On every resource of the harness, as a search has it: HAPI takes no system alone (HAPI-1218)."""
RUN = "urn:fhirnotify:harness:run"
"""The system of the tag that tells the run."""

YEARS = range(2041, 2096)

_TYPES = ("Appointment", "Consent", "Patient", "Group", "List", "Location", "HealthcareService", "Organization")
_STALE = timedelta(hours=2)
"""What another machine put so long ago is left behind: no scenario stands on a server for more than minutes."""
_STALE_HOLD = timedelta(days=1)
"""But the hold on a year stands as long as the run."""
_CODE = re.compile(r"(?P<began>\d{8}T\d{6}Z)-(?P<machine>[0-9a-z]+-[0-9a-z]+)-(?P<process>\d+)-[0-9a-f]+")
_HOLD = "-holds-"
_ALL = ("_count", "100")
_PAGES = 20
"""Looked at of the Appointments of a year: a server that ignores dates gives all that it has."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the harness.

    Attributes:
        began: when.
        machine: on which, from one start of it to the next; None if that is not known.
        process: its process there.
        token: tells it from every other run, whatever the machine.
    """

    began: datetime
    machine: str | None
    process: int
    token: str

    @classmethod
    def now(cls) -> "Run":
        """Begin one in this process."""
        return cls(datetime.now(UTC).replace(microsecond=0), _boot(), os.getpid(), secrets.token_hex(4))

    @property
    def code(self) -> str:
        """The tag's code."""
        machine = f"{_host()}-{self.machine or 'unknown'}"
        return f"{self.began:%Y%m%dT%H%M%SZ}-{machine}-{self.process}-{self.token}"

    @property
    def prefix(self) -> str:
        """What the id of each of its resources begins with."""
        return f"fn{self.token}"

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags that each resource of this run carries."""
        system, _, code = TAG.partition("|")
        return [{"system": system, "code": code}, {"system": RUN, "code": self.code}]

    def trial(self) -> Resource:
        """Make a Patient that says nothing, to see whether the server takes it and gives it up."""
        return {"resourceType": "Patient", "id": f"{self.prefix}-trial", "meta": {"tag": self.tags}}

    def hold(self, year: int, version: FhirVersion) -> Resource:
        """Make a cancelled Appointment of nobody that shows other runs whose the year is."""
        return {
            "resourceType": "Appointment",
            "id": f"{self.prefix}{_HOLD}{year}",
            "meta": {"tag": self.tags},
            "status": "cancelled",
            "start": f"{year}-01-01T12:00:00Z",
            "end": f"{year}-01-01T12:30:00Z",
            "participant": [participant(version, {"display": "fhirnotify harness"})],
        }


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

    def left_behind(self, kinds: Iterable[str] = ()) -> list[Resource]:
        """Give the resources of runs that are over and did not take theirs away.

        A server that ignores ``_tag`` cannot be asked for them: then what it gives first is looked at, no more.

        Args:
            kinds: types to look through beside those that every run puts.

        Raises:
            FhirError: it cannot be searched, or refuses the search for Patients by tag.
        """
        return list(self._ours(kinds, TAG, _is_over))

    def holds(self, resource: Resource) -> bool | None:
        """Look whether a resource stands there by its id; None where it cannot be read so.

        Raises:
            FhirError: something else is answered.
        """
        try:
            return self._client.read(resource["resourceType"], resource["id"]) is not None
        except RefusedError:
            return None

    def left_by(self, run: Run, kinds: Iterable[str] = ()) -> list[Resource]:
        """Give the resources of a run, as ``left_behind`` gives those of runs that are over.

        Raises:
            FhirError: it cannot be searched.
        """
        # by the run's own tag: a server may answer a search that it has answered lately as it did then
        return list(self._ours(kinds, f"{RUN}|{run.code}", lambda code, _: code == run.code))

    def free_year(self, taken: frozenset[int] = frozenset()) -> int:
        """Choose a year far off in which the server has no Appointment.

        Args:
            taken: years not to choose.

        Raises:
            HarnessError: there is none.
            FhirError: the server cannot be searched.
        """
        years = [year for year in YEARS if year not in taken]
        random.shuffle(years)
        for year in years:
            if not any(self._in_year(year)):
                return year
        raise HarnessError(
            f"In each year from {YEARS[0]} to {YEARS[-1]} the server has Appointments.",
            "Take them away, or take another server for tests.",
        )

    def keeps(self, year: int, run: Run) -> bool:
        """Look, after the hold was put, whether the year is this run's: of two that hold one, the lesser code keeps it.

        Raises:
            FhirError: the server cannot be searched.
        """
        codes = [_code_of(each) for each in self._in_year(year)]
        return all(code is not None and code >= run.code for code in codes)

    def _in_year(self, year: int) -> Iterator[Resource]:
        """Give Appointments of a year; of a server that cannot be asked by date, those of the harness alone."""
        dated = (("date", f"ge{year}-01-01T00:00:00Z"), ("date", f"lt{year + 1}-01-01T00:00:00Z"), _ALL)
        for params in (dated, (("_tag", TAG), _ALL)):
            try:
                for page in islice(every_page(self._client, "Appointment", params), _PAGES):
                    yield from (each for each in page.matches if str(each.get("start", "")).startswith(str(year)))
            except RefusedError:
                continue
            return

    def _ours(self, kinds: Iterable[str], tag: str, chosen: Callable[[str, Resource], bool]) -> Iterator[Resource]:
        """Give what of the harness's own carries a tag and is chosen by its run's code, no more of it than is needed.

        ``kinds`` are looked through beside those that every run puts.
        """
        for kind in dict.fromkeys((*_TYPES, *sorted(kinds))):
            try:
                for resource in self._every(kind, (("_tag", tag), _ALL)):
                    code = _code_of(resource)
                    if code is None:
                        break
                    if chosen(code, resource):
                        yield {"resourceType": kind, "id": resource["id"], "link": resource.get("link", [])}
            except RefusedError:
                if kind == "Patient":
                    raise

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


def _is_over(code: str, resource: Resource) -> bool:
    """Tell whether the run of a resource is over: by its process on this machine, and elsewhere by its age."""
    found = _CODE.fullmatch(code)
    boot = _boot()
    if found is not None and boot is not None and found["machine"] == f"{_host()}-{boot}":
        return not _is_alive(int(found["process"]))
    put = _updated(resource) or (datetime.strptime(found["began"], "%Y%m%dT%H%M%S%z") if found else None)
    stale = _STALE_HOLD if _HOLD in resource["id"] else _STALE
    return put is None or put < datetime.now(UTC) - stale


def _updated(resource: Resource) -> datetime | None:
    """Give when the server last changed a resource, if it tells."""
    try:
        updated = datetime.fromisoformat(resource["meta"]["lastUpdated"])
    except (KeyError, TypeError, ValueError):
        return None
    return updated if updated.tzinfo is not None else None


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


def _boot() -> str | None:
    """Tell this start of this machine, and the container: process ids mean something within these alone."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        return hashlib.sha256(f"{started}{Path('/proc/self/ns/pid').readlink()}".encode()).hexdigest()[:8]
    except OSError:
        return None
