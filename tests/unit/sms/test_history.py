"""A history that shows numbers without their last digits: nothing is mistaken and nothing overlooked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fhirnotify.sms.gateway import ABOUT, REACH, CannotTell, Finding, Found, NotFound, Sms, Trace
from fhirnotify.sms.history import NEAR, History, Shown

SENT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
OURS = Sms("r1", "+46701740605", "Påminnelse", "RegionVB", timedelta(hours=24))


def finding(*shown: Shown, taken: frozenset[str] = frozenset()) -> Finding:
    """Tell what a history of these messages shows."""
    history = History(Trace("r1", SENT, SENT + timedelta(seconds=20), OURS, alone=True, taken=taken), OURS)
    for each in shown:
        history.consider(each)
    return history.finding()


def message(to: str, identity: str = "m1", after: timedelta = timedelta(seconds=5)) -> Shown:
    """Make a message from our sender."""
    return Shown(identity, to, "RegionVB", SENT + after, parts=1)


@pytest.mark.parametrize("to", ["+4670174XXXX", "4670174XXXX", "+4670174xxxx", "+4670174****", "+46701740XXX", "XXXX"])
def test_number_that_is_not_shown_may_be_ours(to: str) -> None:
    """Ten thousand others look the same: it is neither found nor overlooked."""
    assert finding(message(to)) == CannotTell("number-not-shown")


@pytest.mark.parametrize("to", ["+4670175XXXX", "+4570174XXXX", "+46701740606", "46 70-174 06 06", "070-174 06 06"])
def test_number_that_differs_where_it_is_shown_is_another(to: str) -> None:
    """Its first digits are enough to tell."""
    assert finding(message(to)) == NotFound()


UNREADABLE = ["", "None", "+46 70 174 ****", "070-174 06 05", "sip:46701740605", "0701740605"]
UNREADABLE += ["070174XXXX", "070-174 XX XX", "70174XXXX", "00467017XXXXX", "+070174XXXX"]


@pytest.mark.parametrize("to", UNREADABLE)
def test_number_that_is_shown_in_no_known_way_may_be_ours(to: str) -> None:
    """Nobody can tell whose it is, unless the ledger knows the message, or it is of another time."""
    assert finding(message(to)) == CannotTell("unreadable-history")
    assert finding(message("+46701740605", "m2"), message(to)) == CannotTell("unreadable-history")
    assert finding(message(to), taken=frozenset({"m1"})) == NotFound()
    assert finding(message(to, after=ABOUT * 2)) == CannotTell("another-time-or-sender")
    assert finding(replace(message(to, after=ABOUT * 2), sender="Kallelse")) == NotFound()
    assert finding(Shown("m1", to, "RegionVB", SENT, "Påminnelse till Bo")) == CannotTell("another-text")


@pytest.mark.parametrize("to", ["46701740605", "0046701740605", "+46 (70) 174-06.05"])
def test_number_is_ours_however_it_is_set_apart(to: str) -> None:
    """Its digits are compared, with the country's."""
    assert finding(message(to)) == Found("m1", 1)


@pytest.mark.parametrize("after", [-REACH, -ABOUT * 2, ABOUT * 2, REACH])
def test_message_of_another_day_may_be_ours_if_a_clock_was_wrong(after: timedelta) -> None:
    """It is not found, but nobody is sure that ours is not there; unless it is known, of another sender, or farther.

    The template may have been changed as well.
    """
    far = message("+46701740605", after=after)
    assert finding(far) == CannotTell("another-time-or-sender")
    assert finding(far, message("+46701740605", "m2")) == Found("m2", 1)
    assert finding(far, taken=frozenset({"m1"})) == NotFound()
    assert finding(replace(far, sender="Kallelse")) == NotFound()
    assert finding(replace(far, text="Nytt: Påminnelse")) == CannotTell("another-text")
    assert finding(message("+46701740605", after=after + after / abs(after) * REACH)) == NotFound()


