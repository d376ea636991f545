"""``outcomes`` as a command, on a directory as on a server."""

import json
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from place import NOW, START, Place, visits

from fhirnotify.clock import RealClock
from fhirnotify.rows import instant

NIGHT = ("--now", "2026-11-25T02:00:00+01:00")
"""The night after the visits."""


@pytest.fixture(autouse=True)
def winter(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is done here is done in January, as far as this process knows."""
    monkeypatch.setattr(RealClock, "real", lambda _: datetime(2027, 1, 15, tzinfo=UTC))


def closed(statuses: list[str], everything=None) -> list[dict]:
    """Give the world after the visits: each appointment with its status."""
    world = visits(len(statuses)) if everything is None else everything
    return [
        each | {"status": statuses[int(each["id"][1:])]} if each["resourceType"] == "Appointment" else each
        for each in world
    ]


@pytest.fixture
def held(place: Place) -> Place:
    """A place where four visits were reminded of, and two were not."""
    place.world(visits(4) + visits(6, consenting=False)[8:])
    assert place.run("run", "--now", NOW).exit_code == 0
    return place


def became(place: Place) -> dict[str, str]:
    """Give what the ledger knows of outcomes."""
    with closing(sqlite3.connect(place.ledger)) as connection:
        return dict(connection.execute("SELECT appointment, status FROM outcome").fetchall())


STATUSES = ["fulfilled", "noshow", "booked", "cancelled", "noshow", "arrived"]


def test_what_became_of_visits(held: Place) -> None:
    """Of those reminded of and of those that were not; then only what was not final, a day later."""
    held.world(closed(STATUSES, visits(6)))
    done = held.run("outcomes", *NIGHT)
    assert done.exit_code == 0
    assert done.stdout.startswith(
        "Read what became of 6 visits: 2 noshow, 1 fulfilled, 1 booked, 1 cancelled, 1 arrived"
    )
    assert became(held) == {f"a{n}": status for n, status in enumerate(STATUSES)}
    assert held.run("outcomes", *NIGHT).stdout.startswith("There was nothing to read.")
    again = json.loads(held.run("outcomes", "--json", "--now", "2026-11-26T02:00:00+01:00").stdout)
    assert again["became"] == {"booked": 1, "arrived": 1}


@pytest.mark.parametrize(
    ("appointments", "key", "listed"), [("by-patient", "PATIENTS_FILE", "p0"), ("by-location", "LOCATIONS", '["1"]')]
)
def test_in_each_way_of_asking(
    held: Place, monkeypatch: pytest.MonkeyPatch, appointments: str, key: str, listed: str
) -> None:
    """What is listed says whose visits to come are looked for; what the ledger holds is asked for by id."""
    file = held.directory / "listed.txt"
    file.write_text(listed, "utf-8")
    monkeypatch.setenv("FHIRNOTIFY_FHIR__APPOINTMENTS", appointments)
    monkeypatch.setenv(f"FHIRNOTIFY_FHIR__{key}", str(file) if key.endswith("FILE") else listed)
    held.world(closed(STATUSES, visits(6)))
    done = held.run("outcomes", *NIGHT)
    assert done.exit_code == 0, done.stderr
    assert became(held) == {f"a{n}": status for n, status in enumerate(STATUSES)}


def test_a_signal_ends_it_well(held: Place) -> None:
    """TERM ends it after the batch in hand: exit 0, and it says that there is more."""
    with closing(sqlite3.connect(held.ledger)) as connection, connection:
        connection.executemany(
            "INSERT INTO decision SELECT ?, patient, start, 'no-consent', contact_type, evidence, detail, unmapped, "
            "decided, run, unit FROM decision WHERE appointment = 'a0'",
            [(f"x{number}",) for number in range(20_000)],
        )
        before = instant(datetime.now(UTC) - timedelta(days=3)).replace("Z", ".000000Z")  # a process has the real clock
        connection.execute("UPDATE decision SET start = ?", (before,))
        connection.execute("UPDATE reminder SET start = ?", (before,))
    held.world(closed(["fulfilled"] + ["noshow"] * 5, visits(6)))
    running = held.process("outcomes", "--json")
    while not became(held) and running.poll() is None:
        pass
    running.send_signal(signal.SIGTERM)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert json.loads(said)["complete"] is False
    assert 0 < json.loads(said)["asked"] == len(became(held)) < 20_006


def test_for_programs_and_the_log(held: Place) -> None:
    """With --json it is one object; the log has one line."""
    held.world(closed(STATUSES, visits(6))[:3])
    done = held.run("outcomes", "--json", *NIGHT)
    told = json.loads(done.stdout)
    assert told["ledger"].endswith("fhirnotify.db")
    assert (told["asked"], told["became"], told["complete"]) == (6, {"fulfilled": 1, "gone": 5}, True)
    assert told["now"] == "2026-11-25T01:00:00Z"
    (line,) = [json.loads(each) for each in done.stderr.splitlines() if "outcomes-read" in each]
    assert (line["asked"], line["complete"], line["exit_code"]) == (6, True, 0)


def test_before_the_day_is_over_there_is_nothing_to_read(held: Place) -> None:
    """Though some visits have begun."""
    assert "nothing to read" in held.run("outcomes", "--now", instant(START.replace(hour=20))).stdout


def test_nothing_is_sent_and_no_reminder_changes(held: Place) -> None:
    """Neither by it, nor by a run after it."""
    with closing(sqlite3.connect(held.ledger)) as connection:
        before = connection.execute("SELECT * FROM reminder").fetchall()
    messages = held.messages()
    assert held.run("outcomes", *NIGHT).exit_code == 0
    with closing(sqlite3.connect(held.ledger)) as connection:
        assert connection.execute("SELECT * FROM reminder").fetchall() == before
    assert held.run("run", *NIGHT).exit_code == 0
    assert held.messages() == messages


@pytest.mark.parametrize(
    ("made", "says"),
    [(None, "There is no ledger yet"), ("CREATE TABLE t (x)", "is a database of something else")],
)
def test_no_ledger_of_ours(place: Place, made: str | None, says: str) -> None:
    """Nothing is made: exit 5."""
    if made:
        with closing(sqlite3.connect(place.ledger)) as connection, connection:
            connection.executescript(made)
    done = place.run("outcomes")
    assert (done.exit_code, place.ledger.exists()) == (5, bool(made))
    assert says in done.stderr


def test_an_endpoint_that_cannot_be_used(held: Place) -> None:
    """Exit 3, with what was read until then."""
    held.settings(base_url="file:nowhere")
    done = held.run("outcomes", "--json", *NIGHT)
    assert done.exit_code == 3
    assert json.loads(done.stdout)["complete"] is False
    assert became(held) == {}


def test_subject_and_purge_know_it(held: Place) -> None:
    """The extract shows what became of the visit; it goes with the retention time, and stays as a count."""
    held.world(closed(STATUSES, visits(6)))
    held.run("outcomes", *NIGHT)
    assert "Became    noshow" in held.run("subject", "p1").stdout
    with closing(sqlite3.connect(held.ledger)) as connection, connection:
        connection.execute("UPDATE reminder SET next_attempt = NULL")
    assert "6 outcomes" in held.run("purge", "--now", "2027-03-01T09:00:00+01:00").stdout
    assert became(held) == {}
    with closing(sqlite3.connect(held.ledger)) as connection:
        tallied = connection.execute("SELECT result, became, count FROM tally ORDER BY became, result").fetchall()
    assert ("no-consent", "noshow", 1) in tallied
    assert len(tallied) == 6


def test_a_moment_that_is_still_to_come(held: Place) -> None:
    """Exit 2, and nothing is read: of what is still to come nothing has become."""
    done = held.run("outcomes", "--now", "2027-01-15T01:00:01Z")
    assert (done.exit_code, became(held)) == (2, {})
    assert "still to come" in done.stderr


def test_another_endpoint(held: Place) -> None:
    """Where none of the latest visits is: exit 3, nothing is recorded, and what is said is true."""
    held.world([])
    held.run("run", "--now", NOW)
    done = held.run("outcomes", *NIGHT)
    assert (done.exit_code, became(held)) == (3, {})
    assert "fhir.base_url" in done.stderr
    assert done.stdout.startswith("Nothing was read.")


def test_when_the_time_is_over(held: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0, and it says that the next one goes on."""
    monkeypatch.setattr("fhirnotify.outcomes.BATCH", 4)
    held.world(closed(STATUSES, visits(6)))
    done = held.run("outcomes", *NIGHT, "--minutes=0")
    assert (done.exit_code, len(became(held))) == (0, 4)
    assert "the next one goes on" in done.stdout
    held.run("outcomes", *NIGHT)
    assert len(became(held)) == 6
