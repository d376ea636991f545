"""What every SMS adapter promises, whatever provider stands behind it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhirnotify.errors import AccountFault
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Delivered,
    Found,
    NoReport,
    NotFound,
    Sms,
    Trace,
    Underway,
    Unknown,
)

ANNA, BO = "+46701740605", "+46701740606"
REMINDER = (
    "Påminnelse till Zoé: Du har ett mottagningsbesök 2026-11-24 klockan 10.00 med hälso- och sjukvården, "
    "Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser."
)


def sms(reference: str = "r1", to: str = ANNA, text: str = REMINDER) -> Sms:
    """Make a message."""
    return Sms(reference, to, text, "RegionVB", timedelta(hours=24))


def trace(message: Sms, **facts: Any) -> Trace:
    """Make a trace of a message sent just now."""
    now = datetime.now(UTC)
    return Trace(message.reference, now - timedelta(seconds=30), now + timedelta(seconds=30), message, **facts)


@pytest.mark.parametrize(
    "text", [REMINDER, "€uro {[]} ~", "Påminnelse till Ольга & محمد", 'line\nbreak "quoted" 100 %+=\\']
)
def test_what_is_sent_arrives_as_it_is(provider: Any, text: str) -> None:
    """Number, sender and text reach the provider unchanged, once, and the message is accepted."""
    assert isinstance(provider.gateway.send(sms(text=text)), Accepted)
    assert provider.taken() == [(ANNA, "RegionVB", text)]


def test_accepted_message_is_found(provider: Any) -> None:
    """What was accepted is found, under the message id that the provider gave, or the provider cannot tell."""
    accepted = provider.gateway.send(sms())
    found = provider.gateway.find(trace(sms(), alone=True))
    assert isinstance(found, Found if provider.finds else CannotTell)
    if isinstance(found, Found):
        assert found.message_id == accepted.message_id


def test_message_whose_answer_was_lost_is_unknown_and_then_found(provider: Any) -> None:
    """A lost answer says nothing; asking the provider does, and never that it has no such message."""
    provider.lose_answer()
    assert isinstance(provider.gateway.send(sms()), Unknown)
    assert len(provider.taken()) == 1
    assert isinstance(provider.gateway.find(trace(sms(), alone=True)), Found if provider.finds else CannotTell)


def test_message_never_sent_is_not_found(provider: Any) -> None:
    """The provider is sure of what it never took, also while it has taken messages to others."""
    never = NotFound if provider.asked else CannotTell
    assert isinstance(provider.gateway.find(trace(sms(), alone=True)), never)
    other = provider.gateway.send(sms("r2", BO))
    known = frozenset({other.message_id})
    assert isinstance(provider.gateway.find(trace(sms(), alone=True, taken=known)), never)


def test_another_message_to_the_number_is_not_taken_for_it(provider: Any) -> None:
    """Two reminders go to one number; only one was sent, and the other is never found in its stead."""
    other = provider.gateway.send(sms("r2", text="Påminnelse till Bo"))
    assert not isinstance(provider.gateway.find(trace(sms(), alone=False)), Found)
    known = frozenset({other.message_id})
    found = provider.gateway.find(trace(sms(), alone=True, taken=known))
    assert isinstance(found, NotFound if provider.asked else CannotTell)


def test_one_of_two_in_doubt_is_not_told_apart_by_a_guess(provider: Any) -> None:
    """Both were sent and both are in doubt: each is found by what identifies it, or not at all."""
    first, _ = [provider.gateway.send(sms(reference)) for reference in ("r1", "r2")]
    finding = provider.gateway.find(trace(sms("r1"), alone=False))
    assert isinstance(finding, Found | CannotTell)
    if isinstance(finding, Found):
        assert finding.message_id == first.message_id


def test_accepted_message_is_underway_or_delivered(provider: Any) -> None:
    """What became of it can be asked at once, or never."""
    accepted = provider.gateway.send(sms())
    assert isinstance(provider.gateway.status(accepted.message_id), Underway | Delivered | NoReport)


def test_nothing_is_told_of_a_message_that_nobody_knows(provider: Any) -> None:
    """Neither that it came nor that it did not."""
    provider.gateway.send(sms())
    assert isinstance(provider.gateway.status("SM" + "f" * 32), Underway | NoReport)


def test_refused_account_is_raised_and_nothing_is_sent(provider: Any) -> None:
    """What concerns every message stops the run; the message at hand is certain not to have been sent."""
    provider.refuse_account()
    with pytest.raises(AccountFault) as fault:
        provider.gateway.send(sms())
    assert provider.taken() == []
    assert ANNA not in str(fault.value)
    assert fault.value.__cause__ is None


def test_check_sends_nothing(provider: Any) -> None:
    """The account can be looked at without a message, and is described in one line without personal data."""
    line = provider.gateway.check()
    assert line
    assert "\n" not in line
    assert "@" not in line
    assert provider.taken() == []


def test_threads_share_an_adapter(provider: Any) -> None:
    """Forty messages from eight threads: each taken whole, and once."""
    messages = [sms(f"r{number}", f"+467017406{number:02}") for number in range(5, 45)]
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(provider.gateway.send, messages))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert sorted(provider.taken()) == [(message.to, "RegionVB", REMINDER) for message in messages]
    told = {outcome.message_id for outcome in outcomes}
    assert len(told) == len(messages) or told == {None}
