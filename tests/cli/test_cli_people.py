"""What a person is shown: lines, a table on a terminal, reasons with a sentence, explanations and findings."""

import io
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from place import NOW, START, Place, visits

from fhirnotify.cli.output import Stdout
from fhirnotify.cli.reasons import EXITS, NOTHING, OUTCOMES, SENTENCES
from fhirnotify.cli.reporting import MOST_SHOWN, ForPeople
from fhirnotify.core.answer import Evidence, Reason
from fhirnotify.core.model import FhirVersion
from fhirnotify.harness import resources
from fhirnotify.ledger.port import State
from fhirnotify.rows import HELD, Row, Summary

MOMENT = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_every_reason_and_outcome_has_its_sentence() -> None:
    """Nobody is left with a code alone."""
    assert set(SENTENCES) == set(Reason)
    assert set(OUTCOMES) == {None, HELD, *State}
    assert set(EXITS) == {0, 2, 3, 4, 5, 6, 7}
    assert all(means.endswith(".") and (mend == NOTHING or mend.endswith(".")) for means, mend in SENTENCES.values())


def test_a_pipe_gets_a_line_for_each_row_and_what_it_came_to(place: Place) -> None:
    """Local time, decision, ids, why; then each reason with what to mend, the counts and the end."""
    place.world([*visits(1), *visits(3, consenting=False)[2:]])
    lines = place.run("plan", "--now", NOW).stdout.splitlines()
    assert "2026-11-24 10.00  remind   video       a0  p0  would be sent" in lines
    assert "2026-11-24 10.01  skip     -           a1  p1  no-consent" in lines
    assert any(line.strip().startswith("2  no-consent: The patient has no consent") for line in lines)
    assert lines[-2].startswith("Considered 3: 2 skipped, 0 already, 0 sent, 1 pending, 0 uncertain, 0 failed.")
    assert lines[-1] == "Exit 0: done."


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def row(number: int) -> Row:
    """Make a row."""
    return Row(f"a{number}", "p1", MOMENT, "remind", None, None, Evidence("Appointment/a"), "accepted", 1)


def test_a_terminal_gets_a_table_of_some_hundreds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond that nobody reads; how many more there are is told."""
    monkeypatch.setenv("COLUMNS", "160")
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    report = ForPeople(Stdout(), ZoneInfo("Europe/Stockholm"))
    for number in range(MOST_SHOWN + 7):
        report.row(row(number))
    report.end(Summary("r", MOMENT, sent=MOST_SHOWN + 7, reasons=Counter()), 0)
    shown = screen.getvalue()
    assert f"a{MOST_SHOWN - 1} " in shown
    assert f"a{MOST_SHOWN} " not in shown
    assert "… and 7 more" in shown


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_a_code_cannot_command_the_terminal(monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]) -> None:
    """Codes come from outside: control characters, line breaks and Rich's markup are shown, not obeyed."""
    monkeypatch.setenv("COLUMNS", "160")
    screen = stream()
    monkeypatch.setattr(sys, "stdout", screen)
    report = ForPeople(Stdout(), ZoneInfo("Europe/Stockholm"))
    nasty = "urn:x|\x1b[31m\n[/red][bold]"
    report.row(
        Row("a", "p", MOMENT, "skip", None, "contact-type-unmapped", Evidence("Appointment/a"), None, None, (nasty,))
    )
    report.end(Summary("r", MOMENT, skipped=1, reasons=Counter(["contact-type-unmapped"])), 0)
    assert "urn:x|\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}[/red][bold]" in screen.getvalue()


