"""``purge`` as a command."""

import json
import signal
import sqlite3
from contextlib import closing

import pytest
from place import NOW, Place, visits

LATER = ("--now", "2027-03-01T09:00:00+01:00")


@pytest.fixture
def place(tmp_path):
    """A place where two runs have been: one that sent, and one after the visits."""
    made = Place(tmp_path)
    made.settings()
    made.world(visits(2) + visits(4, consenting=False)[4:])
    assert made.run("run", "--now", NOW).exit_code == 0
    with closing(sqlite3.connect(made.ledger)) as connection, connection:  # as when all is known of them
        connection.execute("UPDATE reminder SET next_attempt = NULL")
    return made


def count(place, table):
    """How many rows there are."""
    with closing(sqlite3.connect(place.ledger)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_dry_run_then_purge(place):
    """First what would be deleted, then that it was, then nothing more."""
    foretold = place.run("purge", "--dry-run", *LATER)
    assert count(place, "reminder") == 2
    done = place.run("purge", *LATER)
    again = place.run("purge", *LATER)

    assert (foretold.exit_code, done.exit_code, again.exit_code) == (0, 0, 0)
    assert foretold.stdout.startswith("Would delete what is older than 2026-12-01 09.00: ")
    assert "2 reminders" in foretold.stdout
    assert done.stdout == foretold.stdout.replace("Would delete", "Deleted")
    assert again.stdout == "Deleted what is older than 2026-12-01 09.00: nothing.\n"
    assert count(place, "reminder") == 0


def test_for_programs(place):
    """With --json it is one object."""
    told = json.loads(place.run("purge", "--json", *LATER).stdout)

    assert told["ledger"].endswith("fhirnotify.db")
    assert (told["before"], told["dry_run"], told["complete"]) == ("2026-12-01T08:00:00Z", False, True)
    assert told["deleted"]["reminders"] == 2
    assert told["kept"] == {}


def test_uncertain_is_told(place):
    """What is uncertain stays, however old: exit 6, and what to do."""
    with closing(sqlite3.connect(place.ledger)) as connection, connection:
        connection.execute("UPDATE reminder SET state = 'uncertain' WHERE appointment = 'a1'")

    done = place.run("purge", *LATER)

    assert done.exit_code == 6
    assert 'Kept 1 older reminders, uncertain: "fhirnotify uncertain" tells' in done.stdout
    assert count(place, "reminder") == 1


def test_retention_is_that_of_the_settings(place):
    """A longer retention time keeps more."""
    place.settings('[ledger]\nretention = "365d"\n')

    assert json.loads(place.run("purge", "--json", *LATER).stdout)["deleted"] == {}


def test_nothing_is_sent_again(place):
    """Whatever is purged: what has been sent is not sent a second time."""
    place.settings('[ledger]\nretention = "1d"\n')
    for now in (NOW, "2026-11-24T09:30:00+01:00"):
        assert place.run("purge", "--now", now).exit_code == 0
        assert place.run("run", "--now", now).exit_code == 0
    assert len(place.messages()) == 2


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (None, "There is no ledger yet"),
        ("CREATE TABLE t (x)", "is a database of something else"),
        ("CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('fhirnotify_0003')", "older"),
    ],
)
@pytest.mark.parametrize("dry_run", [["--dry-run"], []])
def test_no_ledger_of_ours(tmp_path, made, says, dry_run):
    """Without a ledger, or with one that is not ours, nothing is made and nothing is deleted: exit 5."""
    place = Place(tmp_path)
    place.settings()
    if made:
        with closing(sqlite3.connect(place.ledger)) as connection, connection:
            connection.executescript(made)

    done = place.run("purge", *dry_run)

    assert done.exit_code == 5
    assert says in done.stderr
    assert place.ledger.exists() is bool(made)


def test_an_empty_ledger(tmp_path):
    """There is nothing to delete, and that is no mistake."""
    place = Place(tmp_path)
    place.settings()
    place.run("ledger", "migrate")

    assert place.run("purge").exit_code == 0


def test_a_signal_ends_it_well(place):
    """TERM ends it after the batch in hand, and it says that there is more: exit 0."""
    with closing(sqlite3.connect(place.ledger)) as connection, connection:
        connection.executemany(
            "INSERT INTO decision SELECT ? , patient, start, 'no-consent', contact_type, evidence, detail, unmapped, "
            "decided, run, unit FROM decision WHERE appointment = 'a0'",
            [(f"x{number}",) for number in range(60_000)],
        )
    running = place.process("purge", "--json", *LATER)
    while count(place, "decision") > 59_000 and running.poll() is None:
        pass
    running.send_signal(signal.SIGTERM)
    said, _ = running.communicate(timeout=60)

    assert running.returncode == 0
    assert json.loads(said)["complete"] is False
    assert 0 < count(place, "decision") < 60_002
