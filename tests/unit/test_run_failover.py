"""Several providers in one pass: what goes to the next one, what never does, and what is told of it."""

from itertools import product

import pytest
from facts import START, statement
from journal import MINUTE, SENT, Desk, already, skipped

from fhirnotify.errors import AccountFault, IncompleteRead
from fhirnotify.ledger.changes import LEASE
from fhirnotify.ledger.port import Change, State
from fhirnotify.sms.breaker import LIMIT
from fhirnotify.sms.gateway import CannotTell, Deferred, Rejected, Unknown
from fhirnotify.sms.memory import MemoryGateway

BUSY, REFUSED, IN_DOUBT = Deferred("busy"), Rejected("Invalid to number"), Unknown("read-timeout")
NO = AccountFault("The provider refuses the account.", "Pay.")


def provider(name, *answers, knows=True, always=None):
    """Make a provider that gives these answers, one a message, and then takes what comes (or answers ``always``)."""
    coming = list(answers)
    made = MemoryGateway(lambda _: coming.pop(0) if coming else always, knows=knows)
    made.name, made.account = name, f"{name}/1"
    return made


def desk_of(*providers, visits=1, **settings):
    """Make a desk with these providers and so many visits."""
    desk = Desk(gateway=providers[0], more=list(providers[1:]), **settings)
    for number in range(1, visits + 1):
        desk.book(number, start=START + number * MINUTE)
    return desk


def reminder_of(desk, appointment="a1"):
    """Give the reminder of a visit as the ledger holds it."""
    (reminder,) = desk.ledger.of_appointments([appointment])
    return reminder


def history(desk):
    """Tell what happened to the one reminder: states, each with its code."""
    return [(step.to_state.value, step.code) for step in desk.ledger.transitions(reminder_of(desk).id)]


def test_the_next_provider_has_what_the_first_did_not_take():
    """In the same pass; the ledger tells whose each attempt was, and who has it."""
    first, second = provider("first", BUSY), provider("second")
    desk = desk_of(first, second)
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): SENT}
    assert (summary.sent, summary.failed_over, summary.exit_code()) == (1, 1, 0)
    assert history(desk) == [
        ("claimed", None),
        ("sending", "first"),
        ("retry", "busy"),
        ("sending", "second"),
        ("accepted", None),
    ]
    reminder = reminder_of(desk)
    assert (reminder.provider, reminder.attempts) == ("second/1", 2)
    assert (len(first.taken), len(second.taken)) == (0, 1)


def test_before_anything_is_written_the_ledger_names_the_provider():
    """So a crash leaves the reminder in doubt under the account that may have it."""
    seen = []

    def look(_):
        reminder = reminder_of(desk)
        seen.append((reminder.state, reminder.provider))

    first, second = provider("first", BUSY), provider("second")
    desk = desk_of(first, second)
    second._script = look
    desk.run()
    assert seen == [(State.SENDING, "second/1")]


@pytest.mark.parametrize(("answer", "outcome"), [(REFUSED, "rejected"), (IN_DOUBT, "uncertain"), (NO, "claimed")])
def test_what_never_goes_to_another(answer, outcome):
    """A number that is refused, a message that may have been taken, and, as it is set by default, a refused account."""
    first, second = provider("first", answer, always=answer, knows=False), provider("second")
    desk = desk_of(first, second)
    if answer is NO:
        with pytest.raises(AccountFault) as stopped:
            desk.run()
        assert str(stopped.value) == str(NO)
    else:
        desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, outcome)}
    assert second.attempts == []


def test_each_provider_has_its_attempts():
    """``sms.attempts`` are of each, before the next one is asked."""
    first, second = provider("first", always=BUSY), provider("second", BUSY)
    desk = desk_of(first, second, attempts=2)
    desk.run()
    assert desk.told() == {("a1", "p1"): SENT}
    assert (len(first.attempts), len(second.attempts)) == (2, 2)


def test_what_nobody_takes_waits_for_a_later_run():
    """It has one row, and comes back when the first of them wants to be asked again; the back-off counts passes."""
    first, second = provider("first", BUSY, BUSY), provider("second", Deferred("busy", 10 * MINUTE), BUSY)
    desk = desk_of(first, second)
    summary = desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, "retry")}
    assert (summary.considered, summary.pending) == (1, 1)
    assert reminder_of(desk).next_attempt == desk.watch.moment + MINUTE
    desk.run(MINUTE)
    assert reminder_of(desk).next_attempt == desk.watch.moment + 2 * MINUTE
    desk.run(2 * MINUTE)
    assert desk.told() == {("a1", "p1"): SENT}
    assert (len(first.taken), len(second.taken)) == (1, 0)


