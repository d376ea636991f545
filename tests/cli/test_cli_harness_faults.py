"""``harness faults`` as it is used: the matrix for a person and for a program, and the exit code."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from fhirnotify.cli.harness import faults as command
from fhirnotify.cli.main import app
from fhirnotify.harness.ending import Ending
from fhirnotify.harness.installation import Finished
from fhirnotify.harness.scenarios import session
from fhirnotify.harness.scenarios.playing import Played, Status

URL = "http://127.0.0.1:9/fhir"
STOPPED = Finished(3, [], {"sent": 0, "complete": False}, "")
DONE = Finished(0, [], {"sent": 2, "complete": True}, "")


class FakePlayer:
    """Sees a run that stops, whatever is promised."""

    def play(self, scenarios):
        """Play one."""
        for name, scenario in scenarios.items():
            well = scenario.steps[0].exit == STOPPED.exit_code
            status, findings = (Status.PASSED, ()) if well else (Status.FAILED, ("exit code 3, not 0",))
            yield Played(name, scenario, status, findings, seen=(STOPPED,))


@pytest.fixture
def run(monkeypatch):
    """Run the command with such players."""
    monkeypatch.setattr(command, "access_to", lambda *_: nullcontext(SimpleNamespace(ending=Ending())))
    players = lambda *_, **__: nullcontext([FakePlayer(), FakePlayer()])  # noqa: E731
    monkeypatch.setattr(session, "abreast_on_server", players)
    return lambda *options: CliRunner().invoke(app, ["harness", "faults", "--fhir", URL, *options])


def test_a_person_gets_a_table_and_what_was_found(run):
    """What the server did, what was promised, what was seen; and of a broken promise how it was broken."""
    result = run("--only", "gzip", "--only", "not-json")
    assert result.exit_code == 1
    table = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert ["not-json", "answers with a word", "a-loud-failure", "exit 3, nothing sent", "as promised"] in table
    assert any(row[0] == "gzip" and row[3:] == ["exit 0, 2 sent", "FAILED exit 3, nothing sent"] for row in table)
    assert "gzip: The server packs its answers, as it may:" in result.stdout
    assert "· exit code 3, not 0" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 faults: the promise was kept under 1, not under 1."


def test_a_program_gets_a_line_each_and_a_summary(run):
    """In whatever order they come."""
    result = run("--only", "gzip", "--only", "not-json", "--json")
    *lines, last = map(json.loads, result.stdout.splitlines())
    assert last == {"summary": {"faults": 2, "kept": 1, "broken": 1}}
    (gzip,) = (line for line in lines if line["fault"] == "gzip")
    assert (gzip["promised"], gzip["seen"], gzip["ok"]) == ("exit 0, 2 sent", "exit 3, nothing sent", False)
    assert gzip["findings"] == ["exit code 3, not 0"]


def test_promises_that_are_all_kept_are_exit_code_0(run):
    """Nothing is to be done then."""
    assert run("--only", "not-json").exit_code == 0


def test_a_fault_that_is_unknown_is_a_mistake(run):
    """With those that may have been meant."""
    result = run("--only", "gzip-bom")
    assert result.exit_code == 2
    assert "gzip-bomb" in result.stderr


def test_another_url_the_second_time_is_a_mistake(run):
    """Whoever lets it write must mean this server."""
    assert run("--write-to", "http://127.0.0.1:10/fhir").exit_code == 2
