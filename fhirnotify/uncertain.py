"""What is uncertain, and what a person has found out about it.

The program never sends again on a guess. A person who has looked at the provider's own record may say what that shows:
sent, and the reminder is ``accepted``; not sent, and it may be tried again, or is ``expired`` if it is too late. Either
is recorded with who said so. Nothing is sent twice by that but by a person's wrong word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from fhirnotify.errors import SettingsError
from fhirnotify.ledger.port import Change, Ledger, Reminder, State, Transition
from fhirnotify.ledger.states import SETTLED_NOT_SENT, SETTLED_SENT, word
from fhirnotify.sms.courier import PATIENCE

_SEE = 'See "fhirnotify uncertain" for what is uncertain, and "fhirnotify explain" for what happened.'


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that doubts are told and settled by: ``sms.timeout`` and ``reminder.latest``."""

    timeout: timedelta
    latest: timedelta


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reminder that may or may not have been sent.

    Attributes:
        since: when it became uncertain (the run's clock).
        first, last: the real times between which the provider can have taken it.
        too_late: from when on it is not sent any more, whatever is found out.
    """

    reminder: Reminder
    since: datetime
    first: datetime
    last: datetime
    too_late: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """What a person found out, as the ledger has it; ``is_new`` says whether it has it only now."""

    reminder: Reminder
    by: str
    at: datetime
    is_new: bool


def doubts(ledger: Ledger, limits: Limits) -> Iterator[Doubt]:
    """Give everything that is uncertain, by the start of the visit."""
    for reminder in ledger.in_state(State.UNCERTAIN):
        yield doubt(reminder, ledger.transitions(reminder.id), limits)


def doubt(reminder: Reminder, steps: list[Transition], limits: Limits) -> Doubt:
    """Say what is known of one that is uncertain."""
    assert reminder.sending_since is not None  # what was never begun is not uncertain
    since = next(step.at for step in reversed(steps) if step.to_state is State.UNCERTAIN)
    last = reminder.sending_since + PATIENCE + limits.timeout
    return Doubt(reminder, since, reminder.sending_since, last, reminder.start - limits.latest)


def settle(ledger: Ledger, reminder: str, by: str, at: datetime, limits: Limits, *, sent: bool) -> Settled:
    """Record what a person found out. What was settled in the same way before stays as it is.

    That it was not sent can be taken back until it is begun anew; that it was sent cannot: nobody is reminded twice
    by that.

    Beside a run, too: whatever the run learns of the same attempt meanwhile follows the rules of several machines.

    Raises:
        SettingsError: there is no such reminder, it is not uncertain, or its request may still be on its way.
        LedgerError: the ledger cannot be used.
    """
    known = next(iter(ledger.of_ids([reminder])), None)
    if known is None:
        raise SettingsError("The ledger holds no reminder with this id.", _SEE)
    if before := _settled_before(ledger, known, sent=sent):
        return before
    taken_back = sent and _settled_before(ledger, known, sent=False)
    if known.state is not State.UNCERTAIN and not (taken_back and known.state in (State.RETRY, State.EXPIRED)):
        raise SettingsError(f"This reminder is {known.state}, not uncertain: there is nothing to settle.", _SEE)
    _see_that_it_has_arrived(ledger, known, limits, sent=sent)
    changes = _changes(known, by, at, limits, sent=sent)
    if ledger.move(uuid4().hex, at, changes):
        raise SettingsError("A run has settled this reminder in the same moment.", _SEE)
    (after,) = ledger.of_ids([reminder])
    return Settled(after, by, at, is_new=True)


def _settled_before(ledger: Ledger, reminder: Reminder, *, sent: bool) -> Settled | None:
    """Give what a person found out last of the last attempt, if it is the same."""
    for step in reversed(ledger.transitions(reminder.id)):
        if step.to_state in (State.SENDING, State.UNCERTAIN):
            return None
        if word(step.code) == _word(sent=not sent):
            return None
        if word(step.code) == _word(sent=sent):
            return Settled(reminder, (step.code or "").partition(" ")[2], step.at, is_new=False)
    return None


def _see_that_it_has_arrived(ledger: Ledger, reminder: Reminder, limits: Limits, *, sent: bool) -> None:
    """Refuse to believe that it was not sent, as long as the provider may still come to take it."""
    assert reminder.sending_since is not None  # it is uncertain
    arrived = reminder.sending_since + PATIENCE + 2 * limits.timeout
    left = arrived - ledger.real_time()
    if not sent and left > timedelta(0):
        raise SettingsError(
            f"The request for this reminder may still be on its way for {left.total_seconds():.0f} seconds.",
            "Look at the provider's record again after that, then settle it.",
        )


def _changes(reminder: Reminder, by: str, at: datetime, limits: Limits, *, sent: bool) -> list[Change]:
    code, attempt = f"{_word(sent=sent)} {by}", reminder.attempts
    if sent:
        return [Change(reminder.id, State.ACCEPTED, code=code, attempt=attempt)]
    again = Change(reminder.id, State.RETRY, code=code, next_attempt=at, attempt=attempt)
    too_late = reminder.start - at < limits.latest
    return [again, Change(reminder.id, State.EXPIRED, attempt=attempt)] if too_late else [again]


def _word(*, sent: bool) -> str:
    return SETTLED_SENT if sent else SETTLED_NOT_SENT
