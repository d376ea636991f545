"""Infobip: a repeat that is refused as a duplicate is taken for the message only where the logs say so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.infobip import InfobipApi
from fhirnotify.harness.loopback import LoopbackServer, Reply
from fhirnotify.sms.gateway import Accepted, Deferred, Found, NotFound, NotNow, Sms, Trace, Unknown
from fhirnotify.sms.infobip import Infobip

URL = "https://abc.api.infobip.test"
MESSAGE = Sms("r1", "+46701740605", "Påminnelse till Zoé & co", "RegionVB", timedelta(hours=24))


def said(name: str, group: int, identity: str = "r1") -> dict[str, Any]:
    """Write what is said of a message."""
    return {"messageId": identity, "status": {"id": 1, "name": name, "groupId": group, "description": ""}}


DUPLICATE = said("REJECTED_DUPLICATE_MESSAGE_ID", 5)
REFUSED, TAKEN = said("REJECTED_SYSTEM_ERROR", 5), said("PENDING_ENROUTE", 1)


def repeated(router: Any, *, logs: Any) -> Any:
    """Refuse the first id as a duplicate, take the next one, and let the logs give this answer."""
    answers = [{"messages": [each]} for each in (DUPLICATE, said("PENDING_ACCEPTED", 1, "r1-2"))]
    sent = router.post(f"{URL}/sms/3/messages").mock(side_effect=[httpx.Response(200, json=each) for each in answers])
    router.get(f"{URL}/sms/3/logs").mock(side_effect=[logs])
    outcome = Infobip(api_key="secret", base_url=URL, timeout=timedelta(seconds=20)).send(MESSAGE)
    assert sent.call_count == (2 if outcome == Accepted("r1-2", None) else 1)
    return outcome


@pytest.mark.parametrize(
    ("logged", "outcome"),
    [
        ([TAKEN], Accepted("r1", None)),
        ([DUPLICATE, TAKEN], Accepted("r1", None)),
        ([REFUSED], Accepted("r1-2", None)),
        ([REFUSED, DUPLICATE], Accepted("r1-2", None)),
        ([], Unknown("duplicate")),
        ([DUPLICATE], Unknown("duplicate")),
        ([said("PENDING_ENROUTE", 1, "r2")], Unknown("duplicate")),
    ],
)
def test_logs_tell_what_became_of_the_first_one(router: Any, logged: list[Any], outcome: Any) -> None:
    """Taken, refused and so sent under the next id, or neither. What they hold of the repeat itself tells nothing."""
    assert repeated(router, logs=httpx.Response(200, json={"results": logged})) == outcome


@pytest.mark.parametrize(
    "logs",
    [
        *(httpx.Response(status) for status in (401, 403, 429, 500, 503)),
        httpx.Response(200, text="<html>"),
        httpx.ConnectError(""),
        httpx.ReadTimeout(""),
    ],
)
def test_logs_that_cannot_be_read_leave_a_duplicate_in_doubt(router: Any, logs: Any) -> None:
    """Infobip has had the id, and may have taken the message or refused it."""
    assert repeated(router, logs=logs) == Unknown("duplicate")


@pytest.fixture
def api() -> InfobipApi:
    """Give the stand-in's own side."""
    return InfobipApi(Exchange())


@pytest.fixture
def gateway(api: InfobipApi) -> Iterator[Infobip]:
    """Make the adapter of the stand-in."""
    with LoopbackServer(api.handle) as server:
        made = Infobip(**api.account(server.base_url), timeout=timedelta(seconds=20))
        yield made
        made.close()


def found(gateway: Infobip) -> Any:
    """Look for the message."""
    now = datetime.now(UTC)
    return gateway.find(Trace("r1", now, now))


@pytest.mark.parametrize(
    ("disturbance", "unheard"),
    [({"logs_lag": timedelta(hours=1)}, NotFound()), ({"logs_fault": Reply(503)}, NotNow("http-503"))],
    ids=["not yet", "not now"],
)
def test_refused_message_is_never_told_as_accepted(
    api: InfobipApi, gateway: Infobip, disturbance: dict[str, Any], unheard: Any
) -> None:
    """It is in doubt until the logs tell; then it is sent, once."""
    api.exchange.script.next(Behaviour.REFUSE_STRANGELY)
    assert isinstance(gateway.send(MESSAGE), Deferred)
    undisturbed = {name: getattr(api, name) for name in disturbance}
    vars(api).update(disturbance)
    assert gateway.send(MESSAGE) == Unknown("duplicate")
    assert found(gateway) == unheard
    vars(api).update(undisturbed)
    assert found(gateway) == NotFound()
    assert gateway.send(MESSAGE) == Accepted("r1-2", 1)
    assert [each.id for each in api.exchange.messages()] == ["r1-2"]


def test_taken_message_that_the_logs_do_not_know_yet_is_found_later(api: InfobipApi, gateway: Infobip) -> None:
    """It is in doubt, and settled by asking; nothing is sent twice."""
    api.logs_lag = timedelta(hours=1)
    api.exchange.script.next(Behaviour.TAKE_AND_DROP)
    assert isinstance(gateway.send(MESSAGE), Unknown)
    assert gateway.send(MESSAGE) == Unknown("duplicate")
    api.logs_lag = timedelta(0)
    assert found(gateway) == Found("r1", 1)
    assert len(api.exchange.messages()) == 1
