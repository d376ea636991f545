"""The servers that scenarios are played on, by name: two programs that share no code, and the ways in which one varies.

The pages of every one are small, so that paging is always exercised.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness import hapi_jars, sekmet
from fhirnotify.harness.fhir_server import FhirServer, Progress
from fhirnotify.harness.hapi import HapiServer
from fhirnotify.harness.sekmet import SekmetServer

PAGE = 25
"""The most that a HAPI server here gives on a page."""

EXPIRY_SECONDS = 10.0
"""How long the expiring server keeps a search: who asks for the second page later than this gets 410 Gone."""


@dataclass(frozen=True, slots=True)
class HapiProfile:
    """A HAPI FHIR server, some 0.6 GB (R4) to 1.5 GB (R5) of memory.

    Attributes:
        shows: what is to be seen on this one.
        properties: laid over those of small pages.
    """

    version: FhirVersion
    shows: str
    time_zone: str = "UTC"
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_light(self) -> bool:
        """Tell that several at once are too much for a small machine."""
        return False

    def server(self, directory: Path | None = None, progress: Progress = lambda _: None) -> FhirServer:
        """Make the server; it is started as a context, or by ``start``."""
        properties = {"fhir.max-page-size": str(PAGE)} | dict(self.properties)
        return HapiServer(
            self.version, properties=properties, time_zone=self.time_zone, directory=directory, progress=progress
        )

    def missing(self) -> str:
        """Say what this machine lacks for it, and the command that installs it; nothing if it lacks nothing."""
        programs = hapi_jars.missing_programs()
        return f"HAPI FHIR needs {', '.join(programs)}; install: {hapi_jars.INSTALL}" if programs else ""


@dataclass(frozen=True, slots=True)
class SekmetProfile:
    """The second server, sekmet-fhir, some 0.1 GB of memory. How many it gives on a page is for the asker to say."""

    version: FhirVersion
    shows: str

    @property
    def is_light(self) -> bool:
        """Tell that it costs next to nothing to start."""
        return True

    def server(self, directory: Path | None = None, progress: Progress = lambda _: None) -> FhirServer:
        """Make the server; it is started as a context, or by ``start``."""
        return SekmetServer(directory=directory, progress=progress)

    def missing(self) -> str:
        """Say what this machine lacks for it, and the command that installs it; nothing if it lacks nothing."""
        return f"The second FHIR server needs sekmet-fhir; install: {sekmet.INSTALL}" if sekmet.is_missing() else ""


Profile = HapiProfile | SekmetProfile

PROFILES: dict[str, Profile] = {
    "sekmet": SekmetProfile(FhirVersion.R4, "an independent server, which shares no code with HAPI"),
    "hapi-r4": HapiProfile(FhirVersion.R4, "HAPI as its starter project sets it up"),
    "hapi-r5": HapiProfile(FhirVersion.R5, "the same in FHIR R5"),
    "hapi-r4-la": HapiProfile(
        FhirVersion.R4, "a server whose own time zone is nine hours from Sweden's", time_zone="America/Los_Angeles"
    ),
    "hapi-r4-expiring": HapiProfile(
        FhirVersion.R4,
        f"a server that forgets a search after {EXPIRY_SECONDS:.0f} seconds",
        properties={"fhir.expire-search-ms": f"{EXPIRY_SECONDS * 1000:.0f}", "fhir.reuse-search-ms": "0"},
    ),
}
"""Each by its name, in the order in which they are worth starting."""


def make(name: str, *, directory: Path | None = None, progress: Progress = lambda _: None) -> FhirServer:
    """Make the server of this name; it is started as a context, or by ``start``.

    Args:
        name: a key of ``PROFILES``.
        directory: where its log goes; by default a temporary one, removed after a stop, kept after a failed start.
        progress: told in words what is going on.

    Raises:
        HarnessError: there is none of this name.
    """
    if name not in PROFILES:
        raise HarnessError(f"There is no server by the name {name}.", f"There are {', '.join(PROFILES)}.")
    return PROFILES[name].server(directory, progress)
