"""The ledgers that the one suite is held against, and short ways to fill them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from postgres import CLOCK_FIRST, SET_CLOCK, Cluster, need_postgres, set_clock

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import Coding, ContactType
from fhirnotify.ledger.memory import MemoryLedger
from fhirnotify.ledger.port import Change, Claim, Ledger, Reminder, State, Verdict
from fhirnotify.ledger.sql import SqlLedger

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

PATHS: dict[State, tuple[State, ...]] = {
    State.CLAIMED: (),
    State.SENDING: (State.SENDING,),
    State.ACCEPTED: (State.SENDING, State.ACCEPTED),
    State.DELIVERED: (State.SENDING, State.ACCEPTED, State.DELIVERED),
    State.UNDELIVERED: (State.SENDING, State.ACCEPTED, State.UNDELIVERED),
    State.REJECTED: (State.SENDING, State.REJECTED),
    State.RETRY: (State.SENDING, State.RETRY),
    State.UNCERTAIN: (State.SENDING, State.UNCERTAIN),
    State.WITHDRAWN: (State.WITHDRAWN,),
    State.EXPIRED: (State.EXPIRED,),
}


class Clock:
    """Real time, moved by hand. It is another than the run's, which the tests pass as ``at``."""

    def __init__(self) -> None:
        self.now = NOW + timedelta(days=1)
        self._others: list[Callable[[datetime], None]] = []

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by
        for set_to in self._others:
            set_to(self.now)

    def also(self, set_to: Callable[[datetime], None]) -> None:
        """Set another clock, too."""
        set_to(self.now)
        self._others.append(set_to)


@pytest.fixture
def clock() -> Clock:
    """Real time, as the ledgers of a test see it."""
    return Clock()


@pytest.fixture
def now() -> datetime:
    """The run's clock."""
    return NOW


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[Cluster, str]]:
    """A server, and a database on it that holds an empty ledger and a clock that tests set."""
    cluster = Cluster(need_postgres())
    with cluster.database() as template:
        cluster.execute(SET_CLOCK, database=template)
        SqlLedger(cluster.url(template, options=CLOCK_FIRST)).close()
        yield cluster, template
    cluster.close()


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Callable[[str], str]]:
    """Give the URL of an empty ledger of a kind; one a test."""
    with ExitStack() as made:

        def url(kind: str) -> str:
            if kind == "sqlite":
                return f"sqlite:///{tmp_path}/ledger.db"
            cluster, template = request.getfixturevalue("postgres")
            database = made.enter_context(cluster.database(template))
            clock.also(set_clock(cluster, database))
            return cluster.url(database, options=CLOCK_FIRST)

        yield url


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, url_of: Callable[[str], str], clock: Clock) -> Iterator[Ledger]:
    """Each adapter in turn, empty."""
    made: Ledger = MemoryLedger(clock) if request.param == "memory" else SqlLedger(url_of(request.param), clock=clock)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgres"])
def opened(
    request: pytest.FixtureRequest, url_of: Callable[[str], str], clock: Clock
) -> Iterator[Callable[[], Ledger]]:
    """Open one lasting ledger, as often as wanted."""
    made: list[Ledger] = []
    url = url_of(request.param)

    def open_() -> Ledger:
        made.append(SqlLedger(url, clock=clock, patience=0.1))
        return made[-1]

    yield open_
    for each in made:
        each.close()


@pytest.fixture
def claim_of() -> Callable[..., Claim]:
    """Make a claim: appointment a<n> of patient p<n>, ``hours`` from now."""

    def make(n: int, *, hours: float = 24, patient: str | None = None, version: int = 1) -> Claim:
        evidence = Evidence(
            f"Appointment/a{n}/_history/{version}", f"Patient/p{n}/_history/1", ("Consent/c",), ("s|c",)
        )
        start = NOW + timedelta(hours=hours)
        return Claim(f"a{n}", patient or f"p{n}", start, ContactType.VIDEO, evidence, segments=2)

    return make


@pytest.fixture
def verdict_of() -> Callable[..., Verdict]:
    """Make a verdict on appointment a<n>."""

    def make(
        n: int,
        reason: str | None = "no-consent",
        *,
        patient: str | None = "p",
        version: int = 1,
        detail: tuple[str, ...] = (),
        unmapped: tuple[Coding, ...] = (),
    ) -> Verdict:
        kind = None if reason else ContactType.TELEFON
        evidence = Evidence(f"Appointment/a{n}/_history/{version}")
        return Verdict(f"a{n}", patient, NOW + timedelta(hours=24), reason, kind, evidence, detail, unmapped)

    return make


@pytest.fixture
def begin(ledger: Ledger) -> Callable[..., None]:
    """Take a reminder and move it to ``sending``."""

    def bring(reminder: Reminder, run: str = "r1", **facts: Any) -> None:
        take_only(ledger, reminder.id, run)
        assert ledger.move(run, NOW, [Change(reminder.id, State.SENDING, **facts)]) == frozenset()

    return bring


def take_only(ledger: Ledger, reminder: str, run: str = "r1") -> None:
    """Take one reminder for sending, and give back whatever else was due."""
    taken = [each.id for each in ledger.take(run, NOW + timedelta(days=1), 9999)]
    assert reminder in taken
    if others := [each for each in taken if each != reminder]:
        ledger.release(run, others)


@pytest.fixture
def reach(ledger: Ledger, claim_of: Callable[..., Claim]) -> Callable[..., Reminder]:
    """Bring a new reminder to a state by run ``r1`` and give it as the ledger holds it."""

    def bring(state: State, n: int = 1) -> Reminder:
        assert ledger.claim("r1", NOW, [claim_of(n)], []) == [True]
        (reminder,) = ledger.of_appointments([f"a{n}"])
        for step in PATHS[state]:
            if step is State.SENDING:
                take_only(ledger, reminder.id)
            assert ledger.move("r1", NOW, [Change(reminder.id, step)]) == frozenset()
        (reminder,) = ledger.of_appointments([f"a{n}"])
        return reminder

    return bring
