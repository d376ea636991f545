"""The courier: parallel sending, retries, waiting and stopping."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from fhirnotify.errors import AccountFault
from fhirnotify.sms.bucket import SharedPace, TokenBucket
from fhirnotify.sms.courier import STALLED, STOPPED, Courier, Result, elapsed
from fhirnotify.sms.gateway import Accepted, Deferred, Gateway, Outcome, Rejected, Sms, Unknown
from fhirnotify.sms.memory import MemoryGateway

LONG = 10.0
NOW = timedelta(0)


def sms(number: int = 0) -> Sms:
    """Make one of many messages."""
    return Sms(f"r{number}", f"+467017406{number % 90 + 5:02}", "text", "RegionVB", timedelta(hours=24))


class Script:
    """Answers each message's attempts from a list, the last answer staying."""

    def __init__(self, *answers: Outcome | AccountFault | None) -> None:
        self.answers = answers
        self.times: list[float] = []

    def __call__(self, _: Sms) -> Any:
        self.times.append(time.monotonic())
        return self.answers[min(len(self.times), len(self.answers)) - 1]


class ToOne(Courier):
    """A courier all of whose messages are for one gateway."""

    def __init__(self, gateway: Gateway, **settings: Any) -> None:
        super().__init__(**settings)
        self._gateway = gateway

    def send(self, sms: Sms, since: float | None = None) -> None:  # type: ignore[override]
        super().send(sms, self._gateway, since)


@pytest.fixture
def stop() -> threading.Event:
    """Make the event by which a run is told to stop."""
    return threading.Event()


@pytest.fixture
def courier(stop: threading.Event) -> Iterator[Callable[..., ToOne]]:
    """Make couriers, and see to it that their threads end."""
    made: list[ToOne] = []

    def make(script: Any = lambda _: None, rate: float = 10_000, **settings: Any) -> ToOne:
        gateway = script if hasattr(script, "send") else MemoryGateway(script)
        settings = {"pace": TokenBucket(rate), "parallel": 4, "attempts": 3, "stop": stop} | settings
        made.append(ToOne(gateway, **settings))
        return made[-1]

    yield make
    stop.set()
    for each in made:
        each.close()
        for thread in each._threads:
            thread.join(LONG)
            assert not thread.is_alive()


def deliver(courier: ToOne, count: int = 1) -> list[tuple[Sms, Result]]:
    """Go round as a run does, until everything is done."""
    waiting = [sms(number) for number in range(count)]
    done: list[tuple[Sms, Result]] = []
    until = time.monotonic() + LONG
    while len(done) < count:
        assert time.monotonic() < until
        able = courier.capacity(LONG) if waiting else 0
        for _ in range(min(able, len(waiting))):
            courier.send(waiting.pop(0))
        done += courier.finished(0 if waiting else LONG)
    return done


def test_everything_handed_over_comes_back_once(courier: Any) -> None:
    """A hundred messages, a hundred outcomes, none in flight afterwards."""
    one = courier()
    done = deliver(one, 100)
    assert sorted(each.reference for each, _ in done) == sorted(f"r{number}" for number in range(100))
    assert {type(outcome) for _, outcome in done} == {Accepted}


def test_sends_in_parallel(courier: Any) -> None:
    """As many requests as there are workers are under way at once, and no more can be begun."""
    together = threading.Barrier(5)

    def meet(_: Sms) -> None:
        together.wait(LONG)

    class Meeting(MemoryGateway):
        def send(self, message: Sms) -> Outcome:
            meet(message)
            return Accepted(None, None)

    one = courier(Meeting())
    assert one.capacity(0) == 4
    for number in range(4):
        one.send(sms(number))
    assert one.capacity(0) == 0
    together.wait(LONG)
    done: list[Any] = []
    while len(done) < 4:
        done += one.finished(LONG)
    assert one.capacity(0) == 4


@pytest.mark.parametrize("answer", [Deferred("http-503"), Deferred("http-429", NOW), Deferred("no-connection")])
def test_deferred_is_tried_again(courier: Any, answer: Deferred) -> None:
    """What was certainly not sent is tried again, and counts as what it becomes."""
    script = Script(answer, None)
    ((_, outcome),) = deliver(courier(script))
    assert isinstance(outcome, Accepted)
    assert len(script.times) == 2


@pytest.mark.parametrize("answer", [Unknown("read-timeout"), Rejected("no"), AccountFault("no")])
def test_nothing_else_is_tried_again(courier: Any, answer: Any) -> None:
    """Least of all what may have been sent."""
    script = Script(answer)
    ((_, outcome),) = deliver(courier(script))
    assert outcome == answer
    assert len(script.times) == 1


