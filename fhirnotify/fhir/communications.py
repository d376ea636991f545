"""The port to where Communications are written, with its outcomes, and the adapter that keeps them in memory.

Outcomes are values: whatever becomes of a Communication, no reminder and no run is the worse for it.
A code is a word of ours, or ``status-`` and what the server answered with. None holds anything of a resource.
"""

import json
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Taken:
    """It stands there as it was given."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server does not take this one, for what stands in it or what it points to; it may take others."""

    code: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The server could not be reached, is not well, or lets nobody in. Whether it took this one is not known.

    ``lasting``: it will take no other just now either.
    """

    code: str
    lasting: bool = False


Answer = Taken | Refused | Failed


class Communications(Protocol):
    """Where Communications are written. Writing the same once more changes nothing."""

    def put(self, identity: str, body: bytes) -> Answer:
        """Write one Communication under its id, new or in the place of the former. Raises nothing."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class MemoryCommunications:
    """Keeps them in memory, with their versions, as a server does that makes no version where nothing changes.

    Attributes:
        stand: what was written last, by id.
        versions: how many versions there are of each.
        answers: what is answered in place of taking it, the next one first.
    """

    def __init__(self, *answers: Answer) -> None:
        self.stand: dict[str, bytes] = {}
        self.versions: dict[str, int] = {}
        self.answers = list(answers)
        self.asked: list[str] = []

    def put(self, identity: str, body: bytes) -> Answer:
        """Keep it, or answer as was told."""
        self.asked.append(identity)
        if self.answers and not isinstance(answer := self.answers.pop(0), Taken):
            return answer
        if self.stand.get(identity) != body:
            self.stand[identity] = body
            self.versions[identity] = self.versions.get(identity, 0) + 1
        return Taken()

    def read(self, identity: str) -> dict[str, Any]:
        """Give one that stands there."""
        found: dict[str, Any] = json.loads(self.stand[identity])
        return found

    def close(self) -> None:
        """Nothing is open."""
