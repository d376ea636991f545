"""The values that the ledger takes and gives. What may become of a reminder is drawn in ``states.py``.

It holds ids, versions, instants, codes and states. No name, number, text or personal identity number.
"""

from dataclasses import dataclass
from datetime import datetime

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import Coding, ContactType
from fhirnotify.ledger.states import State

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
