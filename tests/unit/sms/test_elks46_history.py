"""Which message in the history is ours: never another's, and never overlooked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.errors import AccountFault
from fhirnotify.harness.elks46 import PASSWORD, USERNAME, FakeElks46
from fhirnotify.sms.elks46 import Elks46
from fhirnotify.sms.elks46_history import MOST_PAGES, Elks46History
from fhirnotify.sms.gateway import ABOUT, REACH, CannotTell, Found, NotFound, NotNow, Sms, Trace
from fhirnotify.sms.history import NEAR

NUMBER = "+46701740605"
SENT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
OURS = Sms("r1", NUMBER, "Påminnelse till Åsa: klockan 10.00", "RegionVB", timedelta(hours=24))


def trace(**facts: Any) -> Trace:
    """Make the trace of our message."""
    facts = {"alone": True, "sms": OURS} | facts
    return Trace("r1", SENT, SENT + timedelta(seconds=20), **facts)


def message(after: timedelta = timedelta(seconds=5), **fields: Any) -> dict[str, Any]:
    """Make a message as the history shows it, some time after ours was sent; ``...`` leaves a field out."""
    created = (SENT + after).replace(tzinfo=None).isoformat()
    whole = {"id": "s1", "created": created, "direction": "outgoing", "from": "RegionVB", "to": NUMBER, "parts": 2}
    return {name: value for name, value in (whole | fields).items() if value is not ...}


def finding(*messages: dict[str, Any], **facts: Any) -> Any:
    """Tell what a history of one page shows."""
    history = Elks46History(trace(**facts), OURS)
    assert history.add_page({"data": list(messages)}) is None
    return history.finding()


def test_the_only_message_that_can_be_ours_is_found() -> None:
    """One message to the number, from us, about that time, and nothing else in doubt."""
    assert finding(message()) == Found("s1", 2)


def test_empty_history_is_not_found() -> None:
    """The provider is sure."""
    assert finding() == NotFound()


@pytest.mark.parametrize(
    "fields",
    [
        {"to": "+46701740606"},
        {"direction": "incoming"},
        {"direction": "outgoing-reply"},
        {"message": "Påminnelse till Bo: klockan 10.00", "after": REACH * 2},
        {"status": "failed"},
        {"after": REACH * 2},
        {"after": -REACH * 2},
        {"from": "Kallelse", "after": ABOUT * 2},
        {"from": "Kallelse", "after": ABOUT * 2, "message": "Påminnelse till Bo: klockan 10.00"},
    ],
)
def test_message_that_cannot_be_ours_is_passed_over(fields: dict[str, Any]) -> None:
    """To another number, not sent by us, failed, long before or after: it neither is ours nor hides it."""
    other = message(**{"id": "s2"} | fields)
    assert finding(other) == NotFound()
    assert finding(message(), other) == Found("s1", 2)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"after": NEAR * 2}, "another-time-or-sender"),
        ({"after": timedelta(hours=1)}, "another-time-or-sender"),
        ({"after": timedelta(hours=-2)}, "another-time-or-sender"),
        ({"after": timedelta(days=2)}, "another-time-or-sender"),
        ({"after": timedelta(days=-2)}, "another-time-or-sender"),
        ({"message": "Påminnelse till Bo: klockan 10.00"}, "another-text"),
        ({"message": "Påminnelse till Bo: klockan 10.00", "after": NEAR * 2}, "another-text"),
        ({"message": "Påminnelse till Bo: klockan 10.00", "from": "Kallelse"}, "another-text"),
        ({"from": "Kallelse", "after": NEAR * 2}, "another-time-or-sender"),
        ({"from": "Kallelse", "after": timedelta(hours=1)}, "another-time-or-sender"),
        ({"to": ...}, "unreadable-history"),
        ({"from": "Kallelse"}, "another-time-or-sender"),
        ({"from": ...}, "another-time-or-sender"),
        ({"created": ...}, "unreadable-history"),
        ({"created": "yesterday"}, "unreadable-history"),
        ({"created": 7}, "unreadable-history"),
        ({"created": "0001-01-01T00:00:00"}, "unreadable-history"),
        ({"created": "1970-01-01T00:00:00"}, "unreadable-history"),
        ({"created": "9999-12-31T23:59:59"}, "unreadable-history"),
        ({"id": ...}, "unreadable-history"),
        ({"id": 7}, "unreadable-history"),
        ({"id": "s1\ud800"}, "unreadable-history"),
    ],
)
def test_message_that_may_be_ours_is_doubt(fields: dict[str, Any], why: str) -> None:
    """A clock or a time zone that is off, a sender or a text that was set anew, a field that is missing: no guess."""
    assert finding(message(**fields)) == CannotTell(why)


def test_direction_that_is_not_told_may_be_outgoing() -> None:
    """Its absence excludes nothing."""
    assert finding(message(direction=...)) == Found("s1", 2)


def test_number_without_plus_is_the_same_number() -> None:
    """Only its digits are compared."""
    assert finding(message(to=NUMBER[1:])) == Found("s1", 2)


def test_two_messages_are_not_told_apart() -> None:
    """Without a text, either may be ours."""
    assert finding(message(), message(id="s2")) == CannotTell("several-messages")


def test_message_seen_twice_is_one() -> None:
    """Pages may overlap."""
    assert finding(message(), message()) == Found("s1", 2)


def test_message_that_the_ledger_knows_is_another_reminder_s() -> None:
    """Two children, one number: the one that was accepted is not taken for the one in doubt."""
    assert finding(message(), taken=frozenset({"s1"})) == NotFound()
    assert finding(message(), message(id="s2"), taken=frozenset({"s2"})) == Found("s1", 2)


def test_message_is_not_found_while_another_to_the_number_is_in_doubt() -> None:
    """Two in doubt and one in the history: it may be either's. None in the history: neither was sent."""
    assert finding(message(), alone=False) == CannotTell("not-alone")
    assert finding(alone=False) == NotFound()


