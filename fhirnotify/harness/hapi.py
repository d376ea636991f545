"""A real HAPI FHIR server, R4 or R5, in memory, on loopback: started, awaited and stopped.

The server is one Java process with one FHIR version. It chooses a free port itself and tells it in a file, so two
can start at once; it ends when told to, and also when the process that started it dies (it watches a pipe).
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.fhir_server import FhirServer
from fhirnotify.harness.hapi_jars import Progress, class_path

_MAIN_CLASS = "fhirnotify.hapi.HapiServer"
# The C1 compiler alone and the serial collector start a quarter faster and take half the memory.
_JVM = ("-Xmx1500m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")


class HapiServer(FhirServer):
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
        super().__init__("HAPI FHIR", FhirVersion(version), directory, progress)
        self._properties = {**(properties or {}), "fhir.version": self.version.value}
        self._time_zone = time_zone

    def _spawn(self, directory: Path, log: Path) -> "subprocess.Popen[bytes]":
        command = ["java", *_JVM, f"-Duser.timezone={self._time_zone}", "-cp", class_path(self._progress), _MAIN_CLASS]
        port_file = self._port_file(directory)
        port_file.unlink(missing_ok=True)
        arguments = [f"--{name}={value}" for name, value in self._properties.items()]
        arguments.append(f"--harness.port-file={port_file}")
        with log.open("wb") as out:
            return subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=directory,
                start_new_session=True,  # a Ctrl-C in the terminal is for who started it, who then ends it
            )

    def _address(self, directory: Path) -> str:
        port_file = self._port_file(directory)
        port = port_file.read_text() if port_file.exists() else ""
        return f"http://127.0.0.1:{port}/fhir" if port else ""

    def _port_file(self, directory: Path) -> Path:
        return directory / f"{self.version}.port"
