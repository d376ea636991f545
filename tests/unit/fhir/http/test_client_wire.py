"""What only real sockets show: bodies without end, packed bombs, slow and broken answers, redirects, TLS."""

import gzip
import json
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import tracemalloc
from datetime import timedelta

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth import bearer
from fhirnotify.fhir.client import Limits

STATEMENT = json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}).encode()
MIB = 2**20


def reply(body=b"", status="200 OK", length=None, **headers):
    """Write an HTTP answer out."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Wire(socketserver.ThreadingTCPServer):
    """Hands each request to ``answer``, which gives the bytes to write, or an iterator of them."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer, context=None):
        super().__init__(("127.0.0.1", 0), Talk)
        self.answer = answer
        self.heads = []
        self.connections = 0
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def port(self):
        return self.server_address[1]

    def handle_error(self, request, client_address):
        """A client that hangs up, or refuses the certificate, is what these tests are about."""


class Talk(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.connections += 1
        if not isinstance(self.connection, ssl.SSLSocket) and self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            self.wfile.write(reply(status="400 Bad Request"))  # a TLS handshake, to a server that speaks none
            return
        while head := self._head():
            self.server.heads.append(head)
            given = self.server.answer(len(self.server.heads))
            for part in [given] if isinstance(given, bytes) else given:
                self.wfile.write(part)
                self.wfile.flush()
            if not isinstance(given, bytes) or b"Connection: close" in given:
                return

    def _head(self):
        lines = []
        while (line := self.rfile.readline()) not in (b"", b"\r\n"):
            lines.append(line.decode())
        return "".join(lines)


@pytest.fixture
def serve():
    """Start servers on the loopback; they end with the test."""
    started = []

    def start(answer, context=None):
        wire = Wire(answer, context)
        started.append(wire)
        threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return wire

    yield start
    for wire in started:
        wire.shutdown()
        wire.server_close()


@pytest.fixture
def read(make_source):
    """Ask a server for its CapabilityStatement."""

    def ask(wire, scheme="http", **settings):
        source = make_source(f"{scheme}://127.0.0.1:{wire.port}/fhir", **({"attempts": 1} | settings))
        return source.capability()

    return ask


def test_one_connection_serves_many_requests(serve, make_source):
    """Journal systems are busy; and a handshake a request would cost more than the request."""
    bundle = json.dumps({"resourceType": "Bundle", "type": "searchset", "total": 0}).encode()
    wire = serve(lambda n: reply(STATEMENT if n == 1 else bundle))
    source = make_source(f"http://127.0.0.1:{wire.port}/fhir")
    for _ in range(5):
        source.patients(["p1"])
    assert len(wire.heads) == 6
    assert wire.connections == 1


def test_a_packed_answer_is_unpacked(serve, read):
    """Gzip is asked for, and read."""
    wire = serve(lambda n: reply(gzip.compress(STATEMENT), Content_Encoding="gzip"))
    assert read(wire).version is FhirVersion.R4
    assert "accept-encoding: gzip\r\n" in wire.heads[0].lower()


def test_an_answer_without_end_is_cut_off(serve, read):
    """It is counted while it comes, and left when it passes the limit."""

    def endless():
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    with pytest.raises(FhirError, match="longer than 1 MiB") as caught:
        read(serve(lambda n: endless()), limits=Limits(body=MIB))
    assert "fhir.page_size" in caught.value.next_step


def test_a_header_without_end_is_given_up(serve, read):
    """A server that always sends a little more is not waited for longer than the program's patience."""

    def dripping():
        yield b"HTTP/1.1 200 OK\r\nX-Long: "
        for _ in range(400):
            time.sleep(0.05)
            yield b"a"

    began = time.monotonic()
    with pytest.raises(FhirError):
        read(serve(lambda n: dripping()), limits=Limits(patience=timedelta(seconds=0.3)))
    assert time.monotonic() - began < 10


def test_an_answer_of_just_the_limit_is_taken(serve, read):
    """The limit is the longest that is read."""
    body = STATEMENT.ljust(MIB)
    assert read(serve(lambda n: reply(body)), limits=Limits(body=MIB)).version is FhirVersion.R4
    with pytest.raises(FhirError, match="longer than"):
        read(serve(lambda n: reply(body + b" ")), limits=Limits(body=MIB))


def test_a_bomb_does_not_go_off(serve, read):
    """A hundred megabytes packed into a hundred kilobytes are never unpacked, not even a chunk of them."""
    bomb = gzip.compress(b" " * (100 * MIB))
    wire = serve(lambda n: reply(bomb, Content_Encoding="gzip"))
    tracemalloc.start()
    try:
        with pytest.raises(FhirError, match="longer than 1 MiB"):
            read(wire, limits=Limits(body=MIB))
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "cut_off",
    [
        reply(STATEMENT[:20], length=len(STATEMENT), Connection="close"),
        reply(gzip.compress(STATEMENT)[:-9], Content_Encoding="gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n10\r\nabc",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Le",
        b"SSH-2.0-OpenSSH\r\nConnection: close\r\n",
    ],
    ids=["length", "gzip", "chunked", "head", "not-http"],
)
def test_an_answer_that_was_cut_off_is_asked_for_again(serve, read, waits, cut_off):
    """A lost connection may hold at the next attempt; half an answer is never read."""
    wire = serve(lambda n: cut_off if n < 3 else reply(STATEMENT))
    assert read(wire, attempts=3).version is FhirVersion.R4
    assert len(waits) == 2
    with pytest.raises(FhirError, match="Tried 2 times"):
        read(serve(lambda n: cut_off), attempts=2)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply(STATEMENT[:-5]), "not JSON"),
        (reply(b"[" * 200_000), "not JSON"),
        (reply(b'{"a":' + b"9" * 5000 + b"}"), "not JSON"),
        (reply(b"\xff\xfe\xfa"), "not JSON"),
        (reply(STATEMENT, Content_Encoding="gzip"), "says gzip but is not"),
        (reply(STATEMENT, Content_Encoding="br"), "was not asked for"),
        (reply(STATEMENT, Content_Encoding="gzip, gzip"), "was not asked for"),
        (reply(b"", Content_Encoding="gzip"), "with nothing"),
        (reply(b"x" * 3 * MIB, status="400 Bad Request"), "400 Bad Request"),
    ],
)
def test_an_answer_that_cannot_be_read_is_said_to_be_so(serve, read, waits, answer, says):
    """At once, and without a word of what it holds."""
    with pytest.raises(FhirError, match=says):
        read(serve(lambda n: answer), attempts=3)
    assert waits == []


