"""What is in doubt is asked about, within bounds; where two have one number, nobody's message is another's."""

import threading
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from by_number import ByNumber, SharedLedger, siblings
from facts import NOW, RULES, START, person
from journal import MINUTE, Desk

from fhirnotify import recover
from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import ContactType, Telecom
from fhirnotify.errors import AccountFault
from fhirnotify.ledger.port import Change, Claim, State
from fhirnotify.run import run
from fhirnotify.sms.gateway import CannotTell, NotNow, Sms, Unknown
from fhirnotify.sms.memory import MemoryGateway
from fhirnotify.uncertain import Limits, settle

LOST, ANSWER_LOST = Unknown("read-timeout"), Unknown("answer-lost")
EVIDENCE = Evidence("Appointment/a2/_history/1", "Patient/p2/_history/1")
LIMITS = Limits(timedelta(seconds=20), timedelta(hours=4))


def answering(*answers):
    """Give these answers, then take whatever comes."""
    left = list(answers)
    return lambda _: left.pop(0) if left else None


def desk_with(*answers, **settings):
    """Make a desk with a provider that gives these answers."""
    desk = Desk(parallel=1, **settings)
    desk.gateway = ByNumber(desk.watch.real, answering(*answers))
    return desk


def reminder_of(desk, appointment):
    """Give the reminder of a visit as the ledger holds it."""
    (reminder,) = desk.ledger.of_appointments([appointment])
    return reminder


def test_another_machine_s_message_in_flight_is_not_found_as_ours():
    """One was never taken; the other's is in the history before the ledger has its id."""
    one = desk_with(LOST)
    one.ledger = SharedLedger(one.watch.real)
    siblings(one, 1)
    one.run()
    assert one.states() == {"a1": "uncertain"}
    siblings(one, 2)
    one.watch.moment += timedelta(seconds=40)

    def meanwhile(_):
        one.gateway.after_taking = lambda _: None
        passing = threading.Thread(target=lambda: run(one.job()))
        passing.start()
        passing.join()

    one.gateway.after_taking = meanwhile
    other = Desk(journal=one.journal, gateway=one.gateway, watch=one.watch, parallel=1)
    other.ledger = one.ledger
    other.run()

    assert one.states() == {"a1": "uncertain", "a2": "accepted"}
    assert reminder_of(one, "a1").message_id is None


def ask(desk):
    """Ask about what is uncertain, as a pass does."""
    job = desk.job()
    in_doubt = list(job.ledger.in_state(State.UNCERTAIN))
    return recover.settle(job, "asking", desk.watch.now(), job.ledger, [desk.gateway], in_doubt)


@pytest.mark.parametrize("is_recorded", [False, True], ids=["still sending", "accepted meanwhile"])
def test_what_another_machine_sends_while_the_provider_is_asked_is_not_ours(is_recorded):
    """Nobody else was in doubt before; what the ledger holds after it was found decides."""
    one = desk_with(LOST)
    one.ledger = SharedLedger(one.watch.real)
    siblings(one, 1)
    one.run()
    siblings(one, 2)
    one.watch.moment += timedelta(seconds=40)
    find = one.gateway.find

    def find_while_another_sends(trace):
        ledger = one.ledger
        ledger.claim("other", NOW, [Claim("a2", "p2", START + 60 * MINUTE, ContactType.VIDEO, EVIDENCE, 2)], [])
        (sibling,) = ledger.take("other", NOW, 1)
        ledger.move("other", NOW, [Change(sibling.id, State.SENDING, provider="memory", evidence=EVIDENCE)])
        accepted = one.gateway.send(Sms(sibling.id, trace.sms.to, "Hej", "RegionVB", timedelta(hours=24)))
        if is_recorded:
            ledger.move("other", NOW, [Change(sibling.id, State.ACCEPTED, message_id=accepted.message_id)])
        return find(trace)

    one.gateway.find = find_while_another_sends
    ask(one)

    assert one.states() == {"a1": "uncertain", "a2": "accepted" if is_recorded else "sending"}


def test_a_message_that_a_person_found_is_not_free_for_another():
    """Its id is unknown to the ledger, so the one message in the history may be the other's."""
    desk = desk_with(LOST, ANSWER_LOST)
    siblings(desk, 1, 2)
    desk.run()
    desk.run(5 * MINUTE)
    assert desk.states() == {"a1": "uncertain", "a2": "uncertain"}
    settle(desk.ledger, reminder_of(desk, "a2").id, "anna", desk.watch.now(), LIMITS, sent=True)

    desk.run(5 * MINUTE)

    assert desk.states() == {"a1": "uncertain", "a2": "accepted"}
    settle(desk.ledger, reminder_of(desk, "a1").id, "anna", desk.watch.now(), LIMITS, sent=False)
    desk.run(MINUTE)
    assert desk.states() == {"a1": "accepted", "a2": "accepted"}
    assert len(desk.gateway.taken) == 2


def test_a_message_that_is_ours_alone_is_found():
    """Another's, to the same number, is known by its id; the one that is left is ours."""
    desk = desk_with(None, ANSWER_LOST)
    siblings(desk, 1, 2)
    desk.run()
    desk.run(5 * MINUTE)
    assert desk.states() == {"a1": "accepted", "a2": "accepted"}
    assert reminder_of(desk, "a1").message_id != reminder_of(desk, "a2").message_id


