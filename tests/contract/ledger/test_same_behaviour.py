"""Whatever is done to them, in whatever order, the ledger in memory and the one in SQL behave as one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import Coding, ContactType
from fhirnotify.errors import LedgerError
from fhirnotify.ledger.memory import MemoryLedger
from fhirnotify.ledger.port import Change, Claim, State, Verdict
from fhirnotify.ledger.sql import SqlLedger

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
APPOINTMENTS = ["a1", "a2", "a3"]
PATIENTS = ["p1", "p2"]
STARTS = [NOW + timedelta(hours=hours) for hours in (10, 20)]

moments = st.sampled_from([NOW + timedelta(minutes=minutes) for minutes in (0, 10, 20)])
runs = st.sampled_from(["r1", "r2"])
evidences = st.builds(Evidence, st.sampled_from(["Appointment/a/_history/1", "Appointment/a/_history/2"]))
claims = st.builds(
    Claim,
    st.sampled_from(APPOINTMENTS),
    st.sampled_from(PATIENTS),
    st.sampled_from(STARTS),
    st.sampled_from(ContactType),
    evidences,
    st.integers(1, 3),
)
verdicts = st.builds(
    Verdict,
    st.sampled_from(APPOINTMENTS),
    st.sampled_from([None, *PATIENTS]),
    st.sampled_from([None, *STARTS]),
    st.sampled_from([None, "no-consent"]),
    st.none() | st.sampled_from(ContactType),
    evidences,
    st.sampled_from([(), ("Appointment.start",)]),
    st.sampled_from([(), (Coding(None, "1"),), (Coding("s", "1"), Coding(None, "1"))]),
)
reminders = st.tuples(
    st.sampled_from(APPOINTMENTS), st.sampled_from(PATIENTS), st.sampled_from(STARTS), st.just("reminder")
)
changes = st.builds(
    Change,
    st.just(""),
    st.sampled_from(State),
    code=st.none() | st.just("429"),
    provider=st.none() | st.just("outbox"),
    message_id=st.none() | st.just("m"),
    next_attempt=st.none() | moments,
    evidence=st.none() | evidences,
    contact_type=st.none() | st.sampled_from(ContactType),
    segments=st.none() | st.just(4),
)
# Mostly what happens in a run, so that the deep states are reached too.
likely = st.builds(lambda to, code: Change("", to, code=code), st.sampled_from(State), st.none() | st.just("x"))


message_ids = st.sampled_from(["m1", "m2", None])


def plain(reminder):
    """A reminder without its random id."""
    return replace(reminder, id="")


class BothLedgers(RuleBasedStateMachine):
    """Does everything to both, and compares every answer."""

    def __init__(self):
        super().__init__()
        self.real = NOW
        self.begun = 0
        self.memory, self.sql = MemoryLedger(lambda: self.real), SqlLedger("sqlite://", clock=lambda: self.real)

    def teardown(self):
        """Close both."""
        self.sql.close()
        self.memory.close()

    def both(self, do):
        """Do one thing to both; what they answer, or that they refuse, must be the same."""
        answers = []
        for ledger in (self.memory, self.sql):
            try:
                answers.append(do(ledger))
            except LedgerError as error:
                answers.append(str(error).split()[0])
        assert answers[0] == answers[1]

    def ids(self, ledger):
        """The ids of one ledger by identity."""
        return {each.identity: each.id for each in ledger.of_appointments(APPOINTMENTS)}

    @rule(run=runs, at=moments, claims=st.lists(claims, max_size=4), verdicts=st.lists(verdicts, max_size=3))
    def claim(self, run, at, claims, verdicts):
        """Claim a page."""
        self.both(lambda ledger: ledger.claim(run, at, claims, verdicts))

    @rule(run=runs, at=moments, limit=st.integers(1, 4))
    def take(self, run, at, limit):
        """Take for sending."""
        self.both(lambda ledger: [plain(each) for each in ledger.take(run, at, limit)])

    @rule(run=runs, wanted=st.lists(reminders, max_size=3))
    def release(self, run, wanted):
        """Give back, also what was never taken."""
        self.both(lambda ledger: ledger.release(run, [self.ids(ledger).get(each, "none") for each in wanted]))

    @rule(run=runs, at=moments, wanted=st.lists(st.tuples(reminders, changes | likely), max_size=3))
    def move(self, run, at, wanted):
        """Change states, also where there is no such edge or reminder."""

        def move(ledger):
            ids = self.ids(ledger)
            lost = ledger.move(run, at, [replace(change, reminder=ids.get(each, "none")) for each, change in wanted])
            return sorted(identity for identity, id_ in ids.items() if id_ in lost)

        self.both(move)

    @rule(run=runs, at=moments, to=st.sampled_from([State.ACCEPTED, State.RETRY, State.UNCERTAIN, State.WITHDRAWN]))
    def send(self, run, at, to):
        """Go the usual way: take one, begin it, record what came of it."""

        def send(ledger):
            for each in ledger.take(run, at, 1):
                ledger.move(run, at, [Change(each.id, State.SENDING)] if to is not State.WITHDRAWN else [])
                ledger.move(run, at, [Change(each.id, to, next_attempt=at)])

        self.both(send)

    @rule(run=runs, at=moments, which=reminders, to=st.sampled_from(State), attempt=st.integers(0, 2), code=message_ids)
    def come_late(self, run, at, which, to, attempt, code):
        """Say of some attempt what became of it."""

        def say(ledger):
            change = Change(self.ids(ledger).get(which, "none"), to, message_id=code, attempt=attempt)
            return len(ledger.move(run, at, [change]))

        self.both(say)

    @rule(run=runs)
    def renew(self, run):
        """Renew the leases of a run."""
        self.both(lambda ledger: ledger.renew(run))

    @rule(rate=st.sampled_from([0.5, 10.0]), count=st.integers(1, 5))
    def reserve(self, rate, count):
        """Reserve moments to speak to the provider."""
        self.both(lambda ledger: ledger.reserve("account", rate, count))

    @rule(at=moments)
    def begin(self, at):
        """Begin another run; the one before did not finish."""
        self.begun += 1
        self.both(lambda ledger: ledger.begin(f"begun-{self.begun}", at))

    @rule(run=runs, at=moments)
    def finish(self, run, at):
        """Finish a run."""
        self.both(lambda ledger: ledger.finish(run, at, {}))

    @rule(minutes=st.sampled_from([1, 15]))
    def pass_time(self, minutes):
        """Let real time pass."""
        self.real += timedelta(minutes=minutes)

    @invariant()
    def same(self):
        """Both hold the same."""
        self.both(lambda ledger: [plain(each) for each in ledger.of_appointments(APPOINTMENTS)])
        self.both(lambda ledger: [plain(each) for each in ledger.at_starts(STARTS[:1], PATIENTS)])
        self.both(lambda ledger: [each for a in APPOINTMENTS for each in ledger.verdicts(a)])
        self.both(lambda ledger: ledger.unmapped())
        self.both(lambda ledger: ledger.message_ids(NOW, NOW + timedelta(minutes=20)))
        self.both(lambda ledger: [sorted(each.identity for each in ledger.in_state(state, "r1")) for state in State])
        self.both(lambda ledger: sorted(each.identity for each in ledger.untouched("r1")))
        self.both(
            lambda ledger: sorted(
                identity
                for identity, id_ in self.ids(ledger).items()
                if id_ in ledger.held("r1", self.ids(ledger).values())
            )
        )
        self.both(
            lambda ledger: [
                replace(step, reminder="")
                for _, id_ in sorted(self.ids(ledger).items())
                for step in ledger.transitions(id_)
            ]
        )


BothLedgers.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestBothLedgers = BothLedgers.TestCase
