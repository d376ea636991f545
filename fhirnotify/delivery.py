"""When a message that was taken is asked about, and what is made of the answer. Pure rules.

When a message is asked about

    at first by the next run, then again when it has been underway for twice as long, after 5 minutes at least and
    2 hours at most, and once more when its time has passed: ``sms.validity``, or what the provider remembers, if that
    is less. What is due longest is asked about first, so that each has its turn.

How the asking ends

    delivered        the provider says so
    undelivered      likewise; with the code ``dead-number …`` where no message will ever come to the number
    no-report        the provider can never tell: it reports to a callback alone, has given the message no id, does
                     not know the message (believed an hour after it was sent, since some learn of it late), or says
                     that nobody knows
    expired-unknown  the time has passed, and the provider had nothing to say; or, a day later, nobody could ask it,
                     because it did not answer or its account is not configured any more

The last two leave the reminder ``accepted``. Nothing is ever sent because of what is learnt.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from fhirnotify.errors import AccountFault
from fhirnotify.ledger.port import Change, Reminder, State
from fhirnotify.ledger.states import DEAD_NUMBER, EXPIRED_UNKNOWN, NO_REPORT
from fhirnotify.sms.gateway import Delivered, Gateway, NoReport, NotNow, Undelivered, Underway
from fhirnotify.sms.inquiries import Learnt

SOON, SELDOM = timedelta(minutes=5), timedelta(hours=2)
"""How long after it was asked about a message is asked about again: at least, and at most."""

LATE_TO_LEARN = timedelta(hours=1)
"""Until when after it was sent a message that the provider does not know may still be one that it has not filed."""

GRACE = timedelta(days=1)
"""How long after its time has passed a message waits for a provider that cannot be asked."""


@dataclass(frozen=True, slots=True)
class Step:
    """What comes of a message being looked at: the change, if any, and what was learnt in a word or two."""

    reminder: Reminder
    change: Change | None
    learnt: str

    @property
    def after(self) -> Reminder:
        """The reminder as it is when the change is made."""
        if self.change is None:
            return self.reminder
        return replace(self.reminder, state=self.change.to, code=self.change.code or self.reminder.code)


def again(reminder: Reminder, gateway: Gateway | None, validity: timedelta, now: datetime) -> datetime:
    """Say when it is asked about next, if nothing comes of this time (real time)."""
    then = now + min(max(now - sent(reminder), SOON), SELDOM)
    last = last_asked(reminder, gateway, validity)
    return last if now < last < then else then


def last_asked(reminder: Reminder, gateway: Gateway | None, validity: timedelta) -> datetime:
    """Say when its time has passed (real time)."""
    return sent(reminder) + (min(validity, gateway.remembers) if gateway else validity)


def unasked(reminder: Reminder, gateway: Gateway | None, validity: timedelta, now: datetime) -> Step | None:
    """Settle what there is nobody to ask about; None for what can be asked about."""
    if reminder.message_id is None or (gateway and not gateway.remembers):
        return Step(reminder, _end(reminder, NO_REPORT), NO_REPORT)
    if gateway is None:
        return not_asked(reminder, gateway, validity, now, "account-not-configured")
    return None


def not_asked(reminder: Reminder, gateway: Gateway | None, validity: timedelta, now: datetime, why: str) -> Step:
    """Leave what could not be asked about as it is, unless its time has passed long ago."""
    is_over = now >= last_asked(reminder, gateway, validity) + GRACE
    return Step(reminder, _end(reminder, EXPIRED_UNKNOWN) if is_over else None, why)


def answered(reminder: Reminder, gateway: Gateway, validity: timedelta, now: datetime, learnt: Learnt) -> Step:
    """Make of an answer what is to be recorded."""
    match learnt:
        case Delivered():
            return Step(reminder, Change(reminder.id, State.DELIVERED, attempt=reminder.attempts), "")
        case Undelivered():
            code = f"{DEAD_NUMBER} {learnt.code}" if learnt.permanent else learnt.code
            change = Change(reminder.id, State.UNDELIVERED, code=code, attempt=reminder.attempts)
            return Step(reminder, change, code)
        case NoReport() if now >= sent(reminder) + LATE_TO_LEARN:
            return Step(reminder, _end(reminder, NO_REPORT), NO_REPORT)
        case NoReport() | Underway():
            if now >= last_asked(reminder, gateway, validity):
                return Step(reminder, _end(reminder, EXPIRED_UNKNOWN), EXPIRED_UNKNOWN)
            return Step(reminder, None, "underway")
        case NotNow():
            return not_asked(reminder, gateway, validity, now, learnt.cause)
        case AccountFault():
            return not_asked(reminder, gateway, validity, now, "account-refused")
    assert_never(learnt)


def sent(reminder: Reminder) -> datetime:
    """Give the real time at which what was sent last was sent."""
    assert reminder.sending_since is not None  # what was never sent is never accepted
    return reminder.sending_since


def _end(reminder: Reminder, code: str) -> Change:
    return Change(reminder.id, State.ACCEPTED, code=code, attempt=reminder.attempts)
