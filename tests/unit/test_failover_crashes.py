"""Any order of answers of one to three providers, and a crash at any point: never two messages, none lost.

The judge is the providers' own journal: what each was asked, in which order, and what it took.
"""

import threading
from dataclasses import dataclass
from datetime import timedelta

from by_number import siblings
from hypothesis import given, settings
from hypothesis import strategies as st
from journal import MINUTE, Desk

from fhirnotify.errors import AccountFault
from fhirnotify.ledger.port import State
from fhirnotify.sms.gateway import Accepted, CannotTell, Deferred, Found, NotFound, Rejected, Unknown
from fhirnotify.sms.history import History, Shown
from fhirnotify.sms.memory import MemoryGateway
from fhirnotify.uncertain import Limits
from fhirnotify.uncertain import settle as settled_by_a_person

TAKING, REFUSING = ("accept", "take-and-vanish"), ("defer", "reject", "vanish", "fault")
RESOLVED = ("not-found",)
BOUNDARIES = ("begin", "claim", "take", "move", "release", "finish")


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Event:
    """What a provider was asked about a message, and what it said."""

    provider: str
    reference: str
    what: str


class Provider(MemoryGateway):
    """Answers from a list, then accepts; writes everything into the common journal."""

    def __init__(self, name, answers, journal, *, can_be_asked):
        super().__init__()
        self.name = self.account = name
        self.answers, self.journal, self.can_be_asked = answers, journal, can_be_asked
        self.has = set()

    def send(self, sms):
        with self._lock:
            answer = self.answers.pop(0) if self.answers else "accept"
            self.journal.append(Event(self.name, sms.reference, answer))
            if answer in TAKING:
                self.has.add(sms.reference)
        match answer:
            case "accept":
                return Accepted(f"{self.name}-{sms.reference}", 1)
            case "defer":
                return Deferred("busy")
            case "reject":
                return Rejected("Invalid to number")
            case "fault":
                raise AccountFault("No.")
        return Unknown("read-timeout")

    def find(self, trace):
        if not self.can_be_asked:
            return CannotTell("cannot-be-asked")
        found = trace.reference in self.has
        self.journal.append(Event(self.name, trace.reference, "found" if found else "not-found"))
        return Found(f"{self.name}-{trace.reference}", 1) if found else NotFound()


class ByNumber(Provider):
    """Knows what it took by number and time alone, and shows it some time after it took it."""

    settle = timedelta(seconds=20)

    def __init__(self, name, answers, journal, *, clock, delay):
        super().__init__(name, answers, journal, can_be_asked=True)
        self.clock, self.delay, self.shown = clock, delay, []

    def send(self, sms):
        known = sms.reference in self.has
        try:
            return super().send(sms)
        finally:
            if sms.reference in self.has and not known:
                shown = Shown(f"{self.name}-{sms.reference}", sms.to, sms.sender, self.clock(), None, 1)
                self.shown.append(shown)

    def find(self, trace):
        if trace.sms is None:
            return CannotTell("number-unknown")
        history = History(trace, trace.sms)
        for each in self.shown:
            if each.created + self.delay <= self.clock():
                history.consider(each)
        found = history.finding()
        if isinstance(found, NotFound):
            self.journal.append(Event(self.name, trace.reference, "not-found"))
        return found


class Mortal:
    """A ledger whose process dies before or after the so-and-so-many-th change; then it lives for ever."""

    def __init__(self, ledger, dies_at):
        self._ledger, self._left = ledger, dies_at

    def __getattr__(self, name):
        method = getattr(self._ledger, name)
        return self._mortal(method) if name in BOUNDARIES else method

    def _mortal(self, method):
        def call(*args):
            self._pass()
            done = method(*args)
            self._pass()
            return done

        return call

    def _pass(self):
        self._left -= 1
        if self._left == 0:
            raise Killed


def passes(desk, most=12):
    """Do passes until nothing can change any more; what a killed one had in flight ends before the next begins."""
    everybody = {(f"a{number}", f"p{number}") for number in range(1, len(desk.journal.appointments_by) + 1)}
    for _ in range(most):
        try:
            desk.run(16 * MINUTE)
        except AccountFault:
            pass
        except Killed:
            for thread in threading.enumerate():
                if thread.name.startswith("courier-"):
                    thread.join(10)
            continue
        assert set(desk.told()) == everybody  # each once, which ``told`` sees to
        if set(desk.states().values()) <= {"accepted", "rejected"}:
            return