def test_the_others_go_on_when_an_account_is_refused():
    """Where it is set so: everybody gets the reminder, and the pass ends with exit 4, since somebody must mend it."""
    first, second = provider("first", always=NO), provider("second")
    desk = desk_of(first, second, visits=20, failover_on_account_fault=True)
    with pytest.raises(AccountFault) as stopped:
        desk.run()
    assert set(desk.told().values()) == {SENT}
    summary = stopped.value.summary
    assert (summary.sent, summary.failed_over, summary.complete) == (20, 20, True)
    assert str(stopped.value) == f"{NO.what} What was due went to second instead.\nPay."
    assert len(first.attempts) <= desk.parallel


def test_the_last_account_that_is_refused_stops_it():
    """Then it is as with one provider: what is unsent stays claimed, and the next pass sends it."""
    faults = [NO]
    providers = [provider(name) for name in ("first", "second")]
    for each in providers:
        each._script = lambda _: faults[0] if faults else None
    desk = desk_of(*providers, visits=9, failover_on_account_fault=True)
    with pytest.raises(AccountFault):
        desk.run()
    assert {outcome for _, _, outcome in desk.told().values()} <= {"claimed", "retry"}
    assert len(desk.told()) == 9
    faults.clear()
    assert desk.run().sent == 9


def test_a_refused_account_found_when_asking_for_what_is_in_doubt():
    """It may well send what is due, and does; that it may not be asked is told at the end."""
    first, second = provider("first", IN_DOUBT), provider("second", BUSY, knows=False)
    desk = desk_of(first, second, failover_on_account_fault=True)
    first.find = lambda _: CannotTell("busy")
    desk.run()
    assert reminder_of(desk).provider == "first/1"
    first.find = lambda _: (_ for _ in ()).throw(NO)
    desk.book(2)
    with pytest.raises(AccountFault):
        desk.run(MINUTE)
    assert desk.told() == {("a1", "p1"): already("uncertain"), ("a2", "p2"): SENT}
    assert (len(first.attempts), len(second.attempts)) == (2, 0)


def test_each_is_asked_for_what_it_was_handed():
    """In the order of the list, and nobody for what an account has that is not configured any more."""
    asked = []

    def asking(name):
        return lambda trace: asked.append((name, trace.reference)) or CannotTell("busy")

    providers = {name: provider(name, IN_DOUBT) for name in ("first", "second", "gone")}
    desk = desk_of(providers["first"], visits=1)
    for each in providers.values():
        each.find = asking(each.name)
    desk.run()
    for number, name in ((2, "second"), (3, "gone")):
        desk.book(number)
        desk.gateway = providers[name]
        desk.run(MINUTE)
    asked.clear()
    desk.gateway, desk.more = providers["second"], [providers["first"]]
    summary = desk.run(MINUTE)
    assert asked == [("second", reminder_of(desk, "a2").id), ("first", reminder_of(desk, "a1").id)]
    assert set(desk.told().values()) == {already("uncertain")}
    assert summary.exit_code() == 6


@pytest.mark.parametrize("failure", [BUSY, IN_DOUBT])
def test_a_provider_that_fails_repeatedly_is_left_alone(failure):
    """No more messages end in doubt, or wait, than it takes to see it."""
    first, second = provider("first", always=failure, knows=False), provider("second")
    desk = desk_of(first, second, visits=40)
    desk.run()
    assert LIMIT <= len(first.attempts) < LIMIT + desk.parallel
    lost = len(first.attempts) if failure is IN_DOUBT else 0
    assert len(second.taken) == 40 - lost


def test_one_that_fails_for_all_while_the_other_refuses_the_account():
    """A message that nobody is left for waits for a later run; the pass goes on with the others."""
    first, second = provider("first", BUSY), provider("second", always=NO)
    desk = desk_of(first, second, visits=3, parallel=1, failover_on_account_fault=True)
    with pytest.raises(AccountFault):
        desk.run()
    assert desk.told() == {
        ("a1", "p1"): ("remind", None, "retry"),
        ("a2", "p2"): SENT,
        ("a3", "p3"): SENT,
    }
    assert history(desk)[-1] == ("retry", "account-fault")


def test_a_signal_ends_it_there():
    """Nothing is begun any more; the row says that it waits."""
    first, second = provider("first"), provider("second")
    desk = desk_of(first, second)
    first._script = lambda _: desk.stop.set() or BUSY
    desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, "retry")}
    assert second.attempts == []


def test_facts_are_read_anew_before_another_has_it():
    """Consent that was withdrawn while the first was tried silences the second."""
    first, second = provider("first"), provider("second")
    desk = desk_of(first, second)
    first._script = lambda _: desk.journal.put(statement("c1", decision="deny")) or BUSY
    desk.run()
    assert desk.told() == {("a1", "p1"): skipped("consent-denied", "withdrawn")}
    assert second.attempts == []


