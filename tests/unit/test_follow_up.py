"""Following up: what is asked, when the asking ends, and that a provider that fails costs a run little."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from journal import HOUR, MINUTE, Desk, already

from fhirnotify.delivery import GRACE, LATE_TO_LEARN, SELDOM, SOON
from fhirnotify.errors import AccountFault, LedgerError
from fhirnotify.follow_up import IN_A_RUN, Asking, Bounds, FollowUp, follow_up
from fhirnotify.ledger.port import State
from fhirnotify.sms.gateway import Accepted, Delivered, NoReport, NotNow, Undelivered, Underway
from fhirnotify.sms.memory import MemoryGateway
from fhirnotify.sms.route import Route

DAY = timedelta(days=1)
FAULT = AccountFault("Refused.", "Mend it.")


@dataclass
class Teller(MemoryGateway):
    """A provider that tells what a test says, and counts who asks."""

    account: str = "teller"
    says: object = field(default_factory=Underway)
    remembers: timedelta = 3 * DAY
    asked: list[str] = field(default_factory=list)
    ids: bool = True

    def __post_init__(self):
        super().__init__()

    def send(self, sms):
        outcome = super().send(sms)
        return outcome if self.ids else Accepted(None, None)

    def status(self, message_id):
        self.asked.append(message_id)
        answer = self.says(message_id) if callable(self.says) else self.says
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def teller():
    """A provider."""
    return Teller()


@pytest.fixture
def desk(teller):
    """A desk whose provider it is, with one reminder that was sent."""
    made = Desk(gateway=teller)
    made.book(1)
    made.run()
    return made


def asking(desk, *others):
    """What the command is given; its rows and progress go to the desk."""
    job = desk.job()
    return Asking(desk.ledger, Route([desk.gateway, *others]), job.sending, job.clock, desk, desk.stop)


def asked_after(desk, by=timedelta(0)):
    """Follow everything up, so much later; give the summary."""
    desk.watch.moment += by
    desk.rows.clear()
    return follow_up(asking(desk))


def codes(desk, appointment="a1"):
    """The states that the reminder went through after it was accepted, with their codes."""
    (reminder,) = desk.ledger.of_appointments([appointment])
    steps = [(str(step.to_state), step.code) for step in desk.ledger.transitions(reminder.id)]
    return steps[steps.index(("accepted", None)) + 1 :]


@pytest.mark.parametrize(
    ("says", "state", "code"),
    [
        (Delivered(), "delivered", None),
        (Undelivered("failed", permanent=False), "undelivered", "failed"),
        (Undelivered("EC_UNKNOWN", permanent=True), "undelivered", "dead-number EC_UNKNOWN"),
    ],
)
def test_something_final_ends_the_asking(desk, teller, says, state, code):
    """It is recorded with its code, and nobody asks again."""
    teller.says = says
    asked_after(desk)
    assert codes(desk) == [(state, code)]
    asked_after(desk, DAY)
    assert len(teller.asked) == 1
    assert desk.rows == []


def test_a_run_follows_up_what_earlier_runs_sent(desk, teller):
    """Its row tells what became of it: already, and nothing is sent."""
    teller.says = Delivered()
    summary = desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): already("delivered")}
    assert (summary.already, summary.sent, summary.exit_code()) == (1, 0, 0)


def test_a_dead_number_is_data_to_mend(desk, teller):
    """The run that learns it names it in its summary, by ids; it is no failure of the run."""
    teller.says = Undelivered("EC_UNKNOWN", permanent=True)
    summary = desk.run(MINUTE)
    (dead,) = summary.as_json()["undeliverable"]
    assert (dead["appointment"], dead["patient"], dead["code"]) == ("a1", "p1", "EC_UNKNOWN")
    assert summary.exit_code() == 0
    assert desk.run(MINUTE).undeliverable == []


def test_one_that_may_yet_come_is_not_data_to_mend(desk, teller):
    """A telephone may be switched off."""
    teller.says = Undelivered("failed", permanent=False)
    assert desk.run(MINUTE).undeliverable == []


def test_a_plan_asks_nobody(desk, teller):
    """It changes nothing, so it learns nothing."""
    desk.plan()
    assert teller.asked == []


def test_the_asking_goes_on_until_validity_has_passed_and_then_ends(desk, teller):
    """Ever more seldom, and once more in the end; the reminder stays accepted."""
    (sent,) = desk.ledger.of_appointments(["a1"])
    moments = []
    while not codes(desk):
        desk.run(SOON)
        if len(teller.asked) > len(moments):
            moments.append(desk.watch.moment - sent.sending_since)
    assert codes(desk) == [("accepted", "expired-unknown")]
    assert moments[:6] == [by * MINUTE for by in (5, 10, 20, 40, 80, 160)]
    assert [after - before for before, after in pairwise(moments[5:-1])] == [SELDOM] * (len(moments) - 7)
    assert moments[-1] == DAY
    desk.run(DAY)
    assert len(teller.asked) == len(moments)


def test_the_provider_forgets_before_validity_has_passed(desk, teller):
    """Then there is no more to be learnt."""
    teller.remembers = 6 * HOUR
    asked_after(desk, 6 * HOUR - MINUTE)
    assert codes(desk) == []
    asked_after(desk, MINUTE)
    assert codes(desk) == [("accepted", "expired-unknown")]


@pytest.mark.parametrize("facts", [{"remembers": timedelta(0)}, {"ids": False}])
def test_what_cannot_be_asked_about_is_not_asked_about(facts):
    """A provider that reports to a callback alone, a message without an id: it ends at once, without a request."""
    teller = Teller(**facts)
    desk = Desk(gateway=teller)
    desk.book(1)
    desk.run()
    desk.run(MINUTE)
    desk.run(MINUTE)
    assert codes(desk) == [("accepted", "no-report")]
    assert teller.asked == []
    assert desk.told() == {("a1", "p1"): already("accepted")}


def test_what_the_provider_does_not_know_is_asked_about_for_an_hour(desk, teller):
    """Some file a message later than they take it."""
    teller.says = NoReport("unknown-message")
    asked_after(desk, LATE_TO_LEARN - MINUTE)
    assert codes(desk) == []
    asked_after(desk, MINUTE)
    assert codes(desk) == [("accepted", "no-report")]


@pytest.mark.parametrize("says", [NotNow("read-timeout"), NotNow("http-429"), FAULT])
def test_who_cannot_be_asked_is_not_asked_for_ever(desk, teller, says):
    """A day after the time has passed it is given up."""
    teller.says = says
    for by in (DAY + GRACE - MINUTE, MINUTE):
        assert codes(desk) == []
        if says is FAULT:
            with pytest.raises(AccountFault):
                asked_after(desk, by)
        else:
            asked_after(desk, by)
    assert codes(desk) == [("accepted", "expired-unknown")]


def test_an_account_that_is_not_configured_is_left_and_told(desk):
    """Nobody else is asked about its messages; when it is put back, it is asked again."""
    before, desk.gateway = desk.gateway, Teller(account="another", says=Delivered())
    summary = asked_after(desk, MINUTE)
    assert (summary.considered, summary.reasons) == (1, {"account-not-configured": 1})
    assert desk.gateway.asked == []
    before.says = Delivered()
    desk.gateway = before
    desk.run(SELDOM + MINUTE)
    assert codes(desk) == [("delivered", None)]


def test_each_is_asked_at_the_account_that_took_it(desk, teller):
    """Of several providers."""
    other = Teller(account="other")
    desk.gateway = other
    desk.book(2)
    desk.run()
    desk.gateway = teller
    follow_up(asking(desk, other))
    assert (len(teller.asked), len(other.asked)) == (1, 1)
    assert teller.asked != other.asked


def full(count, **facts):
    """A desk with so many reminders that were sent."""
    desk = Desk(gateway=Teller(**facts))
    for number in range(1, count + 1):
        desk.book(number)
    desk.run()
    desk.gateway.asked.clear()
    return desk


def test_every_message_is_asked_about_once_and_has_a_row():
    """More than a batch, on a ledger that several passes have asked before."""
    desk = full(250)
    desk.run(HOUR)
    desk.gateway.asked.clear()
    desk.gateway.says = lambda id_: Delivered() if int(id_, 16) % 2 else Underway()
    summary = asked_after(desk)
    assert max(Counter(desk.gateway.asked).values()) == 1
    assert len(desk.gateway.asked) == len(desk.told()) == summary.considered == summary.already == 250
    delivered = sum(row.outcome == "delivered" for row in desk.rows)
    assert 0 < delivered < 250
    assert summary.reasons == {"underway": 250 - delivered}


@pytest.mark.parametrize(("says", "most"), [(NotNow("http-429"), 1), (FAULT, 1), (NotNow("read-timeout"), 3)])
def test_a_provider_that_does_not_answer_is_left_alone(says, most):
    """At once if it asks for that, or refuses the account; else after three requests, one after another."""
    desk = full(30, says=says)
    try:
        summary = asked_after(desk)
    except AccountFault as fault:
        summary = fault.summary
    assert len(desk.gateway.asked) == most
    assert (summary.considered, summary.complete) == (30, True)
    assert summary.reasons["not-asked"] == 30 - most


def test_one_that_fails_now_and_then_is_not_left_alone():
    """Each answer counts for it."""
    desk = full(30)
    turns = iter(range(99))
    desk.gateway.says = lambda _: NotNow("http-500") if next(turns) % 3 else Delivered()
    asked_after(desk)
    assert len(desk.gateway.asked) == 30


def test_a_defect_in_an_adapter_stops_nothing(desk, teller):
    """Of one message's bug nothing is concluded."""
    teller.says = lambda _: ValueError("a number, perhaps")
    assert asked_after(desk).reasons == {"bug:ValueError": 1}


