"""Reminders that earlier runs left: claimed and not sent, to be tried again, or uncertain.

Each has one row in the end, whichever part of the pass comes to settle it, and an appointment that was moved has the
row of its new time only.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from fhirnotify.ledger.port import Reminder, State


class LeftOvers:
    """What is left over as a pass begins at ``now``, and what has been told of it.

    Whether a retry is due is judged by this one moment throughout the pass.
    """

    def __init__(self, reminders: Iterable[Reminder], now: datetime) -> None:
        self._now = now
        self._appointments = {reminder.appointment for reminder in reminders}
        self._seen: dict[tuple[str, str], datetime] = {}
        self._waiting: dict[str, Reminder] = {}
        self._silent: set[str] = set()

    def is_due(self, reminder: Reminder) -> bool:
        """Tell whether a pass takes this reminder further."""
        if reminder.state is State.RETRY:
            return reminder.next_attempt is None or reminder.next_attempt <= self._now
        return reminder.state is State.CLAIMED

    def see(self, appointment: str, patients: Collection[str], start: datetime | None) -> None:
        """Note at which start the scan came upon an appointment of these patients (records of one person)."""
        if appointment in self._appointments and start is not None:
            self._seen.update(((appointment, patient), start) for patient in patients)

    def wait(self, reminder: Reminder) -> None:
        """Leave the row of a reminder until it has been taken further."""
        self._waiting[reminder.id] = reminder
        self.see(reminder.appointment, (reminder.patient,), reminder.start)

    def hush(self, reminder: Reminder) -> None:
        """Note that another reminder has the row of this one's patient and visit: their records were merged."""
        self._silent.add(reminder.id)
        self.see(reminder.appointment, (reminder.patient,), reminder.start)

    def settle(self, reminder: Reminder) -> bool:
        """Note that a reminder has been taken further; tell whether it has a row: not if moved away, or hushed."""
        self._waiting.pop(reminder.id, None)
        seen_at = self._seen.get((reminder.appointment, reminder.patient), reminder.start)
        self.see(reminder.appointment, (reminder.patient,), seen_at)
        return seen_at == reminder.start and reminder.id not in self._silent

    def postpone(self, reminder: Reminder) -> None:
        """Leave the row of a reminder, if it has one, until it has been taken further once more."""
        if self.settle(reminder):
            self._waiting[reminder.id] = reminder

    def is_unseen(self, reminder: Reminder) -> bool:
        """Tell whether it was left over and the scan did not come upon its appointment and patient at all."""
        known = reminder.appointment in self._appointments
        return known and (reminder.appointment, reminder.patient) not in self._seen

    def untold(self) -> list[Reminder]:
        """Give those whose row is still waited for."""
        return list(self._waiting.values())
