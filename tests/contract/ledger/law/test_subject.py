"""What the ledger holds about one patient is found whole, and erased without a second reminder."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from fhirnotify.core.answer import Evidence
from fhirnotify.ledger import purging, tables
from fhirnotify.ledger.old_rows import Age
from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.purging import Bounds
from fhirnotify.ledger.subject import WrittenBack, erase, extract

PAST = timedelta(days=3)
"""From now until the visit is past: it is a day on."""
TABLES = ("reminder", "transition", "decision", "past_decision", "to_erase", "outcome", "write_back", "run")


@pytest.fixture
def full(ledger, claim_of, verdict_of, reach, database, now):
    """A ledger with two patients in every table that knows patients."""
    summary = {"undeliverable": [{"patient": patient, "code": "x"} for patient in ("p1", "p2", "p11")]}
    ledger.begin("r0", now)
    for n in (1, 2):
        reminder = reach(State.DELIVERED, n)
        verdict = verdict_of(n, "no-consent", patient=f"p{n}")
        ledger.claim("r1", now, [], [verdict])
        ledger.claim("r2", now, [], [replace(verdict, reason="consent-denied")])
        unreminded = verdict_of(n + 10, patient=f"p{n}")
        ledger.claim("r1", now, [], [unreminded])
        missed = {"appointment": f"a{n + 10}", "start": unreminded.start, "status": "noshow", "read_at": now}
        database.write(lambda each, row=missed: each.execute(tables.outcome.insert(), row) and None)
        became = {"appointment": f"a{n}", "start": reminder.start, "status": "fulfilled", "read_at": now}
        back = {"reminder": reminder.id, "written": "delivered", "attempts": 0}
        database.write(lambda each, row=became: each.execute(tables.outcome.insert(), row) and None)
        database.write(lambda each, row=back: each.execute(tables.write_back.insert(), row) and None)
    ledger.finish("r0", now, summary)
    return ledger


def test_everything_is_found(full, database, now):
    """Reminders with their states and what was written back; decisions; what became of every visit; runs that name them."""
    found = extract(database, "p1")

    (held,) = found.reminders
    assert (held.reminder.appointment, held.written_back) == ("a1", WrittenBack("delivered", None, 0, None))
    ended = [("a1", "fulfilled"), ("a11", "noshow")]  # reminded of, and not
    assert [(became.appointment, became.status) for became in found.outcomes] == ended
    assert all(became.read_at == now for became in found.outcomes)
    assert [step.to_state for step in held.transitions][-1] is State.DELIVERED
    assert [kept.verdict.reason for kept in found.decisions] == ["consent-denied", "no-consent"]
    assert [kept.verdict.reason for kept in found.past_decisions] == ["no-consent"]
    assert (found.records, found.runs, found.is_empty) == (["p1"], ["r0"], False)


@pytest.mark.parametrize("patient", ["p3", "p", "%", "p_", ""])
def test_nobody(full, database, patient):
    """Of an unknown patient there is nothing; no id is taken for a part of another."""
    assert extract(database, patient).is_empty


def test_no_row_of_a_past_visit_is_left(full, database, rows, now):
    """After the visit nothing of the patient is left in any table, and everything of the other one is."""
    before = {table: rows(f"SELECT * FROM {table}") for table in TABLES}

    done = erase(database, "e", now + PAST, "p1")

    assert (done.reminders, done.decisions, done.runs, done.kept, done.until) == (1, 3, 1, 0, None)
    assert extract(database, "p1").is_empty
    for table in TABLES:
        left = rows(f"SELECT * FROM {table}")
        assert 'p1"' not in str(left).replace("'", '"')
        assert len(left) == (len(before[table]) if table in ("to_erase", "run") else len(before[table]) / 2)
    assert len(extract(database, "p2").decisions) == 2


def test_erasing_is_recorded_without_whom(full, database, rows, now):
    """Who did it, when and how much; nothing that tells of whom. Where nothing was, nothing was done."""
    erase(database, "e", now + PAST, "p1")
    erase(database, "e2", now + PAST, "p3")

    ((what, run, detail, account),) = rows("SELECT what, run, detail, account FROM deed JOIN actor USING (run)")
    assert (what, run) == ("erased", "e")
    assert account
    assert "p1" not in str(detail)
    assert "a1" not in str(detail)


@pytest.mark.parametrize("state", [state for state in State if state is not State.WITHDRAWN])
def test_what_is_to_come_keeps_others_out(ledger, reach, claim_of, verdict_of, database, now, state):
    """Before the visit the claim stays: the same reminder cannot be claimed again, by any run."""
    reminder = reach(state)
    ledger.claim("r1", now, [], [verdict_of(1, patient="p1")])

    done = erase(database, "e", now, "p1")

    assert (done.reminders, done.kept, done.until) == (0, 1, reminder.start)
    assert ledger.claim("r2", now, [claim_of(1)], []) == [False]
    (left,) = ledger.of_ids([reminder.id])
    assert (left.state, left.identity, left.contact_type) == (state, reminder.identity, reminder.contact_type)
    assert ledger.verdicts("a1") == []
    assert extract(database, "p1").reminders[0].to_erase


@pytest.mark.parametrize("state", [State.ACCEPTED, State.DELIVERED, State.UNDELIVERED, State.REJECTED, State.EXPIRED])
def test_what_stays_is_bare(ledger, reach, database, now, state):
    """Of what is settled nothing stays that the decision rested on, and nobody asks about it any more."""
    reminder = reach(state)

    erase(database, "e", now, "p1")

    (left,) = ledger.of_ids([reminder.id])
    assert left.evidence == Evidence("Appointment/a1")
    assert left.next_attempt is None


def test_a_run_takes_further_what_it_has_in_hand(ledger, reach, claim_of, database, now):
    """What is claimed, or being sent while it is erased, is sent once; the run does not stumble over it."""
    reach(State.CLAIMED)
    (taken,) = ledger.take("r1", now, 9)

    erase(database, "e", now, "p1")

    assert ledger.move("r1", now, [Change(taken.id, State.SENDING)]) == frozenset()
    assert ledger.move("r1", now, [Change(taken.id, State.ACCEPTED, message_id="m")]) == frozenset()
    assert ledger.claim("r2", now, [claim_of(1)], []) == [False]


@pytest.mark.parametrize(
    ("state", "days", "goes"),
    [
        (State.DELIVERED, 0.9, False),  # the visit is to come
        (State.DELIVERED, 1.1, True),
        (State.ACCEPTED, 1.1, True),
        (State.CLAIMED, 1.1, False),  # the next run makes it expired
        (State.UNCERTAIN, 1.1, False),  # providers are still asked
        (State.UNCERTAIN, 4.1, True),
    ],
)
def test_the_first_purge_after_the_visit_deletes_it(reach, database, now, stop, state, days, goes):
    """However long the retention time is."""
    reach(state)
    erase(database, "e", now, "p1")

    age = Age(now + timedelta(days=days), timedelta(days=3650))
    purging.purge(database, "p", age, ZoneInfo("UTC"), Bounds(60, stop), lambda _: None)

    assert extract(database, "p1").is_empty is goes


def test_merged_records(ledger, claim_of, database, now):
    """Records of which the ledger knows that they are one patient's are found by either id, along the whole way."""
    for n, patient, rested in ((1, "p1", "p2"), (2, "p2", "p3"), (3, "p3", "p3"), (4, "p4", "p4"), (5, "p33", "p33")):
        evidence = Evidence(f"Appointment/a{n}/_history/1", f"Patient/{rested}/_history/7")
        ledger.claim("r1", now, [replace(claim_of(n, patient=patient), evidence=evidence)], [])

    for patient in ("p1", "p2", "p3"):
        found = extract(database, patient)
        assert found.records == ["p1", "p2", "p3"]
        assert sorted(held.reminder.appointment for held in found.reminders) == ["a1", "a2", "a3"]
    assert extract(database, "p4").records == ["p4"]


def test_an_appointment_of_two(ledger, claim_of, database, rows, now):
    """What became of a visit of two patients stays while the other is known."""
    other = replace(claim_of(1, patient="p2"), evidence=Evidence("Appointment/a1", "Patient/p2"))
    ledger.claim("r1", now, [claim_of(1), other], [])
    for reminder in ledger.of_appointments(["a1"]):
        ledger.move("r1", now, [Change(reminder.id, State.EXPIRED)])
        start = reminder.start
    became = {"appointment": "a1", "start": start, "status": "fulfilled", "read_at": now}
    database.write(lambda each: each.execute(tables.outcome.insert(), became) and None)

    erase(database, "e", now + PAST, "p1")
    assert Counter(rows("SELECT status FROM outcome")) == {("fulfilled",): 1}
    erase(database, "e2", now + PAST, "p2")
    assert rows("SELECT status FROM outcome") == []
