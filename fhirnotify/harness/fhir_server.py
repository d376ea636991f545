"""A real FHIR server in a process of its own, on loopback: launched, awaited and stopped. Kinds differ in two steps.

Every server holds a pipe to whoever started it and ends when the pipe does, so that none outlives a killed harness.
"""

import http.client
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError

START_SECONDS = 600.0
"""How long a start may take: HAPI R4 some 30 s and R5 60 s alone on two cores, many times that on a busy machine."""

_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.2
_DIRECT = build_opener(ProxyHandler({}))
"""Asks on the loopback, past any proxy that the environment names."""

Progress = Callable[[str], None]
"""Told in words what is going on."""


class FhirServer(ABC):
    """One FHIR server; a context manager that starts and stops it.

    Args:
        software: what it is called in messages, such as ``HAPI FHIR``.
        version: the FHIR version it speaks.
        directory: where its log goes; by default a temporary one, removed after a stop, kept after a failed start.
        progress: told in words what is going on.
    """

    def __init__(self, software: str, version: FhirVersion, directory: Path | None, progress: Progress) -> None:
        self.version = version
        self._title = f"{software} {version}"
        self._given = directory
        self._directory = Path()
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._base_url = ""

    @abstractmethod
    def _spawn(self, directory: Path, log: Path) -> "subprocess.Popen[bytes]":
        """Start the process, with a pipe as its standard input and its output in the log."""

    @abstractmethod
    def _address(self, directory: Path) -> str:
        """Give the FHIR base, or nothing as long as the server has not told it."""

    @property
    def base_url(self) -> str:
        """The FHIR base, such as ``http://127.0.0.1:41234/fhir``; empty until the server is ready."""
        return self._base_url

    @property
    def pid(self) -> int | None:
        """The server's process, while there is one."""
        return None if self._process is None else self._process.pid

    def start(self, timeout: float = START_SECONDS) -> str:
        """Launch the server and wait until it is ready; give its base URL."""
        self.launch()
        return self.wait_until_ready(timeout)

    def launch(self) -> None:
        """Begin to start the server, without waiting: launch several, then wait for each.

        Raises:
            HarnessError: what it needs is missing, or cannot be had.
        """
        self._directory = (self._given or Path(tempfile.mkdtemp(prefix="fhirnotify-server-"))).absolute()
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            self._process = self._spawn(self._directory, self._log)
            self._progress(f"starting {self._title}")
        except BaseException:  # an impatient Ctrl-C, too, leaves nothing behind
            self._end()
            self._clear()
            raise

    def wait_until_ready(self, timeout: float = START_SECONDS) -> str:
        """Wait until ``GET /metadata`` answers 200, and give the base URL.

        Raises:
            HarnessError: the server ended, or was not ready in time; it is stopped then, and its log kept.
        """
        try:
            self._await(timeout)
        except HarnessError:
            raise
        except BaseException:  # an impatient Ctrl-C leaves nothing behind
            self.stop()
            raise
        self._progress(f"{self._title} is ready")
        return self._base_url

    def _await(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not self._is_ready():
            if self._process is None or self._process.poll() is not None:
                self._fail("ended while it started")
            if time.monotonic() > deadline:
                self._fail(f"was not ready within {timeout:.0f} s")
            time.sleep(_POLL_SECONDS)

    def watch(self) -> None:
        """Do nothing as long as the server runs.

        Raises:
            HarnessError: it has ended, though nobody told it to; its log is kept.
        """
        if self._process is not None and self._process.poll() is not None:
            self._fail("ended, though nobody told it to")

    def stop(self) -> None:
        """End the server by its process id: TERM, then KILL. Does nothing if it is not running."""
        if self._end():
            self._clear()

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
    def _log(self) -> Path:
        return self._directory / f"{self.version}.log"

    def _is_ready(self) -> bool:
        if not (address := self._address(self._directory)):
            return False
        try:
            with _DIRECT.open(f"{address}/metadata", timeout=30) as answer:
                self._base_url = address if answer.status == HTTPStatus.OK else ""
        except (URLError, http.client.HTTPException, OSError):
            return False
        return bool(self._base_url)

    def _fail(self, how: str) -> None:
        self._end()
        raise HarnessError(f"The {self._title} server {how}.", f"Its log: {self._log}")

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

    def _clear(self) -> None:
        if self._given is None:
            shutil.rmtree(self._directory, ignore_errors=True)