def test_a_provider_that_fails_leaves_the_others_in_peace(desk, teller):
    """Others are asked beside it."""
    other = Teller(account="other", says=Delivered())
    desk.gateway = other
    for number in range(2, 20):
        desk.book(number)
    desk.run()
    teller.says, desk.gateway = FAULT, teller
    with pytest.raises(AccountFault) as refused:
        follow_up(asking(desk, other))
    assert len(other.asked) == 18
    assert "what became of messages" in refused.value.what
    assert refused.value.next_step == "Mend it."


def test_a_refused_account_keeps_no_run_from_sending(desk, teller):
    """What is due is sent; the fault is told when all is done."""
    teller.says = FAULT
    desk.book(2)
    with pytest.raises(AccountFault) as refused:
        desk.run(MINUTE)
    assert refused.value.summary.sent == 1
    assert desk.told()["a1", "p1"] == already("accepted")
    assert desk.states() == {"a1": "accepted", "a2": "accepted"}


def test_a_provider_that_hangs_costs_a_run_a_bounded_time(monkeypatch):
    """What is due is sent all the same, by another thread than the one that still waits."""
    desk = full(20)
    release = threading.Event()
    desk.gateway.says = lambda _: (release.wait(20), Underway())[1]
    monkeypatch.setattr("fhirnotify.run.IN_A_RUN", Bounds(500, 0.2))
    desk.book(21)
    began = time.monotonic()
    summary = desk.run(MINUTE)
    release.set()
    assert time.monotonic() - began < 10
    assert (summary.sent, len(desk.gateway.asked)) == (1, 1)


