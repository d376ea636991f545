"""How ``follow-up`` is shown to people."""

from collections import Counter
from zoneinfo import ZoneInfo

from fhirnotify.cli.output import Stdout
from fhirnotify.cli.reporting import ForPeople, told_back
from fhirnotify.ledger.port import State
from fhirnotify.ledger.states import EXPIRED_UNKNOWN, NO_REPORT
from fhirnotify.rows import Row, Summary

WHY = {
    "underway": "Nothing final is known yet; it is asked about again.",
    NO_REPORT: "The provider will never tell what became of it; nobody asks any more.",
    EXPIRED_UNKNOWN: "The time has passed in which it could be learnt; nobody asks any more.",
    "account-not-configured": "An account took it that sms.provider does not name; put it back to learn more.",
    "account-refused": "The provider refuses the account.",
    "not-asked": "Its provider is left alone for now: it asks for that, or does not answer.",
}
"""Why nothing final is known of a message. Any other word is what happened when its provider was asked."""


class AskingForPeople(ForPeople):
    """As a run is shown, with what was learnt of each message."""

    def __init__(self, out: Stdout, zone: ZoneInfo) -> None:
        super().__init__(out, zone)
        self._learnt: Counter[str | None] = Counter()

    def row(self, row: Row) -> None:
        """Count the row, and show it."""
        self._learnt[row.outcome] += 1
        super().row(row)

    def sentence(self, reason: str) -> str:
        """Say why nothing final is known of a message."""
        return WHY.get(reason, "The provider could not be asked just now.")

    def in_short(self, summary: Summary) -> str:
        """Say what it came to."""
        delivered, undelivered = self._learnt[State.DELIVERED], self._learnt[State.UNDELIVERED]
        open_ = summary.considered - delivered - undelivered
        counts = f"{delivered} delivered, {undelivered} undelivered, {open_} of which nothing final is known"
        return f"Looked at {summary.considered} messages: {counts}. {summary.seconds:.1f} s.{told_back(summary)}"
