"""Certificates: the program's, the servers' and the authorities', between the real command and real TLS."""

import os
import ssl
import subprocess
import sys

import httpx
import pytest
from certificates import Authority
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from oidc_server import OidcServer, ServerTls
from token_gate import TokenGate

pytestmark = pytest.mark.parametrize("kept_server", ["hapi-r4"], indirect=True)


@pytest.fixture(scope="module")
def region():
    """The region's authority."""
    return Authority("Region Test CA")


@pytest.fixture(scope="module")
def rogue():
    """An authority of the same name, which nobody trusts."""
    return Authority("Region Test CA")


@pytest.fixture
def tls_gate(kept_server, region, tmp_path):
    """A gate that lets nobody connect without a certificate of the region's."""

    def made(server_certificate=None):
        pair = server_certificate or region.issue("gate")
        files = pair.write(tmp_path, "gate")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=region.pem)
        context.load_cert_chain(tmp_path / files["client_cert"], tmp_path / files["client_key"])
        context.verify_mode = ssl.CERT_REQUIRED
        return TokenGate(kept_server.base_url, context)

    return made


@pytest.fixture
def certified(job, region, tmp_path):
    """Set the job up with a client certificate; ``which`` names a good one or what is wrong with it."""

    def certify(which="good", ca=None, rogue=None):
        issuer = rogue if which == "rogue" else region
        pair = issuer.issue("fhirnotify", ended=which == "ended")
        files = pair.write(job.installation.directory, "client") if which != "none" else {}
        job.by_tls(ca_file=(ca or region).write(job.installation.directory, "ca.pem"), **files)

    return certify


def verified(region, files=None):
    """Trust the region's authority, and show a certificate."""
    context = ssl.create_default_context(cadata=region.pem)
    if files:
        context.load_cert_chain(*files)
    return context


def test_the_certificate_opens_both_servers(job, keys, region, tls_gate, certified):
    """Found, asserted, bound to the certificate, checked against it, and used: all over TLS on both sides."""
    server = region.issue("authorization server")
    with (
        tls_gate() as gate,
        OidcServer(
            keys.clients, gate.base_url, tls=ServerTls(server.key, server.cert, region.pem, refuses=True)
        ) as issuer,
    ):
        certified()
        directory = job.installation.directory
        mine = verified(region, (directory / "client.crt", directory / "client.key"))
        gate.trust(issuer.issuer, httpx.get(issuer.jwks_url, verify=mine).json(), issuer.token_url)
        job.base_url = gate.base_url
        job.by_key("ec", client_id="bound")
        job.reminds()
        assert (issuer.granted, set(gate.statuses)) == (["bound"], {200})
        (token,) = gate.tokens
        job.shows_no(job.written, token)
        others = region.issue("another client").write(directory, "another")
        theirs = verified(region, (directory / others["client_cert"], directory / others["client_key"]))
        for context, status in ((mine, 200), (theirs, 401)):
            with httpx.Client(verify=context, headers={"Authorization": f"Bearer {token}"}) as client:
                assert client.get(f"{gate.base_url}/metadata").status_code == status


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("none", "wants a client certificate, and got none"),
        ("ended", "refuses our certificate: it has expired"),
        ("rogue", "refuses our certificate: it does not trust who has signed it"),
    ],
)
def test_a_gate_that_refuses_our_certificate_is_told(job, rogue, tls_gate, certified, which, said):
    """With what it says of it, and the setting that names it."""
    with tls_gate() as gate:
        certified(which, rogue=rogue)
        job.base_url = gate.base_url
        message = job.stops()
    assert f"{gate.base_url.removesuffix('/fhir')} {said}" in message
    assert "fhir.tls.client_cert" in message


@pytest.mark.parametrize("which", ["none", "ended", "rogue"])
def test_an_authorization_server_that_refuses_our_certificate_is_told(job, keys, gate, region, rogue, certified, which):
    """Node says why only where there is none, else it hangs up: the next step tells of the certificate all the same."""
    server = region.issue("authorization server")
    with OidcServer(
        keys.clients, gate.base_url, tls=ServerTls(server.key, server.cert, region.pem, refuses=True)
    ) as issuer:
        certified(which, rogue=rogue)
        job.by_key("ec", token_url=issuer.token_url)
        message = job.stops()
        assert issuer.granted == []
    assert issuer.issuer in message
    assert "fhir.tls.client_cert" in message
    assert gate.statuses == []


def test_a_bound_token_without_a_certificate_is_refused_in_words(job, keys, gate, region, certified):
    """The authorization server takes the connection, but gives no token; the next step names the certificate."""
    server = region.issue("authorization server")
    with OidcServer(keys.clients, gate.base_url, tls=ServerTls(server.key, server.cert, region.pem)) as issuer:
        certified("none")
        job.by_key("ec", client_id="bound", token_url=issuer.token_url)
        message = job.stops()
    assert "invalid_grant" in message
    assert "fhir.tls.client_cert" in message


def test_an_authorization_server_of_an_unknown_authority_gets_nothing(job, keys, gate, region, rogue, certified):
    """No assertion goes to it."""
    server = rogue.issue("authorization server")
    with OidcServer(keys.clients, gate.base_url, tls=ServerTls(server.key, server.cert, region.pem)) as issuer:
        certified()
        job.by_key("ec", token_url=issuer.token_url)
        message = job.stops()
        assert (issuer.granted, issuer.refused) == ([], [])
    assert f"The certificate of {issuer.issuer} is not trusted" in message
    assert "fhir.tls.ca_file" in message
    assert "fhir.auth.token_url" in message


@pytest.mark.parametrize("what", ["of an unknown authority", "ended", "of another host", "and no ca_file"])
def test_a_gate_that_cannot_be_trusted_gets_nothing(job, region, rogue, tls_gate, certified, what):
    """Neither a token nor a search."""
    servers = {
        "of an unknown authority": lambda: rogue.issue("gate"),
        "ended": lambda: region.issue("gate", ended=True),
        "of another host": lambda: region.issue("gate", address="127.0.0.2"),
        "and no ca_file": lambda: region.issue("gate"),
    }
    with tls_gate(servers[what]()) as gate:
        certified()
        if what == "and no ca_file":
            del job.settings["fhir.tls"]["ca_file"]
        job.base_url = gate.base_url
        message = job.stops()
    assert "is not trusted" in message
    assert "fhir.tls.ca_file" in message
    assert gate.statuses == []


READS = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from pathlib import Path
from fhirnotify.access import verification
from fhirnotify.errors import SettingsError
from fhirnotify.settings import load
try:
    verification(load(Path(sys.argv[1])))
except SettingsError as error:
    sys.exit(str(error))
"""


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(job, region, certified):
    """OpenSSL asks for it on the terminal, where a scheduled job would wait for ever."""
    certified()
    file = job.installation.directory / "client.key"
    key = load_pem_private_key(file.read_bytes(), None)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hemligt")))
    job.installation.configure({"fhir": {"base_url": "https://fhir.example.org"}}, job.settings, job.world.settings)
    ours, terminal = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", READS, str(job.installation.config)],
            stderr=subprocess.PIPE,
            stdin=terminal,
            start_new_session=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(terminal)
    assert done.returncode == 1
    assert b"without a password" in done.stderr
