"""Pings: what is asked for, and that nothing that answers them keeps a run waiting."""

import time
from collections.abc import Callable

import pytest

from fhirnotify.harness.loopback import LoopbackServer, Raw, Reply, Request, Silence
from fhirnotify.monitoring import ping

OK = Reply(200, b"OK")


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (ping.start, "/ping/uuid/start"),
        (lambda url: ping.end(url, 0), "/ping/uuid"),
        (lambda url: ping.end(url, 3), "/ping/uuid/3"),
        (lambda url: ping.end(url, 130), "/ping/uuid/130"),
    ],
)
def test_what_happened_stands_in_the_path_and_nothing_else_is_told(asked: Callable[[str], str], path: str) -> None:
    """No body, no query, and of headers only what HTTP needs."""
    seen: list[Request] = []

    def answered(request: Request) -> Reply:
        seen.append(request)
        return OK

    with LoopbackServer(answered) as server:
        assert asked(f"{server.base_url}/ping/uuid") is None
    (request,) = seen
    assert (request.method, request.target, request.body) == ("GET", path, b"")
    assert set(request.headers) <= {"host", "accept", "accept-encoding", "connection", "user-agent"}
    assert request.headers["user-agent"] == "fhirnotify"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(404), "status-404"),
        (Reply(302, headers={"Location": "http://127.0.0.1:9/"}), "status-302"),
        (Raw(b"no HTTP\r\n\r\n"), "RemoteProtocolError"),
        (Raw(b""), "RemoteProtocolError"),
    ],
)
def test_a_ping_that_fails_is_told_in_a_word(answer: Reply | Raw, said: str) -> None:
    """The address is not part of it: whoever knows it can say that all is well."""
    with LoopbackServer(lambda _: answer) as server:
        assert ping.start(f"{server.base_url}/uuid") == said


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/uuid", "http://xn--.invalid/uuid", "http://[::1]:9/uuid"])
def test_nobody_there_is_told_too(url: str) -> None:
    """Whatever stops it, it is a word."""
    assert ping.start(url) in ("ConnectError", "LocalProtocolError", "IDNAError")


def test_wrong_surroundings_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment that is no proxy."""
    monkeypatch.setenv("HTTP_PROXY", "nonsense://x")
    assert ping.start("http://fhirnotify.invalid/uuid") == "SettingsError"


@pytest.mark.parametrize("answer", [Silence(30), Reply(200, b"OK", after=30)])
def test_nobody_who_keeps_silent_keeps_a_run_waiting(answer: Silence | Reply) -> None:
    """A ping has some seconds in all."""
    with LoopbackServer(lambda _: answer) as server:
        began = time.monotonic()
        assert ping.ping(f"{server.base_url}/uuid", longest=0.2) in ("no-answer-in-time", "ReadTimeout")
        assert time.monotonic() - began < 5


def test_a_long_answer_is_not_read() -> None:
    """What it says does not matter."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    with LoopbackServer(lambda _: Raw(head + b"x" * 10)) as server:
        assert ping.start(f"{server.base_url}/uuid") is None
