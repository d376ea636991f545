"""The matrix of faults: what is promised, what was seen, and how players share the work."""

import threading

import pytest

from fhirnotify.errors import HarnessError
from fhirnotify.harness.faults import FAULTS, matrix
from fhirnotify.harness.installation import Finished
from fhirnotify.harness.scenarios.playing import Played, Status

STOPPED = Finished(3, [], {"sent": 0, "complete": False}, "")
DONE = Finished(0, [], {"sent": 2, "complete": True}, "")


class FakePlayer:
    """Says of each scenario that it went as told; notes which it played."""

    def __init__(self, status=Status.PASSED, seen=(STOPPED, DONE)):
        self.status, self.seen = status, seen
        self.names = []

    def play(self, scenarios):
        """Play one."""
        for name, scenario in scenarios.items():
            self.names.append(name)
            yield Played(name, scenario, self.status, seen=self.seen)


def line(name, **said):
    """Give the line of one scenario."""
    (found,) = matrix.played([FakePlayer(**said)], matrix.scenarios([name]))
    return found


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("unavailable-always", "exit 3, nothing sent"),
        ("unavailable-once", "exit 0, 2 sent"),
        ("consents-withheld-unnoticed", "exit 0, nothing sent"),
        ("visits-lost-at-recheck", "exit 3, nothing sent"),
        ("numbers-changed-meanwhile", "exit 0, 2 sent"),
    ],
)
def test_the_promise_is_that_of_the_run_under_the_fault(name, promised):
    """Not of the runs before and after it."""
    assert line(name).promised == promised


@pytest.mark.parametrize(
    ("name", "seen", "told"),
    [
        ("unavailable-always", (STOPPED, DONE), "exit 3, nothing sent"),
        ("unavailable-always", (DONE,), "exit 0, 2 sent"),
        ("numbers-changed-meanwhile", (STOPPED, DONE), "exit 0, 2 sent"),
        ("numbers-changed-meanwhile", (STOPPED,), ""),
        ("unavailable-always", (Finished(3, [], {"sent": 1, "complete": True}, ""),), "exit 3, 1 sent, complete"),
        ("unavailable-always", (Finished(2, [], {}, ""),), "exit 2, nothing sent, incomplete"),
    ],
)
def test_what_was_seen_is_told_of_the_same_run(name, seen, told):
    """Nothing, if it never came to its end."""
    assert line(name, seen=seen).seen == told


@pytest.mark.parametrize("status", Status)
def test_only_what_passed_is_well(status):
    """A promise that was not tried was not kept."""
    assert line("gzip", status=status).is_well == (status is Status.PASSED)


def test_what_takes_minutes_is_played_only_when_it_is_named():
    """All the others are, by default."""
    slow = {name for name, fault in FAULTS.items() if fault.minutes}
    assert slow == {"dripping-for-ever"}
    assert not slow & matrix.scenarios().keys()
    assert slow == matrix.scenarios(["dripping-*"]).keys()
    with pytest.raises(HarnessError, match="gzip-bomb"):
        matrix.scenarios(["gzip-bom"])


def test_players_play_at_once_and_each_scenario_once():
    """One who has ended takes what is next."""
    together = threading.Barrier(2, timeout=30)

    class Waiting(FakePlayer):
        def play(self, scenarios):
            if len(self.names) == 0:
                together.wait()
            yield from super().play(scenarios)

    players = [Waiting(), Waiting()]
    chosen = matrix.scenarios(["gzip*"])
    lines = list(matrix.played(players, chosen))
    assert sorted(each.name for each in lines) == sorted(chosen)
    assert sorted(players[0].names + players[1].names) == sorted(chosen)


def test_who_leaves_early_waits_for_what_is_being_played():
    """So that its resources are taken away; what had not begun is not begun."""

    class Slow(FakePlayer):
        ended = 0

        def play(self, scenarios):
            yield from super().play(scenarios)
            threading.Event().wait(0.05)
            self.ended += 1

    player, chosen = Slow(), matrix.scenarios(["page-*"])
    lines = matrix.played([player], chosen)
    next(lines)
    lines.close()
    assert player.ended == len(player.names) < len(chosen)
