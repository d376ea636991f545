"""``follow-up``: the real command against a stand-in, for programs and for people."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from place import NOW, Place, visits
from told import told

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.resources import fictional_number
from fhirnotify.ledger.sql import SqlLedger

PROVIDER = "infobip"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """The stand-in."""
    with Inbox() as made:
        yield made


@pytest.fixture
def sent(place: Place, inbox: Inbox) -> Place:
    """Four messages that were sent: one comes, one comes later, one does not, and one's number is dead."""
    place.provider(inbox, PROVIDER)
    place.world(visits(4))
    fates = (Behaviour.ACCEPT, Behaviour.DELIVERED_LATER, Behaviour.UNDELIVERED, Behaviour.DEAD_NUMBER)
    for number, behaviour in enumerate(fates):
        inbox.on(fictional_number(number), behaviour)
    assert place.run("run", "--now", NOW, "--rehearsal").exit_code == 0
    return place


def test_rows_and_summary_are_those_of_a_run(sent: Place) -> None:
    """Each message has a row, already, with its state by now; what is learnt is recorded."""
    result = sent.run("follow-up", "--json")
    rows, summary = told(result)
    assert result.exit_code == 0
    assert {row["appointment"]: row["outcome"] for row in rows} == {
        "a0": "delivered",
        "a1": "accepted",
        "a2": "undelivered",
        "a3": "undelivered",
    }
    assert {row["decision"] for row in rows} == {"already"}
    assert summary["reasons"] == {"underway": 1}
    assert [(each["appointment"], each["patient"], each["code"]) for each in summary["undeliverable"]] == [
        ("a3", "p3", "EC_UNKNOWN_SUBSCRIBER")
    ]
    rows, summary = told(sent.run("follow-up", "--json"))
    assert [(row["appointment"], row["outcome"]) for row in rows] == [("a1", "delivered")]
    assert told(sent.run("follow-up", "--json"))[0] == []


def test_a_run_tells_what_became_of_what_earlier_runs_sent(sent: Place) -> None:
    """In its own rows, and the dead number in its summary."""
    rows, summary = told(sent.run("run", "--now", NOW, "--rehearsal", "--json"))
    assert sorted(row["outcome"] for row in rows) == ["accepted", "delivered", "undelivered", "undelivered"]
    assert [each["patient"] for each in summary["undeliverable"]] == ["p3"]


def test_people_see_what_was_learnt(sent: Place) -> None:
    """A line for each, why nothing is known, what to mend, and the counts."""
    lines = sent.run("follow-up").stdout.splitlines()
    assert any(line.endswith("the provider could not deliver it (EC_ABSENT_SUBSCRIBER)") for line in lines)
    assert any("1  underway: Nothing final is known yet" in line for line in lines)
    assert any(line.startswith("To mend    Patient p3 (appointment a3): no message will ever come") for line in lines)
    assert lines[-2].startswith("Looked at 4 messages: 1 delivered, 2 undelivered, 1 of which nothing final is known")
    assert lines[-1] == "Exit 0: done."


def test_explain_tells_what_became_of_it_and_what_to_mend(sent: Place) -> None:
    """The dead number, by the patient's id."""
    sent.run("follow-up", "--now", NOW)
    lines = sent.run("explain", "a3", "--now", NOW).stdout.splitlines()
    assert "EC_UNKNOWN_SUBSCRIBER: no message will ever come to the number" in lines[-2]
    assert lines[-1].startswith("To do     Patient p3: no message will ever come to the number (EC_UNKNOWN_SUBSCRIBER)")
    assert "To do" not in sent.run("explain", "a2", "--now", NOW).stdout


def test_no_fhir_is_read_and_nothing_is_sent(sent: Place, inbox: Inbox) -> None:
    """It needs no endpoint."""
    sent.world([])
    assert told(sent.run("follow-up", "--json"))[1]["fhir_requests"] == 0
    assert len(inbox.messages) == 4


def test_it_waits_for_no_run_and_holds_none_up(sent: Place) -> None:
    """A run is at work on the ledger all the while."""
    with closing(SqlLedger(f"sqlite:///{sent.ledger}")) as run:
        run.begin("r", datetime.now(UTC))
        assert len(told(sent.run("follow-up", "--json"))[0]) == 4
        run.finish("r", datetime.now(UTC), {})


def test_before_the_first_run_there_is_nothing_to_ask(place: Place) -> None:
    """And nothing wrong."""
    assert told(place.run("follow-up", "--json"))[0] == []


def test_a_refused_account_is_exit_4_with_its_rows(sent: Place, inbox: Inbox) -> None:
    """Told as it is, and that it was while asking; the next one asks again."""
    sent.provider(inbox, PROVIDER, api_key="wrong")
    result = sent.run("follow-up", "--json")
    rows, summary = told(result)
    assert result.exit_code == 4
    assert (len(rows), summary["complete"]) == (4, True)
    assert {row["outcome"] for row in rows} == {"accepted"}
    assert "asked what became of messages" in result.stderr
    sent.provider(inbox, PROVIDER)
    assert len(told(sent.run("follow-up", "--json"))[0]) == 4


def test_a_broken_ledger_is_exit_5(sent: Place) -> None:
    """With a summary that says that it is not complete."""
    with sqlite3.connect(sent.ledger) as database:
        database.execute("CREATE TRIGGER t BEFORE INSERT ON transition BEGIN SELECT RAISE(ABORT, 'no'); END")
    database.close()
    result = sent.run("follow-up", "--json")
    assert result.exit_code == 5
    assert json.loads(result.stdout.splitlines()[-1])["summary"]["complete"] is False


@pytest.mark.parametrize("provider", ["link", "kannel"])
def test_who_cannot_be_asked_is_not_asked(place: Place, inbox: Inbox, provider: str) -> None:
    """It ends at once, is told, and ``ledger check`` knows the way."""
    place.provider(inbox, provider)
    place.world(visits(2))
    place.run("run", "--now", NOW, "--rehearsal")
    rows, summary = told(place.run("follow-up", "--json"))
    assert [row["outcome"] for row in rows] == ["accepted"] * 2
    assert summary["reasons"] == {"no-report": 2}
    assert "will never tell" in place.run("explain", "a0", "--now", NOW).stdout
    assert place.run("ledger", "check").exit_code == 0
