"""A real authorization server, npm's oidc-provider, on loopback: what it grants, and why it refuses.

Its packages are installed once into

    ${FHIRNOTIFY_CACHE, XDG_CACHE_HOME or ~/.cache}/fhirnotify/oidc/<hash of package.json>/

beside a copy of the server's program, since Node looks for them there.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

INSTALL = "apt-get install -y nodejs npm"
SCOPES = ("system/Appointment.rs", "system/Patient.rs", "system/Consent.rs", "system/Observation.rs")
SCOPE = " ".join(SCOPES[:3])

_SOURCES = Path(__file__).parent / "integration" / "oidc"
_INSTALL_SECONDS = 300
_START_SECONDS = 60


@dataclass(frozen=True)
class ServerTls:
    """The server's key and certificate, and the authority of the clients' certificates; PEM.

    ``refuses`` says whether a client without a good certificate gets no connection.
    """

    key: str
    cert: str
    ca: str
    refuses: bool = False


class OidcServer:
    """One server; a context manager. Its tokens are JWTs for ``audience`` that last ``lifetime`` seconds.

    ``clock`` is how many seconds its clock is ahead of ours.
    """

    def __init__(
        self,
        clients: Sequence[Mapping[str, Any]],
        audience: str,
        *,
        lifetime: int = 300,
        clock: int = 0,
        scopes: Sequence[str] = SCOPES,
        tls: ServerTls | None = None,
    ) -> None:
        self._settings = json.dumps(
            {
                "clients": list(clients),
                "audience": audience,
                "lifetime": lifetime,
                "clock": clock,
                "scopes": list(scopes),
                "tls": tls and vars(tls),
            }
        )
        self.issuer = ""
        self._granted: list[str] = []
        self._refused: list[str] = []
        self._said = threading.Event()

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.issuer}/token"

    @property
    def jwks_url(self) -> str:
        """Where the keys stand by which its tokens can be checked."""
        return f"{self.issuer}/jwks"

    @property
    def granted(self) -> list[str]:
        """The client of each token so far."""
        self._catch_up()
        return self._granted

    @property
    def refused(self) -> list[str]:
        """Why each request was refused so far, as the client is not told."""
        self._catch_up()
        return self._refused

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["node", str(_program()), self._settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._said.wait(_START_SECONDS) or not self.issuer:
            self.close()
            pytest.fail("The authorization server did not start.")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _catch_up(self) -> None:
        """See that what the server has said until now is read."""
        assert self._process.stdin is not None
        if self._process.poll() is None:
            self._said.clear()
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            assert self._said.wait(_START_SECONDS)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            self._granted += filter(None, [event.get("granted")])
            self._refused += filter(None, [event.get("refused")])
            self.issuer = event.get("issuer", self.issuer)
            if "issuer" in event or "caughtUp" in event:
                self._said.set()
        self._said.set()


def _program() -> Path:
    """Give the server's program, beside its packages."""
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        what = f"The authorization server needs {', '.join(missing)}; install: {INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(what)
        pytest.skip(what)
    root = Path(os.environ.get("FHIRNOTIFY_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    package = (_SOURCES / "package.json").read_bytes()
    home = root.expanduser().absolute() / "fhirnotify" / "oidc" / _digest(package)
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "node_modules").is_dir():
            _install(home, package)
        text = (_SOURCES / "server.mjs").read_bytes()
        program = home / f"server-{_digest(text)}.mjs"
        if not program.exists():
            program.write_bytes(text)
    return program


def _install(home: Path, package: bytes) -> None:
    """Install the packages, whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=".npm-", dir=home) as made:
        (Path(made) / "package.json").write_bytes(package)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
        if done.returncode:
            pytest.fail(f"npm could not install the authorization server: {done.stderr[-2000:]}")
        (Path(made) / "node_modules").rename(home / "node_modules")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
