"""Whatever happens in whatever order: nobody gets two, nobody gets one who may not, and nobody who should is forgotten.

Random sequences of bookings, changes, refusals, crashes and clocks that are set, against a plain model of who may have
got what (``model_world``). ``MODEL_EXAMPLES`` and ``MODEL_STEPS`` make the search longer than it is in every test run.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, ClassVar

import pytest
from facts import NOW, RULES
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from model_facts import RECORDS, VISITS
from model_ports import Answer, Crash, Life, MortalLedger, Provider, crash, crash_a_little_later, fail
from model_world import DAY, HOUR, LOCAL, MINUTE, MORNING, SETTLED, World

from fhirnotify import send
from fhirnotify.errors import FhirnotifyError
from fhirnotify.job import Job, Sending
from fhirnotify.ledger.invariants import of_reminder
from fhirnotify.ledger.memory import MemoryLedger
from fhirnotify.ledger.port import State
from fhirnotify.ledger.sql import SqlLedger
from fhirnotify.rows import Row, Summary
from fhirnotify.run import run
from fhirnotify.sms import courier
from fhirnotify.sms.route import Route

Bookings = list[tuple[str, str, int]]
Happens = Callable[[Life, str], None]

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "120"))
STEPS = int(os.environ.get("MODEL_STEPS", "40"))

doubles = st.sampled_from(RECORDS[:4])
"""Records that may turn out to be the same person's."""
records, visits = st.sampled_from(RECORDS), st.sampled_from(VISITS)
quarters = st.sampled_from((1, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8, 9))
"""How many quarters of a day ahead: so few times that visits fall together."""
seeds = st.integers(0, 10_000)
"""Of how providers answer the next requests; 0 is yes."""
bookings = st.lists(st.tuples(visits, records, quarters), max_size=3)
consents = st.sampled_from(("permit", "permit", "permit", "deny", None))
steps = st.sampled_from((-HOUR, -HOUR, DAY))
boundaries = st.integers(4, 16) | st.integers(0, 30)
"""Most runs read, claim, take and send within the first of these."""
_HE, _HIS = "he", "his visit"
"""Stand for the patient and the visit that were booked last."""
delays = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from((MINUTE, 6 * MINUTE, 6 * MINUTE, 20 * MINUTE))),
    st.tuples(st.just("set_clock"), steps),
)
changes = st.one_of(
    st.tuples(st.just("cancel"), st.just(_HIS)),
    st.tuples(st.just("book"), st.just(_HIS) | visits, records, quarters),
    st.tuples(st.just("consent"), st.just(_HE), st.just("deny")),
    st.tuples(st.just("die_or_not"), st.just(_HE) | records),
    st.tuples(st.just("merge"), doubles, doubles),
)
in_mid_run = st.tuples(changes, changes, delays, delays) | st.tuples(delays | changes)


def answers(seed: int) -> dict[str, Answer]:
    """Let the next request about every other record be answered in any way."""
    chance = Random(seed)
    return {record: chance.choice(list(Answer)) for record in RECORDS if seed and chance.random() < 0.5}


@dataclass
class Rows:
    """What the last pass told."""

    kept: list[Row] = field(default_factory=list)

    def row(self, row: Row) -> None:
        self.kept.append(row)

    def progress(self, stage: str, done: int) -> None:
        pass


