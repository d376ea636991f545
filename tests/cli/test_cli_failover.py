"""The commands with two providers, each played by a stand-in of its own: what the one does not take the other sends."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from place import NOW, Place, visits

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.inbox import Inbox
from fhirnotify.sms.breaker import LIMIT

PATIENCE = 60
VISITS = 12
PARALLEL = 2


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class Two:
    """A place with 46elks before Sinch, and what stands in for each."""

    def __init__(self, place: Place, elks: Inbox, sinch: Inbox) -> None:
        self.place, self.elks, self.sinch = place, elks, sinch

    def settings(self, more: str = "", parallel: int = PARALLEL, **addresses: str) -> None:
        """Write the settings; ``addresses`` lead a provider elsewhere."""
        sections = []
        for name, inbox in (("46elks", self.elks), ("sinch", self.sinch)):
            account = inbox.settings(name)[f"sms.{name}"] | ({"base_url": addresses[name]} if name in addresses else {})
            keys = "\n".join(f"{key} = {json.dumps(value)}" for key, value in account.items())
            sections.append(f"[sms.{name}]\n{keys}\n")
        self.place.settings(
            f'[sms]\nprovider = ["46elks", "sinch"]\nparallel = {parallel}\nattempts = 1\nrate = 1000\ntimeout = "1s"\n'
            f"{more}\n{''.join(sections)}"
        )

    def run(self, *, exit_code: int) -> dict[str, Any]:
        """Do a pass; give its summary and what it said to people."""
        done = self.place.run("run", "--now", NOW, "--rehearsal", "--json")
        assert done.exit_code == exit_code, done.stderr
        summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["summary"]
        return summary | {"stderr": done.stderr}

    def explained(self, appointment: str) -> dict[str, Any]:
        """Give the one reminder of a visit, as ``explain --json`` tells it."""
        said = self.place.run("explain", appointment, "--now", NOW, "--json")
        (reminder,) = json.loads(said.stdout)["reminders"]
        return reminder  # type: ignore[no-any-return]

    def got(self) -> dict[int, int]:
        """How many patients got how many messages, of both together."""
        return dict(
            Counter(Counter(message.to for inbox in (self.elks, self.sinch) for message in inbox.messages).values())
        )


@pytest.fixture
def two(place: Place) -> Iterator[Two]:
    """Visits to be reminded of, and two providers that take everything."""
    place.world(visits(VISITS))
    with Inbox(exchange=Exchange(hang=5.0)) as elks, Inbox(exchange=Exchange(hang=5.0)) as sinch:
        made = Two(place, elks, sinch)
        made.settings()
        yield made


def test_the_first_takes_everything_as_long_as_it_can(two: Two) -> None:
    """The second is there for nothing."""
    summary = two.run(exit_code=0)
    assert (summary["sent"], summary["failed_over"]) == (VISITS, 0)
    assert (len(two.elks.messages), len(two.sinch.messages)) == (VISITS, 0)


@pytest.mark.parametrize("fault", ["refused connection", Behaviour.UNAVAILABLE, Behaviour.THROTTLE])
def test_what_the_first_does_not_take_the_second_sends(two: Two, fault: str) -> None:
    """Each patient gets one message; who has it is told, and the ledger is sound."""
    if isinstance(fault, Behaviour):
        two.elks.always(fault)
    else:
        two.settings(**{"46elks": "http://127.0.0.1:9"})
    summary = two.run(exit_code=0)
    assert (summary["sent"], summary["failed_over"]) == (VISITS, VISITS)
    assert two.got() == {1: VISITS}
    assert len(two.elks.attempts) < LIMIT + PARALLEL
    reminder = two.explained("a0")
    assert reminder["provider"].startswith("sinch/")
    assert [(step["to"], step["code"]) for step in reminder["transitions"]][1::2] == [
        ("sending", "46elks"),
        ("sending", "sinch"),
    ]
    said = two.place.run("explain", "a0", "--now", NOW).stdout
    assert "Message   To patient p0, by sinch: the provider has it." in said
    assert two.place.run("ledger", "check").exit_code == 0


@pytest.mark.parametrize(
    ("behaviour", "state", "failed", "uncertain"),
    [
        (Behaviour.REFUSE, "rejected", 2, 0),
        (Behaviour.DROP, "uncertain", 0, 2),
        (Behaviour.TAKE_AND_BABBLE, "uncertain", 0, 2),
    ],
)
def test_what_never_goes_to_the_second(two: Two, behaviour: Behaviour, state: str, failed: int, uncertain: int) -> None:
    """A refused number, and a message that the first may have: it is asked for there, and nowhere else."""
    two.elks.next(behaviour, behaviour)
    summary = two.run(exit_code=6 if failed or uncertain else 0)
    assert (summary["failed"], summary["uncertain"], summary["failed_over"]) == (failed, uncertain, 0)
    assert two.sinch.messages == []
    assert two.explained("a0")["state"] == state


def test_a_refused_account_stops_the_pass(two: Two) -> None:
    """Unless it is set otherwise: exit 4, and nobody gets anything by another account."""
    two.elks.always(Behaviour.WRONG_PASSWORD)
    summary = two.run(exit_code=4)
    assert (summary["sent"], summary["pending"], two.got()) == (0, VISITS, {})


def test_the_second_may_go_on_where_the_account_of_the_first_is_refused(two: Two) -> None:
    """Everybody gets the reminder, and exit 4 says that an account is to be mended."""
    two.settings("failover_on_account_fault = true")
    two.elks.always(Behaviour.OUT_OF_CREDIT)
    summary = two.run(exit_code=4)
    assert (summary["sent"], summary["failed_over"], summary["complete"]) == (VISITS, VISITS, True)
    assert two.got() == {1: VISITS}
    assert "What was due went to sinch instead." in summary["stderr"]
    assert '"failed_over": 12' in summary["stderr"]


def test_people_are_told_how_many_another_has_sent(two: Two) -> None:
    """In the line that sums up."""
    two.elks.always(Behaviour.UNAVAILABLE)
    said = two.place.run("run", "--now", NOW, "--rehearsal").stdout
    assert f"({VISITS} sent by another provider than the first)" in said


def test_a_pass_that_dies_at_the_second_provider(two: Two) -> None:
    """The ledger names it before it is asked, so it is the one that is asked what became of the message."""
    two.place.world(visits(3))
    two.settings(parallel=1)
    two.elks.always(Behaviour.UNAVAILABLE)
    two.sinch.always(Behaviour.TAKE_AND_HANG)
    with two.place.process("run", "--now", NOW, "--rehearsal", "--json") as running:
        until(lambda: bool(two.sinch.messages))
        running.kill()
        running.communicate(timeout=PATIENCE)
    two.sinch.always(Behaviour.ACCEPT)
    for _ in range(2):
        two.place.run("run", "--now", NOW, "--rehearsal", "--json")
    assert two.got() == {1: 3}
    assert {two.explained(f"a{number}")["state"] for number in range(3)} <= {"accepted", "delivered"}


def test_what_is_in_doubt_at_a_provider_that_is_no_longer_there(two: Two) -> None:
    """Nobody is asked for it, it is not sent again, and ``explain`` says so."""
    two.elks.next(Behaviour.TAKE_AND_DROP)
    two.place.world(visits(1))
    two.run(exit_code=6)
    text = two.place.config.read_text("utf-8").replace('["46elks", "sinch"]', '"sinch"')
    two.place.config.write_text(text, "utf-8")
    two.run(exit_code=6)
    said = two.place.run("explain", "a0", "--now", NOW).stdout
    assert "by 46elks" in said
    assert "sms.provider does not name that account any more" in said
    assert two.got() == {1: 1}


def test_check_asks_every_provider(two: Two) -> None:
    """What is wrong with one does not keep the others from being asked."""
    two.settings(**{"46elks": "http://127.0.0.1:9"})
    said = two.place.run("check", "--json")
    assert said.exit_code == 2
    found = json.loads(said.stdout)
    assert [one["level"] for one in found if one["part"] == "sms"] == ["error", "ok"]
