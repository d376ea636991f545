"""Bodies that are cut off, packed wrongly, far too large, or not FHIR at all."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator

from fhirnotify.harness.faults.fault import Fault, fhir_json, instead, on
from fhirnotify.harness.loopback import Pieces, Reply, head
from fhirnotify.harness.proxy import FHIR_JSON, Act, Asked, Sent, Server

_APPOINTMENT, _PATIENT, _CONSENT = "Appointment", "Patient", "Consent"
_MEBIBYTE = 2**20
_SPACES = b" " * _MEBIBYTE
_BEYOND = 65 * _MEBIBYTE
"""More than a client in its senses takes for one page."""
_BOMB = 256 * _MEBIBYTE
_DEEP = 200_000
_HTML = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Your session has ended.</body></html>"
_XML = b'<?xml version="1.0" encoding="UTF-8"?><Bundle xmlns="http://hl7.org/fhir"><type value="searchset"/></Bundle>'
_NAME_OF_TYPE = "Content-Type"


def body(change: Callable[[bytes], bytes], **headers: str) -> Act:
    """Change the bytes of the server's answer, and set headers (``_`` for ``-`` in their names)."""

    def act(asked: Asked, server: Server) -> Sent:
        reply = server.ask(asked)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(reply.status, change(reply.body), {**reply.headers, **named})

    return act


def _page(content: bytes, media_type: str, status: int = 200) -> Reply:
    return Reply(status, content, {_NAME_OF_TYPE: media_type})


def _longer(asked: Asked, server: Server) -> Sent:
    """Say that the body is longer than it is, and close."""
    reply = server.ask(asked)
    start = head(reply.status, {_NAME_OF_TYPE: FHIR_JSON, "Content-Length": str(len(reply.body) + 100)})
    return Pieces([start, reply.body])


def _shorter(asked: Asked, server: Server) -> Sent:
    """Say that the body is shorter than it is."""
    reply = server.ask(asked)
    return Reply(reply.status, reply.body, {_NAME_OF_TYPE: FHIR_JSON, "Content-Length": str(len(reply.body) - 100)})


def _chunked(asked: Asked, server: Server) -> Sent:
    """Send it in chunks of an odd size, as HTTP/1.1 allows."""
    reply = server.ask(asked)
    start = head(reply.status, {_NAME_OF_TYPE: FHIR_JSON, "Transfer-Encoding": "chunked"})
    parts = [reply.body[at : at + 777] for at in range(0, len(reply.body), 777)]
    return Pieces([start, *(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts), b"0\r\n\r\n"])


def _wrongly_chunked(asked: Asked, server: Server) -> Sent:
    reply = server.ask(asked)
    start = head(reply.status, {_NAME_OF_TYPE: FHIR_JSON, "Transfer-Encoding": "chunked"})
    return Pieces([start, b"nonsense\r\n", reply.body])


def _enormous(asked: Asked, server: Server) -> Sent:
    """Send the right page, made longer than anyone should take by spaces, which mean nothing in JSON."""
    return Pieces(_padded(server.ask(asked), _BEYOND))


def _bomb(asked: Asked, server: Server) -> Sent:
    """Send the right page, blown up by spaces and packed to a thousandth."""
    start, *pieces = _padded(server.ask(asked), _BOMB, **{"Content-Encoding": "gzip"})
    pack = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return Pieces(packed for packed in (start, *map(pack.compress, pieces), pack.flush()))


