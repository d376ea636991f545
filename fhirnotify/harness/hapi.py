"""A real HAPI FHIR server, R4 or R5, in memory, on loopback: started, awaited and stopped.

The server is one Java process with one FHIR version. It chooses a free port itself and tells it in a file, so two
can start at once; it ends when told to, and also when the process that started it dies (it watches a pipe).
"""

import http.client
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness.hapi_jars import Progress, class_path

START_SECONDS = 600.0
"""How long a start may take: R4 some 30 s and R5 60 s alone on two cores, many times that on a busy machine."""

_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.2
_MAIN_CLASS = "fhirnotify.hapi.HapiServer"
# The C1 compiler alone and the serial collector start a quarter faster and take half the memory.
_JVM = ("-Xmx1500m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")


class HapiServer:
    """One HAPI FHIR server; a context manager that starts and stops it.

    Args:
        version: the FHIR version it speaks.
        properties: what to set otherwise than HAPI's starter does, such as ``fhir.max-page-size``,
            ``fhir.expire-search-ms``, ``fhir.reuse-search-ms`` (all are listed in ``HapiServer.java``), or
            ``server.port`` for a port of one's choice.
        time_zone: the server's own, which HAPI uses where a date has none.
        directory: where its log goes; by default a temporary one, removed after a stop, kept after a failed start.
        progress: told in words what is going on.
    """

    def __init__(
        self,
        version: FhirVersion | str,
        *,
        properties: Mapping[str, str] | None = None,
        time_zone: str = "UTC",
        directory: Path | None = None,
        progress: Progress = lambda _: None,
    ) -> None:
        self.version = FhirVersion(version)
        self._properties = {**(properties or {}), "fhir.version": self.version.value}
        self._time_zone = time_zone
        self._given = directory
        self._directory = Path()
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """The FHIR base, such as ``http://127.0.0.1:41234/fhir``; empty until the server is ready."""
        return self._base_url

    @property
    def pid(self) -> int | None:
        """The Java process, while there is one."""
        return None if self._process is None else self._process.pid

    def start(self, timeout: float = START_SECONDS) -> str:
        """Launch the server and wait until it is ready; give its base URL."""
        self.launch()
        return self.wait_until_ready(timeout)

    def launch(self) -> None:
        """Begin to start the server, without waiting: launch several, then wait for each.

        Raises:
            HarnessError: a program is missing, or the server's jars cannot be had.
        """
        command = ["java", *_JVM, f"-Duser.timezone={self._time_zone}", "-cp", class_path(self._progress), _MAIN_CLASS]
        self._directory = self._given or Path(tempfile.mkdtemp(prefix="fhirnotify-hapi-"))
        self._directory.mkdir(parents=True, exist_ok=True)
        self._port_file.unlink(missing_ok=True)
        arguments = [f"--{name}={value}" for name, value in self._properties.items()]
        arguments.append(f"--harness.port-file={self._port_file}")
        self._progress(f"starting HAPI FHIR {self.version}")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *arguments], stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, cwd=self._directory
            )

    def wait_until_ready(self, timeout: float = START_SECONDS) -> str:
        """Wait until ``GET /metadata`` answers 200, and give the base URL.

        Raises:
            HarnessError: the server ended, or was not ready in time; it is stopped then, and its log kept.
        """
        deadline = time.monotonic() + timeout
        while not self._is_ready():
            if self._process is None or self._process.poll() is not None:
                self._fail("ended while it started")
            if time.monotonic() > deadline:
                self._fail(f"was not ready within {timeout:.0f} s")
            time.sleep(_POLL_SECONDS)
        self._progress(f"HAPI FHIR {self.version} is ready")
        return self._base_url

    def stop(self) -> None:
        """End the server by its process id: TERM, then KILL. Does nothing if it is not running."""
        if self._end() and self._given is None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        """Start the server unless it is already being started."""
        if self._process is None:
            self.launch()
        self.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    @property
    def _port_file(self) -> Path:
        return self._directory / f"{self.version}.port"

    @property
    def _log(self) -> Path:
        return self._directory / f"{self.version}.log"

    def _is_ready(self) -> bool:
        if not self._port_file.exists() or not (port := self._port_file.read_text()):
            return False
        base_url = f"http://127.0.0.1:{port}/fhir"
        try:
            with urlopen(f"{base_url}/metadata", timeout=30) as answer:
                self._base_url = base_url if answer.status == HTTPStatus.OK else ""
        except (URLError, http.client.HTTPException, OSError):
            return False
        return bool(self._base_url)

    def _fail(self, how: str) -> None:
        self._end()
        raise HarnessError(f"The HAPI FHIR {self.version} server {how}.", f"Its log: {self._log}")

    def _end(self) -> bool:
        process, self._process, self._base_url = self._process, None, ""
        if process is None:
            return False
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()
        return True
