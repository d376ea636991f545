"""What came of a trial, and the judge of it: the journal of the providers' stand-in says who got what.

It alone, and never the ledger, tells whether anybody got two or none. The ledger, and what the last pass told, must
agree with it, or say that nobody knows.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from boundaries import Point
from story import Ending, Visit

from fhirnotify.harness.journal import Taken
from fhirnotify.ledger.invariants import Extent, breaches
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import ACCEPTED_STATES, Reminder, State
from fhirnotify.ledger.sql import SqlLedger


@dataclass(frozen=True)
class Death:
    """What is done to a pass.

    Attributes:
        point: where it dies; None if it lives.
        again: where the next one dies; None if it lives.
        cut: the connection to the ledger is lost in which commit, from 0; None if in none.
        how: "before" the server has that commit, or "after", before its answer.
    """

    point: Point | None = None
    again: Point | None = None
    cut: int | None = None
    how: str = "after"


@dataclass
class Trial:
    """What came of one."""

    chapter: str
    death: Death
    hits: list[str] = field(default_factory=list)
    """What was done to the passes, in the order of their boundaries: fewer than were asked for where one came to its end."""
    crossed: list[str] = field(default_factory=list)
    """What the pass came across that was to die."""
    code: int | None = None
    """How the last pass ended."""
    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    """By visit, in the end."""
    asked_of: dict[str, str] = field(default_factory=dict)
    """By visit, the provider that was last handed its message, as the ledger has it."""
    takers: dict[str, str] = field(default_factory=dict)
    """By visit, who took its message."""

    @property
    def is_sound(self) -> bool:
        """Whether every promise was kept."""
        return not (self.duplicates or self.lost or self.unaccounted)

    def __str__(self) -> str:
        """Say what was done to it, and which promises were broken."""
        broken = {"two": self.duplicates, "none": self.lost, "unaccounted": self.unaccounted}
        return f"{self.chapter} pass, {self.death}, {' and '.join(self.hits)}: {broken}; ended {self.code}"


def judge(trial: Trial, visits: Sequence[Visit], journal: Sequence[Taken], url: str, told: Collection[str]) -> None:
    """Say who got two, who none, and of whom the program says otherwise than the providers' journal.

    Args:
        trial: what is judged; ``code`` is how its last pass ended.
        visits: those that were in sight.
        journal: what the providers took.
        url: where the ledger is.
        told: those of whom the last pass said that nobody knows.
    """
    got = Counter(message.to for message in journal)
    names = {visit.number: visit.name for visit in visits}
    trial.takers = {names[message.to]: message.provider for message in journal if message.to in names}
    for reminder in _reminders(url, visits):
        trial.states[reminder.appointment] = reminder.state
        trial.asked_of[reminder.appointment] = (reminder.provider or "").partition("/")[0]
    for visit in visits:
        state, times = trial.states.get(visit.name), got.pop(visit.number, 0)
        if times > 1:
            trial.duplicates.append(visit.name)
        elif state is State.UNCERTAIN and visit.name in told and trial.code == 6:
            trial.uncertain.append(visit.name)
        elif state is State.UNCERTAIN:
            trial.unaccounted.append(f"{visit.name}: in doubt, and not told")
        elif times and state not in ACCEPTED_STATES:
            trial.unaccounted.append(f"{visit.name}: got it, but is {state}")
        elif not times and not _may_have_none(visit, state):
            trial.lost.append(f"{visit.name}: {state}")
    trial.unaccounted += [f"somebody else got {times}" for times in got.values()]
    trial.unaccounted += _breaches(url)


def _reminders(url: str, visits: Sequence[Visit]) -> list[Reminder]:
    with closing(SqlLedger(url, create=False, read_only=True)) as ledger:
        found = ledger.of_appointments([visit.name for visit in visits])
    assert len({each.appointment for each in found}) == len(found)
    return found


def _breaches(url: str) -> list[str]:
    with closing(open_database(url, create=False, read_only=True, patience=5)) as database:
        return [breach.what for breach in breaches(database, Extent())]


def _may_have_none(visit: Visit, state: State | None) -> bool:
    if visit.ending is Ending.CANCELLED:
        return state in (State.WITHDRAWN, None)
    return visit.ending is Ending.REFUSED and state is State.REJECTED
