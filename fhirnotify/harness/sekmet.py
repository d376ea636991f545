"""A second FHIR server, R4, that shares no code with HAPI: ``sekmet-fhir`` from PyPI, on loopback, on an empty SQLite.

It is a FHIR server and a SMART authorization server in one process. It differs from HAPI where servers may: pages
by ``_offset``, a total always told, parameters that it does not know ignored with a warning, references kept as sent.
"""

import importlib.util
import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness.fhir_server import FhirServer, Progress

INSTALL = "pip install 'sekmet-fhir>=0.1.1'"
"""The command that installs it."""

_HOST = "127.0.0.1"
_MAIN = Path(__file__).parent / "sekmet_server" / "serve.py"


def is_missing() -> bool:
    """Tell whether the package is not installed beside fhirnotify."""
    return importlib.util.find_spec("sekmet") is None


class SekmetServer(FhirServer):
    """One sekmet server; a context manager that starts and stops it.

    Args:
        settings: what to set beside an ordinary server's, by the keys of sekmet's ``settings.yaml``, such as
            ``server_auth`` for SMART Backend Services, or a ``base_url`` of one's own, which its links then name.
            Its simulator, which acts on Appointments by itself, and its log of requests are off.
        directory: where its log and its database go; by default a temporary one, removed after a stop, kept after a
            failed start.
        progress: told in words what is going on.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, Any] | None = None,
        directory: Path | None = None,
        progress: Progress = lambda _: None,
    ) -> None:
        super().__init__("sekmet-fhir", FhirVersion.R4, directory, progress)
        self._settings = dict(settings or {})
        self._listens_at = ""

    def _spawn(self, directory: Path, log: Path) -> "subprocess.Popen[bytes]":
        if is_missing():
            raise HarnessError("The second FHIR server, sekmet-fhir, is not installed here.", f"Install: {INSTALL}")
        # We listen and the server inherits the socket: the port is known before its start, and nobody else can take it.
        with socket.create_server((_HOST, 0), backlog=128) as listener, log.open("wb") as out:
            self._listens_at = f"http://{_HOST}:{listener.getsockname()[1]}/fhir"
            settings = directory / "settings.yaml"
            settings.write_text(json.dumps(self._all_settings(directory)))  # JSON is YAML
            return subprocess.Popen(
                [sys.executable, str(_MAIN), str(settings), str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=directory,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # a Ctrl-C in the terminal is for who started it, who then ends it
            )

    def _address(self, directory: Path) -> str:  # noqa: ARG002  # it was ours to choose
        return self._listens_at

    def _all_settings(self, directory: Path) -> dict[str, Any]:
        ordinary = {
            "host": _HOST,
            "base_url": self._listens_at,
            "data_dir": str(directory / "data"),
            "simulator": {"enabled": False},
            "log_inbound": False,
        }
        return ordinary | self._settings
