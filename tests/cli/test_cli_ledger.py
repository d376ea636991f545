"""``ledger check`` and ``ledger backup`` as commands."""

import json
import sqlite3
from contextlib import closing

import pytest
from place import NOW, Place, visits


@pytest.fixture
def place(tmp_path):
    """A place where one run has been."""
    made = Place(tmp_path)
    made.settings()
    made.world(visits(2))
    assert made.run("run", "--now", NOW).exit_code == 0
    return made


def broken(place):
    """Break an invariant."""
    with closing(sqlite3.connect(place.ledger)) as connection:
        connection.execute("UPDATE reminder SET attempts = 7 WHERE appointment = 'a1'")
        connection.commit()


def test_check_says_that_nothing_is_wrong(place):
    """A ledger that is whole gives one line and exit 0."""
    done = place.run("ledger", "check")

    assert done.exit_code == 0
    assert "2 reminders with 6 changes of state; nothing wrong." in done.stdout


def test_check_names_what_is_wrong(place):
    """Each breach says where it is and what to do; exit 5; nothing is changed."""
    broken(place)
    before = place.ledger.read_bytes()

    done = place.run("ledger", "check")

    assert done.exit_code == 5
    assert "of appointment a1 was begun 1 times." in done.stdout
    assert "→ Take a copy" in done.stdout
    assert "1 breaches" in done.stdout
    assert place.ledger.read_bytes() == before


def test_check_for_programs(place):
    """With --json each breach is an object, and the last one sums up."""
    broken(place)

    breach, last = map(json.loads, place.run("ledger", "check", "--json").stdout.splitlines())

    assert (breach["rule"], breach["appointment"]) == ("attempts", "a1")
    assert (last["summary"]["reminders"], last["summary"]["breaches"]) == (2, 1)


def test_check_without_a_ledger(tmp_path):
    """There is nothing to look through: exit 5 with what makes a ledger."""
    made = Place(tmp_path)
    made.settings()

    done = made.run("ledger", "check")

    assert done.exit_code == 5
    assert "ledger migrate" in done.output


def test_backup(place):
    """A copy is made once; again only with --force."""
    copy = place.directory / "copy.db"

    assert place.run("ledger", "backup", str(copy)).exit_code == 0
    again = place.run("ledger", "backup", str(copy), "--json")
    forced = place.run("ledger", "backup", str(copy), "--json", "--force")

    assert again.exit_code == 2
    assert "--force" in again.output
    assert json.loads(forced.stdout)["copy"] == str(copy)


def test_no_password_is_shown(tmp_path):
    """The URL of a ledger is told without what lets one in, also when nothing answers there."""
    made = Place(tmp_path)
    made.settings('[ledger]\nurl = "postgresql://someone:s3cret@127.0.0.1:1/d?password=s3cret"\n')
    made.world(visits(1))

    for command in (["ledger", "migrate"], ["ledger", "check"], ["ledger", "backup", "x"], ["plan"], ["check"]):
        done = made.run(*command)
        assert done.exit_code in (2, 5)
        assert "postgresql://127.0.0.1:1/d" in done.output
        assert "s3cret" not in done.output
        assert "someone" not in done.output
