"""The SMS inbox: a stand-in for every provider there is, on one port, and a page that shows what patients got.

    GET    /             the page
    GET    /messages     JSON: ``messages`` that were delivered and ``attempts`` that were not, the oldest first
    DELETE /messages     forgets them
    GET    /behaviour    JSON: the script, what becomes of the messages to come; an empty one accepts them all
    POST   /behaviour    adds to the script, JSON or a form: ``behaviour``, and if wanted ``count`` (else until
                         changed) and ``to`` (a number; else any): {"behaviour": "throttle", "count": 3}
    DELETE /behaviour    empties the script
    *      /46elks/…     46elks' API, and so on for each provider by its name in the settings

The page's own forms use ``POST /messages/clear`` and ``POST /behaviour/clear``, since a form cannot delete. Whatever
comes from another site is refused: a web page that is open in the same browser must not reach what stands here.
"""

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.elks46 import Elks46Api
from fhirnotify.harness.exchange import Attempt, Exchange, StandIn
from fhirnotify.harness.inbox_web import InboxWeb
from fhirnotify.harness.infobip import InfobipApi
from fhirnotify.harness.journal import Taken
from fhirnotify.harness.kannel import KannelApi
from fhirnotify.harness.link import LinkApi
from fhirnotify.harness.loopback import Answer, LoopbackServer, Reply, Request
from fhirnotify.harness.sinch import SinchApi
from fhirnotify.harness.twilio import TwilioApi

PROVIDERS: tuple[Callable[[Exchange], StandIn], ...] = (Elks46Api, SinchApi, InfobipApi, TwilioApi, LinkApi, KannelApi)
"""The stand-ins that there are; each is reached under its name."""

_FOREIGN = Reply(403, b"Only pages and programs of this machine that ask for it by this name may.\n")
_UNREADABLE = Reply(400, b"The body cannot be read: it is not UTF-8, or JSON within JSON without end.\n")
_STOCKHOLM = ZoneInfo("Europe/Stockholm")


class Inbox:
    """The inbox on a port of its own, of 127.0.0.1; a context manager. Safe between threads.

    Args:
        port: 0 takes a free one.
        exchange: with times and headers of one's choice; see ``Exchange``.
        zone: in which the page tells times.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int = 0, *, exchange: Exchange | None = None, zone: ZoneInfo = _STOCKHOLM) -> None:
        self.exchange = exchange or Exchange()
        stand_ins = [api(self.exchange) for api in PROVIDERS]
        self._stand_ins: dict[str, StandIn] = {each.name: each for each in stand_ins}
        self._server = LoopbackServer(self._handle, port)
        self._web = InboxWeb(self.exchange, {name: self.address(name) for name in self._stand_ins}, zone)
        self._hosts = {f"{name}:{self._server.port}" for name in ("127.0.0.1", "localhost")}

    @property
    def base_url(self) -> str:
        """Where the page is."""
        return self._server.base_url

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the providers that it stands in for."""
        return tuple(self._stand_ins)

    def address(self, provider: str) -> str:
        """Give the provider's ``base_url``."""
        return f"{self.base_url}/{provider}"

    @property
    def messages(self) -> list[Taken]:
        """What was taken for delivery until now, the oldest first."""
        return self.exchange.messages()

    @property
    def attempts(self) -> list[Attempt]:
        """What was tried and not taken, the oldest first."""
        return self.exchange.tried()

    def settings(self, provider: str = Elks46Api.name) -> dict[str, dict[str, Any]]:
        """Give the sections of ``fhirnotify.toml`` by which a provider's messages come here."""
        account = self._stand_ins[provider].account(self.address(provider))
        return {"sms": {"provider": provider}, f"sms.{provider}": account}

    def next(self, *behaviours: Behaviour) -> None:
        """Tell what becomes of each of the next messages."""
        self.exchange.script.next(*behaviours)

    def on(self, number: str, *behaviours: Behaviour) -> None:
        """Tell what becomes of each of the next messages to a number; the last behaviour stays."""
        self.exchange.script.always(behaviours[-1], to=number)
        self.exchange.script.next(*behaviours[:-1], to=number)

    def always(self, behaviour: Behaviour) -> None:
        """Tell what becomes of every message from now on of which nothing else is said."""
        self.exchange.script.always(behaviour)

    def clear(self) -> None:
        """Forget everything: what came, and what was told of messages to come."""
        self.exchange.forget_messages()
        self.exchange.script.clear()

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def close(self) -> None:
        """Stop, also where it keeps silent."""
        self._server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _handle(self, request: Request) -> Answer:
        if self._is_foreign(request):
            return _FOREIGN
        try:
            return self._answer(request)
        except (UnicodeDecodeError, RecursionError):
            return _UNREADABLE

    def _answer(self, request: Request) -> Answer:
        provider, _, path = request.path.removeprefix("/").partition("/")
        if stand_in := self._stand_ins.get(provider):
            if self.exchange.latency:
                self._server.closing.wait(self.exchange.latency)
            return stand_in.handle(replace(request, path=f"/{path}"))
        return self._web.handle(request)

    def _is_foreign(self, request: Request) -> bool:
        """Tell whether another site's page sends this: by its origin, or by a name of its own for this machine."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        return host not in self._hosts or (origin is not None and origin != f"http://{host}")
