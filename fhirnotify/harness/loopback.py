"""A small, fast HTTP/1.1 server on the loopback, for stand-ins of services: keep-alive, a thread a connection.

Unlike a real server it can also misbehave: keep silent, hang up, answer with bytes that are no HTTP.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Names of headers are in lower case; of a repeated query or form field the last one counts.

    ``target`` is path and query as they were written.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)
    target: str = field(default="", repr=False)

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form in the body."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, given ``after`` some seconds."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0

    def __bytes__(self) -> bytes:
        """Write it as HTTP/1.1."""
        return self.head + self.body

    @property
    def head(self) -> bytes:
        """What comes before the body, which is all that HEAD is answered."""
        return head(self.status, {"Content-Length": str(len(self.body)), **self.headers})


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Write the first line of an answer and its headers, and the empty line after them."""
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def is_loopback(url: str) -> bool:
    """Tell whether an address is on this machine, where no proxy that the environment names is of use."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # such as 520, which a network in front of a server makes up
        return "Unassigned"


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer: the connection stays open for some seconds, or until the server closes, and is then closed."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are, after which the connection is closed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pieces:
    """Bytes as they are, piece by piece, after which the connection is closed.

    Attributes:
        pieces: may have no end: writing stops when the client goes away or the server closes.
        pause: seconds between pieces.
        reset: the connection is reset (RST) instead; what was not yet delivered is lost with it.
    """

    pieces: Iterable[bytes] = field(repr=False)
    pause: float = 0.0
    reset: bool = False


Answer = Reply | Silence | Raw | Pieces
Handler = Callable[[Request], Answer]

_NO_REQUEST = Reply(400, b"What came is no HTTP request.\n", {"Content-Type": "text/plain", "Connection": "close"})

_CLOSE_SECONDS = 2.0
"""How long closing waits for handlers that are at work."""

_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing does not wait for what is still to be delivered, but resets."""


class LoopbackServer:
    """Serves ``handler``, which is called from several threads at once, on 127.0.0.1."""

    def __init__(self, handler: Handler, port: int = 0) -> None:
        """Listen; ``start`` begins to answer. Port 0 takes a free one."""
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.closing = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._acceptor.start()

    def refuse(self) -> None:
        """Stop listening: new connections are refused from now on, those that are open go on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        """Stop listening and close every connection, also those that keep silence.

        A handler that is at work is given a moment to come to its end, for what it uses may be closed next.
        """
        self.closing.set()
        self.refuse()
        if self._acceptor.ident is not None:
            self._acceptor.join()
        with self._lock:
            conversations = dict(self._connections)
            for connection in conversations:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + _CLOSE_SECONDS
        for conversation in conversations.values():
            if conversation is not threading.current_thread():
                conversation.join(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = threading.Thread(target=self._converse, args=(connection,), daemon=True)
            with self._lock:
                self._connections[connection] = conversation
            conversation.start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(ConnectionError):
                self._answer_all(connection)
        finally:
            with self._lock:
                del self._connections[connection]

    def _answer_all(self, connection: socket.socket) -> None:
        waiting = bytearray()
        while (request := self._request(connection, waiting)) is not None:
            reply = self._handler(request)
            if isinstance(reply, Silence):
                self.closing.wait(reply.seconds)
                return
            if isinstance(reply, Raw):
                connection.sendall(reply.data)
                return
            if isinstance(reply, Pieces):
                self._write(connection, reply)
                return
            if reply.after:
                self.closing.wait(reply.after)
            connection.sendall(reply.head if request.method == "HEAD" else bytes(reply))
            if request.headers.get("connection", "").lower() == "close":
                return

    def _request(self, connection: socket.socket, waiting: bytearray) -> Request | None:
        try:
            return _read(connection, waiting)
        except ValueError:
            connection.sendall(bytes(_NO_REQUEST))
            return None

    def _write(self, connection: socket.socket, reply: Pieces) -> None:
        for piece in reply.pieces:
            connection.sendall(piece)
            if self.closing.wait(reply.pause) if reply.pause else self.closing.is_set():
                break
        if reply.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


def _read(connection: socket.socket, waiting: bytearray) -> Request | None:
    """Read one request; ``waiting`` holds what was received and not used. None at the end of the connection.

    Raises:
        ValueError: what came is no HTTP request.
    """
    while (end := waiting.find(b"\r\n\r\n")) < 0:
        if not (received := connection.recv(65536)):
            return None
        waiting += received
    first, *lines = waiting[:end].decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    after = end + 4 + int(headers.get("content-length", "0"))
    while len(waiting) < after:
        if not (received := connection.recv(65536)):
            return None
        waiting += received
    body = bytes(waiting[end + 4 : after])
    del waiting[:after]
    method, target, _ = first.split(" ")
    url = urlsplit(target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return Request(method, unquote(url.path), query, headers, body, target)
