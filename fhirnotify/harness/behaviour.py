"""How a stand-in for an SMS provider behaves, and the script by which it does so."""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class Fate(Enum):
    """What became of a message that was taken for delivery."""

    UNDERWAY = auto()
    DELIVERED = auto()
    UNDELIVERED = auto()
    DEAD_NUMBER = auto()


class Behaviour(StrEnum):
    """What to do with a message."""

    ACCEPT = "accept"
    LATE = "late"
    """Takes the message, and answers so only after some seconds."""
    DELIVERED_LATER = "delivered-later"
    """Takes the message; who asks for the first time what became of it learns that it is underway."""
    UNDERWAY = "underway"
    """Takes the message, and never tells what became of it."""
    UNDELIVERED = "undelivered"
    """Takes the message, and tells later that it did not come, for a reason that may pass."""
    DEAD_NUMBER = "dead-number"
    """Takes the message, and tells later that there is no such subscriber."""
    REFUSE = "refuse"
    """Refuses the message for its number."""
    REFUSE_STRANGELY = "refuse-strangely"
    """Refuses the message for a reason that stands in no document."""
    THROTTLE = "throttle"
    UNAVAILABLE = "unavailable"
    OUT_OF_CREDIT = "out-of-credit"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105  # a behaviour, not a secret
    FAIL = "fail"
    """Answers that it has the message and that it could not be delivered."""
    HANG = "hang"
    DROP = "drop"
    TAKE_AND_BREAK = "take-and-break"
    """Takes the message, and answers 500."""
    TAKE_AND_HANG = "take-and-hang"
    TAKE_AND_DROP = "take-and-drop"
    TAKE_AND_BABBLE = "take-and-babble"
    """Takes the message, and answers with what is not the provider's."""
    TAKE_AND_MANGLE = "take-and-mangle"
    """Takes the message, and answers with what is no HTTP."""

    @property
    def takes(self) -> bool:
        """Tell whether the message is taken for delivery."""
        return self in {Behaviour.ACCEPT, Behaviour.LATE, *_FATES} or self.startswith("take-")

    @property
    def accepts(self) -> bool:
        """Tell whether the message is taken, and the answer says so as it should."""
        return self.takes and not self.startswith("take-")

    def fate(self, asked: int) -> Fate:
        """Tell what became of a message that was taken, of which one has asked some times before."""
        if self is Behaviour.DELIVERED_LATER:
            return Fate.DELIVERED if asked else Fate.UNDERWAY
        return _FATES.get(self, Fate.DELIVERED)


_FATES = {
    Behaviour.DELIVERED_LATER: Fate.DELIVERED,
    Behaviour.UNDERWAY: Fate.UNDERWAY,
    Behaviour.UNDELIVERED: Fate.UNDELIVERED,
    Behaviour.DEAD_NUMBER: Fate.DEAD_NUMBER,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the script.

    Attributes:
        to: the number whose messages it is about; None for every number that has no line of its own.
        count: how many of the next messages; None for all until the script is changed.
    """

    behaviour: Behaviour
    to: str | None
    count: int | None


class Script:
    """What becomes of the messages to come. Safe between threads.

    What is said of a number goes before what is said of all; the next ones go before those until changed. Where
    nothing is said a message is accepted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str | None, deque[Behaviour]] = {}
        self._always: dict[str | None, Behaviour] = {}

    def next(self, *behaviours: Behaviour, to: str | None = None) -> None:
        """Tell what to do with each of the next messages, after those told of before."""
        with self._lock:
            self._next.setdefault(to, deque()).extend(behaviours)

    def always(self, behaviour: Behaviour, to: str | None = None) -> None:
        """Tell what to do with every message from now on; what was told before of the same is forgotten."""
        with self._lock:
            self._next.pop(to, None)
            self._always[to] = behaviour
            if to is None and behaviour is Behaviour.ACCEPT:
                del self._always[None]

    def clear(self) -> None:
        """Accept every message from now on."""
        with self._lock:
            self._next.clear()
            self._always.clear()

    def of(self, number: str) -> Behaviour:
        """Give what becomes of the message to this number that is here now."""
        with self._lock:
            for whose in (number, None):
                if coming := self._next.get(whose):
                    return coming.popleft()
                if whose in self._always:
                    return self._always[whose]
        return Behaviour.ACCEPT

    def lines(self) -> list[Line]:
        """Give what stands in the script, in the order in which it counts."""
        with self._lock:
            numbers = sorted({*self._next, *self._always} - {None}, key=str)
            return [line for to in (*numbers, None) for line in self._lines(to)]

    def _lines(self, to: str | None) -> Iterator[Line]:
        run: list[Behaviour] = []
        for behaviour in self._next.get(to, ()):
            if run and run[-1] is not behaviour:
                yield Line(run[-1], to, len(run))
                run = []
            run.append(behaviour)
        if run:
            yield Line(run[-1], to, len(run))
        if to in self._always:
            yield Line(self._always[to], to, None)
