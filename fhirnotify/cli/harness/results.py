"""How scenarios went, for a person and for a program."""

from collections import Counter
from typing import TYPE_CHECKING

from fhirnotify.harness.scenarios.playing import Played, Status

if TYPE_CHECKING:
    from fhirnotify.cli.output import Stdout

_MARKS = {
    Status.PASSED: "ok",
    Status.FAILED: "FAILED",
    Status.REFUSED: "REFUSED",
    Status.KNOWN_LIMIT: "limit",
    Status.NOT_HERE: "-",
}
_MOST_FINDINGS = 12


class Results:
    """Tells each result as it comes, and all of them at the end."""

    def __init__(self, out: "Stdout", *, as_json: bool) -> None:
        self.played: list[Played] = []
        self._out = out
        self._as_json = as_json

    @property
    def are_well(self) -> bool:
        """Tell whether every scenario went as it says, and there was one that could be played."""
        was_played = any(each.status is not Status.NOT_HERE for each in self.played)
        return was_played and all(each.is_well for each in self.played)

    def add(self, played: Played) -> None:
        """Tell one result."""
        self.played.append(played)
        if self._as_json:
            self._out.json(
                {
                    "scenario": played.name,
                    "status": played.status,
                    "promises": played.scenario.promises,
                    "findings": played.findings,
                    "seconds": round(played.seconds, 2),
                }
            )
            return
        self._out.line(f"{_MARKS[played.status]:7}  {played.name}")
        if played.findings:
            if not played.is_well:
                self._out.line(f"         {played.scenario.shows}")
            for finding in played.findings[:_MOST_FINDINGS]:
                self._out.line(f"         · {finding}".replace("\n", "\n           "))

    def sum_up(self, number: int) -> None:
        """Tell how many went how, of the number that was to be played."""
        counts = Counter(each.status for each in self.played)
        complete = len(self.played) == number
        if self._as_json:
            said = {status.value: counts[status] for status in Status}
            self._out.json({"summary": {"scenarios": number, **said, "complete": complete}})
        else:
            told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status]) or "none played"
            self._out.line(f"\n{number} scenarios: {told}.{'' if complete else ' Stopped before the end.'}")
