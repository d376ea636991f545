"""A proxy between a client and a FHIR server that lets a fault act on what passes through it.

Without a fault it is a good reverse proxy: it passes everything on, and writes its own address where the server
wrote the server's. A fault is a function that gets each request, and the server to ask; it gives the answer that the
client gets. So it may change the question, the answer or the bytes on the wire, or never ask at all.
"""

import json
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx

from fhirnotify.harness.loopback import LoopbackServer, Pieces, Raw, Reply, Request, Silence, is_loopback

METADATA = "metadata"
FHIR_JSON = "application/fhir+json"

Params = list[tuple[str, str]]

Statement = list[httpx.Response]
"""Holds a CapabilityStatement, once there is one."""

_TIMEOUT = 60.0
_WELL_KNOWN = "/.well-known/"
_HOP_BY_HOP = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding"})
_KEPT = frozenset({"content-type", "etag", "last-modified", "location", "retry-after", "www-authenticate"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and which one it is.

    Attributes:
        url: the whole address as the client wrote it.
        kind: the resource type searched for, ``metadata``, or empty for anything else.
        page: 1 for a search, 2 and on for the pages behind its links.
        nth: how often this page of this kind has been asked for, this time included; searches of one type count
            together.
    """

    request: Request = field(repr=False)
    url: str = field(repr=False)
    kind: str
    page: int
    nth: int

    @property
    def params(self) -> Params:
        """The search parameters in the body, in order; a name may come more than once."""
        return parse_qsl(self.request.body.decode(), keep_blank_values=True)

    def with_params(self, params: Params) -> "Asked":
        """Ask something else."""
        return replace(self, request=replace(self.request, body=urlencode(params).encode()))


class Refuse:
    """In the place of an answer: the connection is closed, and every later one is refused."""


Sent = Reply | Silence | Raw | Pieces | Refuse


_UNREACHED = Reply(502, b"the server cannot be reached", {"Content-Type": "text/plain"})


class Server:
    """The real server, as a fault sees it: it can be asked, and what passed earlier is remembered.

    Attributes:
        stranger: an origin that is not the proxy's, where the same answers are given.
        acted: how often the fault has acted.
    """

    def __init__(self, base_url: str, *, verify: ssl.SSLContext | bool, statement: Statement) -> None:
        self.stranger = ""
        self.acted = 0
        self._began = 0.0
        self._base = base_url.rstrip("/")
        self._mine = re.compile(rb'"' + re.escape(self._base.encode()).replace(b"/", rb"\\?/") + rb"(?=[\"\\/?])")
        self._statement = statement
        direct = is_loopback(base_url)
        self._client = httpx.Client(verify=verify, timeout=_TIMEOUT, follow_redirects=False, trust_env=not direct)
        self._own = ""
        self._links: dict[tuple[str, int], str] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._first: dict[tuple[str, int], Reply] = {}
        self._asked: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    @property
    def own(self) -> str:
        """The base URL by which the client knows the server: the proxy's."""
        return self._own

    def behind(self, own: str) -> None:
        """Say by which base URL the client knows the server."""
        self._own = own

    def act(self) -> None:
        """Count that the fault acts."""
        with self._lock:
            self._began = self._began or time.monotonic()
            self.acted += 1

    @property
    def seconds(self) -> float:
        """How long ago the fault acted for the first time."""
        return time.monotonic() - self._began

    def asked(self, request: Request) -> Asked:
        """Tell which request this is."""
        url = f"{self._own.removesuffix(urlsplit(self._own).path)}{request.target}"
        with self._lock:
            kind, page = self._places.get(_target(url), (self._kind(request), 1))
            self._asked[kind, page] += 1
            return Asked(request, url, kind, page, self._asked[kind, page])

    def ask(self, asked: Asked) -> Reply:
        """Give the server's own answer, its address written as the proxy's; 502 if it cannot be reached."""
        try:
            answer = self._statement[0] if asked.kind == METADATA and self._statement else self._sent_on(asked.request)
        except httpx.HTTPError:
            return _UNREACHED
        except RuntimeError:
            if not self._client.is_closed:
                raise
            return _UNREACHED
        kept = {name: self._rewritten(value) for name, value in answer.headers.items() if name in _KEPT}
        reply = Reply(answer.status_code, self._body(answer), kept)
        if asked.kind != METADATA:
            self._remember(asked, reply)
        elif answer.is_success:
            self._statement[:] = [answer]
        return reply

    def _sent_on(self, request: Request) -> httpx.Response:
        target = request.target.removeprefix(urlsplit(self._own).path)
        headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
        return self._client.request(request.method, self._base + target, content=request.body, headers=headers)

    def follow(self, asked: Asked, link: str) -> Reply:
        """Give the page behind this one."""
        request = replace(asked.request, method="GET", body=b"", target=_target(link))
        return self.ask(Asked(request, link, asked.kind, asked.page + 1, 1))

    def told(self, asked: Asked, sent: Sent) -> None:
        """Remember the link that the client was given in the end."""
        link = None if asked.kind == METADATA else next_of(bundle_of(sent))
        if isinstance(link, str):
            with self._lock:
                self._places.setdefault(_target(urljoin(f"{self._own}/", link)), (asked.kind, asked.page + 1))

    def earlier(self, kind: str, page: int = 1) -> Reply | None:
        """Give the first answer in which this page of this kind held anything."""
        return self._first.get((kind, page))

    def link(self, kind: str, page: int) -> str | None:
        """Give the link that last led to this page."""
        return self._links.get((kind, page))

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    def _kind(self, request: Request) -> str:
        first, *rest = request.path.removeprefix(urlsplit(self._own).path).strip("/").split("/")
        return first if first == METADATA or not rest or rest == ["_search"] else ""

    def _body(self, answer: httpx.Response) -> bytes:
        """Write the proxy's address for the server's, wherever a JSON text begins with it.

        Not where the server says who gives out tokens: secrets go there, by https and past the proxy.
        """
        if "json" not in answer.headers.get("content-type", "") or _WELL_KNOWN in answer.request.url.path:
            return answer.content
        return self._mine.sub(json.dumps(self._own)[:-1].encode(), answer.content)

    def _rewritten(self, text: str) -> str:
        rest = text.removeprefix(self._base)
        return self._own + rest if rest != text and rest[:1] in {"", "/", "?"} else text

    def _remember(self, asked: Asked, reply: Reply) -> None:
        with self._lock:
            bundle = bundle_of(reply)
            if bundle and bundle.get("entry"):
                self._first.setdefault((asked.kind, asked.page), reply)
            if next_link := next_of(bundle):
                self._links[asked.kind, asked.page + 1] = next_link
                self._places[_target(next_link)] = (asked.kind, asked.page + 1)


Act = Callable[[Asked, Server], Sent]
"""A fault at work: gives what the client gets."""


def honest(asked: Asked, server: Server) -> Sent:
    """Pass on, and change nothing."""
    return server.ask(asked)


def bundle_of(reply: Sent) -> dict[str, Any] | None:
    """Give the searchset in an answer, if it is one."""
    if not isinstance(reply, Reply) or reply.status != httpx.codes.OK:
        return None
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("resourceType") == "Bundle" else None


def next_of(bundle: dict[str, Any] | None) -> str | None:
    """Give the link to the next page."""
    links = (bundle or {}).get("link")
    if not isinstance(links, list):
        return None
    return next((link.get("url") for link in links if isinstance(link, dict) and link.get("relation") == "next"), None)


def _target(url: str) -> str:
    """Give path and query of an address: what a request for it says."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


class HostileProxy:
    """A FHIR server on the loopback that is the one at ``upstream``, but for the fault. A context manager.

    What the client sends along, credentials too, is passed on to ``upstream`` and to nobody else.

    Args:
        upstream: the FHIR base of the real server, http or https.
        act: the fault.
        verify: for https, as httpx takes it: a context with the region's authorities and our certificate.
        statement: where to keep the server's CapabilityStatement, for it to be asked for once by several proxies: it is
            a megabyte and more, and what a server is slowest at.
    """

    def __init__(
        self,
        upstream: str,
        act: Act = honest,
        *,
        verify: ssl.SSLContext | bool = True,
        statement: Statement | None = None,
    ) -> None:
        path = urlsplit(upstream).path.rstrip("/")
        self._act = act
        self._server = Server(upstream, verify=verify, statement=[] if statement is None else statement)
        self._listener = LoopbackServer(self._answer)
        self._stranger = LoopbackServer(self._answer)
        self.base_url = f"{self._listener.base_url}{path}"
        self._server.behind(self.base_url)
        self._server.stranger = self._stranger.base_url

    @property
    def acted(self) -> int:
        """How often the fault has acted: one that never did has shown nothing."""
        return self._server.acted

    def __enter__(self) -> Self:
        self._listener.start()
        self._stranger.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        self._stranger.close()
        self._server.close()

    def _answer(self, request: Request) -> Reply | Silence | Raw | Pieces:
        asked = self._server.asked(request)
        sent = self._act(asked, self._server)
        self._server.told(asked, sent)
        if isinstance(sent, Refuse):
            self._listener.refuse()
            return Raw(b"")
        return sent
