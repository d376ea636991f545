"""A bound on a whole HTTP exchange, from the first byte written to the last one read.

httpx bounds each wait for the network alone. A server that sends a byte of a header every second, or one ``102
Processing`` after the other, would be waited for as long as it likes.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any

import httpcore
import httpx


class Deadline:
    """Bounds what a client waits for, in the thread that asks. Safe between threads.

    Args:
        client: whose connections it bounds, those by way of a proxy included. None of them is open yet.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._thread = threading.local()
        for transport in {client._transport, *client._mounts.values()}:  # noqa: SLF001  # httpx has no other way
            if isinstance(transport, httpx.HTTPTransport):
                pool = transport._pool  # noqa: SLF001
                pool._network_backend = _Backend(pool._network_backend, self)  # noqa: SLF001

    @contextmanager
    def within(self, seconds: float, begin: float | None = None) -> Iterator[None]:
        """Let everything that this thread asks be over in time; what is not raises ``httpx.TimeoutException``.

        With ``begin``, the request is begun to be written within so many seconds, or nothing of it is written and
        ``httpx.ConnectTimeout`` raised: nothing else bounds how long a name is looked up and addresses are tried.
        """
        now = time.monotonic()
        self._thread.until, self._thread.begin_by = now + seconds, None if begin is None else now + begin
        try:
            yield
        finally:
            self._thread.until = self._thread.begin_by = None

    def left(self, seconds: float | None) -> float | None:
        """Give how long may still be waited, at most ``seconds``; not positive if it is over."""
        until: float | None = getattr(self._thread, "until", None)
        if until is None:
            return seconds
        left = until - time.monotonic()
        return left if seconds is None else min(seconds, left)

    def begins(self) -> None:
        """Note that something of the request is written.

        Raises:
            httpcore.ConnectTimeout: it is too late to begin.
        """
        by: float | None = getattr(self._thread, "begin_by", None)
        if by is not None and time.monotonic() > by:
            raise httpcore.ConnectTimeout
        self._thread.begin_by = None


class _Backend(httpcore.NetworkBackend):
    """Makes connections that keep to a deadline."""

    def __init__(self, backend: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._backend, self._deadline = backend, deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, and bound what goes over the connection; connecting itself is bounded by httpx."""
        stream = self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._deadline)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Connect likewise."""
        return _Stream(self._backend.connect_unix_socket(path, timeout, socket_options), self._deadline)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._backend.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection on which each wait is no longer than what is left."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        left = self._deadline.left(timeout)
        if left is not None and left <= 0:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write it all."""
        self._deadline.begins()
        left = self._deadline.left(timeout)
        if left is not None and left <= 0:
            raise httpcore.WriteTimeout
        self._stream.write(buffer, left)

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Encrypt; bounded by httpx, as connecting is."""
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # httpcore's
        """Tell what httpcore wants to know."""
        return self._stream.get_extra_info(info)