def judged(events, state, providers):
    """Judge what the providers saw of one message."""
    took = [event for event in events if event.what in TAKING]
    assert len(took) <= 1, events
    for number, event in enumerate(events):
        if event.what not in (*TAKING, "vanish", "reject"):
            continue
        for later in events[number + 1 :]:
            if later.what in RESOLVED and later.provider == event.provider:
                break
            assert later.what not in (*TAKING, *REFUSING), events  # in doubt, or done: nobody is handed it again
    if state == "uncertain":
        assert not all(one.can_be_asked for one in providers), events
    else:
        assert state == ("accepted" if took else "rejected"), events


answers = st.lists(st.sampled_from([*TAKING, *REFUSING]), max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    scripts=st.lists(st.tuples(answers, st.booleans()), min_size=1, max_size=3),
    visits=st.integers(1, 3),
    parallel=st.integers(1, 2),
    on_account_fault=st.booleans(),
    dies_at=st.integers(0, 60),
)
def test_never_two_and_none_lost(scripts, visits, parallel, on_account_fault, dies_at):
    """One message of each visit at the most, and every visit ends as accepted, refused, or in doubt where none knows."""
    journal = []
    providers = [
        Provider(f"provider{number}", list(said), journal, can_be_asked=can_be_asked)
        for number, (said, can_be_asked) in enumerate(scripts)
    ]
    desk = Desk(
        gateway=providers[0],
        more=providers[1:],
        parallel=parallel,
        failover_on_account_fault=on_account_fault,
    )
    desk.ledger = Mortal(desk.ledger, dies_at)
    for number in range(1, visits + 1):
        desk.book(number)

    passes(desk)

    for number in range(1, visits + 1):
        (reminder,) = desk.ledger.of_appointments([f"a{number}"])
        judged([event for event in journal if event.reference == reminder.id], reminder.state, providers)


mostly_in_doubt = st.lists(
    st.sampled_from(["vanish", "take-and-vanish"] * 3 + ["accept", "defer", "reject", "fault"]), min_size=2, max_size=8
)
LIMITS = Limits(timedelta(seconds=20), timedelta(hours=4))


def a_person_looks(desk, journal, most):
    """Let a person who sees the truth settle some of what is uncertain, a while later."""
    desk.watch.moment += 10 * MINUTE
    in_doubt = list(desk.ledger.in_state(State.UNCERTAIN))[:most]
    for reminder in in_doubt:
        sent = any(event.reference == reminder.id and event.what in TAKING for event in journal)
        if not sent:
            journal.append(Event(reminder.provider, reminder.id, "not-found"))
        settled_by_a_person(desk.ledger, reminder.id, "anna", desk.watch.now(), LIMITS, sent=sent)


@settings(max_examples=60, deadline=None)
@given(
    scripts=st.lists(mostly_in_doubt, min_size=1, max_size=2),
    visits=st.integers(2, 3),
    delay=st.sampled_from([0, 1, 10]),
    most=st.integers(1, 3),
    dies_at=st.one_of(st.just(0), st.integers(0, 60)),
)
def test_nobody_gets_or_loses_another_s(scripts, visits, delay, most, dies_at):
    """Several patients have one number, and the providers know no more than that: none is mistaken for another.

    What nobody can tell apart a person settles, some first, and passes go on with what is left.
    """
    journal = []
    desk = Desk(parallel=1)
    providers = [
        ByNumber(f"provider{number}", list(said), journal, clock=desk.watch.real, delay=delay * MINUTE)
        for number, said in enumerate(scripts)
    ]
    desk.gateway, *desk.more = providers
    ledger = desk.ledger
    desk.ledger = Mortal(ledger, dies_at)
    siblings(desk, *range(1, visits + 1))

    passes(desk, most=3)
    desk.ledger = ledger
    for _ in range(visits + 1):
        a_person_looks(desk, journal, most)
        passes(desk, most=3)

    for number in range(1, visits + 1):
        (reminder,) = desk.ledger.of_appointments([f"a{number}"])
        events = [event for event in journal if event.reference == reminder.id]
        took = [event for event in events if event.what in TAKING]
        assert len(took) <= 1, events
        if reminder.state in (State.ACCEPTED, State.REJECTED):
            judged(events, reminder.state, providers)
        if reminder.message_id is not None:
            assert reminder.message_id.endswith(reminder.id)
