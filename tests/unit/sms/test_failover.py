"""Which provider the next message goes to, and whether one that was not taken goes to another."""

from typing import Any

import pytest

from fhirnotify.errors import AccountFault
from fhirnotify.sms.breaker import LIMIT, REST
from fhirnotify.sms.courier import STALLED, STOPPED, Result
from fhirnotify.sms.failover import Failover
from fhirnotify.sms.gateway import Accepted, Deferred, Rejected, Unknown
from fhirnotify.sms.memory import MemoryGateway
from fhirnotify.sms.route import Route

NO = AccountFault("No.", "Pay.")


class Time:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def named(name: str) -> MemoryGateway:
    """Make a provider of this name and account."""
    gateway = MemoryGateway()
    gateway.name = gateway.account = name
    return gateway


def failover(names: str, clock: Any = None, *, on_account_fault: bool = True) -> Failover:
    """Make it for providers of these one-letter names."""
    route = Route([named(name) for name in names], failover_on_account_fault=on_account_fault)
    return Failover(route, clock or Time())


def learnt(one: Failover, account: str, *results: Result | None) -> Failover:
    """Let it learn what became of messages of one provider."""
    for result in results:
        one.learn(account, result)
    return one


def test_by_account() -> None:
    """The ledger names the account; one that is not configured has nobody to ask."""
    route = Route([named("a"), named("b")])
    assert route.by_account("b") is route.gateways[1]
    assert route.by_account("c") is None
    assert route.by_account(None) is None


@pytest.mark.parametrize(
    ("tried", "chosen", "another"),
    [((), "a", True), (("a",), "b", True), (("b",), "a", True), (("a", "b"), "c", True), (("a", "b", "c"), "a", False)],
)
def test_in_the_order_of_the_list(tried: tuple[str, ...], chosen: str, another: bool) -> None:  # noqa: FBT001
    """The first that has not been tried."""
    assert failover("abc").another(tried) is another
    assert failover("abc").choose(tried).name == chosen


@pytest.mark.parametrize("failure", [Deferred("http-503"), Unknown("read-timeout")])
def test_one_that_fails_repeatedly_is_left_alone(failure: Result) -> None:
    """For a while; then one message is tried, and no second one until its outcome is known."""
    clock = Time()
    one = learnt(failover("ab", clock), "a", *[failure] * (LIMIT - 1))
    assert one.choose(()).name == "a"
    learnt(one, "a", failure)
    assert one.choose(()).name == "b"
    assert not one.another({"b"})
    clock.now = REST
    assert one.another({"b"})
    assert [one.choose(()).name for _ in range(3)] == ["a", "b", "b"]
    learnt(one, "a", failure)
    assert one.choose(()).name == "b"
    clock.now = 2 * REST
    assert one.choose(()).name == "a"
    learnt(one, "a", Accepted("m", 1))
    assert [one.choose(()).name for _ in range(2)] == ["a", "a"]


@pytest.mark.parametrize("told", [None, STOPPED, STALLED])
def test_what_tells_nothing_of_the_provider(told: Result | None) -> None:
    """It neither counts as a failure nor ends a trial for good."""
    clock = Time()
    one = learnt(failover("ab", clock), "a", *[told] * LIMIT)
    assert one.choose(()).name == "a"
    learnt(one, "a", *[Unknown("http-502")] * LIMIT)
    clock.now = REST
    assert one.choose(()).name == "a"
    learnt(one, "a", told)
    assert one.choose(()).name == "a"


@pytest.mark.parametrize("success", [Accepted("m", 1), Rejected("no such number")])
def test_a_success_between_two_failures(success: Result) -> None:
    """Only failures one after another count; a refused number says that the provider does its work."""
    failures = [Deferred("busy")] * (LIMIT - 1)
    one = learnt(failover("ab"), "a", *failures, success, *failures)
    assert one.choose(()).name == "a"


def test_where_all_are_left_alone_it_is_as_if_none_was() -> None:
    """Messages that fail everywhere never hold up the others; but what has been tried waits for a later run."""
    one = learnt(failover("ab"), "a", *[Deferred("busy")] * LIMIT)
    learnt(one, "b", *[Deferred("busy")] * LIMIT)
    assert one.choose(()).name == "a"
    assert not one.another({"a"})
    assert one.choose({"a"}).name == "b"


def test_one_provider_alone_is_never_left_alone() -> None:
    """There is nobody else to send by."""
    one = learnt(failover("a"), "a", *[Deferred("busy")] * 2 * LIMIT)
    assert one.choose(()).name == "a"
    assert not one.another({"a"})


def test_a_refused_account_is_not_used_again() -> None:
    """The others go on, and at the end it is told whose account it was and who went on."""
    one = failover("abc")
    assert one.told() is None
    learnt(one, "b", NO)
    assert not one.is_over
    assert [gateway.name for gateway in one.usable] == ["a", "c"]
    assert one.choose({"a"}).name == "c"
    told = one.told()
    assert isinstance(told, AccountFault)
    assert (told.what, told.next_step) == ("No. What was due went to a, c instead.", "Pay.")


def test_when_every_account_is_refused_it_is_over() -> None:
    """What each of them said is told, and each thing once."""
    one = learnt(failover("ab"), "a", NO)
    one.refused("b", AccountFault("Neither.", "Pay."))
    assert one.is_over
    told = one.told()
    assert isinstance(told, AccountFault)
    assert (told.what, told.next_step) == ("No. Neither.", "Pay.")


@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_refused_account_ends_it_unless_it_is_set_otherwise(names: str) -> None:
    """Whoever else there is."""
    one = learnt(failover(names, on_account_fault=False), "a", NO)
    assert one.is_over
    assert str(one.told()) == str(NO)


def test_what_several_refused_accounts_have_in_common_is_said_once() -> None:
    """However often they are put together."""
    credit = AccountFault("No credit.", "Fill it up.")
    asked = AccountFault.of([credit, AccountFault("Refused.")], "It was asked.")
    both = AccountFault.of([credit, asked, AccountFault.of([credit], "It was in doubt.")])
    assert str(both) == "No credit. Refused. It was asked. It was in doubt.\nFill it up."
    assert AccountFault.of([], "It was asked.") is None
