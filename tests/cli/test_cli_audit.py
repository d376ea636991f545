"""``audit`` as a command: exporting days, and finding out whether exports are whole."""

import json
import sqlite3
from contextlib import closing

import pytest
from place import NOW, Place, visits
from typer.testing import CliRunner

from fhirnotify.cli.main import app

TOMORROW = ("--now", "2026-11-24T09:00:00+01:00")
THE_DAY = ("--from", "2026-11-23", "--until", "2026-11-23", *TOMORROW)


@pytest.fixture
def place(tmp_path):
    """A place where two have been reminded and one has not."""
    made = Place(tmp_path)
    made.settings()
    made.world(visits(2) + visits(3, consenting=False)[4:])
    assert made.run("run", "--now", NOW).exit_code == 0
    return made


def verify(*arguments):
    """Verify exports."""
    return CliRunner().invoke(app, ["audit", "verify", *arguments])


def test_export(place):
    """What was decided and done stands in order, with who did it; it is yesterday unless it is said otherwise."""
    done = place.run("audit", *TOMORROW)
    named = place.run("audit", *THE_DAY)

    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:-1] != []
    head, *records, end = map(json.loads, done.stdout.splitlines())
    assert (head["from"], head["until"]) == ("2026-11-22T23:00:00Z", "2026-11-23T23:00:00Z")
    assert [each["kind"] for each in records] == ["decision"] * 3 + ["transition"] * 6
    assert {each["account"] for each in records} == {head["account"]}
    assert {each["patient"] for each in records} == {"p0", "p1", "p2"}
    assert end["counts"] == {"decision": 3, "transition": 6}
    assert f"ends with {end['chain']}" in done.stderr
    assert f'"chain": "{end["chain"]}"' in done.stderr  # in the log, too
    assert [line.split(',"chain')[0] for line in named.stdout.splitlines()[1:]] == [
        line.split(',"chain')[0] for line in done.stdout.splitlines()[1:]
    ]


def test_consecutive_exports(place):
    """Each export may name with what the one before ended; then they are one chain, which can be verified."""
    one, two = place.directory / "1.jsonl", place.directory / "2.jsonl"
    first = json.loads(place.run("audit", *TOMORROW, "--output", str(one), "--json").stdout)
    place.run("run", *TOMORROW)
    later = ("--now", "2026-11-25T09:00:00+01:00")
    second = place.run("audit", *later, "--output", str(two), "--after", first["end"])

    assert second.exit_code == 0
    assert one.stat().st_mode & 0o777 == 0o600
    done = verify(str(one), str(two))
    assert done.exit_code == 0
    assert done.stdout.count("whole; ends with") == 2
    assert verify(str(two), str(one)).exit_code == 5
    assert "does not follow the export before it" in verify(str(two), str(one)).stdout
    assert verify(str(one), "--after", "0" * 64).exit_code == 0
    assert verify(str(two), "--after", first["end"]).exit_code == 0
    assert verify(str(two), "--after", "1" * 64).exit_code == 5


def test_a_day_between_is_missed(place):
    """Exports that are chained, but leave a day out, are not complete."""
    one, two = place.directory / "1.jsonl", place.directory / "2.jsonl"
    first = json.loads(place.run("audit", *TOMORROW, "--output", str(one), "--json").stdout)
    place.run("audit", "--now", "2026-11-26T09:00:00+01:00", "--output", str(two), "--after", first["end"])

    done = verify(str(one), str(two), "--json")

    assert done.exit_code == 5
    whole, gap = map(json.loads, done.stdout.splitlines())
    assert (whole["whole"], gap["whole"]) == (True, False)
    assert "its period begins 2026-11-24T23:00:00Z" in gap["faults"][0]


def test_what_was_changed_is_found(place):
    """A line that was changed is named, and exit 5."""
    file = place.directory / "1.jsonl"
    place.run("audit", *TOMORROW, "--output", str(file))
    file.write_text(file.read_text("utf-8").replace('"patient":"p1"', '"patient":"p7"', 1), "utf-8")

    done = verify(str(file))

    assert done.exit_code == 5
    assert "line 3: it was changed" in done.stdout


def test_what_was_purged_is_told(place):
    """An export of a time that has been purged says so, and so does whoever verifies it."""
    with closing(sqlite3.connect(place.ledger)) as connection, connection:
        connection.execute("UPDATE reminder SET next_attempt = NULL")
    later, file = ("--now", "2027-03-01T09:00:00+01:00"), place.directory / "1.jsonl"
    place.run("purge", *later)

    done = place.run("audit", "--from", "2026-11-23", "--until", "2026-11-23", *later, "--output", str(file))

    assert done.exit_code == 0
    assert "It is not complete: visits before 2026-12-01T08:00:00Z had been purged." in done.stderr
    assert verify(str(file)).exit_code == 5
    assert "deletion" in place.run("audit", "--from", "2027-03-01", "--now", "2027-03-02T09:00:00+01:00").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "2026-11-24", "--until", "2026-11-23"], "ends (2026-11-23) before it starts (2026-11-24)"),
        (["--from", "2026-11-24"], "ends (2026-11-23) before it starts"),
        (["--until", "2026-11-24"], "The period is not over yet."),
        (["--from", "yesterday"], "write a day such as"),
        (["--after", "abc"], "write the 64 digits"),
        (["--output", "."], "There is a . already."),
        (["--output", "nowhere/file"], "nowhere/file cannot be written: No such file or directory."),
    ],
)
def test_mistakes(place, arguments, says):
    """Each is told, with exit 2, and nothing is written."""
    done = place.run("audit", *arguments, *TOMORROW)

    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_an_export_is_never_replaced(place):
    """A file that is there stays as it is."""
    file = place.directory / "1.jsonl"
    file.write_text("x", "utf-8")

    assert place.run("audit", *TOMORROW, "--output", str(file)).exit_code == 2
    assert file.read_text("utf-8") == "x"


def test_no_half_written_file(place, monkeypatch):
    """A ledger that fails amid the export leaves no file."""
    from fhirnotify.errors import LedgerError
    from fhirnotify.ledger import audit

    def broken(*_):
        yield {"kind": "decision"}
        raise LedgerError("It is gone.")

    monkeypatch.setattr(audit, "records", broken)
    before = set(place.directory.iterdir())

    assert place.run("audit", *TOMORROW, "--output", str(place.directory / "1.jsonl")).exit_code == 5
    assert set(place.directory.iterdir()) == before


@pytest.mark.parametrize("made", [None, "CREATE TABLE t (x)"])
def test_no_ledger_of_ours(tmp_path, made):
    """Without a ledger, or with another program's, nothing is exported: exit 5."""
    place = Place(tmp_path)
    place.settings()
    if made:
        with closing(sqlite3.connect(place.ledger)) as connection, connection:
            connection.execute(made)

    done = place.run("audit", "--output", str(tmp_path / "1.jsonl"))

    assert done.exit_code == 5
    assert not (tmp_path / "1.jsonl").exists()


def test_an_empty_ledger(tmp_path):
    """A period without anything is exported, and says so."""
    place = Place(tmp_path)
    place.settings()
    place.run("ledger", "migrate")

    done = place.run("audit")

    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 2)


def test_verifying_what_is_not_there(place):
    """A file that cannot be read is told: exit 2."""
    done = verify("nowhere.jsonl")

    assert done.exit_code == 2
    assert "nowhere.jsonl cannot be read" in done.stderr
