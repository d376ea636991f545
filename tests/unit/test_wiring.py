"""From settings to ports: what is set is what is used."""

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import time, timedelta
from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fhirnotify import access, wiring
from fhirnotify.clock import FixedClock, RealClock
from fhirnotify.core.model import Coding, ContactType, FhirVersion
from fhirnotify.errors import SettingsError
from fhirnotify.fhir.directory import DirectorySource
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.settings import Settings, load
from fhirnotify.sms.elks46 import Elks46
from fhirnotify.sms.outbox import Outbox

SMALLEST = {"FHIRNOTIFY_FHIR__BASE_URL": "file:world", "FHIRNOTIFY_CONSENT__CODES": "urn:x|sms"}


def chosen(more: Mapping[str, str] | None = None) -> Settings:
    """Load settings from variables, each without its prefix."""
    return load(None, SMALLEST | {f"FHIRNOTIFY_{name}": value for name, value in (more or {}).items()})


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_rules_are_those_that_are_set() -> None:
    """Every setting that the rules read reaches them."""
    rules = wiring.rules(
        chosen(
            {
                "REMINDER__LEAD": "72h",
                "REMINDER__LATEST": "2h",
                "REMINDER__QUIET_FROM": "20:30",
                "REMINDER__QUIET_UNTIL": "08:00",
                "REMINDER__TIME_ZONE": "Europe/Oslo",
                "REMINDER__LATE_BOOKING": "skip",
                "CONSENT__COMBINE": "newest-wins",
                "RECIPIENT__COUNTRIES": "NO,SE",
                "RECIPIENT__SKIP_AGES": "0-12,13-17",
                "RECIPIENT__SHARED_NUMBER": "skip",
                "MESSAGE__TEMPLATE": "$kontakttyp $datum $tid",
                "MESSAGE__WORDS__TELEFON": "samtal",
            }
        )
    )
    assert (rules.lead, rules.latest) == (timedelta(hours=72), timedelta(hours=2))
    assert (rules.quiet_from, rules.quiet_until) == (time(20, 30), time(8))
    assert (rules.zone.key, rules.late_booking, rules.combine) == ("Europe/Oslo", "skip", "newest-wins")
    assert (rules.countries, rules.skip_ages) == (("NO", "SE"), ((0, 12), (13, 17)))
    assert (rules.shared_number, rules.consent_codes) == ("skip", frozenset({Coding("urn:x", "sms")}))
    assert rules.template.template == "$kontakttyp $datum $tid"
    assert rules.words[ContactType.TELEFON] == "samtal"
    assert rules.words[ContactType.VIDEO] == "videobesök"
    assert rules.kontakttyp


def test_sending_is_as_it_is_set() -> None:
    """Rate, workers, attempts and times reach the sender."""
    sending = wiring.sending(
        chosen({"SMS__SENDER": "Test", "SMS__RATE": "2.5", "SMS__PARALLEL": "3", "SMS__ATTEMPTS": "5"})
    )
    assert (sending.sender, sending.rate, sending.parallel, sending.attempts) == ("Test", 2.5, 3, 5)
    assert (sending.validity, sending.timeout) == (timedelta(hours=24), timedelta(seconds=20))


def test_the_provider_is_the_one_that_is_set() -> None:
    """The outbox unless another is named."""
    assert isinstance(wiring.route(chosen()).gateways[0], Outbox)
    elks = wiring.route(chosen({"SMS__PROVIDER": "46elks", "SMS__46ELKS__USERNAME": "u", "SMS__46ELKS__PASSWORD": "p"}))
    assert isinstance(elks.gateways[0], Elks46)
    elks.close()


def test_the_clock_is_real_unless_it_is_set() -> None:
    """--now alone fixes it."""
    assert type(wiring.clock(None)) is RealClock
    assert isinstance(wiring.clock(RealClock().real()), FixedClock)