def test_attempts_are_counted(courier: Any) -> None:
    """After the last attempt the answer is given back as it is."""
    script = Script(Deferred("http-429", NOW))
    ((_, outcome),) = deliver(courier(script, attempts=3))
    assert outcome == Deferred("http-429", NOW)
    assert len(script.times) == 3


def test_retry_after_is_honoured(courier: Any) -> None:
    """No attempt comes before the time that the provider asks for."""
    script = Script(Deferred("http-429", timedelta(seconds=0.3)), None)
    deliver(courier(script))
    assert script.times[1] - script.times[0] >= 0.3


def test_retry_after_beyond_patience_is_given_back_at_once(courier: Any) -> None:
    """The run does not wait for it; the caller writes down when to try again."""
    answer = Deferred("http-429", timedelta(minutes=10))
    started = time.monotonic()
    ((_, outcome),) = deliver(courier(Script(answer)))
    assert outcome == answer
    assert time.monotonic() - started < 5


def test_retry_that_would_get_its_token_too_late_is_given_back(courier: Any) -> None:
    """The time for a message is bounded also where others have taken the tokens."""
    script = Script(Deferred("http-429", NOW))
    ((_, outcome),) = deliver(courier(script, rate=0.01, attempts=2))
    assert outcome == Deferred("http-429", NOW)
    assert len(script.times) == 1


def test_retries_keep_the_rate(courier: Any) -> None:
    """Each attempt takes a token, the first one like the others."""
    script = Script(Deferred("http-429", NOW))
    deliver(courier(script, rate=10, attempts=4))
    gaps = [after - before for before, after in zip(script.times, script.times[1:], strict=False)]
    assert min(gaps) > 0.09


def test_rate_holds_over_all_workers(courier: Any) -> None:
    """Six messages at twenty a second take a quarter of a second, however many workers there are."""
    script = Script(None)
    begun = time.monotonic()
    deliver(courier(script, rate=20), 6)
    assert script.times[-1] - begun >= 0.2


def test_capacity_waits_for_a_token(courier: Any) -> None:
    """Without a token nothing can be begun; capacity waits for one, but not longer than it was told to."""
    one = courier(rate=5)
    assert one.capacity(0) == 1
    one.send(sms())
    assert one.finished(LONG)
    assert one.capacity(0) == 0
    assert one.capacity(LONG) == 1


def test_capacity_does_not_hold_back_an_outcome(courier: Any) -> None:
    """While it waits for a token, something that has finished ends the wait, so that it is recorded."""
    one = courier(rate=0.001)
    one.send(sms())
    assert one.capacity(LONG) == 0
    assert len(one.finished(0)) == 1


def test_finished_waits_for_the_first(courier: Any) -> None:
    """It gives what is done, waits only while something is in flight, and not longer than it was told to."""
    gate = threading.Event()

    class Slow(MemoryGateway):
        def send(self, message: Sms) -> Outcome:
            gate.wait(LONG)
            return Accepted(None, None)

    one = courier(Slow())
    assert one.finished(LONG) == []
    one.send(sms())
    assert one.finished(0.01) == []
    gate.set()
    assert len(one.finished(LONG)) == 1


def test_stop_ends_the_waiting_for_a_retry(courier: Any, stop: threading.Event) -> None:
    """The message comes back with the provider's answer, Retry-After and all."""
    script = Script(Deferred("http-429", timedelta(seconds=20)))
    one = courier(script)
    one.send(sms())
    while not script.times:
        assert one.finished(0.001) == []
    stop.set()
    ((_, outcome),) = one.finished(LONG)
    assert outcome == Deferred("http-429", timedelta(seconds=20))
    assert len(script.times) == 1


def test_stop_before_the_first_attempt(courier: Any, stop: threading.Event) -> None:
    """What waited for its token is not sent."""
    script = Script(None)
    one = courier(script, rate=0.01)
    one.send(sms(0))
    one.send(sms(1))
    assert isinstance(one.finished(LONG)[0][1], Accepted)
    stop.set()
    ((_, outcome),) = one.finished(LONG)
    assert outcome is STOPPED
    assert len(script.times) == 1


def test_stop_lets_a_request_end(courier: Any, stop: threading.Event) -> None:
    """What is being sent is sent to its end, and its outcome is told."""
    begun, gate = threading.Event(), threading.Event()

    class Slow(MemoryGateway):
        def send(self, message: Sms) -> Outcome:
            begun.set()
            gate.wait(LONG)
            return Accepted("m1", 2)

    one = courier(Slow())
    one.send(sms())
    assert begun.wait(LONG)
    stop.set()
    gate.set()
    assert one.finished(LONG) == [(sms(), Accepted("m1", 2))]


