"""The matrix of faults: what the server did, what is promised of a run under it, and what was seen."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

from fhirnotify.harness.faults import named
from fhirnotify.harness.faults.fault import Fault
from fhirnotify.harness.installation import Finished
from fhirnotify.harness.scenarios import reading
from fhirnotify.harness.scenarios.model import Scenario, Step
from fhirnotify.harness.scenarios.playing import Played, Player, Status

DIRECTORY = "faults"
"""Where the scenarios of faults stand among all scenarios."""

_INCOMPLETE = (3, 5)
"""Exit codes of runs that could not do their work to the end."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the matrix.

    Attributes:
        name: of the scenario, which is that of the fault unless the fault is played more than once.
        promised: what a run under the fault must come to.
        seen: what it came to; empty if it was not played to its end.
    """

    name: str
    fault: Fault
    promised: str
    seen: str
    played: Played

    @property
    def is_well(self) -> bool:
        """Tell whether the promise was kept."""
        return self.played.status is Status.PASSED


def scenarios(only: Sequence[str] = ()) -> dict[str, Scenario]:
    """Read the scenarios of these faults, or of all that do not take minutes.

    Raises:
        HarnessError: there is none of such a name.
    """
    read = reading.read_all(reading.bundled() / DIRECTORY, only)
    return {name: scenario for name, scenario in read.items() if only or not _fault(scenario)[0].minutes}


def played(players: Sequence[Player], chosen: Mapping[str, Scenario]) -> Iterator[Line]:
    """Play scenarios, as many at once as there are players; give each line as soon as it is known.

    Left early, it waits for those that are being played, so that they take their resources away.

    Raises:
        FhirError: the server no longer answers.
        HarnessError: it does not give up what was put there.
    """
    idle: SimpleQueue[Player] = SimpleQueue()
    for player in players:
        idle.put(player)

    def play(name: str, scenario: Scenario) -> list[Line]:
        player = idle.get()
        try:
            return [_line(each) for each in player.play({name: scenario})]
        finally:
            idle.put(player)

    with ThreadPoolExecutor(len(players)) as pool, ExitStack() as leaving:
        leaving.callback(pool.shutdown, cancel_futures=True)
        for future in as_completed([pool.submit(play, name, scenario) for name, scenario in chosen.items()]):
            yield from future.result()


def _line(played: Played) -> Line:
    fault, step = _fault(played.scenario)
    at = played.scenario.steps.index(step)
    seen = _seen(played.seen[at]) if at < len(played.seen) else ""
    return Line(played.name, fault, _promised(played.scenario, step), seen, played)


def _fault(scenario: Scenario) -> tuple[Fault, Step]:
    """Give the fault that a scenario plays, and the step in which it does."""
    return next((named(step.fault), step) for step in scenario.steps if step.fault)


def _promised(scenario: Scenario, step: Step) -> str:
    rows = scenario.expect if step.expect is None else step.expect
    sent = step.inbox or 0 if isinstance(rows, str) else sum(row.remind is not None for row in rows)
    return _said(step.exit, sent, is_complete=step.exit not in _INCOMPLETE)


def _seen(finished: Finished) -> str:
    sent, is_complete = finished.summary.get("sent", 0), bool(finished.summary.get("complete"))
    return _said(finished.exit_code, sent, is_complete=is_complete)


def _said(exit_code: int, sent: int, *, is_complete: bool) -> str:
    """Say it shortly; whether the run was complete only where its exit code says otherwise."""
    told = f"exit {exit_code}, {sent or 'nothing'} sent"
    if is_complete == (exit_code not in _INCOMPLETE):
        return told
    return f"{told}, {'complete' if is_complete else 'incomplete'}"
