"""Recovery: settle what may have been sent, by asking the provider.

A request that timed out, a connection that was lost, a run that died: the reminder is ``uncertain`` and is never
sent again on a guess. The provider's own record decides, if it can be asked and cannot be mistaken.

Settings may have been changed since it was sent, so what they would choose now need not be the number it went to: the
provider must know of none to any number that the patient had.

Other machines may be sending meanwhile. So what was found is taken for ours only if, read anew after it was found,
the ledger holds nobody else whose it is, or may be.

An account that does not answer three times one after another, or has been asked for 30 seconds, is not asked any more
in this pass; the next one goes on with others of them.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import sample

from fhirnotify.core.decide import Address, addressed
from fhirnotify.core.message import text_of
from fhirnotify.core.model import Person
from fhirnotify.core.recipient import mobile_numbers
from fhirnotify.errors import AccountFault
from fhirnotify.job import Job
from fhirnotify.ledger.port import Change, Ledger, Reminder, State
from fhirnotify.sms.courier import PATIENCE
from fhirnotify.sms.gateway import ABOUT, REACH, CannotTell, Finding, Found, Gateway, NotFound, NotNow, Sms, Trace

_SECONDS = 30.0
_SILENCES = 3
_MOST_OTHERS = 500
"""Whose numbers are looked up to tell whether one is alone; any more may have any number."""


@dataclass(frozen=True, slots=True)
class _Span:
    """The real time in which the provider can have taken a message."""

    since: datetime
    until: datetime

    def near(self, other: "_Span") -> bool:
        return self.since <= other.until + ABOUT and other.since <= self.until + ABOUT


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was sent, by the settings as they are now, and every number that others could have chosen."""

    sms: Sms
    numbers: frozenset[str] = field(repr=False)


def settle(
    job: Job, run: str, now: datetime, ledger: Ledger, gateways: Sequence[Gateway], reminders: Iterable[Reminder]
) -> dict[str, AccountFault | None]:
    """Ask of each uncertain reminder the provider that it was handed to, and record what that is sure of.

    The others stay as they are. One that was handed to an account of none of these, or days ago, is left to a person.
    What was certainly not taken may be tried again from ``now`` on, the moment at which the run began.

    Returns:
        The accounts of which nothing more is to be asked in this pass: with the fault, if they refused to be asked,
        or None, if they did not answer.

    Raises:
        FhirError: the patients' records could not be read.
    """
    uncertain = [reminder for reminder in reminders if reminder.state is State.UNCERTAIN]
    done: dict[str, AccountFault | None] = {}
    for gateway in gateways:
        if mine := [reminder for reminder in uncertain if reminder.provider == gateway.account]:
            try:
                if not _Inquest(job, run, now, ledger, gateway).hold(mine):
                    done[gateway.account] = None
            except AccountFault as fault:
                done[gateway.account] = fault
    return done


