"""Recovery: settle what may have been sent, by asking the provider.

A request that timed out, a connection that was lost, a run that died: the reminder is ``uncertain`` and is never
sent again on a guess. The provider's own record decides, if it can be asked and cannot be mistaken.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fhirnotify.core.decide import Address, addressed
from fhirnotify.core.message import text_of
from fhirnotify.core.model import Person
from fhirnotify.errors import AccountFault
from fhirnotify.job import Job
from fhirnotify.ledger.port import Change, Ledger, Reminder, State
from fhirnotify.sms.courier import PATIENCE
from fhirnotify.sms.gateway import ABOUT, CannotTell, Finding, Found, Gateway, NotFound, Sms, Trace

_WORTH_ASKING = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class _Span:
    """The real time in which the provider can have taken a message."""

    since: datetime
    until: datetime

    def near(self, other: "_Span") -> bool:
        return self.since <= other.until + ABOUT and other.since <= self.until + ABOUT


def settle(
    job: Job, run: str, now: datetime, ledger: Ledger, gateways: Sequence[Gateway], reminders: Iterable[Reminder]
) -> dict[str, AccountFault]:
    """Ask of each uncertain reminder the provider that it was handed to, and record what that is sure of.

    The others stay as they are. One that was handed to an account of none of these, or days ago, is left to a person.
    What was certainly not taken may be tried again from ``now`` on, the moment at which the run began.

    Returns:
        The accounts that were refused, of which nothing more was asked, each with its fault.

    Raises:
        FhirError: the patients' records could not be read.
    """
    accounts = {gateway.account for gateway in gateways}
    uncertain = [r for r in reminders if r.state is State.UNCERTAIN and r.provider in accounts]
    faults: dict[str, AccountFault] = {}
    if not uncertain:
        return faults
    real = ledger.real_time()
    asked = [reminder for reminder in uncertain if real - _span(job, reminder).since < _WORTH_ASKING]
    doubtful = [reminder for reminder in ledger.in_state(State.UNCERTAIN) if reminder.sending_since is not None]
    messages = _messages(job, ledger, doubtful)
    for gateway in gateways:
        try:
            for reminder in (each for each in asked if each.provider == gateway.account):
                if job.stop.is_set():
                    return faults
                finding = gateway.find(_trace(job, ledger, reminder, doubtful, messages))
                change = _change(job, ledger, gateway, reminder, finding, now)
                if change is not None:
                    ledger.move(run, job.clock.now(), [change])
        except AccountFault as fault:
            faults[gateway.account] = fault
    return faults


def _span(job: Job, reminder: Reminder) -> _Span:
    assert reminder.sending_since is not None  # it has been sent, or may have been
    return _Span(reminder.sending_since, reminder.sending_since + PATIENCE + job.sending.timeout)


def _messages(job: Job, ledger: Ledger, reminders: Sequence[Reminder]) -> dict[str, Sms]:
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
            found[reminder.id] = Sms(reminder.id, address.number, text, job.sending.sender, job.sending.validity)
    return found


def _patient_id(reminder: Reminder) -> str | None:
    """Give the id of the record a reminder rested on; None if its version is not known."""
    kind, _, rest = (reminder.evidence.patient or "").partition("/")
    patient, versioned, _ = rest.partition("/_history/")
    return patient if kind == "Patient" and versioned else None


def _trace(
    job: Job, ledger: Ledger, reminder: Reminder, doubtful: Sequence[Reminder], messages: dict[str, Sms]
) -> Trace:
    span, sms = _span(job, reminder), messages.get(reminder.id)
    others = [
        other
        for other in doubtful
        if other.id != reminder.id and other.provider == reminder.provider and _span(job, other).near(span)
    ]
    alone = all(other.id in messages and sms is not None and messages[other.id].to != sms.to for other in others)
    taken = ledger.message_ids(span.since - ABOUT, span.until + ABOUT)
    return Trace(reminder.id, span.since, span.until, sms, alone=alone, taken=taken)


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
        case NotFound() | CannotTell():
            return None


def _has_settled(job: Job, ledger: Ledger, gateway: Gateway, reminder: Reminder) -> bool:
    """Tell whether no request for it can still be on its way, so that what is not known now will not come later."""
    return not gateway.settle or ledger.real_time() >= _span(job, reminder).until + gateway.settle
