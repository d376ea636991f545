"""Keeps HAPI FHIR servers for a test session, whichever of its processes asked first, until the session has ended.

    python hapi_keeper.py DIRECTORY OWNER VERSION...

starts one server a version, all at once, and writes ``DIRECTORY/R4.url``, or ``DIRECTORY/R4.error`` with what went
wrong. When the process OWNER is gone it stops them and takes the directory away.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness.fhir_server import START_SECONDS
from fhirnotify.harness.hapi import HapiServer

PAGE = 25
"""The most that the servers give on a page, so that paging is always exercised."""

_FETCH_SECONDS = 600
_POLL_SECONDS = 0.5


def keep(directory: Path, owner: int, versions: Iterable[FhirVersion]) -> None:
    """Start a keeper in a process of its own, unless another process of the same session has."""
    try:
        directory.mkdir()
    except FileExistsError:
        return
    command = [sys.executable, __file__, str(directory), str(owner), *versions]
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    os.posix_spawn(sys.executable, command, os.environ, setsid=True, file_actions=silent)


def base_url(directory: Path, version: FhirVersion) -> str:
    """Wait for a server, and give its base URL.

    Raises:
        HarnessError: it could not be started.
    """
    deadline = time.monotonic() + START_SECONDS + _FETCH_SECONDS
    while time.monotonic() < deadline:
        if (url := directory / f"{version}.url").exists():
            return url.read_text()
        if (error := directory / f"{version}.error").exists():
            raise HarnessError(error.read_text())
        time.sleep(_POLL_SECONDS)
    raise HarnessError(f"The keeper of the HAPI FHIR {version} server does not answer.")


def _start(server: HapiServer, directory: Path) -> None:
    try:
        _write(directory / f"{server.version}.url", server.start())
    except HarnessError as error:
        _write(directory / f"{server.version}.error", str(error))


def _write(path: Path, text: str) -> None:
    whole = path.with_suffix(".part")
    whole.write_text(text)
    whole.rename(path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _main(directory: Path, owner: int, versions: list[FhirVersion]) -> None:
    servers = [HapiServer(version, properties={"fhir.max-page-size": str(PAGE)}) for version in versions]
    pool = ThreadPoolExecutor(len(servers))
    for server in servers:
        pool.submit(_start, server, directory)
    while _is_alive(owner):
        time.sleep(_POLL_SECONDS)
    for server in servers:
        server.stop()
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)  # a start that is still under way is over with its server


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), [FhirVersion(version) for version in sys.argv[3:]])
