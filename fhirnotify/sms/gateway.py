"""The port to an SMS provider, and what can become of a message.

Outcomes are values. Only ``AccountFault`` is raised, since it concerns every message, and stops the run.

    Accepted   the provider has taken the message
    Rejected   it will never take this message; certain not to have been sent
    Deferred   not now; certain not to have been sent, may be tried again
    Unknown    it may or may not have been sent: never tried again on a guess
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sms:
    """One message to one number. ``reference`` is opaque and ours; ``to`` is E.164."""

    reference: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    sender: str
    validity: timedelta


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken the message. ``message_id`` and ``parts`` are None where it tells none."""

    message_id: str | None
    parts: int | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refuses this message for good; ``code`` is in the provider's words, without personal data."""

    code: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not sent now; ``retry_after`` is how long the provider asks us to wait, if it says."""

    code: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been sent. ``cause`` names what happened: ``read-timeout``, ``http-502`` and so on."""

    cause: str


Outcome = Accepted | Rejected | Deferred | Unknown


ABOUT = timedelta(hours=3)
"""How far from a moment another message may be and still be mistaken for one of that moment, whatever clock or time
zone is off: the facts of a trace reach so far before ``since`` and after ``until``."""

REACH = timedelta(days=3)
"""How far off the clock that told when a message was sent may have been. A message from our sender that is so far from
its moments is never taken for it, but keeps anybody from being sure that it is not there."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of a message that may have been sent.

    ``sms`` is None if what was sent can no longer be known (the patient's record has changed since).
    ``since`` and ``until`` bound the moment at which the provider can have taken it (real time).

    Most providers know no reference of ours, only a number and a time. So that one message is not mistaken for
    another, the caller tells what else it knows; what it leaves out makes the answer ``CannotTell``, not wrong.

    Attributes:
        alone: no other reminder to this number is in doubt (``sending``, ``uncertain``) within ``ABOUT`` of these
            moments, and none was accepted without an id; False also if another one may be to this number.
        taken: the message ids that the ledger holds for other reminders sent within ``REACH`` of these moments.
        wanted: whether the answer is still waited for; to be asked before each further request.
    """

    reference: str
    since: datetime
    until: datetime
    sms: Sms | None = field(default=None, repr=False)
    alone: bool = False
    taken: frozenset[str] = frozenset()
    wanted: Callable[[], bool] = field(default=_always, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has this message, and no other that could be mistaken for it."""

    message_id: str | None
    parts: int | None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider is sure that it never took this message."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The provider cannot be asked, or the answer could mean another message."""

    why: str


@dataclass(frozen=True, slots=True)
class NotNow:
    """The provider could not be asked just now; ``cause`` names what happened, as in ``Deferred`` and ``Unknown``."""

    cause: str

    @property
    def is_busy(self) -> bool:
        """Whether the provider itself asks to be left alone for a while."""
        return self.cause in {"http-429", "http-503"}


Finding = Found | NotFound | CannotTell | NotNow
"""What a provider says of a message that may have been sent."""


@dataclass(frozen=True, slots=True)
class Underway:
    """Nothing final is known yet: ask again later."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """It has come to the telephone."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """It will not come. ``code`` is in the provider's words, without personal data.

    ``permanent`` says that no message will ever come to this number: data to mend.
    """

    code: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class NoReport:
    """The provider will never tell what became of it; ``why`` says why."""

    why: str


Delivery = Underway | Delivered | Undelivered | NoReport | NotNow
"""What became of a message that was accepted."""


def account_of(name: str, *parts: str) -> str:
    """Make the name of an account out of what tells it from others, without showing it."""
    return f"{name}/{sha256(chr(0).join(parts).encode()).hexdigest()[:12]}"


class Gateway(Protocol):
    """One SMS provider. Methods may be called from several threads at once."""

    name: str
    account: str
    """Tells one account or outbox from another, opaquely: what another has not taken proves nothing."""
    settle: timedelta
    """How long after a request was written the provider may still come to take it although nobody waits for
    the answer; before that, what it does not know proves nothing. Zero for one that ends with the process."""
    remembers: timedelta
    """How long after it was sent the provider can tell what became of a message; zero for one that never can."""

    def send(self, sms: Sms) -> Outcome:
        """Hand the message over, one attempt.

        Raises:
            AccountFault: the provider refuses the account; this message was certainly not sent.
        """
        ...

    def find(self, trace: Trace) -> Finding:
        """Ask whether the provider has taken this message.

        Raises:
            AccountFault: the provider refuses the account.
        """
        ...

    def status(self, message_id: str) -> Delivery:
        """Ask what became of a message that was accepted.

        Raises:
            AccountFault: the provider refuses the account.
        """
        ...

    def check(self) -> str:
        """Ask for the account without sending; give one line for a person.

        Raises:
            AccountFault: the provider refuses the account.
            SettingsError: the adapter's settings cannot work.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...
