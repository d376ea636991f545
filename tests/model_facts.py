"""What is true in a small region, as the model sees it: who is who, who is alive, who has said yes or no, what is booked.

It knows nothing of how the program decides: for the model-based test alone.
"""

from dataclasses import dataclass
from datetime import datetime

RECORDS = tuple(f"p{number}" for number in range(9))
VISITS = tuple(f"v{number}" for number in range(10))


@dataclass(frozen=True)
class Human:
    """One patient record. ``consent`` is yes, no, or None where there is nothing."""

    alive: bool = True
    merged_into: str | None = None
    consent: str | None = "permit"


@dataclass(frozen=True)
class Visit:
    record: str
    start: datetime
    booked: bool = True


@dataclass(frozen=True)
class Facts:
    """What is true at a moment."""

    people: dict[str, Human]
    visits: dict[str, Visit]

    def way(self, record: str) -> list[str]:
        """Give the records from this one to the one that stands for the person today."""
        way = [record]
        while (after := self.people[way[-1]].merged_into) is not None:
            way.append(after)
        return way

    def who(self, record: str) -> str:
        """Name the person whose record this is."""
        return self.way(record)[-1]

    def willing(self, who: str) -> bool:
        """Tell whether a person has said yes, and nowhere no."""
        said = {human.consent for record, human in self.people.items() if self.who(record) == who}
        return "permit" in said and "deny" not in said

    def wanted(self, visit: Visit) -> bool:
        """Tell whether this visit is one to remind of, whenever that is due."""
        way = self.way(visit.record)
        return visit.booked and all(self.people[record].alive for record in way) and self.willing(way[-1])

    def may_get(self, who: str, start: datetime) -> bool:
        """Tell whether a person may be reminded of this time."""
        return any(
            self.wanted(visit) and self.who(visit.record) == who and visit.start == start
            for visit in self.visits.values()
        )


@dataclass(frozen=True)
class Message:
    """What a provider has got to do with: to whom, and for what time."""

    record: str
    start: datetime
    reference: str
