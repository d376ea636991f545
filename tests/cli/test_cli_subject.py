"""``subject`` as a command: the register extract, and erasing."""

import json
import sqlite3
from contextlib import closing

import pytest
from place import NOW, START, VISIT, Place, visits
from typer.testing import CliRunner

from fhirnotify.cli.main import app
from fhirnotify.core.model import FhirVersion
from fhirnotify.harness import resources


@pytest.fixture
def place(tmp_path):
    """A place where two have been reminded."""
    made = Place(tmp_path)
    made.settings()
    made.world(visits(2))
    assert made.run("run", "--now", NOW).exit_code == 0
    return made


def test_extract_for_people(place):
    """It is told what is held, in words; ids alone."""
    done = place.run("subject", "Patient/p1")

    assert done.exit_code == 0
    assert "The ledger holds 1 reminders, 1 decisions and 0 mentions" in done.stdout
    assert "Reminder  of appointment a1, 2026-11-24 10.01, video, by outbox" in done.stdout
    assert "accepted" in done.stdout
    assert "Decided   2026-11-23 09.00 by run " in done.stdout
    assert "Consent/c1" in done.stdout
    assert "appointment a0," not in done.stdout


def test_extract_for_programs(place):
    """With --json it is one object with every column."""
    told = json.loads(place.run("subject", "p1", "--json").stdout)

    assert (told["patient"], told["records"], told["runs"]) == ("p1", ["p1"], [])
    (reminder,) = told["reminders"]
    assert (reminder["appointment"], reminder["state"], reminder["erased"]) == ("a1", "accepted", False)
    assert [step["to"] for step in reminder["transitions"]] == ["claimed", "sending", "accepted"]
    assert [kept["decision"] for kept in told["decisions"]] == ["remind"]


def test_every_column_is_told(place):
    """What is added to the tables is added to the extract: it is a copy of everything (article 15)."""
    from fhirnotify.ledger import tables

    told = json.loads(place.run("subject", "p1", "--json").stdout)

    internal = {"kind", "lease_run", "lease_until", "created", "updated"}  # constant, or told as transitions
    assert {column.name for column in tables.reminder.c} - internal <= told["reminders"][0].keys()
    assert {column.name for column in tables.decision.c} - {"unmapped"} <= told["decisions"][0].keys()


def test_nobody(place):
    """That nothing is held is an answer."""
    done = place.run("subject", "p9")
    erased = place.run("subject", "p9", "--erase")

    assert (done.exit_code, done.stdout) == (0, "The ledger holds nothing about this patient.\n")
    assert erased.exit_code == 0


def test_nothing_is_sent_twice_after_erasing(place):
    """The next runs send nothing to who has been erased, nor to anybody else."""
    erased = place.run("subject", "p1", "--erase", "--yes", "--now", NOW)
    assert erased.exit_code == 0
    assert (
        "1 reminders stay, bare, so that no second one is sent, until the first purge after 2026-11-24" in erased.stdout
    )

    for _ in range(2):
        assert place.run("run", "--now", NOW).exit_code == 0
        assert place.run("purge", "--now", NOW).exit_code == 0
    assert len(place.messages()) == 2


def test_nothing_is_sent_twice_when_records_are_merged_after_erasing(place):
    """Nor when the record has been merged into another, or the visit has been booked once more under another id."""
    place.run("subject", "p1", "--erase", "--yes", "--now", NOW)
    survivor = resources.patient("p1new", resources.fictional_number(1))
    old = resources.patient(
        "p1", resources.fictional_number(1), link=[{"other": {"reference": "Patient/p1new"}, "type": "replaced-by"}]
    )
    others = [each for each in visits(2) if each["id"] not in ("p1", "a1")]
    start = visits(2)[4]["start"]
    again = resources.appointment(FhirVersion.R4, "a1", START, "p1", kind=VISIT) | {"start": start}
    twin = again | {"id": "a1x"}
    place.world([*others, survivor, old, again, twin, resources.consent(FhirVersion.R4, "cnew", "p1new")])

    done = place.run("run", "--now", NOW, "--json")

    assert done.exit_code == 0
    assert len(place.messages()) == 2
    rows = {row["appointment"]: row for row in map(json.loads, done.stdout.splitlines()) if "appointment" in row}
    assert rows["a1"]["decision"] == "already"
    assert rows["a1x"]["reason"] == "duplicate-booking"


def test_after_the_visit_nothing_is_left(place):
    """The first purge after the visit takes what stayed."""
    place.run("subject", "p1", "--erase", "--yes", "--now", NOW)
    assert "erased; stays" in place.run("subject", "p1").stdout
    place.run("purge", "--now", "2026-11-25T09:00:00+01:00")

    assert place.run("subject", "p1").stdout == "The ledger holds nothing about this patient.\n"
    assert b"Patient/p1" not in place.ledger.read_bytes()
    assert place.run("ledger", "check").exit_code == 0


@pytest.mark.parametrize(("answer", "exit_code", "left"), [("y\n", 0, 0), ("n\n", 2, 1), ("", 2, 1)])
def test_it_asks_first(place, answer, exit_code, left):
    """Without --yes it asks, on stderr; nothing is erased without a yes."""
    done = CliRunner().invoke(
        app, ["subject", "p1", "--erase", "--json", "--config", str(place.config)], input=answer or None
    )

    assert done.exit_code == exit_code
    assert "Erase 1 reminders, 1 decisions" in done.stderr
    with closing(sqlite3.connect(place.ledger)) as connection:
        assert connection.execute("SELECT count(*) FROM decision WHERE patient = 'p1'").fetchone() == (left,)
    assert ("erased" in done.stdout) is (exit_code == 0)


def test_without_a_ledger(tmp_path):
    """There is none to look in: exit 5, and none is made."""
    place = Place(tmp_path)
    place.settings()

    for more in ([], ["--erase", "--yes"]):
        assert place.run("subject", "p1", *more).exit_code == 5
    assert not place.ledger.exists()