@pytest.mark.parametrize(
    "text", [OURS.text, f"  {OURS.text}\n", OURS.text.replace("å", "a\u030a").replace("Å", "A\u030a")]
)
def test_text_tells_messages_apart(text: str) -> None:
    """Where the history shows it, the message with our text is ours, whatever else is in doubt."""
    shown = message(id="s2", message=text)
    assert finding(shown, message(id="s3"), alone=False) == Found("s2", 2)
    assert finding(shown, shown | {"id": "s3"}) == CannotTell("several-messages")


@pytest.mark.parametrize("text", ["", "  ", None, 7])
def test_text_that_is_not_shown_tells_nothing(text: object) -> None:
    """An empty text is one that was not kept."""
    assert finding(message(message=text)) == Found("s1", 2)


@pytest.mark.parametrize("parts", [None, 0, "two"])
def test_parts_that_are_no_count_are_left_out(parts: object) -> None:
    """The message is ours all the same."""
    assert finding(message(parts=parts)) == Found("s1", None)


@pytest.mark.parametrize("page", [{}, {"data": None}, {"data": {}}, {"data": [None]}, {"data": ["s1"]}])
def test_page_that_cannot_be_read_cannot_tell(page: dict[str, Any]) -> None:
    """What is not a list of messages proves nothing."""
    history = Elks46History(trace(), OURS)
    assert history.add_page(page) is None
    assert history.finding() == CannotTell("unreadable-history")


def test_pages_are_followed_until_they_lie_before_every_moment_that_matters() -> None:
    """Newest first: a page that reaches further back than three hours before the sending is the last one needed."""
    history = Elks46History(trace(), OURS)
    assert history.add_page({"data": [message(ABOUT * 2, id="s9")], "next": "2026-11-22T10"}) == "2026-11-22T10"
    assert history.add_page({"data": [message(), message(-ABOUT * 2, id="s0")], "next": "2026-11-20T10"}) is None
    assert history.finding() == Found("s1", 2)


def test_history_that_shows_nothing_is_read_back_for_days() -> None:
    """Our clock may have been wrong when it was sent."""
    history = Elks46History(trace(), OURS)
    assert history.add_page({"data": [message(-ABOUT * 2, to="+46701740606")], "next": "2026-11-20T10"})
    assert history.add_page({"data": [message(-REACH * 2)], "next": "2026-11-10T10"}) is None
    assert history.finding() == NotFound()


def test_unordered_page_ends_nothing() -> None:
    """A server that does not order its pages may have ours on the next one."""
    history = Elks46History(trace(), OURS)
    page = {"data": [message(-ABOUT * 2, id="s0"), message(ABOUT * 2, id="s9")], "next": "2026-11-20T10"}
    assert history.add_page(page) == "2026-11-20T10"