class Region(RuleBasedStateMachine):
    """One region, one ledger, two accounts of a provider, and runs of which each may be the last."""

    at_work: ClassVar[World]
    """Whose time the program goes by just now."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Region.at_work = World(NOW)
        self.ledger: Any = self.new_ledger()
        self.rows = Rows()

    def new_ledger(self) -> Any:
        return MemoryLedger(self.world.real)

    @initialize(
        page=st.sampled_from((1, 2, 100)),
        parallel=st.sampled_from((1, 1, 3)),
        accounts=st.integers(1, 2),
    )
    def begin(self, page: int, parallel: int, accounts: int) -> None:
        self.world.journal.page_size = page
        self.parallel, self.accounts = parallel, accounts

    # What people do.

    @rule(booked=bookings)
    def book(self, booked: Bookings) -> None:
        for each in booked:
            self._book(*each)

    @rule(visit=visits, quarter=quarters)
    def move(self, visit: str, quarter: int) -> None:
        self.world.move(visit, self._slot(quarter))

    @rule(visit=visits)
    def cancel(self, visit: str) -> None:
        self.world.cancel(visit)

    @rule(record=records, said=consents)
    def consent(self, record: str, said: str | None) -> None:
        self.world.consent(record, said)

    @rule(record=st.sampled_from(RECORDS[:2]))
    def die_or_not(self, record: str) -> None:
        self.world.die_or_not(record)

    @rule(old=doubles, new=doubles)
    def merge(self, old: str, new: str) -> None:
        self.world.merge(old, new)

    # What providers and clocks do.

    @rule()
    def turn_mute_or_talkative(self) -> None:
        self.world.mute = not self.world.mute

    @rule(length=st.sampled_from((MINUTE, 6 * MINUTE, 16 * MINUTE, HOUR, 6 * HOUR)))
    def wait(self, length: timedelta) -> None:
        self.world.wait(length)

    @rule(by=steps)
    def set_clock(self, by: timedelta) -> None:
        self.world.set_clock(by)

    # Runs.

    @rule(booked=bookings, seed=seeds)
    def run(self, booked: Bookings, seed: int) -> None:
        self.book(booked)
        self._pass(Life(), seed)

    @rule(booked=bookings, seed=seeds, at=boundaries, what=st.sampled_from((crash, crash_a_little_later, fail)))
    def run_and_crash_or_fail(self, booked: Bookings, seed: int, at: int, what: Happens) -> None:
        self.book(booked)
        self._pass(Life(at, what), seed)

    @rule(booked=bookings.filter(bool), seed=seeds, at=boundaries, what=in_mid_run)
    def run_while_something_happens(
        self, booked: Bookings, seed: int, at: int, what: Sequence[tuple[Any, ...]]
    ) -> None:
        def happens(life: Life, kind: str) -> None:
            with self.world.lock:
                for verb, *about in what:
                    meant = [last.get(each, each) for each in about]
                    (self._book if verb == "book" else getattr(self.world, verb))(*meant)

        last = dict(zip((_HIS, _HE), booked[-1], strict=False))
        self.book(booked)
        self._pass(Life(at, happens), seed)

    @rule()
    def some_quiet_hours_of_runs(self) -> None:
        """Nothing is changed, and nothing fails: who is due by now gets a reminder, or there is a reason that is told."""
        self.world.mute = False
        self.world.wait(SETTLED)
        self._wait_for_daytime()
        first = self.world.clock
        for _ in range(4):
            self._pass(Life(), 0)
            self.world.wait(16 * MINUTE)
        last = self.world.clock
        told = {row.appointment: row for row in self.rows.kept}
        for name, visit in self.world.facts.visits.items():
            is_due = last + 4 * HOUR < visit.start < first + 48 * HOUR
            who = self.world.facts.who(visit.record)
            if is_due and self.world.facts.wanted(visit) and not self.world.has_got(who, visit.start):
                assert self.world.excused(who, visit.start), f"{name} was forgotten: {told.get(name)}"
                assert told[name].outcome in {"rejected", "expired", "uncertain"} or told[name].decision == "skip"

    # What always holds.

    @invariant()
    def nothing_wrong(self) -> None:
        assert self.world.wrong == []

    def teardown(self) -> None:
        with closing(self.ledger):
            reminders = self.ledger.of_appointments(VISITS)
            found = [breach for each in reminders for breach in of_reminder(each, self.ledger.transitions(each.id))]
            assert found == []

    def _book(self, visit: str, record: str, quarter: int) -> None:
        self.world.book(visit, record, self._slot(quarter))

    def _slot(self, quarter: int) -> datetime:
        today = self.world.clock.astimezone(LOCAL).replace(hour=0, minute=0, second=0, microsecond=0)
        return today + (self.world.clock - today) // (6 * HOUR) * 6 * HOUR + quarter * 6 * HOUR

    def _wait_for_daytime(self) -> None:
        local = self.world.clock.astimezone(LOCAL)
        if not MORNING <= local.time() < time(17):
            morning = local.replace(hour=7, minute=30) + (DAY if local.time() >= time(17) else timedelta(0))
            self.world.wait(morning - local)

    def _pass(self, life: Life, seed: int) -> None:
        world = self.world
        world.script = answers(seed)
        world.begin_run()
        began = world.clock
        world.journal.interrupt = lambda _: life.step("read")
        self.rows.kept.clear()
        accounts = [Provider(world, life, f"account-{number}") for number in range(self.accounts)]
        sending = Sending("RegionVB", timedelta(hours=24), 10_000, self.parallel, 1, timedelta(seconds=20))
        job = Job(
            world.journal,
            RULES,
            world,
            self.rows,
            MortalLedger(self.ledger, life),  # type: ignore[arg-type]
            Route(accounts, failover_on_account_fault=True),
            sending,
            lambda: MemoryLedger(world.real),
        )
        try:
            with suppress(Crash, FhirnotifyError):
                self._hold_to_account(run(job), began)
        finally:
            with world.lock:
                life.die()
                world.script = {}
        for left in self.ledger.in_state(State.SENDING):
            for record in RECORDS:
                if world.facts.who(record) == world.facts.who(left.patient):
                    world.doubts.setdefault((record, left.start), world.steps)

    def _hold_to_account(self, summary: Summary, began: datetime) -> None:
        rows = self.rows.kept
        twice = [each for each, count in Counter((row.appointment, row.patient) for row in rows).items() if count > 1]
        assert twice == []
        assert summary.considered == len(rows)
        if not self.world.clean:
            return
        in_window = {
            name
            for name, visit in self.world.facts.visits.items()
            if visit.booked and began < visit.start < began + 2 * DAY
        }
        assert in_window <= {row.appointment for row in rows}
        if any(began < left.start for left in self.ledger.in_state(State.UNCERTAIN)):
            assert summary.exit_code() == 6


class RegionInSql(Region):
    """The same with the ledger's SQL."""

    def new_ledger(self) -> Any:
        return SqlLedger("sqlite://", clock=self.world.real)


@pytest.mark.slow
@pytest.mark.parametrize("region", [Region, RegionInSql])
def test_who_gets_what_whatever_happens(region: type[Region], monkeypatch: pytest.MonkeyPatch) -> None:
    """At most one, only who may, and nobody forgotten, in any order of events."""
    for module in (courier, send):
        monkeypatch.setattr(module, "elapsed", lambda: Region.at_work.elapsed.total_seconds())  # noqa: PLW0108
    run_state_machine_as_test(
        region,
        settings=settings(
            max_examples=EXAMPLES if region is Region else EXAMPLES // 10,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="MODEL_EXAMPLES" not in os.environ,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            database=None,
        ),
    )