def test_facts_that_cannot_be_read_stop_it():
    """What was to go to another has its row, and the next pass sends it."""
    first, second = provider("first"), provider("second")
    desk = desk_of(first, second)

    def fail(_):
        raise IncompleteRead("A page is missing.")

    def break_the_journal(_):
        desk.journal.interrupt = fail
        return BUSY

    first._script = break_the_journal
    with pytest.raises(IncompleteRead):
        desk.run()
    assert desk.told() == {("a1", "p1"): ("remind", None, "retry")}
    desk.journal.interrupt = lambda _: None
    first._script = lambda _: None
    assert desk.run().sent == 1
    assert second.attempts == []


def test_another_machine_may_take_what_was_to_go_to_another_provider():
    """It is told as the other's, so that what all of them sent adds up."""
    first, second = provider("first", BUSY), provider("second")
    desk = desk_of(first, second)
    desk.ledger.shared = True
    original = desk.ledger.move

    def move(run, at, changes):
        lost = original(run, at, changes)
        if any(change.to is State.RETRY for change in changes):
            (taken,) = desk.ledger.take("other", desk.watch.moment, 1)
            assert taken.next_attempt == desk.watch.moment
        return lost

    desk.ledger.move = move
    desk.run()
    assert desk.told() == {("a1", "p1"): already("retry")}
    assert second.attempts == []


def test_what_a_machine_learns_late_names_the_provider_that_it_learned_it_of():
    """It froze; another found nothing, and tried the next provider. The message that stands is the first one's."""
    first, second = provider("first"), provider("second")
    desk = desk_of(first, second)
    desk.ledger.shared = True

    def take_over(sms):
        desk.watch.moment += LEASE

        def move(*changes):
            for to, more in changes:
                assert not desk.ledger.move("other", desk.watch.moment, [Change(sms.reference, to, **more)])

        move((State.UNCERTAIN, {}), (State.RETRY, {}))
        desk.ledger.take("other", desk.watch.moment, 1)
        move((State.SENDING, {"provider": "second/1"}), (State.RETRY, {"next_attempt": START}))

    first._script = take_over
    desk.run()
    reminder = reminder_of(desk)
    assert (reminder.state, reminder.provider) == (State.ACCEPTED, "first/1")
    assert reminder.message_id == first.taken[0].reference


def expected(answers, on_account_fault):
    """Say in plain words what becomes of one message, given what each provider answers: outcome, who has it, exit 4."""
    refused = 0
    for number, answer in enumerate(answers):
        if answer is None:
            return "accepted", number, refused > 0
        if answer is REFUSED:
            return "rejected", None, refused > 0
        if answer is IN_DOUBT:
            return "uncertain", None, refused > 0
        if answer is NO:
            refused += 1
            if not on_account_fault or refused == len(answers):
                return "claimed", None, True
    return "retry", None, refused > 0


@pytest.mark.parametrize("on_account_fault", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_order_of_answers(count, on_account_fault):
    """Of one to three providers: what becomes of the message, who was asked, and that one at the most has it."""
    for answers in product((None, BUSY, REFUSED, IN_DOUBT, NO), repeat=count):
        providers = [provider(str(number), answer, knows=False) for number, answer in enumerate(answers)]
        desk = desk_of(*providers, failover_on_account_fault=on_account_fault, parallel=1)
        outcome, taker, is_refused = expected(answers, on_account_fault)
        try:
            desk.run()
        except AccountFault:
            assert is_refused, answers
        else:
            assert not is_refused, answers
        assert desk.told() == {("a1", "p1"): ("remind", None, outcome)}, answers
        assert [len(each.taken) for each in providers] == [number == taker for number in range(count)], answers


@pytest.mark.parametrize("count", [1, 2])
def test_what_would_only_end_in_doubt_is_not_begun(count):
    """A provider that hangs gets what opens its breaker, and what is on its way by then; the rest stays claimed."""
    silent = [provider(f"silent{number}", always=IN_DOUBT, knows=False) for number in range(count)]
    desk = desk_of(*silent, visits=40, parallel=1)
    summary = desk.run()
    assert count * LIMIT <= summary.uncertain <= count * LIMIT + 1
    assert (summary.pending, summary.exit_code()) == (40 - summary.uncertain, 6)
    assert len(list(desk.ledger.in_state(State.CLAIMED))) == summary.pending


def test_a_message_taken_between_doubts_lets_it_go_on():
    """A few that time out are no sign that all would."""
    one = provider("one", *(IN_DOUBT, IN_DOUBT, None) * 8, knows=False)
    desk = desk_of(one, visits=24, parallel=1)
    assert (desk.run().uncertain, desk.run().pending) == (16, 0)
