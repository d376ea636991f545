"""A run that ends at any boundary: nobody gets two reminders, nobody is forgotten, and what nobody knows is told."""

from collections.abc import Iterator

import pytest
from boundaries import Boundary, Point
from deaths import Station, clocked_database, on_postgres, on_sqlite
from dying import LEDGER_LOST, Share, Stations, deaths, kind, stations, table
from judge import Death, Trial
from postgres import Cluster, need_postgres
from story import CHAPTERS, PROVIDERS

from fhirnotify import rows
from fhirnotify.ledger.port import State
from fhirnotify.sms.elks46 import Elks46
from fhirnotify.sms.gateway import CannotTell, Found, NotFound

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]  # warm starts go through a Unix socket

AT_ONCE = 4


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stations]:
    """Give stations whose ledgers are in SQLite."""
    with stations(tmp_path_factory.mktemp("sqlite"), on_sqlite, AT_ONCE) as made:
        yield made


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stations]:
    """Give stations whose ledgers are in PostgreSQL."""
    cluster = Cluster(need_postgres())
    try:
        with (
            clocked_database(cluster) as clocked,
            stations(tmp_path_factory.mktemp("postgres"), on_postgres(cluster, clocked), AT_ONCE) as made,
        ):
            yield made
    finally:
        cluster.close()


def broken(trials: list[Trial]) -> list[Trial]:
    """Give those in which a promise was broken."""
    return [trial for trial in trials if not trial.is_sound]


def unable_to_tell(trials: list[Trial]) -> set[str]:
    """Give the providers that had what stayed uncertain."""
    return {trial.asked_of[name] for trial in trials for name in trial.uncertain}


def test_the_story_has_it_all(sqlite):
    """Left alone, its passes come across every kind of boundary, and bring every reminder to its own end."""
    first, later = sqlite.whole()

    assert broken([first, later]) == []
    assert {*first.crossed, *later.crossed} == set(Boundary)
    assert set(later.takers.values()) == {provider.name for provider in PROVIDERS}
    assert later.takers["second-provider"] == "infobip"
    assert later.takers["third-provider"] == "link"
    assert later.takers["new-out-of-credit"] == "infobip"
    assert {name for name, state in later.states.items() if state is State.REJECTED} == {"refused", "new-refused"}
    assert later.states["cancelled"] is State.WITHDRAWN
    assert later.states["undelivered"] is State.UNDELIVERED
    assert later.states["plain"] is State.DELIVERED
    assert not later.uncertain


def test_boundaries_on_sqlite(sqlite):
    """Ended before or after commits, messages, answers and reads: a third of all, and some twice, as they recover.

    All of them are played by ``tests/benchmarks/kill_points.py``.
    """
    trials = sqlite.play(deaths(sqlite.whole(), Share(points=0.3, again=0.02)))

    print("\n" + table("SQLite", trials))  # noqa: T201
    assert broken(trials) == []
    kinds = [kind(trial) for trial in trials]
    assert len(set(Boundary) & set(kinds)) > len(Boundary) / 2
    assert len([each for each in kinds if each]) > 100
    assert unable_to_tell(trials) <= {"link"}
    assert {trial.code for trial in trials} <= {0, 6}


def test_some_boundaries_on_postgres(postgres):
    """Some of them, the same each time; and connections that are lost in a commit, made or not."""
    trials = postgres.play(deaths(postgres.whole(), Share(points=0.08, again=0.01, cuts=0.08)))

    print("\n" + table("PostgreSQL", trials))  # noqa: T201
    assert broken(trials) == []
    assert {kind(trial) for trial in trials} >= {Boundary.COMMITTING, Boundary.COMMITTED, *LEDGER_LOST}
    assert unable_to_tell(trials) <= {"link"}
    assert {trial.code for trial in trials} <= {0, 6}


def resends_on_a_guess() -> None:
    """Let the program believe that what it cannot know was never sent."""
    Elks46.find = lambda self, trace: NotFound()


def takes_for_sent() -> None:
    """Let it believe that what it was about to send was sent."""
    Elks46.find = lambda self, trace: Found(None, None)


def keeps_doubts_to_itself() -> None:
    """Let it say that all is done while it cannot know."""
    Elks46.find = lambda self, trace: CannotTell("nobody-knows")
    rows.Summary.exit_code = lambda self, expected: 0


@pytest.mark.parametrize(
    ("flaw", "boundary", "found"),
    [
        (resends_on_a_guess, Boundary.SENT, "duplicates"),
        (takes_for_sent, Boundary.SENDING, "lost"),
        (keeps_doubts_to_itself, Boundary.SENT, "unaccounted"),
    ],
)
def test_the_judge_sees_what_is_wrong(tmp_path, flaw, boundary, found):
    """A program that sends again on a guess, or not at all, or keeps its doubts to itself, does not get past it."""
    with Station(tmp_path / "station", on_sqlite, flaw) as station:
        trial = station.play(CHAPTERS[0], Death(Point(1, boundary)))

    assert trial.hits == [boundary]
    assert "plain" in "".join(getattr(trial, found))
