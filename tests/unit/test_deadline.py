"""The bound on a whole exchange, against servers that are never done."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta

import pytest

from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_server import AuthorizationServer
from fhirnotify.sms.elks46 import Elks46
from fhirnotify.sms.gateway import Deferred, Sms, Unknown

TIMEOUT = 0.3
STEP = 0.05
LONG = 200
"""Steps: ten seconds, unless it is cut off."""


def header(connection: socket.socket) -> None:
    """Give a header that grows."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nx-long: ")
    drip(connection, b"a")


def informed(connection: socket.socket) -> None:
    """Say again and again that it is being worked on."""
    drip(connection, b"HTTP/1.1 102 Processing\r\n\r\n")


def body(connection: socket.socket) -> None:
    """Give a body that grows."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    drip(connection, b" ")


def drip(connection: socket.socket, what: bytes) -> None:
    """Write it until nobody listens any more."""
    for _ in range(LONG):
        connection.sendall(what)
        time.sleep(STEP)


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start a server that answers its first request so; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve(answer: Callable[[socket.socket], None]) -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                answer(connection)

        def start(answer: Callable[[socket.socket], None]) -> str:
            threading.Thread(target=serve, args=(answer,), daemon=True).start()
            return f"http://127.0.0.1:{listening.getsockname()[1]}"

        yield start


@pytest.mark.parametrize("answer", [header, informed, body])
def test_an_answer_that_is_never_done_is_cut_off(server, answer):
    """Within twice the timeout the message is in doubt, however busy the server seems."""
    account = {"username": "u", "password": "p", "base_url": server(answer)}
    with closing(Elks46(**account, timeout=timedelta(seconds=TIMEOUT))) as gateway:
        began = time.monotonic()
        outcome = gateway.send(Sms("reference", "+46701740605", "text", "RegionVB", timedelta(hours=1)))
    assert outcome == Unknown("read-timeout")
    assert time.monotonic() - began < LONG * STEP / 2


def test_a_request_is_begun_in_time_or_not_at_all(server, monkeypatch):
    """However long the name is looked up: what is written late could come after the provider was asked for it."""
    written = []

    def answered(connection):
        written.append(1)
        body(connection)

    def slow(*arguments, **options):
        time.sleep(1.5 * TIMEOUT)
        return look_up(*arguments, **options)

    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    account = {"username": "u", "password": "p", "base_url": server(answered)}
    with closing(Elks46(**account, timeout=timedelta(seconds=TIMEOUT))) as gateway:
        outcome = gateway.send(Sms("reference", "+46701740605", "text", "RegionVB", timedelta(hours=1)))
    assert outcome == Deferred("connect-timeout", None)
    assert written == []


@pytest.mark.parametrize("answer", [header, informed, body])
def test_an_authorization_server_is_not_waited_for_either(server, answer):
    """Nothing can be read without a token: the run ends instead of standing still."""
    issuer = AuthorizationServer(timeout=timedelta(seconds=TIMEOUT), attempts=1)
    began = time.monotonic()
    with pytest.raises(FhirError):
        issuer.announced(server(answer))
    assert time.monotonic() - began < LONG * STEP / 2
