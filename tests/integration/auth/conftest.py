"""Visits on a HAPI server, a gate before it that wants tokens, and the real command that has to get through."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, RSAKey
from oidc_server import SCOPE, OidcServer
from token_gate import TokenGate

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.seed import remove, seed
from fhirnotify.harness.world import World, ordinary_world

SECRET = "Qzkanarie-hemlighet"
VISITS = 5
_SECONDS = 240
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_NOW = datetime(2063, 1, 8, 10, tzinfo=LOCAL) + timedelta(weeks=4 * _WORKER)


@dataclass(frozen=True)
class Keys:
    """The client's two keys, and another that nobody has registered."""

    rsa: rsa.RSAPrivateKey
    ec: ec.EllipticCurvePrivateKey
    unregistered: ec.EllipticCurvePrivateKey

    def pem(self, name: str) -> str:
        """Write a key as PEM."""
        return getattr(self, name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def jwks(self, *names: str) -> dict[str, Any]:
        """Give registered public keys; ``rsa`` is known as ``rsa-1``, and so on."""
        kinds = {"rsa": RSAKey, "ec": ECKey}
        return {
            "keys": [
                kinds[name].import_key(self.pem(name)).as_dict(private=False) | {"kid": f"{name}-1"} for name in names
            ]
        }

    @property
    def clients(self) -> list[dict[str, Any]]:
        """The clients as an authorization server has them registered."""
        by_key = {"token_endpoint_auth_method": "private_key_jwt", "jwks": self.jwks("rsa", "ec")}
        by_secret = {"client_secret": SECRET, "scope": SCOPE}
        return [
            {"client_id": "reminders", "scope": SCOPE, **by_key},
            {"client_id": "no-consents", "scope": "system/Appointment.rs system/Patient.rs", **by_key},
            {"client_id": "basic", "token_endpoint_auth_method": "client_secret_basic", **by_secret},
            {"client_id": "post", "token_endpoint_auth_method": "client_secret_post", **by_secret},
            {"client_id": "bound", "tls_client_certificate_bound_access_tokens": True, "scope": SCOPE, **by_key},
        ]


@pytest.fixture(scope="session")
def keys() -> Keys:
    """The keys of this session."""
    curve = ec.SECP384R1()
    return Keys(rsa.generate_private_key(65537, 2048), ec.generate_private_key(curve), ec.generate_private_key(curve))


@pytest.fixture(scope="session")
def make_world() -> Callable[[FhirVersion], World]:
    """Make the visits of these tests, in a year and a week of their own."""
    return lambda version: ordinary_world(_NOW, version, VISITS, prefix=f"auth-{_WORKER}")


@pytest.fixture(scope="session")
def worlds(make_world: Callable[[FhirVersion], World]) -> Iterator[Callable[[str, FhirVersion], World]]:
    """Put the visits on a server once; a run changes nothing there. They are taken away at the end."""
    made: dict[str, World] = {}

    def on(base_url: str, version: FhirVersion) -> World:
        if base_url not in made:
            made[base_url] = make_world(version)
            seed(base_url, made[base_url].resources)
        return made[base_url]

    yield on
    for base_url, world in made.items():
        remove(base_url, world.resources)


@pytest.fixture
def world(kept_server: Any, worlds: Callable[[str, FhirVersion], World]) -> World:
    """The visits of these tests."""
    return worlds(kept_server.base_url, kept_server.version)


@pytest.fixture
def gate(kept_server: Any) -> Iterator[TokenGate]:
    """A gate before the server; it trusts nobody yet."""
    with TokenGate(kept_server.base_url) as made:
        yield made


@pytest.fixture
def authorization(keys: Keys, gate: TokenGate) -> Iterator[OidcServer]:
    """An authorization server that the gate trusts."""
    with OidcServer(keys.clients, gate.base_url) as server:
        gate.trust(server.issuer, httpx.get(server.jwks_url).json(), server.token_url)
        yield server


@dataclass
class Job:
    """The program, installed and set up to remind of the visits through a gate."""

    installation: Installation
    world: World
    base_url: str
    keys: Keys
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: str = ""
    """What the last command wrote to stdout and stderr."""

    def by_key(self, key: str = "rsa", **auth: Any) -> None:
        """Authenticate as ``reminders`` by this key; ``auth`` says what is otherwise."""
        (self.installation.directory / "key.pem").write_text(self.keys.pem(key), "ascii")
        self._by(
            {
                "kind": "smart-backend",
                "client_id": "reminders",
                "private_key_file": "key.pem",
                "key_id": "rsa-1" if key == "rsa" else "ec-1",
                "scope": SCOPE,
            },
            auth,
        )

    def by_secret(self, **auth: Any) -> None:
        """Authenticate by the client secret."""
        (self.installation.directory / "secret").write_text(f"{SECRET}\n", "ascii")
        self._by({"kind": "client-credentials", "client_secret_file": "secret", "scope": SCOPE}, auth)

    def by_tls(self, **tls: str) -> None:
        """Set ``[fhir.tls]``."""
        self.settings["fhir.tls"] = tls

    def _by(self, ordinary: Mapping[str, Any], other: Mapping[str, Any]) -> None:
        self.settings["fhir.auth"] = {key: value for key, value in {**ordinary, **other}.items() if value is not None}

    def does(self, command: str) -> tuple[int, list[Any], str]:
        """Run a command; give its exit code, the objects that it printed, and what it wrote to stderr."""
        fhir = {"base_url": self.base_url, "page_size": 2, "attempts": 2, "timeout": "60s"}
        self.installation.configure({"fhir": fhir}, self.settings, self.world.settings)
        os.environ["PYTHONFAULTHANDLER"] = "1"  # a command that hangs shall say where
        process = self.installation.start(self.world.now if command == "run" else None, command=command)
        out, log = _ended(process)
        self.shows_no(out + log, SECRET, *(line for key in ("rsa", "ec") for line in _body(self.keys.pem(key))))
        self.written = out + log
        return process.returncode, [json.loads(line) for line in out.splitlines()], log

    def reminds(self) -> dict[str, Any]:
        """Run a pass that must remind everybody; give its summary."""
        code, said, log = self.does("run")
        assert (code, self.sent()) == (0, self.world.inbox), log
        return said[-1]["summary"]

    def stops(self, code: int = 3) -> str:
        """Run a pass that must stop with this exit code before it sends anything; give what it says."""
        ended, said, log = self.does("run")
        assert ended == code, log
        assert self.installation.outbox() == []
        assert [one["summary"]["complete"] for one in said if "summary" in one] in ([], [False])
        return log

    def sent(self) -> Counter[tuple[str, str]]:
        """Give number and text of each message sent."""
        return Counter((message["to"], message["text"]) for message in self.installation.outbox())

    def shows_no(self, text: str, *secrets: str) -> None:
        """See that none of these stands in a text, nor in a file that the program wrote."""
        files = [
            path for path in self.installation.directory.rglob("*") if path.name.startswith(("fhirnotify.db", "out"))
        ]
        everything = text + "".join(path.read_bytes().decode("latin-1") for path in files)
        assert [secret for secret in secrets if secret in everything] == []


def _ended(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Wait for a command; one that does not end says where it stands."""
    try:
        return process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        out, log = process.communicate()
        pytest.fail(f"The command did not end within {_SECONDS} s.\n{out}\n{log}")


def _body(pem: str) -> list[str]:
    return pem.splitlines()[1:-1]


@pytest.fixture
def make_job(installation: Installation, keys: Keys) -> Callable[[str, World], Job]:
    """Make the job, not yet told how to authenticate."""
    return lambda base_url, world: Job(installation, world, base_url, keys)


@pytest.fixture
def job(make_job: Callable[[str, World], Job], world: World, gate: TokenGate) -> Iterator[Job]:
    """The job, set up for the gate; at the end no token that it used stands in what it wrote."""
    made = make_job(gate.base_url, world)
    yield made
    made.shows_no(made.written, *gate.tokens)