class _Inquest:
    """What one account is asked in one pass."""

    def __init__(self, job: Job, run: str, now: datetime, ledger: Ledger, gateway: Gateway) -> None:
        self._job, self._run, self._now = job, run, now
        self._ledger, self._gateway = ledger, gateway
        self._until = time.monotonic() + _SECONDS
        self._others: list[Reminder] = []
        self._messages: dict[tuple[str, datetime | None], _Sent | None] = {}
        """Of each that was looked up, by its id and when it was sent: what was sent, if that can be known."""

    def hold(self, reminders: Sequence[Reminder]) -> bool:
        """Ask about each, and record what the provider is sure of; tell whether it answers, and has time left.

        Raises:
            AccountFault: the provider refuses the account.
            FhirError: the patients' records could not be read.
        """
        real = self._ledger.real_time()
        asked = [each for each in reminders if real - _span(self._job, each).since < REACH]
        self._look_up(asked)
        self._see_others(asked)
        silences = 0
        for reminder in sample(asked, len(asked)):  # so that none waits for ever behind others
            if silences == _SILENCES or not self._wanted():
                return False
            finding = self._finding(reminder, asked)
            silences = silences + 1 if isinstance(finding, NotNow) else 0
            change = _change(self._job, self._ledger, self._gateway, reminder, finding, self._now)
            if change is not None:
                self._ledger.move(self._run, self._job.clock.now(), [change])
        return silences < _SILENCES

    def _wanted(self) -> bool:
        return not self._job.stop.is_set() and time.monotonic() < self._until

    def _finding(self, reminder: Reminder, asked: Sequence[Reminder]) -> Finding:
        trace = self._trace(reminder)
        finding = self._asked(trace)
        if isinstance(finding, Found):
            self._see_others(asked)
            after = self._trace(reminder)
            if finding.message_id in after.taken or (trace.alone and not after.alone):
                return CannotTell("not-alone")
        if isinstance(finding, NotFound) and not all(
            isinstance(self._asked(replace(trace, sms=other)), NotFound) for other in self._to_others(reminder)
        ):
            return CannotTell("another-number")
        return finding

    def _asked(self, trace: Trace) -> Finding:
        try:
            return self._gateway.find(trace)
        except AccountFault:
            raise
        except Exception as bug:  # noqa: BLE001  # one message's bug ends neither the run nor the others
            return NotNow(f"bug:{type(bug).__name__}")

    def _to_others(self, reminder: Reminder) -> Iterator[Sms]:
        """Give the message as it would have gone to the patient's other numbers."""
        if sent := self._message(reminder):
            for number in sorted(sent.numbers - {sent.sms.to}):
                yield replace(sent.sms, to=number)

    def _see_others(self, asked: Sequence[Reminder]) -> None:
        """Read whose messages the account has, or may have, under an id that nobody knows."""
        if not asked:
            return
        spans = [_span(self._job, each) for each in asked]
        since = min(span.since - (span.until - span.since) for span in spans) - ABOUT
        until = max(span.until for span in spans) + ABOUT
        self._others = self._ledger.unidentified(self._gateway.account, since, until)
        self._look_up(self._others[:_MOST_OTHERS])

    def _look_up(self, reminders: Sequence[Reminder]) -> None:
        new = [each for each in reminders if (each.id, each.sending_since) not in self._messages]
        messages = _messages(self._job, self._ledger, new)
        self._messages |= {(each.id, each.sending_since): messages.get(each.id) for each in new}

    def _message(self, reminder: Reminder) -> _Sent | None:
        return self._messages.get((reminder.id, reminder.sending_since))

    def _trace(self, reminder: Reminder) -> Trace:
        """Tell what is known. The ids are read after the others, so that nobody slips through who gets one between."""
        span, sent = _span(self._job, reminder), self._message(reminder)
        near = [
            self._message(other)
            for other in self._others
            if other.id != reminder.id and _span(self._job, other).near(span)
        ]
        alone = all(other and sent and sent.sms.to not in other.numbers for other in near)
        taken = self._ledger.message_ids(span.since - REACH, span.until + REACH)
        sms = sent.sms if sent else None
        return Trace(reminder.id, span.since, span.until, sms, alone=alone, taken=taken, wanted=self._wanted)


def _span(job: Job, reminder: Reminder) -> _Span:
    assert reminder.sending_since is not None  # it has been sent, or may have been
    return _Span(reminder.sending_since, reminder.sending_since + PATIENCE + job.sending.timeout)


def _messages(job: Job, ledger: Ledger, reminders: Sequence[Reminder]) -> dict[str, _Sent]:
    """Render again what was sent, where it can be known: the patient's record is the very version it rested on.

    Names and numbers have periods, so it is rendered as of the moment at which it was sent.
    """
    wanted = {patient: reminder for reminder in reminders if (patient := _patient_id(reminder))}
    records = job.source.patients(sorted(wanted)) if wanted else {}
    found = {}
    for reminder in reminders:
        record = records.get(_patient_id(reminder) or "")
        if not isinstance(record, Person) or record.ref != reminder.evidence.patient:
            continue
        sent = [step.at for step in ledger.transitions(reminder.id) if step.to_state is State.SENDING]
        address = addressed(record, sent[-1], job.rules) if sent else None
        if isinstance(address, Address):
            text = text_of(address.name, reminder.contact_type, reminder.start, job.rules)
            sms = Sms(reminder.id, address.number, text, job.sending.sender, job.sending.validity)
            found[reminder.id] = _Sent(sms, mobile_numbers(record, sent[-1]))
    return found


def _patient_id(reminder: Reminder) -> str | None:
    """Give the id of the record a reminder rested on; None if its version is not known."""
    kind, _, rest = (reminder.evidence.patient or "").partition("/")
    patient, versioned, _ = rest.partition("/_history/")
    return patient if kind == "Patient" and versioned else None


def _change(
    job: Job, ledger: Ledger, gateway: Gateway, reminder: Reminder, finding: Finding, now: datetime
) -> Change | None:
    attempt = reminder.attempts  # another machine may have asked as well, and have begun to send anew
    match finding:
        case Found():
            return Change(
                reminder.id,
                State.ACCEPTED,
                code="found",
                provider=gateway.account,
                message_id=finding.message_id,
                attempt=attempt,
            )
        case NotFound() if _has_settled(job, ledger, gateway, reminder):
            return Change(reminder.id, State.RETRY, code="not-found", next_attempt=now, attempt=attempt)
        case NotFound() | CannotTell() | NotNow():
            return None


def _has_settled(job: Job, ledger: Ledger, gateway: Gateway, reminder: Reminder) -> bool:
    """Tell whether no request for it can still be on its way, so that what is not known now will not come later."""
    return not gateway.settle or ledger.real_time() >= _span(job, reminder).until + gateway.settle
