"""A small region over time: what becomes true and when, what its clock says, and who may have got which message.

It judges each message at the moment at which a provider takes it, for the model-based test.
"""

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from facts import booking, person, statement
from journal import Journal
from model_facts import RECORDS, Facts, Human, Message, Visit

from fhirnotify.core.model import Attendance, Link, PatientRef, Telecom

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LOCAL = ZoneInfo("Europe/Stockholm")
MORNING, EVENING = time(7), time(21)
FRESH = 5 * MINUTE
LATE_AFTER = timedelta(seconds=60)
"""How long after its request a provider may still take a message although nobody waits for the answer any more."""
SETTLED = timedelta(seconds=75)


@dataclass
class World:
    """The region: its true time, its clock (which may be wrong), its facts, its providers, and what has gone wrong."""

    clock: datetime
    journal: Journal = field(default_factory=Journal)
    facts: Facts = field(default_factory=lambda: Facts({record: Human() for record in RECORDS}, {}))
    script: dict[str, Any] = field(default_factory=dict)
    """How the next request about a record's number is answered; the ones after that are accepted."""
    mute: bool = False
    """Whether providers cannot be asked what they have taken."""
    taken: list[Message] = field(default_factory=list)
    refused: set[tuple[str, datetime]] = field(default_factory=set)
    doubts: dict[tuple[str, datetime], int] = field(default_factory=dict)
    """When something was last in doubt: how often the clock had been set by then."""
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.elapsed = timedelta(0)
        self.steps = 0
        self.latest_seen = self.clock
        self.run_began = self.elapsed
        self.clean = True
        self._past: list[tuple[timedelta, Facts]] = [(self.elapsed, self.facts)]
        self._late: list[tuple[timedelta, str, Message]] = []
        for record in RECORDS:
            self._write_person(record)
            self._write_consent(record)

    # Time: what passes, and what the clock is set to.

    def now(self) -> datetime:
        self.latest_seen = max(self.latest_seen, self.clock)
        return self.clock

    def real(self) -> datetime:
        return self.now().astimezone(UTC)

    def wait(self, length: timedelta) -> None:
        """Let time pass."""
        self.elapsed += length
        self.clock += length
        self._take_late()

    def set_clock(self, by: timedelta) -> None:
        """Set the clock otherwise, when nothing is on its way to a provider any more."""
        self.clean = False
        self.wait(SETTLED)
        self.clock += by
        self.steps += 1

    def begin_run(self) -> None:
        """From now on a run may read what is true."""
        self.run_began, self.clean = self.elapsed, True
        self._past = [(self.elapsed, self.facts)]

    # Facts: each change is written to the journal system, and remembered with its moment.

    def book(self, visit: str, record: str, start: datetime) -> None:
        self._visit(visit, Visit(record, start))

    def move(self, visit: str, start: datetime) -> None:
        if visit in self.facts.visits:
            self._visit(visit, replace(self.facts.visits[visit], start=start))

    def cancel(self, visit: str) -> None:
        if visit in self.facts.visits:
            self._visit(visit, replace(self.facts.visits[visit], booked=False))

    def consent(self, record: str, said: str | None) -> None:
        self._human(record, consent=said)
        self._write_consent(record)

    def die_or_not(self, record: str) -> None:
        """Write that somebody has died, or that it was written by mistake."""
        self._human(record, alive=not self.facts.people[record].alive)
        self._write_person(record)

    def merge(self, old: str, new: str) -> None:
        """Find out that two records are one person's."""
        old, new = self.facts.who(old), self.facts.who(new)
        if old != new:
            self._human(old, merged_into=new)
            self._write_person(old)
            self._write_person(new)

    def _visit(self, visit: str, what: Visit) -> None:
        self._now_true(replace(self.facts, visits=self.facts.visits | {visit: what}))
        attendances = (Attendance(PatientRef(what.record)),)
        status = "booked" if what.booked else "cancelled"
        self.journal.put(booking(visit, attendances=attendances, start=what.start, status=status))

    def _human(self, record: str, **changed: Any) -> None:
        human = replace(self.facts.people[record], **changed)
        self._now_true(replace(self.facts, people=self.facts.people | {record: human}))

    def _now_true(self, facts: Facts) -> None:
        self.clean = False
        self.facts = facts
        self._past.append((self.elapsed, facts))

    def _write_person(self, record: str) -> None:
        human = self.facts.people[record]
        older = [other for other, one in self.facts.people.items() if one.merged_into == record]
        links = [Link("replaces", PatientRef(other)) for other in older]
        if human.merged_into is not None:
            links.append(Link("replaced-by", PatientRef(human.merged_into)))
        self.journal.put(
            person(
                record,
                active=human.merged_into is None,
                deceased=not human.alive,
                links=tuple(links),
                telecoms=(Telecom("phone", number_of(record), "mobile"),),
            )
        )

    def _write_consent(self, record: str) -> None:
        said = self.facts.people[record].consent
        if said is None:
            self.journal.statements.pop(f"c-{record}", None)
        else:
            self.journal.put(statement(f"c-{record}", patient=record, decision=said))

    # Judging.

    def take(self, message: Message, *, late: bool = False) -> None:
        """A provider takes a message: hold it against all that was true while this run could have read it."""
        who = self.facts.who(message.record)
        if not late:
            since = max(self.run_began, self.elapsed - FRESH)
            before = [facts for moment, facts in self._past if moment < since]
            if self.clean and not MORNING <= self.clock.astimezone(LOCAL).time() < EVENING:
                self.wrong.append(f"{message}: was sent at night")
            known = before[-1:] + [facts for moment, facts in self._past if moment >= since]
            if not any(facts.may_get(message.record, message.start) for facts in known):
                self.wrong.append(f"{message}: nobody may have got this when it was sent")
            who = known[0].who(message.record)
            again = [
                other for other in self.taken if other.start == message.start and known[0].who(other.record) == who
            ]
        else:
            again = [other for other in self.taken if (other.record, other.start) == (message.record, message.start)]
        if again:
            self.wrong.append(f"{message}: has got one already: {again}")
        self.taken.append(message)

    def has_got(self, who: str, start: datetime) -> bool:
        """Tell whether this person has been reminded of this time."""
        return any(self.facts.who(each.record) == who and each.start == start for each in self.taken)

    def excused(self, who: str, start: datetime) -> bool:
        """Tell whether it is right that this person has got none, though it was due: it must be told, of course."""
        of_them = [record for record in RECORDS if self.facts.who(record) == who]
        if any((record, start) in self.refused for record in of_them):
            return True
        doubts = [self.doubts[record, start] for record in of_them if (record, start) in self.doubts]
        if any(steps != self.steps for steps in doubts):
            return True  # by a clock that is wrong nobody can tell when a message can have been taken
        return self.latest_seen > start - 4 * HOUR  # it was too late, by what the clock said then

    # Providers.

    def doubt(self, message: Message) -> None:
        self.doubts[message.record, message.start] = self.steps

    def take_later(self, account: str, message: Message) -> None:
        self._late.append((self.elapsed + LATE_AFTER, account, message))

    def _take_late(self) -> None:
        due = [late for late in self._late if late[0] <= self.elapsed]
        self._late = [late for late in self._late if late[0] > self.elapsed]
        for _, account, message in due:
            self.take(message, late=True)
            self.known.setdefault(account, set()).add(message.reference)

    known: dict[str, set[str]] = field(default_factory=dict)
    """The references that each account has taken."""


def number_of(record: str) -> str:
    """Give the telephone number that is a record's own."""
    return f"070-174 06 {10 + RECORDS.index(record)}"
