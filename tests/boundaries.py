"""Boundaries of a run, and its end at one of them: what it had committed, written or read by then is all that counts.

What the program does is left as it is. Decorators around SQLAlchemy's commit, httpx's transport and the journal system
note each boundary as it is crossed, and end the process, as ``kill -9`` does, at the one that was chosen.
"""

import os
import signal
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any


class Boundary(StrEnum):
    """What a process may die before or after."""

    COMMITTING = "before a commit"
    COMMITTED = "after a commit"
    SENDING = "before a message"
    HALF_SENT = "in a message"
    SENT = "after a message"
    ANSWERING = "in its answer"
    ANSWERED = "after its answer"
    ASKING = "before a question"
    ASKED = "after a question"
    TOLD = "after its answer is read"
    READING = "before reading FHIR"
    READ = "after reading FHIR"


_OF_MESSAGES = {
    "http11.send_request_headers.started": Boundary.SENDING,
    "http11.send_request_body.started": Boundary.HALF_SENT,
    "http11.send_request_body.complete": Boundary.SENT,
    "http11.receive_response_headers.complete": Boundary.ANSWERING,
    "http11.receive_response_body.complete": Boundary.ANSWERED,
}
"""What httpcore tells of a request as it goes: https://www.encode.io/httpcore/extensions/#trace."""

_OF_QUESTIONS = {
    "http11.send_request_headers.started": Boundary.ASKING,
    "http11.send_request_body.complete": Boundary.ASKED,
    "http11.receive_response_body.complete": Boundary.TOLD,
}

_FACTS = ("appointments_by_id", "patients", "patients_by_identifier", "consents")


@dataclass(frozen=True)
class Point:
    """The so manieth boundary, from 1: of a kind, or of any."""

    number: int
    of: Boundary | None = None


@dataclass(frozen=True)
class Mortality:
    """How a process lives and dies.

    Attributes:
        crossed: a file that gets a line for each boundary.
        fatal: where it dies; None lets it live.
        later: how far its clocks, and the ledger's, are ahead.
        timeout: what a provider is waited for, instead of a second at least.
        flaw: what is made wrong with the program, to see that it is noticed.
    """

    crossed: Path
    fatal: Point | None
    later: timedelta
    timeout: timedelta
    flaw: Callable[[], None] | None = None

    def __call__(self) -> None:
        """Make this process so."""
        crossing = Crossing(self.crossed, self.fatal)
        _watch_commits(crossing)
        _watch_requests(crossing)
        _watch_reads(crossing)
        _set_clocks(self.later)
        _hurry(self.timeout)
        if self.flaw is not None:
            self.flaw()


class Crossing:
    """Counts boundaries, and ends the process at the chosen one. Safe between threads."""

    def __init__(self, crossed: Path, fatal: Point | None) -> None:
        self._file = os.open(crossed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._fatal = fatal
        self._counts: Counter[Boundary | None] = Counter()
        self._lock = threading.Lock()

    def cross(self, boundary: Boundary) -> None:
        """Cross a boundary, or die there."""
        with self._lock:
            self._counts.update([boundary, None])
            os.write(self._file, f"{boundary}\n".encode())
            if any(self._fatal == Point(self._counts[of], of) for of in (boundary, None)):
                os.kill(os.getpid(), signal.SIGKILL)


def _watch_commits(crossing: Crossing) -> None:
    from sqlalchemy.engine.default import DefaultDialect

    commit = DefaultDialect.do_commit

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        crossing.cross(Boundary.COMMITTING)
        commit(self, connection)
        crossing.cross(Boundary.COMMITTED)

    DefaultDialect.do_commit = do_commit


def _watch_requests(crossing: Crossing) -> None:
    import httpx

    handle = httpx.HTTPTransport.handle_request

    def handle_request(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        boundaries = _OF_MESSAGES if request.method == "POST" else _OF_QUESTIONS

        def trace(event: str, _: Mapping[str, Any]) -> None:
            if event in boundaries:
                crossing.cross(boundaries[event])

        request.extensions["trace"] = trace
        return handle(self, request)

    httpx.HTTPTransport.handle_request = handle_request


def _watch_reads(crossing: Crossing) -> None:
    from fhirnotify import wiring

    source = wiring.source
    wiring.source = lambda *given: _Watched(source(*given), crossing)


class _Watched:
    """A journal system each question to which, and each page of which, is a boundary."""

    def __init__(self, source: Any, crossing: Crossing) -> None:
        self._source, self._crossing = source, crossing

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._source, name)
        return self._watched(found) if name in _FACTS else found

    def _watched(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*given: Any) -> Any:
            self._crossing.cross(Boundary.READING)
            facts = ask(*given)
            self._crossing.cross(Boundary.READ)
            return facts

        return asked

    def appointments(self, after: datetime, before: datetime) -> Iterator[Any]:
        self._crossing.cross(Boundary.READING)
        for page in self._source.appointments(after, before):
            self._crossing.cross(Boundary.READ)
            yield page


def _set_clocks(later: timedelta) -> None:
    """Put on the process's clock, and the ledger's; that of PostgreSQL reads how far from an option."""
    from fhirnotify import clock, wiring
    from fhirnotify.ledger.sql import SqlLedger

    real = clock.RealClock.real
    clock.RealClock.real = lambda self: real(self) + later
    here = clock.RealClock()
    wiring.ledger = lambda settings: SqlLedger(settings.ledger.url, clock=here.real)
    os.environ["PGOPTIONS"] = pgoptions(later)


def pgoptions(later: timedelta) -> str:
    """Give the options of a connection to a database made with ``LATER_CLOCK``."""
    return f"-csearch_path=public,clock,pg_catalog -cclock.later={later.total_seconds()}"


LATER_CLOCK = """
CREATE SCHEMA clock;
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
AS $$SELECT pg_catalog.clock_timestamp() + make_interval(secs => current_setting('clock.later')::float8)$$;
"""
"""A clock in place of the server's, which is ahead by what each connection says."""


def _hurry(timeout: timedelta) -> None:
    """Shorten what is only waited for: providers that keep silence, and the time between two attempts."""
    from tenacity import wait_none

    from fhirnotify import wiring
    from fhirnotify.sms import courier

    route = wiring.route
    wiring.route = lambda settings: route(
        settings.model_copy(update={"sms": settings.sms.model_copy(update={"timeout": timeout})})
    )
    courier._BACK_OFF = wait_none()
    ssl.SSLContext.load_verify_locations = lambda *_, **__: None  # nobody speaks TLS here, and it takes long
