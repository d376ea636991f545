"""Nothing personal leaves by a report: the same word, number and identity as elsewhere, looked for in every form."""

import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from canary import OTHER, SECRETS, WORD, WORLD
from place import NOW, Place

from fhirnotify.clock import RealClock

UNIT = "Location/unit101"
OPTIONS = (
    ["report"],
    ["report", "--json"],
    ["report", "--csv"],
    ["report", "--html=page.html"],
    ["report", "--html=page.html", "--language=en", f"--unit={UNIT}"],
    ["report", "--worklist"],
    ["report", "--worklist", "--json"],
    ["report", "--worklist", "--csv"],
)


def leaks(text: str) -> list[str]:
    """Give the secrets that a text holds."""
    return [secret for secret in SECRETS if secret in text.lower()]


def told(place: Place, command: list[str]) -> str:
    """Run a command, and give all that it printed and wrote."""
    page = place.directory / "page.html"
    result = place.run(*(each.replace("page.html", str(page)) for each in command))
    assert result.exit_code in (0, 2), result.stderr
    return "\n".join([result.output, result.stderr, page.read_text("utf-8") if page.exists() else ""])


@pytest.fixture
def canary(place: Place) -> Place:
    """A place that has run on resources with the word in them, each at a unit whose display begins with the word."""
    place.settings("[sms]\nrate = 1000\n")
    at_unit = {"actor": {"reference": UNIT, "display": OTHER}, "status": "accepted"}
    world = [
        each | {"participant": [*each["participant"], at_unit]}
        if each["resourceType"] == "Appointment" and isinstance(each.get("participant"), list)
        else each
        for each in WORLD
    ]
    place.world(world)
    place.run("run", "--now", NOW)
    return place


def test_no_report_tells_anything_personal(canary: Place) -> None:
    """In every form, of visits of every kind of error."""
    for command in OPTIONS:
        seen = told(canary, [*command, "--now", NOW, *([] if "--worklist" in command else ["--until=2026-11-25"])])
        assert leaks(seen) == [], command
        if command[-1] != "--csv":
            assert "unit101" in seen or "--html=page.html" in command


def test_what_became_of_visits_tells_nothing_personal(canary: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from resources with the word in every place, in turn; then in the ledger, the log and every report."""
    canary.settings("[sms]\nrate = 1000\n")
    night = "2026-11-25T02:00:00+01:00"
    monkeypatch.setattr(RealClock, "real", lambda _: datetime.fromisoformat(night))
    for form in ([], ["--json"]):
        result = canary.run("outcomes", "--now", night, *form)
        assert result.exit_code == 0, result.stderr
        assert leaks(result.output + result.stderr) == []
    with sqlite3.connect(canary.ledger) as database:
        statuses = dict(database.execute("SELECT status, count(*) FROM outcome GROUP BY status").fetchall())
    database.close()
    assert set(statuses) <= {"booked", "unreadable", "moved", "gone"}
    assert min(statuses["booked"], statuses["unreadable"]) > 10
    for file in canary.directory.glob("fhirnotify.db*"):
        assert leaks(file.read_bytes().decode("latin-1")) == []
    for command in OPTIONS[:5]:
        assert leaks(told(canary, [*command, "--now", NOW, "--until=2026-11-25"])) == []
    assert leaks(told(canary, ["audit", "--from=2026-11-25", "--until=2026-11-25", "--now=2026-11-27T00:00:00Z"])) == []


def test_the_unit_stands_in_the_ledger_and_nowhere_else(canary: Place) -> None:
    """Its reference with the decision and the reminder; in no row, no text and no log."""
    with sqlite3.connect(canary.ledger) as database:
        assert database.execute("SELECT count(*) FROM decision WHERE unit = ?", [UNIT]).fetchone()[0] > 100
        assert database.execute("SELECT count(*) FROM reminder WHERE unit = ?", [UNIT]).fetchone()[0] > 50
    database.close()
    result = canary.run("run", "--now", NOW, "--json")
    plan = canary.run("plan", "--now", NOW)
    explained = canary.run("explain", "a0", "--now", NOW, "--json")
    for text in (result.stdout, result.stderr, plan.output, explained.output, canary.outbox.read_text("utf-8")):
        assert "unit101" not in text


def test_a_wrong_file_of_names_is_not_quoted(canary: Place, tmp_path: Path) -> None:
    """The line is named, not shown."""
    file = tmp_path / "names.csv"
    file.write_text(f"{WORD}\n", "utf-8")
    assert leaks(told(canary, ["report", f"--names={file}"])) == []
