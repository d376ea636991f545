"""The exchange behind the stand-ins for SMS providers: says how each message fares, and keeps what patients get.

A stand-in (``StandIn``) speaks one provider's API and knows nothing of the others; it is one file, as ``elks46.py``.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol
from uuid import uuid4

from fhirnotify.harness.behaviour import Behaviour, Fate, Script
from fhirnotify.harness.journal import Taken, append, parts, read_journal
from fhirnotify.harness.loopback import Answer, Raw, Reply, Request, Silence

_ATTEMPTS = 1000
_REFUSED_FOR_NOW = frozenset({429, 503})


def _now() -> datetime:
    return datetime.now(UTC)


class StandIn(Protocol):
    """One provider's API over an exchange."""

    name: ClassVar[str]
    """As ``sms.provider`` has it."""

    def handle(self, request: Request) -> Answer:
        """Answer as the provider would; the path is the provider's own. Called from several threads at once."""

    def account(self, base_url: str) -> dict[str, Any]:
        """Give what the section ``[sms.NAME]`` must hold when the API stands at this URL."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message that somebody tried to send and that no patient got."""

    at: datetime
    provider: str
    to: str
    behaviour: Behaviour


@dataclass
class Exchange:
    """What the stand-ins on one server have in common. Safe between threads.

    Attributes:
        journal: a file that gets a line for each message before it is answered; an earlier one is read back.
        retry_after: the header that goes with ``throttle`` and ``unavailable``; None for none.
        latency: seconds before each answer.
        hang: seconds for which a stand-in keeps silent when it hangs.
        late: seconds before the answer to a message that is answered late.
        clock: the provider's own, in UTC.
        taken: the messages taken for delivery, the oldest first.
        attempts: the last thousand that were not.
        script: what becomes of the messages to come.
    """

    journal: Path | None = None
    retry_after: str | None = "1"
    latency: float = 0.0
    hang: float = 60.0
    late: float = 3.0
    clock: Callable[[], datetime] = _now
    taken: list[Taken] = field(default_factory=list)
    attempts: deque[Attempt] = field(default_factory=lambda: deque(maxlen=_ATTEMPTS))
    script: Script = field(default_factory=Script)

    def __post_init__(self) -> None:
        if self.journal is not None and self.journal.exists():
            self.taken += read_journal(self.journal)
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()

    def receive(
        self,
        provider: str,
        behaviour: Behaviour,
        *,
        to: str,
        sender: str,
        text: str,
        hidden: bool = False,
        identity: str = "",
        reference: str = "",
    ) -> Taken | None:
        """Take a message for delivery, or note that it was tried, as this behaviour has it.

        ``identity`` is its id, of the provider's form; ``reference`` what the sender calls it.
        """
        if not behaviour.takes:
            with self._lock:
                self.attempts.append(Attempt(self.clock(), provider, to, behaviour))
            return None
        with self._lock:
            created = self.clock().replace(tzinfo=None)
            if self.taken:  # each moment once: it is what a history is paged by
                created = max(created, datetime.fromisoformat(self.taken[-1].created) + timedelta(microseconds=1))
            at = created.isoformat(timespec="microseconds")
            message = Taken(
                identity or uuid4().hex, to, sender, text, at, parts(text), hidden, provider, behaviour.value, reference
            )
            if self.journal is not None:
                append(self.journal, message)
            self.taken.append(message)
            return message

    def messages(self, provider: str | None = None) -> list[Taken]:
        """Give what was taken until now, of one provider or of all, the oldest first."""
        with self._lock:
            return [each for each in self.taken if provider in (None, each.provider)]

    def fate(self, message: Taken) -> Fate:
        """Tell who asks what became of a message that was taken."""
        with self._lock:
            self._asked[message.id] += 1
            return Behaviour(message.behaviour).fate(self._asked[message.id] - 1)

    def tried(self) -> list[Attempt]:
        """Give what was tried until now and no patient got, the oldest first."""
        with self._lock:
            return list(self.attempts)

    def answer(self, behaviour: Behaviour, answers: Mapping[Behaviour, Reply]) -> Answer:
        """Give the answer that goes with a behaviour, of those that the provider has; else misbehave as it says."""
        if behaviour in {Behaviour.HANG, Behaviour.TAKE_AND_HANG}:
            return Silence(self.hang)
        if behaviour in {Behaviour.DROP, Behaviour.TAKE_AND_DROP}:
            return Silence()
        if behaviour is Behaviour.TAKE_AND_MANGLE:
            return Raw(b"no HTTP at all\r\n\r\n")
        if behaviour is Behaviour.LATE:
            on_time = answers[Behaviour.ACCEPT]
            return Reply(on_time.status, on_time.body, on_time.headers, after=self.late)
        reply = answers[Behaviour.ACCEPT if behaviour.accepts else behaviour]
        if reply.status in _REFUSED_FOR_NOW and self.retry_after is not None:
            return Reply(reply.status, reply.body, reply.headers | {"Retry-After": self.retry_after})
        return reply

    def forget_messages(self) -> None:
        """Forget what was taken and tried, on file too; what becomes of the messages to come stays."""
        with self._lock:
            self.taken.clear()
            self.attempts.clear()
            if self.journal is not None:
                self.journal.unlink(missing_ok=True)
