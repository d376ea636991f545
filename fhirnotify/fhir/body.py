"""Reading the body of an answer within a limit of size and of time, gzip included."""

import time
import zlib

import httpx

from fhirnotify.errors import FhirError
from fhirnotify.fhir.retry import Temporary

ACCEPT_ENCODING = "gzip"
_PLAIN = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})
_GZIP_WINDOW = zlib.MAX_WBITS | 16


class TooLongError(FhirError):
    """The body is longer than the limit; it was left unread."""

    of_what_was_asked = True


def read_body(response: httpx.Response, limit: int, deadline: float) -> bytes:
    """Read a streamed response to its end, unpacked.

    It is unpacked here and not by the HTTP library, which would unpack a whole chunk however much comes out of it.

    Args:
        response: sent with ``stream=True``; closing it is the caller's.
        limit: the longest body taken, in bytes after unpacking.
        deadline: the moment on ``time.monotonic`` by which the whole body must be here.

    Raises:
        TooLongError: the body is longer than ``limit``.
        FhirError: it is packed in a way that was not asked for, or not what it says.
        Temporary: it is cut off, or still going on at the deadline.
    """
    inflate = _inflater(response.headers.get("Content-Encoding", ""))
    parts: list[bytes] = []
    size = 0
    for raw in response.iter_raw():
        chunk = _unpack(inflate, raw, limit - size + 1) if inflate else raw
        size += len(chunk)
        if size > limit:
            raise TooLongError(
                f"The FHIR server's answer is longer than {limit // 2**20} MiB.",
                "Lower fhir.page_size.",
            )
        parts.append(chunk)
        if time.monotonic() > deadline:
            raise Temporary("The FHIR server's answer did not end in time.", "Lower fhir.page_size.")
    if inflate and size and not inflate.eof:
        raise Temporary("The FHIR server's answer was cut off.", "See what stands between it and this machine.")
    return b"".join(parts)


def _inflater(encoding: str) -> "zlib._Decompress | None":
    name = encoding.strip().lower()
    if name in _PLAIN:
        return None
    if name in _GZIP:
        return zlib.decompressobj(_GZIP_WINDOW)
    raise FhirError(
        "The FHIR server's answer is compressed in a way that was not asked for.",
        "Let the server, or the proxy before it, use gzip or no compression.",
    )


def _unpack(inflate: "zlib._Decompress", raw: bytes, room: int) -> bytes:
    try:
        return inflate.decompress(raw, room)
    except zlib.error:
        pass
    raise FhirError("The FHIR server's answer says gzip but is not.", "See the server, or the proxy before it.")