def test_account_fault_holds_back_what_was_not_begun(courier: Any) -> None:
    """After the provider has refused the account nothing else is sent."""
    script = Script(AccountFault("refused"))
    one = courier(script, parallel=1)
    for number in range(3):
        one.send(sms(number))
    done: list[Any] = []
    while len(done) < 3:
        done += one.finished(LONG)
    assert all(isinstance(outcome, AccountFault) for _, outcome in done)
    assert len(script.times) == 1


def test_bug_in_a_gateway_is_unknown(courier: Any) -> None:
    """A bug's message is never sent again on a guess, the others go on, and the bug's words are not told."""

    class Buggy(MemoryGateway):
        def send(self, message: Sms) -> Outcome:
            if message.reference == "r1":
                raise KeyError(message.to)
            return super().send(message)

    done = {each.reference: outcome for each, outcome in deliver(courier(Buggy(), parallel=1), 3)}
    assert done["r1"] == Unknown("bug:KeyError")
    assert isinstance(done["r2"], Accepted)


def test_threads_do_not_hold_the_process(courier: Any) -> None:
    """A process that ends does not wait for a provider that does not answer."""
    assert all(thread.daemon for thread in courier()._threads)


def test_not_begun_too_late(courier: Any) -> None:
    """What was recorded too long ago is not sent at all: others may have taken it over, and it is not tried again."""
    script = Script(None)
    one = courier(script, patience=timedelta(seconds=5))
    one.send(sms(), elapsed() - 5.001)
    begun = time.monotonic()
    ((_, outcome),) = one.finished(LONG)
    assert outcome is STALLED
    assert script.times == []
    assert time.monotonic() - begun < LONG / 4


def test_a_stall_between_two_attempts(courier: Any) -> None:
    """A machine that stood still after the provider refused for now does not try again."""
    stood_still = [0.0]

    class Stalling(MemoryGateway):
        def send(self, message: Sms) -> Outcome:
            self.attempts.append(message)
            stood_still[0] += 60
            return Deferred("http-429", NOW)

    gateway = Stalling()
    one = courier(gateway)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("fhirnotify.sms.courier.elapsed", lambda: stood_still[0])
        ((_, outcome),) = deliver(one)
    assert outcome is STALLED
    assert len(gateway.attempts) == 1


def test_a_pace_that_is_shared(courier: Any) -> None:
    """Moments come from elsewhere, for first attempts and for those that are tried again."""
    reserved: list[int] = []

    def reserve(count: int) -> float:
        reserved.append(count)
        return 0.0

    script = Script(Deferred("http-429", NOW), None)
    one = courier(script, pace=SharedPace(50, reserve))
    one.send(sms()) if one.capacity(LONG) else None
    done: list[Any] = []
    while not done:
        done = one.finished(0.05)
    assert isinstance(done[0][1], Accepted)
    assert len(script.times) == 2
    assert sum(reserved) >= 2


def test_several_gateways_share_the_rate(stop: threading.Event) -> None:
    """Six messages at twenty a second take a quarter of a second, whoever gets them."""
    script = Script(None)
    gateways = [MemoryGateway(script) for _ in range(2)]
    one = Courier(pace=TokenBucket(20), parallel=4, attempts=1, stop=stop)
    begun = time.monotonic()
    for number in range(6):
        one.send(sms(number), gateways[number % 2])
    done: list[Any] = []
    while len(done) < 6:
        done += one.finished(LONG)
    one.close()
    assert [len(each.taken) for each in gateways] == [3, 3]
    assert script.times[-1] - begun >= 0.2


def test_account_fault_holds_back_what_is_of_that_account_alone(stop: threading.Event) -> None:
    """The others know nothing of it."""
    refusing, other = MemoryGateway(lambda _: AccountFault("refused")), MemoryGateway()
    other.account = "other"
    one = Courier(pace=TokenBucket(10_000), parallel=1, attempts=1, stop=stop)
    for number, gateway in enumerate((refusing, refusing, other)):
        one.send(sms(number), gateway)
    done: list[Any] = []
    while len(done) < 3:
        done += one.finished(LONG)
    one.close()
    assert [type(outcome) for _, outcome in done] == [AccountFault, AccountFault, Accepted]
    assert len(refusing.attempts) == 1
