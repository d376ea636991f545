"""What a run tells about each appointment and about itself: the JSON contract of ``run`` and ``plan``."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import ContactType

HELD = "held"
"""The outcome of what falls due in quiet hours; it is not in the ledger."""

DecisionWord = Literal["remind", "skip", "already"]

_FIELD_OF_OUTCOME = {
    None: "pending",
    "held": "pending",
    "claimed": "pending",
    "sending": "pending",
    "retry": "pending",
    "accepted": "sent",
    "delivered": "sent",
    "undelivered": "sent",
    "uncertain": "uncertain",
    "rejected": "failed",
    "expired": "failed",
}


def instant(moment: datetime) -> str:
    """Write a moment in UTC with ``Z``, with fractions of a second only where it has some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Row:
    """One patient of one appointment, and what this run made of it. Ids, codes and states only.

    ``detail`` (element paths, codes) is for people and is not part of the JSON contract.
    """

    appointment: str
    patient: str | None
    start: datetime | None
    decision: DecisionWord
    contact_type: ContactType | None
    reason: str | None
    evidence: Evidence
    outcome: str | None
    segments: int | None
    detail: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the object of the JSON contract."""
        return {
            "appointment": self.appointment,
            "patient": self.patient,
            "start": None if self.start is None else instant(self.start),
            "decision": self.decision,
            "contact_type": self.contact_type,
            "reason": self.reason,
            "evidence": self.evidence.as_json(),
            "outcome": self.outcome,
            "segments": self.segments,
        }


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """A reminder that did not come, since no message will ever come to the patient's number; by ids alone."""

    appointment: str
    patient: str
    start: datetime
    code: str

    def as_json(self) -> dict[str, Any]:
        """Give the object of the JSON contract."""
        return {
            "appointment": self.appointment,
            "patient": self.patient,
            "start": instant(self.start),
            "code": self.code,
        }


@dataclass(frozen=True, slots=True)
class WroteBack:
    """What came of telling the journal system what became of reminders.

    Attributes:
        written: how many Communications it took.
        failed: how many it did not take, by the code of why not.
        complete: False if something is left for the next run beside those that failed.
    """

    written: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    complete: bool = True

    def as_json(self) -> dict[str, Any]:
        """Give the object of the JSON contract."""
        return {"written": self.written, "failed": dict(sorted(self.failed.items())), "complete": self.complete}


@dataclass(slots=True)
class Summary:
    """The counts of a run: considered = skipped + already + sent + pending + uncertain + failed.

    ``complete`` is False when the read was incomplete or the ledger failed. ``unsettled`` counts reminders of
    earlier runs that are still uncertain, and a person is needed for them too; they are among ``already``, save those
    whose visit was moved meanwhile: the row is that of the new time.
    ``undeliverable`` names the numbers to which, as was learnt now, no message will ever come: data to mend.
    ``failed_over`` counts what another provider than the first of ``sms.provider`` has taken; it is among ``sent``.
    ``wrote_back`` comes after everything else, and is not in what the ledger keeps; None without ``fhir.write_back``.
    """

    run: str
    now: datetime
    skipped: int = 0
    already: int = 0
    sent: int = 0
    pending: int = 0
    uncertain: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    fhir_requests: int = 0
    seconds: float = 0.0
    complete: bool = True
    unsettled: int = 0
    failed_over: int = 0
    undeliverable: list[Undeliverable] = field(default_factory=list)
    wrote_back: WroteBack | None = None

    @property
    def considered(self) -> int:
        """How many patients of appointments were considered."""
        return self.skipped + self.already + self.sent + self.pending + self.uncertain + self.failed

    def count(self, row: Row) -> None:
        """Count one row."""
        if row.decision == "skip":
            self.skipped += 1
            self.reasons[row.reason or ""] += 1
        elif row.decision == "already":
            self.already += 1
            self.unsettled += row.outcome == "uncertain"
        else:
            counted = _FIELD_OF_OUTCOME[row.outcome]
            setattr(self, counted, getattr(self, counted) + 1)

    def as_json(self) -> dict[str, Any]:
        """Give the object of the JSON contract, without its ``summary`` envelope."""
        return {
            "run": self.run,
            "now": instant(self.now),
            "considered": self.considered,
            "skipped": self.skipped,
            "already": self.already,
            "sent": self.sent,
            "pending": self.pending,
            "uncertain": self.uncertain,
            "failed": self.failed,
            "failed_over": self.failed_over,
            "reasons": dict(sorted(self.reasons.items())),
            "fhir_requests": self.fhir_requests,
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
            "undeliverable": [each.as_json() for each in self.undeliverable],
            **({} if self.wrote_back is None else {"write_back": self.wrote_back.as_json()}),
        }

    def exit_code(self, expect_appointments: int = 0) -> int:
        """Give 0, 6 (messages failed or are uncertain) or 7 (fewer appointments than expected)."""
        if self.failed or self.uncertain or self.unsettled:
            return 6
        return 7 if self.considered < expect_appointments else 0


class Reporter(Protocol):
    """Where rows and progress go while the run is at work. Rows are not kept: memory stays flat."""

    def row(self, row: Row) -> None:
        """Take one finished row. It is already counted."""
        ...

    def progress(self, stage: Literal["ask", "read", "send"], done: int) -> None:
        """Tell how many messages were asked about, appointments read, or reminders handled, so far."""
        ...
