"""Deaths at every boundary of the story, several at once, and a table of what came of them."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from boundaries import Boundary, Point
from deaths import LedgerOf, Station
from judge import Death, Trial
from story import CHAPTERS, Chapter

SEED = 20261123
LATEST_AGAIN = 150
"""The boundary, of the pass after the one that died, up to which it dies, too: most have as many."""


class Stations:
    """Several stations with ledgers of one kind, each of which plays one trial at a time."""

    def __init__(self, stations: Sequence[Station]) -> None:
        self._stations = stations

    def whole(self) -> list[Trial]:
        """Play each chapter without a death, to learn its boundaries."""
        return self.play([(chapter, Death()) for chapter in CHAPTERS])

    def play(self, trials: Sequence[tuple[Chapter, Death]]) -> list[Trial]:
        """Play trials, as many at once as there are stations."""
        free: SimpleQueue[Station] = SimpleQueue()
        for station in self._stations:
            free.put(station)

        def play(trial: tuple[Chapter, Death]) -> Trial:
            station = free.get()
            try:
                return station.play(*trial)
            finally:
                free.put(station)

        with ThreadPoolExecutor(len(self._stations)) as pool:
            return list(pool.map(play, trials))


@contextmanager
def stations(place: Path, ledger_of: LedgerOf, count: int) -> Iterator[Stations]:
    """Open so many stations."""
    with ExitStack() as stack:
        yield Stations([stack.enter_context(Station(place / str(number), ledger_of)) for number in range(count)])


@dataclass(frozen=True)
class Share:
    """Which part of all deaths is played, by kind: of the points, of pairs of them, of lost connections.

    What is played of a part is the same each time, as far as a pass comes across as many boundaries of each kind.
    """

    points: float = 1.0
    again: float = 0.1
    cuts: float = 0.0


def deaths(whole: Sequence[Trial], share: Share) -> list[tuple[Chapter, Death]]:
    """Give the deaths for chapters that were played whole."""
    chosen, found = random.Random(SEED), []
    for chapter, trial in zip(CHAPTERS, whole, strict=True):
        points = [Point(n, of) for of in Boundary for n in range(1, trial.crossed.count(of) + 1)]
        commits = trial.crossed.count(Boundary.COMMITTING) + 1  # and that of the first connection
        once = [Death(point) for point in points]
        twice = [Death(point, again=Point(chosen.randint(1, LATEST_AGAIN))) for point in points]
        cut = [Death(cut=commit, how=how) for commit in range(commits) for how in ("before", "after")]
        for all_of_them, part in ((once, share.points), (twice, share.again), (cut, share.cuts)):
            played = all_of_them if part >= 1 else chosen.sample(all_of_them, round(part * len(all_of_them)))
            found += [(chapter, death) for death in played]
    return found


LEDGER_LOST = tuple(f"the ledger is lost {how} a commit" for how in ("before", "after"))
_TWICE = "twice, in two passes"
_HEADS = ("points", "duplicates", "lost", "unaccounted", "uncertain", "exit 0", "exit 6")


def kind(trial: Trial) -> str | None:
    """Say in a few words where its pass died; None if it came to its end before."""
    if not trial.hits:
        return None
    return _TWICE if len(trial.hits) > 1 else trial.hits[0]


def table(name: str, trials: Sequence[Trial]) -> str:
    """Show what came of deaths with ledgers of one kind, by where the pass died."""
    by_kind = {each: [trial for trial in trials if kind(trial) == each] for each in (*Boundary, *LEDGER_LOST, _TWICE)}
    lines = [_line(each, of_kind) for each, of_kind in by_kind.items() if of_kind]
    in_all = _line("in all", [trial for of_kind in by_kind.values() for trial in of_kind])
    return "\n".join([f"{name:36}" + "".join(f"{head:>13}" for head in _HEADS), *lines, in_all])


def _line(name: str, trials: Sequence[Trial]) -> str:
    codes = Counter(trial.code for trial in trials)
    figures = (
        len(trials),
        sum(len(trial.duplicates) for trial in trials),
        sum(len(trial.lost) for trial in trials),
        sum(len(trial.unaccounted) for trial in trials),
        sum(len(trial.uncertain) for trial in trials),
        codes[0],
        codes[6],
    )
    return f"{name:36}" + "".join(f"{figure:>13}" for figure in figures)
