"""Every provider in every situation: what its adapter makes of it, what the provider took, and how a doubt is settled.

Each line is played for itself: the adapter against the provider's stand-in. What is promised of a situation is the
same for all providers, but for what a provider cannot be asked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from fhirnotify.errors import AccountFault
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.inbox import PROVIDERS, Inbox
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Deferred,
    Delivered,
    Found,
    Gateway,
    NoReport,
    NotFound,
    NotNow,
    Rejected,
    Sms,
    Trace,
    Undelivered,
    Underway,
    Unknown,
)
from fhirnotify.sms.providers import adapter

_NUMBER = "+46701740605"
_TEXT = "Påminnelse: Du har ett videobesök."
_PATIENT, _HASTY = timedelta(seconds=20), timedelta(seconds=0.5)
_HANG = 20.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What a provider does, and what is promised of every adapter then.

    Attributes:
        behaviour: what the stand-in does with the message.
        outcome: what sending comes to; ``AccountFault`` is raised.
        taken: the messages that the provider has afterwards.
        learns: what is learnt by asking: where the message is in doubt, whether the provider has it, else what became
            of it; None where there is nothing to ask.
        key: whether the credentials are right.
    """

    behaviour: Behaviour
    outcome: type
    taken: int
    learns: type | None = None
    key: bool = True


SITUATIONS: Mapping[str, Situation] = MappingProxyType(
    {
        "accept": Situation(Behaviour.ACCEPT, Accepted, 1),
        "refuse number": Situation(Behaviour.REFUSE, Rejected, 0),
        "unheard-of refusal": Situation(Behaviour.REFUSE_STRANGELY, Deferred, 0),
        "throttle": Situation(Behaviour.THROTTLE, Deferred, 0),
        "unavailable": Situation(Behaviour.UNAVAILABLE, Deferred, 0),
        "out of credit": Situation(Behaviour.OUT_OF_CREDIT, AccountFault, 0),
        "bad key": Situation(Behaviour.ACCEPT, AccountFault, 0, key=False),
        "timeout before": Situation(Behaviour.HANG, Unknown, 0, NotFound),
        "timeout after": Situation(Behaviour.TAKE_AND_HANG, Unknown, 1, Found),
        "5xx": Situation(Behaviour.TAKE_AND_BREAK, Unknown, 1, Found),
        "malformed": Situation(Behaviour.TAKE_AND_BABBLE, Unknown, 1, Found),
        "delivered": Situation(Behaviour.ACCEPT, Accepted, 1, Delivered),
        "undelivered": Situation(Behaviour.UNDELIVERED, Accepted, 1, Undelivered),
        "dead number": Situation(Behaviour.DEAD_NUMBER, Accepted, 1, Undelivered),
        "unknown": Situation(Behaviour.UNDERWAY, Accepted, 1, Underway),
    }
)


CANNOT_BE_ASKED: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {"link": (CannotTell, NoReport), "kannel": (CannotTell, NoReport), "twilio": (CannotTell,)}
)
"""What may be learnt of a provider instead: LINK and Kannel cannot be asked; Twilio does not show numbers."""

OTHERWISE: Mapping[tuple[str, str], type] = MappingProxyType({("kannel", "refuse number"): Deferred})
"""What is promised of a provider instead: a Kannel that denies the first number of all may deny every number."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the matrix.

    Attributes:
        outcome: what sending came to, in our words, with the provider's code.
        taken: the messages that the provider has.
        evidence: what was learnt by asking; empty where there was nothing to ask.
        is_well: all is as promised.
    """

    provider: str
    situation: str
    outcome: str
    taken: int
    evidence: str
    is_well: bool


def providers() -> list[str]:
    """Name the providers that there are."""
    return [api(Exchange()).name for api in PROVIDERS]


def matrix(only: Sequence[str] = ()) -> Iterator[Row]:
    """Play every situation with every provider, or with these."""
    for provider in only or providers():
        for situation in SITUATIONS:
            yield play(provider, situation)


def play(provider: str, situation: str) -> Row:
    """Play one situation with one provider."""
    what = SITUATIONS[situation]
    with Inbox(exchange=Exchange(hang=_HANG)) as inbox:
        account = inbox.settings(provider)[f"sms.{provider}"]
        if not what.key:
            account = {key: _spoilt(key, value) for key, value in account.items()}
        inbox.next(what.behaviour)
        hasty = what.behaviour in {Behaviour.HANG, Behaviour.TAKE_AND_HANG}
        gateway = adapter(provider, account, timeout=_HASTY if hasty else _PATIENT)
        since = datetime.now(UTC)
        outcome = _tried(lambda: gateway.send(_sms()))
        taken = len(inbox.messages)
        learnt = _asked(gateway, outcome, since) if what.learns else None
        gateway.close()
    may_learn = (what.learns, *CANNOT_BE_ASKED.get(provider, ())) if what.learns else (type(None),)
    promised = OTHERWISE.get((provider, situation), what.outcome)
    is_well = isinstance(outcome, promised) and taken == what.taken and isinstance(learnt, may_learn)
    return Row(provider, situation, told(outcome), taken, "" if learnt is None else told(learnt), is_well)


def _sms() -> Sms:
    return Sms("matrix-1", _NUMBER, _TEXT, "RegionVB", timedelta(hours=24))


def _tried(send: Callable[[], object]) -> object:
    try:
        return send()
    except AccountFault as fault:
        return fault


def _asked(gateway: Gateway, outcome: object, since: datetime) -> object:
    if isinstance(outcome, Accepted):
        return gateway.status(outcome.message_id or "")
    return gateway.find(Trace("matrix-1", since, datetime.now(UTC), _sms(), alone=True))


def told(result: object) -> str:
    """Say in one line what an adapter answered; ids, which are of the moment, are left out."""
    match result:
        case AccountFault():
            return f"account fault: {result.what}"
        case Accepted(_, parts):
            return "accepted" if parts is None else f"accepted, {parts} part{'s' if parts > 1 else ''}"
        case Rejected(code):
            return f"rejected: {code}"
        case Deferred(code, wait):
            return f"deferred: {code}" + ("" if wait is None else f", retry after {wait.total_seconds():.0f} s")
        case Unknown(cause):
            return f"unknown: {cause}"
        case CannotTell(why) | NoReport(why) | NotNow(why):
            return f"cannot tell: {why}"
        case Undelivered(code, permanent):
            return f"undelivered: {code}" + (", for good" if permanent else "")
    return "not found" if result == NotFound() else type(result).__name__.casefold()


_SECRETS = ("password", "api_token", "api_key", "auth_token")


def _spoilt(key: str, value: str) -> str:
    return "wrong" if key in _SECRETS else value
