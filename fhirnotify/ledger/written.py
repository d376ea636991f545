"""The port to what the ledger knows of write-back: which reminders the journal system is still to be told of.

What is told of a reminder in a state

    accepted                 accepted; once nobody asks any more what became of it, unconfirmed
    delivered, undelivered, uncertain, rejected
                             as the state is called
    retry, claimed           waiting, if something was told before, or may have been; else nothing
    withdrawn, expired       given-up, likewise
    sending                  nothing meanwhile

Once it was tried in vain it is told until that is taken, also what was told before: the answer may have been lost, and
what stands there may be anything.

Of what went to the outbox nothing is ever told, nor of what was erased for its patient. Told is of visits that are
still to come, and of those of the last seven days (``SPAN``): so switching it on does not tell of a whole year, and
so ends the trying where the journal system does not take one.

Where it was told in vain, that is tried again after 10 minutes, then each time after twice as long, at most a day; and
after everything that was not tried yet, what was tried the longest ago first.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fhirnotify.core.notice import Notice, Told
from fhirnotify.ledger.states import State

SPAN = timedelta(days=7)
"""How long after a visit the journal system is told of its reminder, by the run's clock."""

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=10), timedelta(days=1)
"""How long is waited after the first time in vain, and at most."""

NOT_TRIED = "not-tried"
"""Said of what is to be told and was not tried yet."""

TOLD: Mapping[State, Told] = {
    State.UNDELIVERED: Told.UNDELIVERED,
    State.REJECTED: Told.REJECTED,
    State.UNCERTAIN: Told.UNCERTAIN,
    State.ACCEPTED: Told.ACCEPTED,
    State.DELIVERED: Told.DELIVERED,
}
"""What is told of each state of what a provider has, had, or may have had; first what is rare and to be mended."""

CORRECTED: Mapping[State, Told] = {
    State.RETRY: Told.WAITING,
    State.CLAIMED: Told.WAITING,
    State.WITHDRAWN: Told.GIVEN_UP,
    State.EXPIRED: Told.GIVEN_UP,
}
"""What is told of the others, where something else was told before, or may have been."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one reminder.

    Attributes:
        written: what the journal system was told last; None if nothing yet.
        at: when that was, or, with ``attempts``, when it was last tried (real time).
        attempts: how often in a row it was tried in vain.
        code: why it was in vain the last time.
    """

    written: Told | None
    at: datetime | None
    attempts: int
    code: str | None


class WrittenBack(Protocol):
    """Whatever a method changes is committed, durably, when it returns. All raise ``LedgerError``."""

    def to_tell(self, now: datetime) -> Iterator[list[Notice]]:
        """Give what the journal system is to be told, a little at a time, as it is then; ``now`` is the run's clock.

        What is given counts as tried from then on, until ``told`` says what came of it: no other run is given it.
        Each time it is gone on, the next is looked for, so memory stays flat.
        """
        ...

    def told(self, notices: Mapping[Notice, str | None]) -> None:
        """Record what came of telling: None where it was taken, else the code of why not."""
        ...

    def give_back(self, notices: list[Notice]) -> None:
        """Give back what was not tried after all, of what was given last: it stands as it stood before."""
        ...

    def standing(self, reminders: list[str]) -> dict[str, Standing]:
        """Give how it stands with reminders, by their ids, where anything was tried."""
        ...

    def outstanding(self, now: datetime) -> Counter[str]:
        """Count what is still to be told, by the code of why it was in vain the last time, or ``NOT_TRIED``."""
        ...

    def close(self) -> None:
        """Release the ledger."""
        ...


def wait(attempts: int) -> timedelta:
    """Say how long is waited after so many times in vain."""
    return min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT) if attempts else timedelta(0)
