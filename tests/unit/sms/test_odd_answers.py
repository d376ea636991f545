"""Answers of any shape: what is asked of a provider gives a value, or a fault of the account, and never an error."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, get_args

import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.sms.gateway import Delivery, Finding, Found, Sms, Trace
from fhirnotify.sms.providers import adapter

NUMBER = "+46701740605"
URL = "https://provider.test"
SENT = datetime.now(UTC)
OURS = Sms("r1", NUMBER, "Påminnelse", "RegionVB", timedelta(hours=24))
SID = "SM" + "1" * 32

ACCOUNTS: dict[str, dict[str, str]] = {
    "46elks": {"username": "u", "password": "p"},
    "sinch": {"service_plan_id": "s", "api_token": "t"},
    "infobip": {"api_key": "k"},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "t"},
}
"""Of those that can be asked at all."""

LISTS: dict[str, dict[str, Any]] = {
    "46elks": {
        "data": [
            {
                "id": "s1",
                "created": SENT.replace(tzinfo=None).isoformat(),
                "direction": "outgoing",
                "status": "sent",
                "from": "RegionVB",
                "to": NUMBER,
                "message": "",
                "parts": 2,
            }
        ],
        "next": None,
    },
    "sinch": {"count": 1, "page": 0, "batches": [{"id": "b1", "client_reference": "r1", "to": [NUMBER[1:]]}]},
    "infobip": {
        "results": [
            {"messageId": "r1", "messageCount": 2, "status": {"groupId": 1, "id": 3, "name": "PENDING_ENROUTE"}},
        ]
    },
    "twilio": {
        "messages": [
            {
                "sid": SID,
                "date_created": format_datetime(SENT),
                "direction": "outbound-api",
                "status": "sent",
                "from": "RegionVB",
                "to": NUMBER,
                "body": "",
                "num_segments": "2",
            }
        ],
        "next_page_uri": None,
    },
}
"""What each says where it has our message, and whoever looks for it finds it."""

REPORTS: dict[str, dict[str, Any]] = {
    "46elks": {"id": "s1", "status": "failed"},
    "sinch": {"batch_id": "b1", "statuses": [{"code": 402, "status": "Failed", "count": 1}]},
    "infobip": {
        "results": [
            {
                "messageId": "r1",
                "status": {"groupId": 2, "id": 9, "name": "UNDELIVERABLE_NOT_DELIVERED"},
                "error": {"groupName": "HANDSET_ERRORS", "name": "EC_ABSENT_SUBSCRIBER", "permanent": False},
            }
        ]
    },
    "twilio": {"sid": SID, "status": "undelivered", "error_code": 30005},
}
"""What each says of a message that did not come."""

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.sampled_from(["//[", "x" * 70_000, "\ud800", "0001-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "failed"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "to", "status"]), inner),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to each value in an answer, itself the first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(answer: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """Put something else in one place of an answer."""
    if not path:
        return odd
    changed = copy.deepcopy(answer)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = odd
    return changed


GATEWAYS = {
    name: adapter(name, {"base_url": URL, **account}, timeout=timedelta(seconds=5))
    for name, account in ACCOUNTS.items()
}


def asked(provider: str, answer: Any) -> tuple[object, object]:
    """Look for our message, and ask what became of one, at a provider that gives this answer to whatever is asked."""
    gateway = GATEWAYS[provider]
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(content=json.dumps(answer).encode())
        finding = gateway.find(Trace("r1", SENT, SENT + timedelta(seconds=20), OURS, alone=True))
        delivery = gateway.status(SID)
    return finding, delivery


@pytest.mark.parametrize("provider", ACCOUNTS)
def test_answers_that_are_not_odd_are_understood(provider: str) -> None:
    """So that what is made odd below is read at all."""
    finding, _ = asked(provider, LISTS[provider])
    assert isinstance(finding, Found)


@pytest.mark.parametrize("provider", ACCOUNTS)
@given(data=st.data())
def test_no_answer_is_odd_enough_for_an_error(provider: str, data: st.DataObject) -> None:
    """One value of any type, wherever it stands: the answer is one of the port's, and what is found has a plain id."""
    whole = data.draw(st.sampled_from([LISTS[provider], REPORTS[provider]]))
    answer = replaced(whole, data.draw(st.sampled_from(list(places(whole)))), data.draw(ODD))
    finding, delivery = asked(provider, answer)
    assert isinstance(finding, get_args(Finding))
    assert isinstance(delivery, get_args(Delivery))
    assert not isinstance(finding, Found) or (finding.message_id or "").isascii()


@pytest.mark.parametrize("status", [["sent"], {"sent": 1}, 7, None])
def test_status_that_is_no_word_says_nothing(status: Any) -> None:
    """The message is in the list all the same."""
    shown = LISTS["twilio"]["messages"][0] | {"status": status}
    finding, _ = asked("twilio", {"messages": [shown]})
    assert finding == Found(SID, 2)


@pytest.mark.parametrize("provider", ["46elks", "twilio"])
@pytest.mark.parametrize("following", ["//[", "/x?a=" + "x" * 70_000, "?a=\ud800", ["x"], 7, "\x00"])
def test_next_page_that_is_nowhere_is_doubt(provider: str, following: Any) -> None:
    """What a provider names as its next page may be no address at all."""
    name = {"46elks": "next", "twilio": "next_page_uri"}[provider]
    finding, _ = asked(provider, LISTS[provider] | {name: following})
    assert isinstance(finding, get_args(Finding))
