"""The port to the ledger, and its values. What may become of a reminder is drawn in ``states.py``.

The ledger holds ids, versions, instants, codes and states. No name, number, text or personal identity number.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import Coding, ContactType
from fhirnotify.ledger.states import ACCEPTED_STATES, EDGES, IN_DOUBT, LATE_EDGES, RUN_DIED, SENT_TWICE, State

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

KIND_48H = "reminder"
"""The one kind of message there is; part of a reminder's identity."""

Identity = tuple[str, str, datetime, str]
"""What makes a reminder one and the same: appointment, patient, start, kind."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """One row: the reminder of one patient of one booked time.

    Identity is (appointment, patient, start, kind); ``id`` is opaque, random, and the reference given to providers.

    Attributes:
        start: the booked time, UTC.
        run: id of the run that last changed its state (or claimed it).
        attempts: how often a request for it was begun.
        sending_since: real time at which it last went to ``sending``; None before.
        next_attempt: for ``retry``, not to be sent before this moment (the run's clock); for ``accepted``, not to be
            asked about before this moment (real time), None when there is nothing to ask any more.
        provider: the account it was last handed to, as ``Gateway.account`` names it.
        code: the provider's code, or the cause, of the last change.
        unit: the reference to where the visit was booked when it was claimed.
    """

    id: str
    appointment: str
    patient: str
    start: datetime
    kind: str
    state: State
    contact_type: ContactType
    evidence: Evidence
    segments: int
    run: str
    provider: str | None = None
    message_id: str | None = None
    attempts: int = 0
    sending_since: datetime | None = None
    next_attempt: datetime | None = None
    code: str | None = None
    unit: str | None = None

    @property
    def identity(self) -> Identity:
        """What makes it one and the same."""
        return self.appointment, self.patient, self.start, self.kind

    @property
    def stands(self) -> bool:
        """Whether it keeps another from being made: a withdrawn one does not, since nothing was sent."""
        return self.state is not State.WITHDRAWN


@dataclass(frozen=True, slots=True)
class Claim:
    """A reminder to be claimed."""

    appointment: str
    patient: str
    start: datetime
    contact_type: ContactType
    evidence: Evidence
    segments: int
    kind: str = KIND_48H
    unit: str | None = None

    @property
    def identity(self) -> Identity:
        """What makes the reminder one and the same."""
        return self.appointment, self.patient, self.start, self.kind


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision for one patient (None: no patient could be named) of one appointment, kept when it changes.

    ``reason`` is None for a reminder. ``detail`` holds element paths or codes.
    """

    appointment: str
    patient: str | None
    start: datetime | None
    reason: str | None
    contact_type: ContactType | None
    evidence: Evidence
    detail: tuple[str, ...] = ()
    unmapped: tuple[Coding, ...] = ()
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """A verdict as the ledger holds it, with when it was reached and by which run."""

    verdict: Verdict
    decided: datetime
    run: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state. Fields that are None leave what the row holds (``next_attempt`` is set on every change).

    What becomes ``accepted`` may be asked about at once. From ``accepted`` to ``accepted``, with a code of ``ENDS``, is
    the end of the asking.

    ``evidence``, ``contact_type`` and ``segments`` are what the re-check found, given with ``sending``. ``attempt``
    says which attempt the change is about (``Reminder.attempts``, once it was begun): what became of one says nothing
    about another that has been begun since. None: about the reminder as it stands.
    """

    reminder: str
    to: State
    code: str | None = None
    provider: str | None = None
    message_id: str | None = None
    next_attempt: datetime | None = None
    evidence: Evidence | None = None
    contact_type: ContactType | None = None
    segments: int | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state as it was recorded."""

    reminder: str
    at: datetime
    run: str
    from_state: State | None
    to_state: State
    code: str | None


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A code seen on an appointment whose contact type could not be told."""

    coding: Coding
    count: int
    last_seen: datetime


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
