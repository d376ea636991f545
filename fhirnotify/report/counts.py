"""The counts of a period as they are, before it is decided what may be shown of them. They never leave this package."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median

from fhirnotify.core.answer import Reason
from fhirnotify.ledger.port import State, Unmapped
from fhirnotify.ledger.statistics import Ended, Group, RunTimes, length

DELIVERY: Mapping[str, str] = {
    State.DELIVERED: "delivered",
    State.UNDELIVERED: "undelivered",
    State.ACCEPTED: "no-word",
}
"""What became of reminders that the provider took. Together they are those reminded of."""

OTHER_CAUSES: Mapping[str, str] = {
    State.UNCERTAIN: "uncertain",
    State.REJECTED: "failed",
    State.EXPIRED: "failed",
    State.CLAIMED: "waiting",
    State.SENDING: "waiting",
    State.RETRY: "waiting",
}
"""Why a visit that was to be reminded of was not, or may not have been."""

CAUSES = (*(reason.value for reason in Reason), *dict.fromkeys(OTHER_CAUSES.values()))
"""Every cause of a visit without a reminder, in a fixed order."""

NOT_COMPARED = frozenset(
    {
        *(Reason.DUPLICATE_BOOKING, "uncertain", "waiting"),
        *(Reason.NOT_BOOKED, Reason.NOT_ATTENDING, Reason.PATIENT_DECEASED),
    }
)
"""Causes of visits that are in neither group where missed visits are compared: the first three since the patient was
reminded of the same time by another booking, or may have been; the others since nobody was to come."""

LEAD_BOUNDS = (6, 12, 24, 36, 46)
"""Hours before the visit between which the lead times are counted."""

Causes = Counter[str]


@dataclass(slots=True)
class Tally:
    """How many visits ended in which way, of some unit, contact type, or all."""

    delivery: Counter[str] = field(default_factory=Counter)
    causes: Causes = field(default_factory=Counter)

    def add(self, result: str, count: int) -> None:
        """Count visits that ended in a state, or for a reason."""
        if result in DELIVERY:
            self.delivery[DELIVERY[result]] += count
        else:
            self.causes[OTHER_CAUSES.get(result, result)] += count

    @property
    def reminded(self) -> int:
        """How many were reminded of."""
        return self.delivery.total()

    @property
    def unreminded(self) -> int:
        """How many were not."""
        return self.causes.total()


@dataclass(frozen=True, slots=True)
class Runs:
    """How often the program ran, and how steadily. No patient is counted here."""

    count: int = 0
    unfinished: int = 0
    median_length: timedelta | None = None
    longest_length: timedelta | None = None
    longest_gap: timedelta | None = None
    longest_gap_from: datetime | None = None


MISSED, ATTENDED, OTHER, UNKNOWN, APART = "missed", "attended", "other", "unknown", "apart"
ENDS = (MISSED, ATTENDED, OTHER, UNKNOWN, APART)
"""What became of a visit: missed, attended, neither (cancelled or moved), or not known; apart if it is not compared."""

Ends = Counter[str]


@dataclass(slots=True)
class Counts:
    """All the counts of a period. The key None is what has no unit, or no known contact type.

    ``ends`` tells what became of the visits that are not asked about again, by contact type and cause; None is the
    cause of those reminded of.
    """

    total: Tally = field(default_factory=Tally)
    units: defaultdict[str | None, Tally] = field(default_factory=lambda: defaultdict(Tally))
    types: defaultdict[str | None, Tally] = field(default_factory=lambda: defaultdict(Tally))
    days: dict[date, tuple[int, int]] = field(default_factory=dict)
    leads: tuple[int, ...] = ()
    runs: Runs = Runs()
    unmapped: tuple[Unmapped, ...] = ()
    ends: defaultdict[tuple[str | None, str | None], Ends] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, groups: Iterable[Group]) -> None:
        """Count groups of visits."""
        for group in groups:
            for tally in (self.total, self.units[group.unit], self.types[group.contact_type]):
                tally.add(group.result, group.count)

    def add_ends(self, groups: Iterable[Ended]) -> None:
        """Count what became of groups of visits."""
        for each in groups:
            cause = None if each.result in DELIVERY else OTHER_CAUSES.get(each.result, each.result)
            if cause in NOT_COMPARED:
                self.ends[each.contact_type, cause][APART] += each.count
                continue
            ends = self.ends[each.contact_type, cause]
            ends.update({MISSED: each.missed, ATTENDED: each.attended, OTHER: each.other})
            ends[UNKNOWN] += each.count - each.missed - each.attended - each.other


def steadiness(runs: Iterable[RunTimes]) -> Runs:
    """Tell how often runs began, how long they took, and the longest time between two beginnings."""
    lengths: list[float] = []
    count, gap, gap_from, last = 0, None, None, None
    for run in runs:
        count += 1
        took = length(run)
        lengths += [] if took is None else [took.total_seconds()]
        if last is not None and (gap is None or run.begun - last > gap):
            gap, gap_from = run.begun - last, last
        last = run.begun
    middle = timedelta(seconds=round(median(lengths), 1)) if lengths else None
    longest = timedelta(seconds=round(max(lengths), 1)) if lengths else None
    return Runs(count, count - len(lengths), middle, longest, gap, gap_from)
