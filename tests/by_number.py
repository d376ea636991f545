"""A provider that knows a message by number and time alone, and two patients with one number, for tests."""

from datetime import timedelta

from facts import START, person
from journal import MINUTE

from fhirnotify.core.model import Telecom
from fhirnotify.errors import AccountFault
from fhirnotify.ledger.memory import MemoryLedger
from fhirnotify.sms.gateway import Accepted, CannotTell, Unknown
from fhirnotify.sms.history import History, Shown
from fhirnotify.sms.memory import MemoryGateway

NUMBER = "070-174 06 05"


class ByNumber(MemoryGateway):
    """Shows what it took as 46elks does: number, sender and time, no reference and no text, and after a delay.

    An ``Unknown`` of the script whose cause is ``answer-lost`` is taken all the same; ``clock`` is the provider's own.
    """

    settle = timedelta(seconds=20)

    def __init__(self, clock, script=lambda _: None, *, delay=timedelta(0)):
        super().__init__(script)
        self.clock, self.delay, self.shown = clock, delay, []
        self.after_taking = lambda _: None

    def send(self, sms):
        with self._lock:
            self.attempts.append(sms)
            answer = self._script(sms)
            if isinstance(answer, AccountFault):
                raise answer
            if answer not in (None, Unknown("answer-lost")):
                return answer
            self.taken.append(sms)
            known = f"{self.account}-{len(self.shown) + 1}"
            self.shown.append(Shown(known, sms.to, sms.sender, self.clock(), None, 2))
        self.after_taking(sms)
        return answer or Accepted(known, 2)

    def find(self, trace):
        if trace.sms is None:
            return CannotTell("number-unknown")
        history = History(trace, trace.sms)
        for each in self.shown:
            if each.created + self.delay <= self.clock():
                history.consider(each)
        return history.finding()


class SharedLedger(MemoryLedger):
    """A ledger that several machines use at the same time; no lease runs out."""

    shared = True

    def begin(self, run, at):
        self._runs.setdefault(run, None)


def siblings(desk, *numbers):
    """Book a visit each for patients who are reached by one number."""
    for number in numbers:
        desk.book(number, start=START + number * 30 * MINUTE)
        desk.journal.put(person(f"p{number}", telecoms=(Telecom("phone", NUMBER, "mobile"),)))