def test_a_clock_that_was_a_day_ahead_sends_nothing_twice():
    """The machine's clock was a day ahead when it was sent, and may be right again: it is in doubt."""
    for back in (timedelta(0), timedelta(days=-1)):
        desk = desk_with(ANSWER_LOST)
        desk.gateway.clock = lambda watch=desk.watch: watch.real() - timedelta(days=1)
        desk.book(1, start=START + timedelta(days=1))
        desk.watch.moment += timedelta(days=1)
        desk.run()
        assert desk.states() == {"a1": "uncertain"}
        desk.gateway.clock = lambda watch=desk.watch, back=back: watch.real() - timedelta(days=1) - back
        desk.run(back + 5 * MINUTE)
        desk.run(timedelta(hours=24))
        assert desk.states() == {"a1": "uncertain"}
        assert len(desk.gateway.taken) == 1


def counting(desk, finding):
    """Let the provider say that it cannot tell; count how often it is asked."""
    asked = []
    desk.gateway.find = lambda trace: asked.append(trace.reference) or finding
    return asked


def in_doubt(number, **settings):
    """Make a desk with so many messages in doubt."""
    desk = Desk(gateway=MemoryGateway(lambda _: LOST, knows=False), **settings)
    for each in range(1, number + 1):
        desk.book(each, start=START + each * MINUTE)
    desk.run()
    desk.gateway._script = lambda _: None
    return desk


@pytest.mark.parametrize("why", ["read-timeout", "http-503", "no-connection"])
def test_a_provider_that_does_not_answer_is_asked_three_times_in_a_pass(why):
    """Reminders wait for that no longer; the others of them are asked about by later passes."""
    desk = in_doubt(12)
    desk.book(98)
    desk.book(99)
    desk.gateway._script = answering(LOST)
    asked = counting(desk, NotNow(why))
    assert desk.run(MINUTE).sent == 1
    assert len(asked) == 3
    for _ in range(60):
        desk.run(MINUTE)
    assert len(set(asked)) == 13


def test_a_provider_that_answers_is_asked_about_everything():
    """That it cannot tell is an answer."""
    desk = in_doubt(12)
    asked = counting(desk, CannotTell("several-messages"))
    desk.run(MINUTE)
    assert len(asked) == 12


def test_asking_ends_with_its_time(monkeypatch):
    """Half a minute for one account; who reads a long history sees it, too."""
    desk = in_doubt(3)
    elapsed, waited_for = [0.0], []
    monkeypatch.setattr(recover, "time", SimpleNamespace(monotonic=lambda: elapsed[0]))

    def slow(trace):
        elapsed[0] += 20
        waited_for.append(trace.wanted())
        return CannotTell("several-messages")

    desk.gateway.find = slow
    ask(desk)
    assert waited_for == [True, False]


def test_a_signal_ends_the_asking():
    """Also within a history."""
    desk = in_doubt(3)
    waited_for = []

    def stopped(trace):
        desk.stop.set()
        waited_for.append(trace.wanted())
        return CannotTell("interrupted")

    desk.gateway.find = stopped
    ask(desk)
    assert waited_for == [False]


def test_a_refused_account_is_not_asked_again_in_the_pass():
    """Neither about the others, nor after the sending."""
    desk = in_doubt(3)
    desk.book(9)
    desk.gateway._script = lambda _: LOST
    asked = []

    def refuse(trace):
        asked.append(trace.reference)
        raise AccountFault("No.")

    desk.gateway.find = refuse
    with pytest.raises(AccountFault, match="in doubt"):
        desk.run(MINUTE)
    assert len(asked) == 1
    assert desk.states()["a9"] == "uncertain"


NORWEGIAN = Telecom("phone", "+47 406 12 345", "mobile")
SWEDISH = Telecom("phone", "070-174 06 05", "home")


@pytest.mark.parametrize("answer", [ANSWER_LOST, LOST], ids=["taken", "not taken"])
@pytest.mark.parametrize(("before", "since"), [(("SE",), ("SE", "NO")), (("SE", "NO"), ("SE",))])
def test_settings_that_now_choose_another_number_send_nothing_twice(before, since, answer):
    """None may have gone to any number that the patient had."""
    desk = desk_with(answer, settings=replace(RULES, countries=before))
    desk.gateway.delay = MINUTE
    desk.book(1)
    desk.journal.put(person("p1", telecoms=(NORWEGIAN, SWEDISH)))
    desk.run()
    desk.settings = replace(RULES, countries=since)
    desk.run(5 * MINUTE)
    assert desk.states() == {"a1": "uncertain" if answer is ANSWER_LOST else "accepted"}
    assert len(desk.gateway.taken) == 1


def test_a_message_to_a_number_that_others_may_have_been_sent_to_is_not_told_apart():
    """By the settings of then the other one may have gone to the number of this one."""
    desk = desk_with(ANSWER_LOST, LOST)
    desk.gateway.delay = MINUTE
    siblings(desk, 1, 2)
    desk.journal.put(person("p2", telecoms=(NORWEGIAN, SWEDISH)))
    desk.run()
    desk.settings = replace(RULES, countries=("SE", "NO"))
    desk.run(5 * MINUTE)
    assert desk.states() == {"a1": "uncertain", "a2": "uncertain"}
