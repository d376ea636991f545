"""What the journal system is told of a reminder, and when it was sent and came."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Told(StrEnum):
    """What became of a reminder, in the words in which the journal system is told.

    ``accepted``: a provider has it, and is asked what becomes of it. ``delivered``, ``undelivered``: it said.
    ``unconfirmed``: a provider took it, and nobody will ever tell what became of it. ``uncertain``: it may or may not
    have been sent. ``rejected``: the provider refused it.

    The last two are told only where something else has been told before: ``waiting``, it was certainly not sent, and
    is to be tried again; ``given-up``, likewise, and is not to be tried any more.
    """

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNCONFIRMED = "unconfirmed"
    UNCERTAIN = "uncertain"
    REJECTED = "rejected"
    WAITING = "waiting"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told of one reminder. Ids, a state and instants: nothing else can be told of it.

    Attributes:
        reminder: its opaque id.
        appointment: id of the Appointment that it is about.
        patient: id of the Patient whom it went to.
        told: what became of it.
        sent: when the request to the provider began that is the last one.
        received: when it was learnt that it has come.
        dead_number: it did not come since no message will ever come to the number.
    """

    reminder: str
    appointment: str
    patient: str
    told: Told
    sent: datetime | None = None
    received: datetime | None = None
    dead_number: bool = False
