"""46elks against a server that behaves as its documents say, also where it fails."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhirnotify.errors import AccountFault
from fhirnotify.harness.elks46 import PASSWORD, PRICE, USERNAME, Behaviour, FakeElks46
from fhirnotify.harness.journal import parts, read_journal
from fhirnotify.sms.elks46 import Elks46
from fhirnotify.sms.gateway import Accepted, Deferred, NotFound, Rejected, Sms, Trace, Unknown

ANNA, BO = "+46701740605", "+46701740606"
LATER = timedelta(seconds=1)


def sms(to: str = ANNA, text: str = "Påminnelse till Anna") -> Sms:
    """Make a message."""
    return Sms("r1", to, text, "RegionVB", timedelta(hours=24))


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeElks46]:
    """Start the stand-in with a journal."""
    with FakeElks46(tmp_path / "journal.jsonl") as server:
        yield server


@pytest.fixture
def gateway(fake: FakeElks46) -> Iterator[Elks46]:
    """Make a patient adapter."""
    adapter = Elks46(username=USERNAME, password=PASSWORD, base_url=fake.base_url, timeout=timedelta(seconds=20))
    yield adapter
    adapter.close()


@pytest.fixture
def api(fake: FakeElks46) -> Iterator[httpx.Client]:
    """Speak to the stand-in without the adapter."""
    with httpx.Client(base_url=fake.base_url, auth=(USERNAME, PASSWORD)) as client:
        yield client


@pytest.fixture
def hasty(fake: FakeElks46) -> Iterator[Elks46]:
    """Make an adapter that waits half a second for an answer."""
    adapter = Elks46(username=USERNAME, password=PASSWORD, base_url=fake.base_url, timeout=timedelta(seconds=0.5))
    yield adapter
    adapter.close()


OUTCOMES: dict[Behaviour, tuple[Any, int]] = {
    Behaviour.ACCEPT: (Accepted, 1),
    Behaviour.LATE: (Accepted, 1),
    Behaviour.DELIVERED_LATER: (Accepted, 1),
    Behaviour.UNDERWAY: (Accepted, 1),
    Behaviour.UNDELIVERED: (Accepted, 1),
    Behaviour.DEAD_NUMBER: (Accepted, 1),
    Behaviour.REFUSE_STRANGELY: (Deferred("http-400"), 0),
    Behaviour.REFUSE: (Rejected("Invalid to number"), 0),
    Behaviour.THROTTLE: (Deferred("http-429", LATER), 0),
    Behaviour.UNAVAILABLE: (Deferred("http-503", LATER), 0),
    Behaviour.OUT_OF_CREDIT: (AccountFault, 0),
    Behaviour.WRONG_PASSWORD: (AccountFault, 0),
    Behaviour.FAIL: (Rejected("failed"), 0),
    Behaviour.HANG: (Unknown("read-timeout"), 0),
    Behaviour.DROP: (Unknown("unreadable-answer"), 0),
    Behaviour.TAKE_AND_BREAK: (Unknown("http-500"), 1),
    Behaviour.TAKE_AND_HANG: (Unknown("read-timeout"), 1),
    Behaviour.TAKE_AND_DROP: (Unknown("unreadable-answer"), 1),
    Behaviour.TAKE_AND_BABBLE: (Unknown("unreadable-answer"), 1),
    Behaviour.TAKE_AND_MANGLE: (Unknown("unreadable-answer"), 1),
}


@pytest.mark.parametrize("behaviour", Behaviour)
def test_what_each_behaviour_becomes(fake: FakeElks46, gateway: Elks46, hasty: Elks46, behaviour: Behaviour) -> None:
    """Each behaviour has one outcome; Unknown and Accepted are the only ones after which 46elks may have it."""
    expected, taken = OUTCOMES[behaviour]
    sender = hasty if behaviour.endswith("hang") else gateway
    fake.on(ANNA, behaviour)
    if expected is AccountFault:
        with pytest.raises(AccountFault):
            sender.send(sms())
    elif expected is Accepted:
        assert sender.send(sms()) == Accepted(fake.taken[0].id, 1)
    else:
        assert sender.send(sms()) == expected
    assert len(fake.taken) == taken
    assert isinstance(gateway.send(sms(BO)), Accepted)


@pytest.mark.parametrize("behaviour", [each for each, (outcome, _) in OUTCOMES.items() if isinstance(outcome, Unknown)])
def test_every_doubt_is_settled_by_asking(
    fake: FakeElks46, gateway: Elks46, hasty: Elks46, behaviour: Behaviour
) -> None:
    """After an Unknown, the history tells whether the message was taken."""
    fake.next(behaviour)
    since = datetime.now(UTC)
    (hasty if behaviour.endswith("hang") else gateway).send(sms())
    finding = gateway.find(Trace("r1", since, datetime.now(UTC), sms(), alone=True))
    if fake.taken:
        assert finding.message_id == fake.taken[0].id  # type: ignore[union-attr]
    else:
        assert finding == NotFound()


def test_server_that_is_down(fake: FakeElks46, gateway: Elks46) -> None:
    """A refused connection is certain not to have sent anything."""
    fake.close()
    assert gateway.send(sms()) == Deferred("no-connection")


def test_wrong_password(fake: FakeElks46) -> None:
    """The account is refused, when sending and when checking."""
    adapter = Elks46(username=USERNAME, password="wrong", base_url=fake.base_url, timeout=timedelta(seconds=5))
    with pytest.raises(AccountFault):
        adapter.send(sms())
    with pytest.raises(AccountFault):
        adapter.check()
    adapter.close()
    assert fake.taken == []


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ({"to": ANNA, "message": "x"}, "Missing key from"),
        ({"from": "RegionVB", "message": "x"}, "Missing key to"),
        ({"from": "RegionVB", "to": ANNA}, "Missing key message"),
        ({"from": "RegionVB", "to": "0701740605", "message": "x"}, "Invalid to number"),
        ({"from": "1177", "to": ANNA, "message": "x"}, "Invalid from number"),
        ({"from": "RegionVasterbotten", "to": ANNA, "message": "x"}, "Invalid from number"),
    ],
)
def test_server_validates(api: httpx.Client, form: dict[str, str], answer: str) -> None:
    """Errors come as plain text."""
    response = api.post("/a1/sms", data=form)
    assert (response.status_code, response.text) == (400, answer)


def test_server_answers_as_documented(api: httpx.Client, fake: FakeElks46) -> None:
    """Send, dry run, read by id, with and without a text kept; each costs what its parts cost."""
    before = fake.balance
    form = {"from": "RegionVB", "to": ANNA, "message": "å" * 161}
    dry = api.post("/a1/sms", data=form | {"dryrun": "yes"}).json()
    assert (dry["parts"], dry["estimated_cost"], fake.taken) == (2, 2 * PRICE, [])
    sent = api.post("/a1/sms", data=form).json()
    assert (sent["parts"], sent["cost"], sent["status"], sent["message"]) == (2, 2 * PRICE, "created", "å" * 161)
    assert api.get(f"/a1/sms/{sent['id']}").json() == sent | {"status": "delivered"}
    hidden = api.post("/a1/sms", data=form | {"dontlog": "message"}).json()
    assert "message" not in api.get(f"/a1/sms/{hidden['id']}").json()
    assert api.get("/a1/sms/nothing").status_code == 404
    assert api.get("/a1/me").json()["balance"] == before - 4 * PRICE
    assert api.get("/a1/calls").status_code == 404


def test_server_s_history_goes_backwards(api: httpx.Client) -> None:
    """``start`` is the later bound and ``end`` the earlier; ``next`` is the ``start`` of the next page."""
    for number in (ANNA, BO, ANNA, ANNA):
        api.post("/a1/sms", data={"from": "RegionVB", "to": number, "message": "x"})
    whole = api.get("/a1/sms").json()["data"]
    assert [each["created"] for each in whole] == sorted((each["created"] for each in whole), reverse=True)
    first = api.get("/a1/sms", params={"to": ANNA, "limit": 2}).json()
    second = api.get("/a1/sms", params={"to": ANNA, "limit": 2, "start": first["next"]}).json()
    assert first["data"] + second["data"] == [each for each in whole if each["to"] == ANNA]
    assert "next" not in second
    assert api.get("/a1/sms", params={"end": whole[1]["created"]}).json()["data"] == whole[:1]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" * 77, 3),
        ("Š" * 70, 1),
        ("Š" * 71, 2),
        ("Š" * 134, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts(text: str, count: int) -> None:
    """Septets of GSM 03.38, its extension table counting two that are not parted, or UCS-2 units."""
    assert parts(text) == count


def test_journal_outlives_the_server(fake: FakeElks46, gateway: Elks46) -> None:
    """What was taken is on file before it is answered, and a server started on it goes on where the last one was."""
    gateway.send(sms(text="Påminnelse\ntill Åsa"))
    assert fake.journal is not None
    assert read_journal(fake.journal) == fake.taken
    with fake.journal.open("ab") as file:
        file.write(b'{"id": "torn')
    with FakeElks46(fake.journal) as again:
        assert again.taken == fake.taken


def test_own_process(tmp_path: Path) -> None:
    """It tells its address when it is ready, does as it is told, and ends on SIGTERM."""
    journal = tmp_path / "journal.jsonl"
    command = [sys.executable, "-m", "fhirnotify.harness.elks46", "--journal", str(journal), "--on", f"{BO}=refuse"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            base_url = json.loads(process.stdout.readline())["base_url"]
            adapter = Elks46(username=USERNAME, password=PASSWORD, base_url=base_url, timeout=timedelta(seconds=10))
            assert isinstance(adapter.send(sms()), Accepted)
            assert adapter.send(sms(BO)) == Rejected("Invalid to number")
            adapter.close()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert [message.to for message in read_journal(journal)] == [ANNA]