def _padded(reply: Reply, size: int, **headers: str) -> Iterator[bytes]:
    yield head(reply.status, {_NAME_OF_TYPE: FHIR_JSON, **headers})
    yield reply.body[:-1]
    for _ in range(size // _MEBIBYTE):
        yield _SPACES
    yield reply.body[-1:]


def _escaped_not(content: bytes) -> str:
    """Write every letter as itself: only so does an encoding make a difference."""
    return json.dumps(json.loads(content), ensure_ascii=False)


def _nested(content: bytes) -> bytes:
    """Put a very deep list beside what the Bundle holds."""
    return content[:-1] + b',"meta":{"tag":' + b"[" * _DEEP + b"]" * _DEEP + b"}}"


def _corrupt(content: bytes) -> bytes:
    packed = bytearray(gzip.compress(content))
    packed[len(packed) // 2 :] = b"\xff" * (len(packed) - len(packed) // 2)
    return bytes(packed)


FAULTS = (
    Fault(
        "json-cut-off",
        "ends its JSON in the middle, though the length is right",
        "a-loud-failure",
        on(_APPOINTMENT, body(lambda content: content[: len(content) // 2]), page=2),
    ),
    Fault(
        "consents-cut-off",
        "ends the JSON of Consents in the middle, though the length is right",
        "consent-or-silence",
        on(_CONSENT, body(lambda content: content[: len(content) // 2])),
    ),
    Fault(
        "not-json",
        "answers with a word",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_page(b"OK", "text/plain")), page=2),
    ),
    Fault(
        "page-of-a-gateway",
        "lets a gateway answer with its log-in page, 200 and HTML",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_page(_HTML, "text/html; charset=utf-8")), page=2),
    ),
    Fault(
        "page-of-a-gateway-for-consents",
        "lets a gateway answer the search for Consents with its log-in page, 200 and HTML",
        "consent-or-silence",
        on(_CONSENT, instead(_page(_HTML, "text/html; charset=utf-8"))),
    ),
    Fault(
        "xml",
        "answers in FHIR's XML, which was not asked for",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_page(_XML, "application/fhir+xml")), page=2),
    ),
    Fault(
        "nothing-in-a-200",
        "answers 200 with an empty body",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_page(b"", FHIR_JSON)), page=2),
    ),
    Fault(
        "nothing-for-consents",
        "answers the search for Consents with 200 and an empty body",
        "consent-or-silence",
        on(_CONSENT, instead(_page(b"", FHIR_JSON))),
    ),
    Fault(
        "latin-1",
        "writes names in ISO 8859-1, where JSON is UTF-8",
        "a-loud-failure",
        on(_PATIENT, body(lambda content: _escaped_not(content).encode("latin-1"))),
    ),
    Fault(
        "charset-misnamed",
        "writes UTF-8, as JSON must be, and calls it ISO 8859-1",
        "none-forgotten",
        on(None, body(lambda content: _escaped_not(content).encode(), Content_Type=f"{FHIR_JSON}; charset=iso-8859-1")),
    ),
    Fault(
        "byte-order-mark",
        "begins its JSON with a byte order mark",
        "none-forgotten",
        on(None, body(lambda content: b"\xef\xbb\xbf" + content)),
    ),
    Fault(
        "media-type-missing",
        "does not say that its JSON is JSON",
        "none-forgotten",
        on(None, body(lambda content: content, content_type="application/octet-stream")),
    ),
    Fault(
        "nested-deeply",
        "nests lists two hundred thousand deep in its JSON",
        "a-loud-failure",
        on(_APPOINTMENT, body(_nested), page=2),
    ),
    Fault(
        "body-enormous",
        "answers with the right page, but in 65 MiB of JSON",
        "a-loud-failure",
        on(_APPOINTMENT, _enormous, page=2),
    ),
    Fault(
        "gzip-bomb",
        "answers with the right page, but in 256 MiB of JSON, packed to a quarter of one",
        "a-loud-failure",
        on(_APPOINTMENT, _bomb, page=2),
    ),
    Fault(
        "gzip",
        "packs its answers, as it may",
        "none-forgotten",
        on(None, body(gzip.compress, Content_Encoding="gzip")),
    ),
    Fault(
        "gzip-corrupt",
        "spoils what it packs",
        "a-loud-failure",
        on(_APPOINTMENT, body(_corrupt, Content_Encoding="gzip"), page=2),
    ),
    Fault(
        "gzip-cut-off",
        "ends before the end of what it packs, though the length is right",
        "a-loud-failure",
        on(_APPOINTMENT, body(lambda content: gzip.compress(content)[:-4], Content_Encoding="gzip"), page=2),
    ),
    Fault(
        "gzip-cut-off-once",
        "ends once before the end of what it packs",
        "none-forgotten",
        on(_APPOINTMENT, body(lambda content: gzip.compress(content)[:-4], Content_Encoding="gzip"), page=2, nth=1),
    ),
    Fault(
        "gzip-in-name-only",
        "says that it packs, and does not",
        "a-loud-failure",
        on(_APPOINTMENT, body(lambda content: content, Content_Encoding="gzip"), page=2),
    ),
    Fault(
        "packed-otherwise",
        "packs by a method that was not asked for",
        "a-loud-failure",
        on(_APPOINTMENT, body(zlib.compress, Content_Encoding="deflate"), page=2),
    ),
    Fault(
        "length-too-long",
        "says that a body is longer than it is, and hangs up",
        "a-loud-failure",
        on(_APPOINTMENT, _longer, page=2),
    ),
    Fault(
        "length-too-short",
        "says that a body is shorter than it is",
        "a-loud-failure",
        on(_APPOINTMENT, _shorter, page=2),
    ),
    Fault(
        "chunks",
        "sends its answers in chunks, and hangs up after each",
        "none-forgotten",
        on(None, _chunked),
    ),
    Fault(
        "chunks-without-size",
        "sends an answer in chunks whose size is no number",
        "a-loud-failure",
        on(_APPOINTMENT, _wrongly_chunked, page=2),
    ),
    Fault(
        "page-of-nothing",
        "answers a search with an empty JSON object",
        "a-loud-failure",
        on(_APPOINTMENT, instead(fhir_json({})), page=2),
    ),
)