def test_a_server_that_does_not_answer_is_left(serve, read):
    """After ``fhir.timeout``."""
    done = threading.Event()
    try:
        with pytest.raises(FhirError, match=r"did not answer within 0\.1 s"):
            read(serve(lambda n: done.wait(10) and b""), timeout=timedelta(seconds=0.1))
    finally:
        done.set()


def test_a_server_that_answers_drop_by_drop_is_left(serve, read):
    """Each drop is in time, the whole is not."""

    def drops():
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
        while True:
            yield b" "
            time.sleep(0.01)

    with pytest.raises(FhirError, match="did not end in time"):
        read(serve(lambda n: drops()), limits=Limits(patience=timedelta(seconds=0.2)), attempts=5)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_redirects_are_not_followed(serve, read, status, elsewhere):
    """Neither to another origin nor to the same: a POST becomes a GET on the way, and credentials may leave."""
    other = serve(lambda n: reply(STATEMENT))
    wire = serve(lambda n: reply(status=status, Location=f"http://127.0.0.1:{target.port}/fhir/metadata?who=Tolvan"))
    target = other if elsewhere else wire
    with pytest.raises(FhirError, match="not followed") as caught:
        read(wire, auth=bearer("secret"))
    assert len(wire.heads) == 1
    assert other.heads == []
    assert f"http://127.0.0.1:{target.port}" in caught.value.next_step
    assert "Tolvan" not in str(caught.value)


def test_a_port_where_nobody_listens(make_source):
    """Said in so many words, after the attempts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        source = make_source(f"http://127.0.0.1:{listener.getsockname()[1]}/fhir", attempts=2)
        with pytest.raises(FhirError, match=r"refuses the connection\. Tried 2 times"):
            source.capability()


def test_a_host_that_is_not_found(make_source, monkeypatch):
    """The name is at fault, or the name servers."""

    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(FhirError, match=r"host name of https://fhir\.invalid is not found"):
        make_source("https://fhir.invalid/fhir", attempts=1).capability()


def test_a_host_that_cannot_be_written(make_source):
    """A label too long for the name service is no traceback."""
    with pytest.raises(FhirError, match="can be written"):
        make_source(f"http://{'a' * 64}.test/fhir", attempts=1).capability()


def test_tls_with_a_server_that_speaks_none(serve, read, waits):
    """Https where http was meant does not pass by waiting."""
    with pytest.raises(FhirError, match=r"No TLS with https://127\.0\.0\.1"):
        read(serve(lambda n: reply(STATEMENT)), scheme="https", attempts=3)
    assert waits == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that no authority has signed."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=fhir.test"
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", *files], check=True, capture_output=True
    )
    return folder


def test_a_certificate_that_is_not_trusted_is_refused_until_it_is(serve, read, waits, certificate):
    """The message leads to ``fhir.tls.ca_file``; with the authority named there, the answer is read."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    wire = serve(lambda n: reply(STATEMENT), server_side)
    with pytest.raises(FhirError, match="not trusted: self") as caught:
        read(wire, scheme="https", attempts=3)
    assert waits == []
    assert "fhir.tls.ca_file" in caught.value.next_step
    trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
    assert read(wire, scheme="https", verify=trusting).version is FhirVersion.R4
