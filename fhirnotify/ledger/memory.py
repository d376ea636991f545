"""A ledger in memory, with the behaviour of the real ones; it lasts as long as the object does."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fhirnotify.core.model import Coding
from fhirnotify.errors import LedgerError
from fhirnotify.ledger.changes import LEASE, changed, claimed, gone, in_order, real_time, revived
from fhirnotify.ledger.port import (
    ACCEPTED_STATES,
    IN_DOUBT,
    RUN_DIED,
    Change,
    Claim,
    Identity,
    KeptVerdict,
    Reminder,
    State,
    Transition,
    Unmapped,
    Verdict,
)
from fhirnotify.ledger.states import LONGEST_RETRY


class MemoryLedger:
    """Keeps everything in dictionaries. ``clock`` gives the real time, for leases and ``sending_since``."""

    shared = False

    def __init__(self, clock: Callable[[], datetime] = real_time, lease: timedelta = LEASE) -> None:
        self.lease = lease
        self._clock = clock
        self._pace: dict[str, datetime] = {}
        self._reminders: dict[str, Reminder] = {}
        self._ids: dict[Identity, str] = {}
        self._leases: dict[str, tuple[str, datetime]] = {}
        self._transitions: defaultdict[str, list[Transition]] = defaultdict(list)
        self._verdicts: dict[tuple[str, str | None], KeptVerdict] = {}
        self._unmapped = Counter[Coding]()
        self._last_seen: dict[Coding, datetime] = {}
        self._runs: dict[str, dict[str, Any] | None] = {}

    def begin(self, run: str, at: datetime) -> None:
        """Record the run; whatever ran before is dead, since only one run can hold this object."""
        if run in self._runs:
            raise LedgerError(f"The ledger already holds a run {run}.", "Give every run an id of its own.")
        self._runs[run] = None
        self._leases.clear()
        self._reminders |= {
            ahead.id: replace(ahead, next_attempt=at)
            for ahead in self.in_state(State.RETRY)
            if ahead.next_attempt is not None and ahead.next_attempt > at + LONGEST_RETRY
        }
        for left in self.in_state(State.SENDING):
            self._record(replace(left, state=State.UNCERTAIN, run=run, code=RUN_DIED), at, left.state, RUN_DIED)

    def finish(self, run: str, at: datetime, summary: dict[str, Any]) -> None:  # noqa: ARG002  # as the port has it
        """Keep the summary and end the leases of the run."""
        self._runs[run] = summary
        self._leases = {reminder: lease for reminder, lease in self._leases.items() if lease[0] != run}

    def of_appointments(self, appointments: Collection[str]) -> list[Reminder]:
        """Give every reminder of these appointments, in any state."""
        wanted = set(appointments)
        return in_order(reminder for reminder in self._reminders.values() if reminder.appointment in wanted)

    def of_ids(self, reminders: Collection[str]) -> list[Reminder]:
        """Give the reminders with these ids, in any state."""
        return [self._reminders[id_] for id_ in dict.fromkeys(reminders) if id_ in self._reminders]

    def at_starts(self, starts: Collection[datetime], patients: Collection[str]) -> list[Reminder]:
        """Give every reminder of these patients at these starts, in any state."""
        moments, wanted = set(starts), set(patients)
        return in_order(
            reminder
            for reminder in self._reminders.values()
            if reminder.patient in wanted and reminder.start in moments
        )

    def claim(self, run: str, at: datetime, claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> list[bool]:
        """Claim what nobody holds, and keep the verdicts that differ from the last ones kept."""
        answers = [self._claim(run, at, replace(claim, start=claim.start.astimezone(UTC))) for claim in claims]
        for verdict in verdicts:
            self._keep(run, at, verdict)
        return answers

    def _claim(self, run: str, at: datetime, claim: Claim) -> bool:
        held = self._reminders.get(self._ids.get(claim.identity, ""))
        if held is not None and held.state is not State.WITHDRAWN:
            return False
        reminder = claimed(claim, run) if held is None else revived(held, claim, run)
        self._ids[reminder.identity] = reminder.id
        self._record(reminder, at, None if held is None else held.state, None)
        return True

    def _keep(self, run: str, at: datetime, verdict: Verdict) -> None:
        key = verdict.appointment, verdict.patient
        kept = self._verdicts.get(key)
        if kept is not None and kept.verdict == verdict:
            return
        self._verdicts[key] = KeptVerdict(verdict, at, run)
        for coding in verdict.unmapped:
            self._unmapped[coding] += 1
            self._last_seen[coding] = at

    def take(self, run: str, at: datetime, limit: int) -> list[Reminder]:
        """Take up to ``limit`` reminders for sending, under a lease, the earliest start first."""
        now = self._clock()
        free = [r for r in self._reminders.values() if _due(r, at) and self._free(r.id, run, now)]
        taken = in_order(free)[:limit]
        self._leases |= {reminder.id: (run, now + self.lease) for reminder in taken}
        return taken

    def renew(self, run: str) -> None:
        """Let the leases of this run that have not run out last from now."""
        now = self._clock()
        self._leases |= {id_: (run, now + self.lease) for id_ in self._leases if self._holds(run, id_, now)}

    def held(self, run: str, reminders: Collection[str]) -> frozenset[str]:
        """Tell which of these another run has taken, and may be sending now."""
        now, unheld = self._clock(), (run, datetime.min.replace(tzinfo=UTC))
        leases = ((id_, *self._leases.get(id_, unheld)) for id_ in reminders)
        return frozenset(id_ for id_, holder, until in leases if holder != run and until > now)

    def untouched(self, run: str) -> Iterator[Reminder]:
        """Give what this run claimed and did nothing more with, whatever others did."""
        for id_ in sorted(self._reminders):
            if {step.to_state for step in self._transitions[id_] if step.run == run} == {State.CLAIMED}:
                yield self._reminders[id_]

    def _holds(self, run: str, reminder: str, now: datetime) -> bool:
        holder, until = self._leases.get(reminder, ("", now))
        return holder == run and until > now

    def _free(self, reminder: str, run: str, now: datetime) -> bool:
        holder, until = self._leases.get(reminder, ("", now))
        return holder != run and until <= now

    def release(self, run: str, reminders: Collection[str]) -> None:
        """Give back what was taken but not begun; this run is not given it again."""
        now = self._clock()
        self._leases |= {r: (run, now) for r in reminders if self._leases.get(r, ("", now))[0] == run}

    def move(self, run: str, at: datetime, changes: Sequence[Change]) -> frozenset[str]:
        """Change states, each with its transition; none of them if one is refused. Gives what another run has."""
        now = self._clock()
        ahead: dict[str, Reminder] = {}
        lost: set[str] = set()
        steps: list[tuple[Reminder, State, str | None]] = []
        for change in changes:
            before = ahead.get(change.reminder) or self._reminders.get(change.reminder)
            if before is None:
                raise gone(change.reminder)
            after = changed(before, change, run, now, holds=self._holds(run, before.id, now))
            if after is None:
                lost.add(before.id)
                continue
            ahead[before.id] = after
            steps.append((after, before.state, after.code if after.state is before.state else change.code))
        for after, from_state, code in steps:
            self._record(after, at, from_state, code)
            if after.state is State.SENDING:
                self._leases[after.id] = run, now + self.lease
        return frozenset(lost)

    def _record(self, after: Reminder, at: datetime, from_state: State | None, code: str | None) -> None:
        self._reminders[after.id] = after
        self._leases.pop(after.id, None)
        self._transitions[after.id].append(Transition(after.id, at, after.run, from_state, after.state, code))

    def in_state(self, state: State, run: str | None = None) -> Iterator[Reminder]:
        """Give reminders in a state, by start; with ``run`` only those last changed by it."""
        for reminder in sorted(self._reminders.values(), key=lambda r: (r.start, r.id)):
            now = self._reminders[reminder.id]
            if now.state is state and run in (None, now.run):
                yield now

    def to_follow_up(self, due: datetime, limit: int, again: Callable[[Reminder], datetime]) -> list[Reminder]:
        """Give accepted reminders that are to be asked about, the longest due first, and put each off."""
        waiting = [
            (r.next_attempt, r.id)
            for r in self._reminders.values()
            if r.state is State.ACCEPTED and r.next_attempt is not None and r.next_attempt <= due
        ]
        found = [self._reminders[id_] for _, id_ in sorted(waiting)[:limit]]
        self._reminders |= {each.id: replace(each, next_attempt=again(each)) for each in found}
        return found

    def real_time(self) -> datetime:
        """Give the real time by which leases and ``sending_since`` are kept."""
        return self._clock()

    def reserve(self, account: str, rate: float, count: int) -> timedelta:
        """Reserve ``count`` moments to speak to a provider's account, apart as ``rate`` says; give the wait."""
        now = self._clock()
        first = max(now, self._pace.get(account, now))
        self._pace[account] = first + timedelta(seconds=count / rate)
        return first - now

    def message_ids(self, since: datetime, until: datetime) -> frozenset[str]:
        """Give the provider's ids of messages whose sending began between these real times, both included."""
        sent = (r for r in self._reminders.values() if r.sending_since and since <= r.sending_since <= until)
        return frozenset(reminder.message_id for reminder in sent if reminder.message_id is not None)

    def unidentified(self, account: str, since: datetime, until: datetime) -> list[Reminder]:
        """Give what an account has, or may have, under an id that nobody knows; begun between these real times."""
        begun = (r for r in self._reminders.values() if r.sending_since and since <= r.sending_since <= until)
        return [
            r
            for r in begun
            if r.provider == account and (r.state in IN_DOUBT or (r.state in ACCEPTED_STATES and r.message_id is None))
        ]

    def transitions(self, reminder: str) -> list[Transition]:
        """Give what happened to a reminder, oldest first."""
        return list(self._transitions.get(reminder, ()))

    def verdicts(self, appointment: str) -> list[KeptVerdict]:
        """Give the last verdict kept for each patient of an appointment, by patient."""
        kept = (verdict for (of, _), verdict in self._verdicts.items() if of == appointment)
        return sorted(kept, key=lambda each: each.verdict.patient or "")

    def unmapped(self) -> list[Unmapped]:
        """Give the codes seen without a mapping, the most frequent first."""
        seen = (Unmapped(coding, count, self._last_seen[coding]) for coding, count in self._unmapped.items())
        return sorted(seen, key=lambda each: (-each.count, each.coding.system or "", each.coding.code))

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _due(reminder: Reminder, at: datetime) -> bool:
    if reminder.state is State.RETRY:
        return reminder.next_attempt is None or reminder.next_attempt <= at
    return reminder.state is State.CLAIMED