def test_another_text_may_be_ours_as_it_was_written_before() -> None:
    """The template may have been changed since, and the sender; but not if the ledger knows it."""
    other = Shown("m1", "+46701740605", "RegionVB", SENT, "Nytt: Påminnelse", 1)
    assert finding(other) == CannotTell("another-text")
    assert finding(other, Shown("m2", "+46701740605", "RegionVB", SENT, OURS.text, 1)) == Found("m2", 1)
    assert finding(other, taken=frozenset({"m1"})) == NotFound()
    assert finding(replace(other, sender="Kallelse")) == CannotTell("another-text")
    assert finding(replace(other, created=SENT + NEAR * 2)) == CannotTell("another-text")
    assert finding(replace(other, sender="Kallelse", created=SENT + ABOUT * 2)) == NotFound()


@pytest.mark.parametrize("after", [timedelta(hours=-2), NEAR * 2, timedelta(hours=1), timedelta(hours=2)])
def test_message_of_another_sender_and_time_may_be_ours(after: timedelta) -> None:
    """The sender may have been set anew since, while the provider shows another time zone, or its clock is off."""
    other = replace(message("+46701740605", after=after), sender="Kallelse")
    assert finding(other) == CannotTell("another-time-or-sender")
    assert finding(other, message("+46701740605", "m2")) == Found("m2", 1)
    assert finding(other, taken=frozenset({"m1"})) == NotFound()


@pytest.mark.parametrize("created", [datetime.min, datetime(1970, 1, 1), datetime(2000, 1, 1), datetime.max])  # noqa: DTZ001, DTZ901
def test_time_that_stands_for_none_is_not_long_ago(created: datetime) -> None:
    """A message to our number without a time may be ours; nor does it end the reading of a history."""
    none = replace(message("+46701740605"), created=created.replace(tzinfo=UTC))
    assert finding(none) == CannotTell("unreadable-history")
    assert finding(replace(none, sender="Kallelse", text="Nytt: Påminnelse")) == CannotTell("another-text")
    assert finding(none, taken=frozenset({"m1"})) == NotFound()
    history = History(Trace("r1", SENT, SENT, OURS), OURS)
    assert not history.lies_before([none.created])
    assert not history.reached([SENT, none.created])


def test_message_of_last_year_is_of_another_time() -> None:
    """A time is believed as far back as a year."""
    assert finding(message("+46701740605", after=-timedelta(days=365))) == NotFound()


def test_message_that_the_ledger_knows_hides_nothing() -> None:
    """What was accepted of others with the same first digits is left out."""
    assert finding(message("+4670174XXXX"), taken=frozenset({"m1"})) == NotFound()
    known = frozenset({"m2"})
    assert finding(message("+46701740605"), message("+4670174XXXX", "m2"), taken=known) == Found("m1", 1)


def test_two_that_may_be_ours_are_not_told_apart() -> None:
    """Also if one of them shows our whole number."""
    assert finding(message("+46701740605"), message("+4670174XXXX", "m2")) == CannotTell("several-messages")


def test_number_is_in_no_repr() -> None:
    """A message in a history shows neither number nor text."""
    shown = repr(Shown("m1", "+46701740605", "RegionVB", SENT, "Påminnelse"))
    assert "46701740605" not in shown
    assert "Påminnelse" not in shown


def test_page_that_lies_before_every_moment_that_matters() -> None:
    """It holds something, all of its times are known, and the latest is more than three days before the sending.

    Three hours are enough once a message has been seen that may be ours.
    """
    history = History(Trace("r1", SENT, SENT, OURS), OURS)
    early, late = SENT - REACH * 2, SENT - ABOUT * 2
    assert history.lies_before([early, early])
    assert not any(map(history.lies_before, ([], [early, None], [late, early], [early, late])))
    history.consider(message("+46701740605"))
    early, late = SENT - ABOUT * 2, SENT - ABOUT / 2
    assert history.lies_before([early, early])
    assert not any(map(history.lies_before, ([], [early, None], [late, early], [early, late])))
    assert history.reached([late, early])
    assert not any(map(history.reached, ([], [early, late], [late, None])))