def test_a_directory_is_read_by_the_version_that_is_set() -> None:
    """``file:`` makes the source of a directory."""
    Path("world").mkdir()
    source = wiring.source(chosen({"FHIR__VERSION": "R5"}))
    assert isinstance(source, DirectorySource)
    assert source.version is FhirVersion.R5


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({}, None),
        (
            {"FHIR__AUTH__KIND": "basic", "FHIR__AUTH__USERNAME": "u", "FHIR__AUTH__PASSWORD": "p"},
            "Basic " + base64.b64encode(b"u:p").decode(),
        ),
        ({"FHIR__AUTH__KIND": "bearer", "FHIR__AUTH__TOKEN": "t0ken"}, "Bearer t0ken"),
    ],
)
def test_the_endpoint_is_asked_with_the_credentials_that_are_set(auth: dict[str, str], header: str | None) -> None:
    """Each kind of authentication signs the request."""
    seen: list[str | None] = []

    def answer(request: Request) -> Reply:
        seen.append(request.headers.get("authorization"))
        statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
        return Reply(200, json.dumps(statement).encode(), {"Content-Type": "application/fhir+json"})

    with LoopbackServer(answer) as server:
        source = wiring.source(chosen({"FHIR__BASE_URL": server.base_url, **auth}))
        assert source.version is FhirVersion.R4
        source.close()
    assert seen == [header]


def test_the_regions_own_authorities_are_trusted(tmp_path: Path) -> None:
    """fhir.tls names PEM files; one that is none is a wrong setting, told before anything is read."""
    settings = chosen({"FHIR__BASE_URL": "https://fhir.example.org", "FHIR__TLS__CA_FILE": certifi.where()})
    assert isinstance(access.verification(settings), ssl.SSLContext)
    wiring.source(settings).close()
    (tmp_path / "not.pem").write_text("x", "utf-8")
    for wrong in (
        {"FHIR__TLS__CA_FILE": "missing.pem"},
        {"FHIR__TLS__CA_FILE": "not.pem"},
        {"FHIR__TLS__CLIENT_CERT": "not.pem"},
    ):
        with pytest.raises(SettingsError, match=r"fhir\.tls"):
            wiring.source(chosen({"FHIR__BASE_URL": "https://fhir.example.org", **wrong}))


def answering(token: str) -> Callable[[Request], Reply]:
    """Answer as a FHIR server that announces its token endpoint, and as that endpoint."""

    def answer(request: Request) -> Reply:
        if request.path.endswith("/.well-known/smart-configuration"):
            return Reply(200, json.dumps({"token_endpoint": f"http://{request.headers['host']}/token"}).encode())
        if request.path == "/token":
            return Reply(200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 300}).encode())
        if request.headers.get("authorization") != f"Bearer {token}":
            return Reply(401)
        return Reply(200, json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}).encode())

    return answer


@pytest.mark.parametrize("kind", ["client-credentials", "smart-backend"])
def test_a_token_is_fetched_as_it_is_set(tmp_path: Path, kind: str) -> None:
    """Both kinds, by a secret or by a key; and what ``check`` says of it does not show the token."""
    key = ec.generate_private_key(ec.SECP384R1())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with LoopbackServer(answering("t0ken")) as server:
        given = {"FHIR__BASE_URL": f"{server.base_url}/r4", "FHIR__AUTH__KIND": kind, "FHIR__AUTH__CLIENT_ID": "id"}
        if kind == "client-credentials":
            given |= {"FHIR__AUTH__TOKEN_URL": f"{server.base_url}/token", "FHIR__AUTH__CLIENT_SECRET": "secret"}
        else:
            given |= {"FHIR__AUTH__PRIVATE_KEY_FILE": "key.pem", "FHIR__AUTH__KEY_ID": "k1"}
            given |= {"FHIR__AUTH__SCOPE": "system/*.rs"}
        settings = chosen(given)
        with closing(wiring.source(settings)) as source:
            assert source.version is FhirVersion.R4
        assert access.token_state(settings) == f"{server.base_url}/token gave an access token that lasts 300 s"


@pytest.mark.parametrize("given", [{}, {"FHIR__BASE_URL": "https://fhir.example.org"}])
def test_where_no_token_is_fetched_there_is_nothing_to_say_of_it(given: dict[str, str]) -> None:
    """A directory, and a server without authentication."""
    assert access.token_state(chosen(given)) is None


def test_a_key_that_cannot_be_used_is_told_before_anything_is_read(tmp_path: Path) -> None:
    """As a wrong setting."""
    (tmp_path / "key.pem").write_text("x", "utf-8")
    given = {"FHIR__BASE_URL": "https://fhir.example.org", "FHIR__AUTH__KIND": "smart-backend"}
    given |= {"FHIR__AUTH__CLIENT_ID": "id", "FHIR__AUTH__SCOPE": "s", "FHIR__AUTH__PRIVATE_KEY_FILE": "key.pem"}
    with pytest.raises(SettingsError, match=r"key\.pem"):
        wiring.source(chosen(given))
