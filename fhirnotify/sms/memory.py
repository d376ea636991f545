"""A provider in memory, for tests and rehearsals of whatever uses the port."""

import threading
from collections.abc import Callable
from datetime import timedelta

from fhirnotify.errors import AccountFault
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Delivery,
    Finding,
    Found,
    NotFound,
    Outcome,
    Sms,
    Trace,
    Underway,
    Unknown,
)


class MemoryGateway:
    """Takes every message, or answers what ``script`` says.

    ``script`` is asked for each attempt; None means that the message is taken. An ``Unknown`` of the script leaves
    the message untaken, unless ``taken_when_unknown``. ``taken`` holds what was taken, ``attempts`` what was tried.
    ``deliveries`` holds what became of messages, by message id. ``knows`` False makes it a provider that cannot be
    asked.
    """

    name = "memory"
    account = "memory"
    settle = timedelta(0)
    remembers = timedelta(days=3)

    def __init__(
        self,
        script: Callable[[Sms], Outcome | AccountFault | None] = lambda _: None,
        *,
        taken_when_unknown: bool = False,
        knows: bool = True,
    ) -> None:
        self.taken: list[Sms] = []
        self.attempts: list[Sms] = []
        self.deliveries: dict[str, Delivery] = {}
        self._script = script
        self._taken_when_unknown = taken_when_unknown
        self._knows = knows
        self._lock = threading.Lock()

    def send(self, sms: Sms) -> Outcome:
        """Take the message, or answer what the script says.

        Raises:
            AccountFault: the script says so.
        """
        with self._lock:
            self.attempts.append(sms)
            answer = self._script(sms)
            if isinstance(answer, AccountFault):
                raise answer
            if answer is None or (isinstance(answer, Unknown) and self._taken_when_unknown):
                self.taken.append(sms)
            return answer or Accepted(sms.reference, None)

    def find(self, trace: Trace) -> Finding:
        """Look for the reference among what was taken."""
        if not self._knows:
            return CannotTell("cannot-be-asked")
        with self._lock:
            found = any(sms.reference == trace.reference for sms in self.taken)
        return Found(trace.reference, None) if found else NotFound()

    def status(self, message_id: str) -> Delivery:
        """Tell what ``deliveries`` holds; nothing final by default."""
        return self.deliveries.get(message_id, Underway())

    def check(self) -> str:
        """Tell that there is nothing to ask."""
        return "messages are kept in memory, not sent"

    def close(self) -> None:
        """Nothing is held open."""
