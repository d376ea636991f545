"""The HAPI FHIR server's class path: fetched from Maven Central once, compiled once, kept in a cache.

    ${FHIRNOTIFY_CACHE, XDG_CACHE_HOME or ~/.cache}/fhirnotify/hapi/<hash of pom.xml>/
        jars/               some 260 jars, 300 MB
        classes-<hash>/     HapiServer.java, compiled

Each part is made in a directory of its own and then renamed, so that what stands there is whole. A lock keeps
two starts at the same time from both fetching.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from fhirnotify.errors import HarnessError

INSTALL = "apt-get install -y openjdk-17-jdk-headless maven"
"""The command that installs what the server needs, on Debian and Ubuntu."""

_SOURCES = Path(__file__).parent / "hapi_server"
_POM = _SOURCES / "pom.xml"
_MAIN = _SOURCES / "HapiServer.java"
_FETCH_SECONDS = 900
_COMPILE_SECONDS = 120
_TELL_SECONDS = 10.0
_FILES, _SIZE = 980, "340 MB"
"""What Maven fetches where it has nothing yet: descriptions for a minute, then jars, its own plugins among them."""
_DOWNLOADED = re.compile(rb"Downloaded from \S+: \S+ \(([0-9.,]+) ([kM]?B)")
_MEGABYTES = {b"B": 1e-6, b"kB": 1e-3, b"MB": 1.0}

Progress = Callable[[str], None]


def missing_programs() -> list[str]:
    """Name the programs that this machine lacks to fetch, compile and start the server."""
    needed = ["java"] if _is_prepared() else ["java", "javac", "mvn"]
    return [program for program in needed if shutil.which(program) is None]


def class_path(progress: Progress = lambda _: None) -> str:
    """Give the Java class path of the server; fetch and compile what the cache does not hold.

    Raises:
        HarnessError: Java or Maven is missing, or Maven or the compiler failed.
    """
    if missing := missing_programs():
        raise HarnessError(f"A HAPI FHIR server needs {', '.join(missing)}, not found here.", f"Install: {INSTALL}")
    with _locked():
        if not _jars().is_dir():
            progress(f"fetching HAPI FHIR with Maven: some {_SIZE}, once; later starts take it from {_jars()}")
            _make(_jars(), partial(_fetch, progress=progress))
        if not _classes().is_dir():
            progress("compiling the HAPI FHIR server")
            _make(_classes(), _compile)
    return os.pathsep.join((str(_classes()), str(_jars() / "*")))


def _cache() -> Path:
    root = os.environ.get("FHIRNOTIFY_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root).expanduser().absolute() / "fhirnotify" / "hapi" / _digest(_POM)


def _jars() -> Path:
    return _cache() / "jars"


def _classes() -> Path:
    return _cache() / f"classes-{_digest(_MAIN)}"


def _is_prepared() -> bool:
    return _jars().is_dir() and _classes().is_dir()


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _fetch(into: Path, progress: Progress) -> None:
    def tell(log: Path) -> None:
        fetched = _DOWNLOADED.findall(log.read_bytes())
        size = sum(float(number.replace(b",", b"")) * _MEGABYTES[unit] for number, unit in fetched)
        progress(f"fetching HAPI FHIR with Maven: {len(fetched)} of some {_FILES} files, {size:.0f} of some {_SIZE}")

    command = ["mvn", "-B", "-f", str(_POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    command += [f"-DoutputDirectory={into}", "-Dmaven.wagon.http.retryHandler.count=3"]
    next_step = "Is Maven Central (or a mirror of it) reachable?"
    _run(command, _FETCH_SECONDS, "Maven could not fetch HAPI FHIR", next_step, tell)


def _compile(into: Path) -> None:
    command = ["javac", "-nowarn", "-proc:none", "--release", "17", "-cp", str(_jars() / "*"), "-d", str(into)]
    _run([*command, str(_MAIN)], _COMPILE_SECONDS, "javac could not compile the HAPI FHIR server", "")


def _run(
    command: list[str], seconds: float, failure: str, next_step: str, tell: Callable[[Path], None] = lambda _: None
) -> None:
    """Run a program to its end; ``tell`` is given its log every few seconds."""
    log = _cache() / f"{Path(command[0]).name}.log"
    deadline = time.monotonic() + seconds
    with log.open("wb") as out, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out) as process:
        try:
            while not _ended(process, deadline):
                tell(log)
        except subprocess.TimeoutExpired:
            process.kill()
            raise HarnessError(f"{failure} within {seconds:.0f} s.", f"{next_step} Its log: {log}".strip()) from None
        except BaseException:  # whoever waited has been told to end
            process.kill()
            raise
    if process.returncode:
        raise HarnessError(f"{failure}.", f"{next_step} Its log: {log}".strip())


def _ended(process: "subprocess.Popen[bytes]", deadline: float) -> bool:
    """Wait a few seconds for a process; tell whether it has ended.

    Raises:
        subprocess.TimeoutExpired: it should have, by now.
    """
    left = deadline - time.monotonic()
    try:
        process.wait(min(left, _TELL_SECONDS))
    except subprocess.TimeoutExpired:
        if left < _TELL_SECONDS:
            raise
        return False
    return True


def _make(place: Path, fill: Callable[[Path], None]) -> None:
    """Fill a new directory and move it to its place, whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as made:
        fill(whole := Path(made) / place.name)
        whole.rename(place)


@contextmanager
def _locked() -> Iterator[None]:
    _cache().mkdir(parents=True, exist_ok=True)
    with (_cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
