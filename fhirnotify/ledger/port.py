"""The port to the ledger. Its values are in ``values.py``, what may become of a reminder in ``states.py``."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from fhirnotify.ledger.states import ACCEPTED_STATES, EDGES, IN_DOUBT, LATE_EDGES, RUN_DIED, SENT_TWICE, State
from fhirnotify.ledger.values import (
    KIND_48H,
    Change,
    Claim,
    Identity,
    KeptVerdict,
    Reminder,
    Transition,
    Unmapped,
    Verdict,
)

__all__ = [
    "ACCEPTED_STATES",
    "EDGES",
    "IN_DOUBT",
    "KIND_48H",
    "LATE_EDGES",
    "RUN_DIED",
    "SENT_TWICE",
    "Change",
    "Claim",
    "Identity",
    "KeptVerdict",
    "Ledger",
    "Reminder",
    "State",
    "Transition",
    "Unmapped",
    "Verdict",
]


class Ledger(Protocol):
    """Whatever a method changes is committed, durably, when it returns; each is one transaction.

    Only one thread uses a ledger. ``at`` is the run's clock; leases are kept in real time, by one clock for all
    machines. Every method raises ``LedgerError`` when the ledger cannot be used.
    """

    shared: bool
    """Whether other runs may be at work on it at the same time."""
    lease: timedelta
    """How long what a run has taken is its own, unless it renews that."""

    def begin(self, run: str, at: datetime) -> None:
        """Record that a run begins, and hold the ledger for it as far as the adapter needs.

        SQLite: one run at a time; a second waits briefly and then gets ``LedgerError``. What a dead run left in
        ``sending`` becomes ``uncertain``, and its leases end. A shared ledger: a run is taken for dead, reminder by
        reminder, when its lease on it has run out.

        A ``retry`` that is further ahead than any is put was put there by a clock that was wrong: it is due at ``at``.
        """
        ...

    def finish(self, run: str, at: datetime, summary: dict[str, Any]) -> None:
        """Record the summary of a run and give the ledger free."""
        ...

    def of_appointments(self, appointments: Collection[str]) -> list[Reminder]:
        """Give every reminder of these appointments, in any state."""
        ...

    def of_ids(self, reminders: Collection[str]) -> list[Reminder]:
        """Give the reminders with these ids, in any state; in no order."""
        ...

    def at_starts(self, starts: Collection[datetime], patients: Collection[str]) -> list[Reminder]:
        """Give every reminder of these patients at these starts, in any state."""
        ...

    def claim(self, run: str, at: datetime, claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> list[bool]:
        """Claim what nobody holds, and keep the verdicts that differ from the last ones kept, in one transaction.

        For each claim: True if it is claimed now (a new row, or one that was withdrawn), False if another holds it.
        For a verdict that is new or has changed, its unmapped codes are counted.
        """
        ...

    def take(self, run: str, at: datetime, limit: int) -> list[Reminder]:
        """Take up to ``limit`` reminders for sending, under a lease, the earliest start first.

        Those in ``claimed``, and those in ``retry`` whose ``next_attempt`` has come, that nobody else has taken.
        A reminder that this run has taken before is not given again unless its state has changed since.
        """
        ...

    def renew(self, run: str) -> None:
        """Let the leases of this run that have not run out last from now; to be called well within ``lease``."""
        ...

    def held(self, run: str, reminders: Collection[str]) -> frozenset[str]:
        """Tell which of these another run has taken, and may be sending now."""
        ...

    def untouched(self, run: str) -> Iterator[Reminder]:
        """Give what this run claimed and did nothing more with, whatever others did; in no order. Memory stays flat."""
        ...

    def release(self, run: str, reminders: Collection[str]) -> None:
        """Give back what was taken but not begun: it stays as it is, for a later run."""
        ...

    def move(self, run: str, at: datetime, changes: Sequence[Change]) -> frozenset[str]:
        """Change states, each with its transition, all in one commit.

        Moving to ``sending`` counts an attempt and records the real time; it needs a lease of this run that lasts.
        Gives the ids of the reminders that another run was faster with: their change was not made, and what they are
        now is to be read anew.

        Raises:
            LedgerError: a reminder is gone, or ``EDGES`` does not hold the change and no other run had to do with it.
        """
        ...

    def in_state(self, state: State, run: str | None = None) -> Iterator[Reminder]:
        """Give reminders in a state, by start; with ``run`` only those last changed by it. Memory stays flat."""
        ...

    def to_follow_up(self, due: datetime, limit: int, again: Callable[[Reminder], datetime]) -> list[Reminder]:
        """Give up to ``limit`` accepted reminders that are to be asked about, the longest due first, and put them off.

        Those whose ``next_attempt`` is not after ``due`` (real time). Each is put off until what ``again`` says, so
        that no other run asks about it meanwhile, and that it is asked about again if nothing comes of it.
        """
        ...

    def real_time(self) -> datetime:
        """Give the real time by which leases and ``sending_since`` are kept; another machine's may be off."""
        ...

    def reserve(self, account: str, rate: float, count: int) -> timedelta:
        """Reserve ``count`` moments, 1/``rate`` seconds apart, to speak to a provider's account; give the wait.

        Every run is given other moments, so that all together keep to the rate. The first is after the wait.
        """
        ...

    def message_ids(self, since: datetime, until: datetime) -> frozenset[str]:
        """Give the provider's ids of messages whose sending began between these real times, both included."""
        ...

    def unidentified(self, account: str, since: datetime, until: datetime) -> list[Reminder]:
        """Give what an account has, or may have, under an id that nobody knows; begun between these real times.

        It is ``sending``, ``uncertain``, or was accepted without an id (as by a person's word); in no order.
        """
        ...

    def transitions(self, reminder: str) -> list[Transition]:
        """Give what happened to a reminder, oldest first."""
        ...

    def verdicts(self, appointment: str) -> list[KeptVerdict]:
        """Give the last verdict kept for each patient of an appointment."""
        ...

    def unmapped(self) -> list[Unmapped]:
        """Give the codes seen without a mapping, the most frequent first."""
        ...

    def close(self) -> None:
        """Release the ledger."""
        ...
