"""What one needs to play the whole thing through: a FHIR server, an SMS inbox, and settings that name them both."""

import errno
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Never

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness.fhir_server import FhirServer, Progress
from fhirnotify.harness.hapi import HapiServer
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.installation import Installation, Settings
from fhirnotify.harness.resources import CONSENT_CODE, Resource
from fhirnotify.harness.scenarios import reading
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.staging import Stage, Staging
from fhirnotify.harness.scenarios.targets import Directory
from fhirnotify.harness.seed import seed

SEEDED = "one-morning.yaml"
"""The scenario whose resources are loaded, as of now."""

_WATCH_SECONDS = 0.5
_ROUND = timedelta(minutes=5)
_DIRECTORY = "fhir"
_IN_DIRECTORY = f"file:{_DIRECTORY}"
_MARK = '# Written by "fhirnotify harness serve", and overwritten by its next start here.'
_COMMENTS = f"""{_MARK}
# Quiet hours that end as they begin are none: a run sends at any time of the day and night. In earnest they are
# 21:00 to 07:00, in which what falls due is held, for the first run after them.
# Each provider's section leads to the inbox, with an account of no worth: change sms.provider to try another.

"""
_NO_QUIET_HOURS: Settings = {"reminder": {"quiet_from": "00:00", "quiet_until": "00:00"}}
_SOON_OUT: Settings = {"sms": {"timeout": "5s"}}
"""A provider that keeps silent is soon found out, for who sits and waits."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be served.

    Attributes:
        fhir: the version of the HAPI FHIR server; None for a directory of FHIR JSON instead of a server.
        sms: whether there is an inbox; else messages go to a file.
        seeded: whether invented patients and visits are loaded.
        fhir_port: 0 takes a free one; likewise ``sms_port``.
        directory: where settings and ledger stand; by default a temporary one, removed at the end.
    """

    fhir: FhirVersion | None
    sms: bool = True
    seeded: bool = False
    fhir_port: int = 0
    sms_port: int = 0
    directory: Path | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What is being served."""

    installation: Installation
    fhir: FhirServer | None
    inbox: Inbox | None
    seeded: Scenario | None

    @property
    def settings(self) -> str:
        """The settings file's text."""
        return self.installation.config.read_text("utf-8")

    def wait(self) -> Never:
        """Wait for good, that is until a signal's handler raises.

        Raises:
            HarnessError: the FHIR server has ended.
        """
        while True:
            time.sleep(_WATCH_SECONDS)
            if self.fhir is not None:
                self.fhir.watch()

    @property
    def considered_and_reminded(self) -> dict[str, int] | None:
        """Tell how many patients of visits a run considers, and how many it reminds, if it runs at once."""
        rows = self.seeded.steps[0].expect if self.seeded else None
        if rows is None or isinstance(rows, str):
            return None
        return {"considered": len(rows), "reminded": sum(row.remind is not None for row in rows)}

    def as_json(self) -> dict[str, Any]:
        """Give the addresses for a program; None for what is not served.

        ``fhir`` has ``base_url``, ``version`` and the process ``pid``; ``sms`` is the inbox's URL; ``seeded`` is
        ``considered_and_reminded``.
        """
        fhir = self.fhir and {"base_url": self.fhir.base_url, "version": self.fhir.version, "pid": self.fhir.pid}
        return {
            "fhir": fhir,
            "sms": self.inbox and self.inbox.base_url,
            "config": str(self.installation.config),
            "seeded": self.considered_and_reminded,
        }