def test_a_run_asks_a_bounded_number(monkeypatch):
    """The longest due first, so that in the end all have been asked about."""
    desk = full(25)
    monkeypatch.setattr("fhirnotify.run.IN_A_RUN", Bounds(10, 10.0))
    asked = []
    for _ in range(3):
        desk.run(MINUTE)
        asked.append(len(desk.gateway.asked))
    assert asked == [10, 20, 25]
    assert max(Counter(desk.gateway.asked).values()) == 1
    assert IN_A_RUN.seconds <= 10


def test_a_signal_ends_the_asking():
    """What has been learnt is kept; the rest is asked about another time."""
    desk = full(50)

    def stop_at(stage, done):
        if stage == "ask" and done >= 3:
            desk.stop.set()

    desk.on_progress = stop_at
    desk.gateway.says = Delivered()
    summary = asked_after(desk)
    assert 3 <= summary.considered < 50
    assert Counter(desk.states().values())["delivered"] == summary.considered
    desk.stop.clear()
    desk.on_progress = lambda stage, done: None
    asked_after(desk, SELDOM + HOUR)
    assert set(desk.states().values()) == {"delivered"}


def test_a_ledger_that_fails_ends_it_at_once(desk, teller):
    """What was learnt is learnt again another time."""
    teller.says = Delivered()
    desk.ledger.move = lambda *_: (_ for _ in ()).throw(LedgerError("The disk is full."))
    with pytest.raises(LedgerError) as stopped:
        asked_after(desk)
    assert stopped.value.summary.complete is False


def test_another_machine_was_faster(desk, teller):
    """Its word stands, and is told."""
    (reminder,) = desk.ledger.of_appointments(["a1"])
    heard = []

    def meanwhile(_):
        from fhirnotify.ledger.port import Change

        desk.ledger.move("other", desk.watch.moment, [Change(reminder.id, State.DELIVERED, attempt=1)])
        return Undelivered("failed", permanent=False)

    teller.says = meanwhile
    FollowUp(asking(desk), lambda after, learnt: heard.append(after.state)).work()
    assert heard == [State.DELIVERED]
    assert codes(desk) == [("delivered", None)]


def test_the_pace_is_kept():
    """Requests go out at the rate of messages."""
    desk = full(6)
    job = replace(desk.job().sending, rate=20.0)
    began = time.monotonic()
    FollowUp(replace(asking(desk), sending=job), lambda *_: None).work()
    assert time.monotonic() - began >= 0.15
