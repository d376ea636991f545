"""The ledgers that the one suite is held against, and short ways to fill them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def clock() -> Clock:
    """Real time, as the ledgers of a test see it."""
    return Clock()


@pytest.fixture
def now() -> datetime:
    """The run's clock."""
    return NOW


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    """Each adapter in turn, empty."""
    of_url = {"sqlite": f"sqlite:///{tmp_path}/ledger.db"}
    made: Ledger = MemoryLedger(clock) if request.param == "memory" else SqlLedger(of_url[request.param], clock=clock)
    yield made
    made.close()


@pytest.fixture(params=["sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Ledger]]:
    """Open one lasting ledger, as often as wanted."""
    made: list[Ledger] = []

    def open_() -> Ledger:
        made.append(SqlLedger(f"sqlite:///{tmp_path}/ledger.db", clock=clock, patience=0.1))
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
def reach(ledger: Ledger, claim_of: Callable[..., Claim]) -> Callable[..., Reminder]:
    """Bring a new reminder to a state by run ``r1`` and give it as the ledger holds it."""

    def bring(state: State, n: int = 1) -> Reminder:
        assert ledger.claim("r1", NOW, [claim_of(n)], []) == [True]
        (reminder,) = ledger.of_appointments([f"a{n}"])
        for step in PATHS[state]:
            ledger.move("r1", NOW, [Change(reminder.id, step)])
        (reminder,) = ledger.of_appointments([f"a{n}"])
        return reminder

    return bring