def test_a_terminal_sees_how_far_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """The progress bar stands on stderr, and goes when the work is done."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    report = ForPeople(Stdout(), ZoneInfo("Europe/Stockholm"))
    report.progress("read", 1234)
    report.close()
    assert "Appointments read" in screen.getvalue()
    assert "1234" in screen.getvalue()


def explained(place: Place, appointment: str, *more: str) -> list[str]:
    """Give the lines of an explanation."""
    result = place.run("explain", appointment, "--now", NOW, *more)
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def test_explain_says_when_who_why_what_to_change_and_what_happened(place: Place) -> None:
    """Five lines, before a run and after it."""
    place.world(visits(1))
    assert explained(place, "a0") == [
        "When      Appointment a0, 2026-11-24 10.00. A run now would consider it.",
        "Who       Patient p0; read Appointment/a0, Patient/p0, Consent/c0",
        "Decision  Remind: every rule says yes.",
        "To change Nothing: video, 2 segments.",
        "Message   No reminder of it stands in the ledger.",
    ]
    place.run("run", "--now", NOW)
    lines = explained(place, "Appointment/a0")
    assert lines[3] == "To change Nothing: one booked time of one patient gives at most one reminder."
    assert lines[4].startswith("Message   To patient p0, by outbox: the provider has it. 2026-11-23 09.00 claimed → ")
    assert lines[4].endswith("09.00 accepted")


def test_explain_says_what_would_have_to_change(place: Place) -> None:
    """A skip has its reason, the reason's meaning, and what to mend."""
    place.world(visits(1, consenting=False))
    lines = explained(place, "a0")
    assert lines[2] == "Decision  Skip, no-consent: The patient has no consent to these reminders."
    assert lines[3] == "To change Have it asked for, and recorded with a code of consent.codes."


def test_explain_knows_what_was_decided_of_an_appointment_that_is_gone(place: Place) -> None:
    """The ledger remembers the decision after the endpoint has forgotten the appointment."""
    place.world(visits(1, consenting=False))
    place.run("run", "--now", NOW)
    place.world([])
    lines = explained(place, "a0")
    assert "The FHIR endpoint does not have it now." in lines[0]
    assert "Skip, no-consent" in lines[1]


def test_explain_says_that_a_visit_lies_outside_the_window(place: Place) -> None:
    """The decision is told all the same."""
    late = resources.appointment(FhirVersion.R4, "a0", START + timedelta(days=9), "p0")
    place.world([*visits(1)[::2], late])
    assert "outside the window" in explained(place, "a0")[0]


def test_explain_as_json_holds_decisions_verdicts_and_transitions(place: Place) -> None:
    """One object, for a program."""
    place.world(visits(1))
    place.run("run", "--now", NOW)
    (line,) = explained(place, "a0", "--json")
    found = json.loads(line)
    assert found["decisions"][0]["decision"] == "remind"
    assert found["verdicts"][0]["reason"] is None
    assert [step["to"] for step in found["reminders"][0]["transitions"]] == ["claimed", "sending", "accepted"]


def test_explain_of_what_nobody_knows_is_exit_2(place: Place) -> None:
    """The id was mistyped; it is not repeated, since it could be anything."""
    result = place.run("explain", "191212121212")
    assert result.exit_code == 2
    assert "191212121212" not in result.output
    assert "Check the id" in result.stderr


def findings(place: Place, code: int) -> dict[str, list[dict[str, Any]]]:
    """Run ``check --json`` and give its findings by part."""
    result = place.run("check", "--json")
    assert result.exit_code == code, result.output
    found: dict[str, list[dict[str, Any]]] = {}
    for each in json.loads(result.stdout):
        found.setdefault(each["part"], []).append(each)
    return found


def test_check_goes_through_every_part(place: Place) -> None:
    """All is well, and nothing is made."""
    before = sorted(place.directory.rglob("*"))
    found = findings(place, 0)
    assert list(found) == ["settings", "mappings", "template", "fhir", "ledger", "sms", "monitoring"]
    assert {each["level"] for part in found.values() for each in part} == {"ok"}
    assert sorted(place.directory.rglob("*")) == before


def test_check_ends_by_the_first_error_and_goes_on_after_it(place: Place) -> None:
    """A server that is away hides neither the ledger's fault nor the account's."""
    place.settings(
        '[sms]\nprovider = "46elks"\n[sms.46elks]\nusername = "u"\npassword = "p"\nbase_url = "http://127.0.0.1:9"\n',
        base_url="http://127.0.0.1:9/fhir",
    )
    place.ledger.write_bytes(b"x" * 4096)
    found = findings(place, 3)
    assert [found[part][-1]["level"] for part in ("fhir", "ledger", "sms")] == ["error", "error", "error"]
    assert all(found[part][-1]["next_step"] for part in ("fhir", "ledger", "sms"))