@contextmanager
def serving(wanted: Wanted, progress: Progress = lambda _: None) -> Iterator[Served]:
    """Start what is wanted, and end it again, by its process id and with a word of it.

    Raises:
        HarnessError: a port is taken, the directory holds settings that are not ours, or what a server needs is
            missing.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(_directory(wanted, progress))
        inbox = stack.enter_context(_inbox(wanted.sms_port, progress)) if wanted.sms else None
        server = stack.enter_context(_hapi(wanted.fhir, wanted.fhir_port, progress)) if wanted.fhir else None
        scenario = reading.read(reading.bundled() / SEEDED) if wanted.seeded else None
        served = Served(Installation(directory), server, inbox, scenario)
        resources = _resources(scenario, wanted.fhir or FhirVersion.R4) if scenario else []
        if resources:
            progress(f"seeding {len(resources)} resources")
        _put(served, resources)
        _configure(served)
        yield served


@contextmanager
def _directory(wanted: Wanted, progress: Progress) -> Iterator[Path]:
    if wanted.directory is None:
        made = Path(tempfile.mkdtemp(prefix="fhirnotify-serve-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
            progress(f"removed {made}")
        return
    given = wanted.directory.absolute()
    try:
        given.mkdir(parents=True, exist_ok=True)
        if (foreign := _foreign(given, in_directory=wanted.fhir is None)) is not None:
            raise HarnessError(f"{foreign} is not the harness's own.", "Name another directory, or an empty one.")
    except (OSError, UnicodeDecodeError):
        raise HarnessError(f"{given} cannot be used.", "Name a directory that can be written.") from None
    yield given


def _foreign(directory: Path, *, in_directory: bool) -> Path | None:
    """Give what would be written over though the harness did not write it: settings, or resources beside none of its.

    Raises:
        OSError: it cannot be seen.
        UnicodeDecodeError: so, too.
    """
    config, resources = Installation(directory).config, directory / _DIRECTORY
    settings = config.read_text("utf-8") if config.exists() else _MARK
    if not settings.startswith(_MARK):
        return config
    if in_directory and _IN_DIRECTORY not in settings and resources.exists() and any(resources.iterdir()):
        return resources
    return None


@contextmanager
def _inbox(port: int, progress: Progress) -> Iterator[Inbox]:
    try:
        inbox = Inbox(port)
    except OSError as error:
        raise _unusable(port, "--sms-port", error) from None
    try:
        with inbox:
            yield inbox
    finally:
        progress("ended the SMS inbox")


@contextmanager
def _hapi(version: FhirVersion, port: int, progress: Progress) -> Iterator[HapiServer]:
    if port:
        _try_port(port)
    server = HapiServer(version, properties={"server.port": str(port)} if port else {}, progress=progress)
    process = None
    try:
        server.start()
        process = server.pid
        yield server
    finally:
        server.stop()
        if process is not None:
            progress(f"ended HAPI FHIR {version}, process {process}")


def _try_port(port: int) -> None:
    """Find out at once what HAPI would tell half a minute later, in its log."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise _unusable(port, "--fhir-port", error) from None


def _unusable(port: int, option: str, error: OSError) -> HarnessError:
    why = "is taken" if error.errno == errno.EADDRINUSE else "cannot be used"
    return HarnessError(f"Port {port} on 127.0.0.1 {why}.", f"Choose another by {option}, or none for a free one.")


def _resources(scenario: Scenario, version: FhirVersion) -> list[Resource]:
    now = datetime.now(UTC)
    past_hour = timedelta(minutes=now.minute, seconds=now.second, microseconds=now.microsecond)
    stage = Stage(version, base_url="", now=now - past_hour % _ROUND, prefix="", tags=())
    return Staging(SEEDED, scenario, stage).put(scenario.resources)


def _put(served: Served, resources: list[Resource]) -> None:
    if served.fhir is not None:
        seed(served.fhir.base_url, resources)
    else:
        Directory(served.installation.directory / _DIRECTORY, FhirVersion.R4).put(resources)


def _configure(served: Served) -> None:
    """Write settings by which a run reads and sends here."""
    endpoint = served.fhir.base_url if served.fhir else _IN_DIRECTORY
    consents: Settings = {"consent": {"codes": [CONSENT_CODE]}}
    providers: list[Settings] = [{"sms": {"provider": "outbox"}}]
    if inbox := served.inbox:  # of all it stands in for, so that one word changes the provider; the last is in use
        providers = [inbox.settings(name) for name in reversed(inbox.providers)]
    installation = served.installation
    installation.configure({"fhir": {"base_url": endpoint}}, _NO_QUIET_HOURS, consents, _SOON_OUT, *providers)
    installation.config.write_text(_COMMENTS + served.settings, "utf-8")
