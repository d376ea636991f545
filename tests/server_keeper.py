"""Keeps FHIR servers for a test session, whichever of its processes asked first, until the session has ended.

    python server_keeper.py DIRECTORY OWNER NAME...

starts the servers of these names (``fhirnotify.harness.servers.PROFILES``), in the order of the profiles, no more than
two heavy ones at a time, and writes ``DIRECTORY/NAME.url`` for each, or ``DIRECTORY/NAME.error`` with what went wrong.
When the process OWNER is gone it stops them and takes the directory away.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fhirnotify.errors import HarnessError
from fhirnotify.harness.fhir_server import START_SECONDS, FhirServer
from fhirnotify.harness.servers import PROFILES, make

_AT_ONCE = 2
_FETCH_SECONDS = 600
_POLL_SECONDS = 0.5


def running_already(name: str) -> str | None:
    """Give the base URL of a server that the environment names: ``TEST_HAPI_R4`` for ``hapi-r4``, and so on."""
    return os.environ.get(f"TEST_{name.upper().replace('-', '_')}")


def keep(directory: Path, owner: int, names: Iterable[str]) -> None:
    """Start a keeper in a process of its own, unless another process of the same session has."""
    try:
        directory.mkdir()
    except FileExistsError:
        return
    command = [sys.executable, __file__, str(directory), str(owner), *names]
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    os.posix_spawn(sys.executable, command, os.environ, setsid=True, file_actions=silent)


def base_url(directory: Path, name: str) -> str:
    """Wait for a server, and give its base URL.

    Raises:
        HarnessError: it could not be started.
    """
    deadline = time.monotonic() + len(PROFILES) / _AT_ONCE * START_SECONDS + _FETCH_SECONDS
    while time.monotonic() < deadline:
        if (url := directory / f"{name}.url").exists():
            return url.read_text()
        if (error := directory / f"{name}.error").exists():
            raise HarnessError(error.read_text())
        time.sleep(_POLL_SECONDS)
    raise HarnessError(f"The keeper of the server {name} does not answer.")


def _start(name: str, server: FhirServer, directory: Path) -> None:
    try:
        _write(directory / f"{name}.url", server.start())
    except HarnessError as error:
        _write(directory / f"{name}.error", str(error))


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


def _main(directory: Path, owner: int, names: set[str]) -> None:
    servers = {name: make(name) for name in PROFILES if name in names}
    light, heavy = ThreadPoolExecutor(1), ThreadPoolExecutor(_AT_ONCE)
    for name, server in servers.items():
        (light if PROFILES[name].is_light else heavy).submit(_start, name, server, directory)
    while _is_alive(owner):
        time.sleep(_POLL_SECONDS)
    heavy.shutdown(wait=False, cancel_futures=True)
    for server in servers.values():
        server.stop()
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)  # a start that is still under way is over with its server


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), set(sys.argv[3:]))