def test_pages_without_end_cannot_tell() -> None:
    """The same page again, or ever more of them: the history was not read to its end."""
    circle = Elks46History(trace(), OURS)
    page: dict[str, Any] = {"data": [], "next": "2026-11-22T10"}
    assert circle.add_page(page) == "2026-11-22T10"
    assert circle.add_page(page) is None
    assert circle.finding() == CannotTell("endless-history")
    endless = Elks46History(trace(), OURS)
    asked = 0
    while endless.add_page({"data": [], "next": f"2026-11-22T{asked}"}):
        asked += 1
    assert asked == MOST_PAGES
    assert endless.finding() == CannotTell("endless-history")
    assert Elks46History(trace(), OURS).add_page({"data": [], "next": 7}) is None


OTHERS = st.lists(
    st.builds(
        message,
        st.integers(-5 * 3600, 5 * 3600).map(lambda seconds: timedelta(seconds=seconds)),
        id=st.sampled_from(["s2", "s3", "s4"]),
        to=st.sampled_from([NUMBER, "+46701740606"]),
        direction=st.sampled_from(["outgoing", "incoming", ...]),
        message=st.sampled_from([..., "another text"]),
        **{"from": st.sampled_from(["RegionVB", "Kallelse"])},
    ),
    max_size=4,
)


@given(others=OTHERS, skew=st.integers(-10_000, 10_000), alone=st.booleans(), place=st.integers(0, 4))
def test_ours_is_never_overlooked_and_never_mistaken(
    others: list[dict[str, Any]], skew: int, alone: Any, place: int
) -> None:
    """With our message in it, the history gives that message or cannot-tell, and never one known to be another's.

    Whatever else it holds, and however far 46elks' clock is off (within three hours).
    """
    others.insert(place, message(timedelta(seconds=skew), id="s1"))
    answer = finding(*others, alone=alone)
    assert answer == Found("s1", 2) or isinstance(answer, CannotTell)
    assert not isinstance(finding(*others, alone=alone, taken=frozenset({"s1", "s2", "s3", "s4"})), Found)


def elks46(fake: FakeElks46) -> Elks46:
    """Make the adapter."""
    return Elks46(username=USERNAME, password=PASSWORD, base_url=fake.base_url, timeout=timedelta(seconds=5))


def now() -> Trace:
    """Make the trace of a message sent just now."""
    moment = datetime.now(UTC)
    return Trace("r1", moment - timedelta(seconds=60), moment + timedelta(seconds=60), OURS, alone=True)


def test_long_history_is_read_page_by_page() -> None:
    """More than a hundred messages to one number: all of them are seen."""
    with FakeElks46() as fake:
        gateway = elks46(fake)
        identities = {gateway.send(OURS).message_id for _ in range(205)}  # type: ignore[union-attr]
        known = sorted(identities)[1:]
        looked_for = now()
        finding = gateway.find(Trace("r1", looked_for.since, looked_for.until, OURS, True, frozenset(known)))
        assert finding == Found(min(identities), 1)
        assert fake.requests.count(("GET", "/a1/sms")) == 3
        gateway.close()


def test_number_that_is_no_longer_known_cannot_be_asked_for() -> None:
    """The patient's record has changed: nothing is asked."""
    with FakeElks46() as fake:
        gateway = elks46(fake)
        assert gateway.find(Trace("r1", SENT, SENT)) == CannotTell("number-unknown")
        assert fake.requests == []
        gateway.close()


def test_provider_that_does_not_answer_is_no_proof() -> None:
    """Nothing is concluded from silence; a refused account is raised."""
    fake = FakeElks46()
    gateway = elks46(fake)
    fake.start()
    fake.password = "another"
    fake.close()
    assert gateway.find(now()) == NotNow("no-connection")
    gateway.close()


@pytest.mark.parametrize(
    ("status", "why"), [(500, "http-500"), (503, "http-503"), (400, "http-400"), (302, "http-302")]
)
def test_answer_without_a_history_is_no_proof(respx_mock: Any, status: int, why: str) -> None:
    """Only a history is proof."""
    respx_mock.get("https://46elks.test/a1/sms").respond(status)
    gateway = Elks46(username="u", password="p", base_url="https://46elks.test", timeout=timedelta(seconds=5))
    assert gateway.find(now()) == NotNow(why)


def test_refused_account_is_raised(respx_mock: Any) -> None:
    """As when sending."""
    respx_mock.get("https://46elks.test/a1/sms").respond(401)
    gateway = Elks46(username="u", password="p", base_url="https://46elks.test", timeout=timedelta(seconds=5))
    with pytest.raises(AccountFault):
        gateway.find(now())