def test_check_warns_of_what_costs_or_leaks(place: Place) -> None:
    """A template of other letters, a long one, and plain http are no errors, but somebody should know."""
    place.settings('[message]\ntemplate = "$fornamn $kontakttyp $datum $tid ✓"\n', base_url="http://fhir.invalid/r4")
    found = findings(place, 3)
    assert found["template"][0]["level"] == "warning"
    assert "UCS-2" in found["template"][0]["what"]
    assert found["fhir"][0]["level"] == "warning"
    place.settings(f'[message]\ntemplate = "$fornamn $kontakttyp $datum $tid {"x" * 400}"\n')
    assert "segments" in findings(place, 0)["template"][0]["what"]


def test_check_of_wrong_settings_tells_them_alone(place: Place) -> None:
    """Nothing else can be examined by wrong settings."""
    place.settings("[sms]\nrate = 0\n")
    found = findings(place, 2)
    assert list(found) == ["settings"]
    assert "sms.rate" in found["settings"][0]["what"]


def test_check_for_people_has_a_line_and_a_next_step_for_each_finding(place: Place) -> None:
    """What was found, and below it what to do."""
    place.settings(base_url="http://127.0.0.1:9/fhir")
    lines = place.run("check").stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("error    fhir"))
    assert lines[at + 1].strip().startswith("→ ")


def test_mappings_check_tells_what_is_wrong(place: Place) -> None:
    """Errors end with 2; the shipped mappings have none."""
    assert place.run("mappings", "check").exit_code == 0
    (place.directory / "maps").mkdir()
    (place.directory / "maps" / "x.json").write_text('{"resourceType": "Patient"}', "utf-8")
    place.settings('[mappings]\ndirectory = "maps"\n')
    assert place.run("mappings", "check").exit_code == 2
    found = json.loads(place.run("mappings", "check", "--json").stdout)
    assert {each["severity"] for each in found} == {"error"}
    assert "x.json" in {each["file"] for each in found}


def test_mappings_unmapped_counts_the_codes_that_were_seen(place: Place) -> None:
    """System, code, count and when last; an empty list before the first run."""
    assert json.loads(place.run("mappings", "unmapped", "--json").stdout) == []
    person, _, consent = visits(1)
    unknown = resources.appointment(FhirVersion.R4, "a0", START, "p0", kind="urn:x|y")
    place.world([person, unknown, consent])
    place.run("run", "--now", NOW)
    (seen,) = json.loads(place.run("mappings", "unmapped", "--json").stdout)
    assert seen["last_seen"].startswith("2026-11-23T08:00:0")
    assert {key: seen[key] for key in ("system", "code", "count")} == {"system": "urn:x", "code": "y", "count": 1}
    assert "urn:x  y" in place.run("mappings", "unmapped").stdout


def test_ledger_migrate_makes_the_ledger_once(place: Place) -> None:
    """Created, then up to date; a run takes it as it is."""
    made = json.loads(place.run("ledger", "migrate", "--json").stdout)
    assert (made["action"], made["from_revision"]) == ("created", None)
    assert "up to date" in place.run("ledger", "migrate").stdout
    assert place.run("run").exit_code == 0


def test_demo_shows_decisions_texts_and_that_nothing_is_sent_twice() -> None:
    """On a machine with nothing but Python, whatever the environment and the directory hold."""
    from typer.testing import CliRunner

    from fhirnotify.cli.main import app

    result = CliRunner().invoke(app, ["demo"], env={"FHIRNOTIFY_SMS__PROVIDER": "46elks"})
    assert result.exit_code == 0, result.output
    assert "Påminnelse till " in result.stdout
    assert "The same pass once more sends 0" in result.stdout
    as_json = CliRunner().invoke(app, ["demo", "--json"])
    assert json.loads(as_json.stdout.splitlines()[-1])["summary"]["sent"] > 0
