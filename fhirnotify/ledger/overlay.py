"""A ledger that reads from one and writes to another: for ``plan``, and for what falls due in quiet hours."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from heapq import merge
from typing import Any

from fhirnotify.ledger.changes import in_order
from fhirnotify.ledger.port import (
    Change,
    Claim,
    KeptVerdict,
    Ledger,
    Reminder,
    State,
    Transition,
    Unmapped,
    Verdict,
)


class Overlay:
    """Reads see ``base`` and ``scratch`` as one; every change goes to ``scratch``; ``base`` is only read.

    So nothing can be taken for sending, released or moved but what was claimed here.
    ``close`` closes ``scratch`` alone: ``base`` (None: there is no ledger yet) stays its owner's.
    """

    shared = False

    def __init__(self, base: Ledger | None, scratch: Ledger) -> None:
        self.lease = scratch.lease
        self._base = base
        self._scratch = scratch

    def begin(self, run: str, at: datetime) -> None:
        """Begin the run in ``scratch``."""
        self._scratch.begin(run, at)

    def finish(self, run: str, at: datetime, summary: dict[str, Any]) -> None:
        """Finish the run in ``scratch``."""
        self._scratch.finish(run, at, summary)

    def of_appointments(self, appointments: Collection[str]) -> list[Reminder]:
        """Give the reminders of these appointments; one that was withdrawn and claimed anew, as it is here."""
        return self._both(lambda ledger: ledger.of_appointments(appointments))

    def of_ids(self, reminders: Collection[str]) -> list[Reminder]:
        """Give the reminders with these ids, of both."""
        return self._both(lambda ledger: ledger.of_ids(reminders))

    def at_starts(self, starts: Collection[datetime], patients: Collection[str]) -> list[Reminder]:
        """Give the reminders of these patients at these starts."""
        return self._both(lambda ledger: ledger.at_starts(starts, patients))

    def _both(self, read: Callable[[Ledger], list[Reminder]]) -> list[Reminder]:
        over = read(self._scratch)
        if self._base is None:
            return over
        shadowed = {reminder.identity for reminder in over}
        under = [reminder for reminder in read(self._base) if reminder.identity not in shadowed]
        return in_order(under + over)

    def claim(self, run: str, at: datetime, claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> list[bool]:
        """Claim in ``scratch`` what nobody holds in either; keep in ``scratch`` the verdicts new to both."""
        held = self._held({claim.appointment for claim in claims})
        free = [claim for claim in claims if claim.identity not in held]
        fresh = [verdict for verdict in verdicts if not self._keeps(verdict)]
        answers = iter(self._scratch.claim(run, at, free, fresh))
        return [claim.identity not in held and next(answers) for claim in claims]

    def _held(self, appointments: Collection[str]) -> set[tuple[str, str, datetime, str]]:
        found = [] if self._base is None else self._base.of_appointments(appointments)
        return {reminder.identity for reminder in found if reminder.state is not State.WITHDRAWN}

    def _keeps(self, verdict: Verdict) -> bool:
        # Only for those whose codes would be counted twice: this asks the base once an appointment.
        if self._base is None or not verdict.unmapped:
            return False
        return any(kept.verdict == verdict for kept in self._base.verdicts(verdict.appointment))

    def take(self, run: str, at: datetime, limit: int) -> list[Reminder]:
        """Take from what was claimed here."""
        return self._scratch.take(run, at, limit)

    def release(self, run: str, reminders: Collection[str]) -> None:
        """Give back what was taken here."""
        self._scratch.release(run, reminders)

    def renew(self, run: str) -> None:
        """Renew the leases in ``scratch``."""
        self._scratch.renew(run)

    def held(self, run: str, reminders: Collection[str]) -> frozenset[str]:
        """Tell which of these another run has taken, in either."""
        under = frozenset[str]() if self._base is None else self._base.held(run, reminders)
        return under | self._scratch.held(run, reminders)

    def untouched(self, run: str) -> Iterator[Reminder]:
        """Give what this run claimed here and did nothing more with."""
        return self._scratch.untouched(run)

    def move(self, run: str, at: datetime, changes: Sequence[Change]) -> frozenset[str]:
        """Change what was claimed here; a reminder of ``base`` is refused as unknown."""
        return self._scratch.move(run, at, changes)

    def in_state(self, state: State, run: str | None = None) -> Iterator[Reminder]:
        """Give reminders in a state, by start, of both."""
        over = self._scratch.in_state(state, run)
        under = iter(()) if self._base is None else self._base.in_state(state, run)
        if state is State.WITHDRAWN:  # the one state that can be claimed over
            under = (reminder for reminder in under if not self._claimed_over(reminder))
        return merge(under, over, key=lambda each: each.start)

    def _claimed_over(self, reminder: Reminder) -> bool:
        return any(each.identity == reminder.identity for each in self._scratch.of_appointments([reminder.appointment]))

    def to_follow_up(self, due: datetime, limit: int, again: Callable[[Reminder], datetime]) -> list[Reminder]:
        """Give what was accepted here."""
        return self._scratch.to_follow_up(due, limit, again)

    def real_time(self) -> datetime:
        """Give the real time of the ledger that is read."""
        return (self._base or self._scratch).real_time()

    def reserve(self, account: str, rate: float, count: int) -> timedelta:
        """Reserve moments in ``scratch``."""
        return self._scratch.reserve(account, rate, count)

    def message_ids(self, since: datetime, until: datetime) -> frozenset[str]:
        """Give the provider's ids of messages whose sending began between these real times, in both."""
        under = frozenset[str]() if self._base is None else self._base.message_ids(since, until)
        return under | self._scratch.message_ids(since, until)

    def unidentified(self, account: str, since: datetime, until: datetime) -> list[Reminder]:
        """Give what an account has, or may have, under an id that nobody knows, of both."""
        under = [] if self._base is None else self._base.unidentified(account, since, until)
        return under + self._scratch.unidentified(account, since, until)

    def transitions(self, reminder: str) -> list[Transition]:
        """Give what happened to a reminder of either."""
        over = self._scratch.transitions(reminder)
        return over if over or self._base is None else self._base.transitions(reminder)

    def verdicts(self, appointment: str) -> list[KeptVerdict]:
        """Give the last verdict for each patient of an appointment, the newer one of this object first."""
        under = [] if self._base is None else self._base.verdicts(appointment)
        latest = {kept.verdict.patient: kept for kept in [*under, *self._scratch.verdicts(appointment)]}
        return sorted(latest.values(), key=lambda kept: kept.verdict.patient or "")

    def unmapped(self) -> list[Unmapped]:
        """Give the codes seen without a mapping, with the counts of both."""
        counted = {each.coding: each for each in ([] if self._base is None else self._base.unmapped())}
        for each in self._scratch.unmapped():
            under = counted.get(each.coding)
            counted[each.coding] = Unmapped(each.coding, each.count + (under.count if under else 0), each.last_seen)
        return sorted(counted.values(), key=lambda each: (-each.count, each.coding.system or "", each.coding.code))

    def close(self) -> None:
        """Close ``scratch``."""
        self._scratch.close()
