"""How commands end: each kind of failure with its exit code, a sentence, a next step, and never a traceback."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from place import NOW, Place

import fhirnotify.run
from fhirnotify.errors import AccountFault, FhirError, FhirnotifyError, IncompleteRead, LedgerError
from fhirnotify.rows import Summary


def logged(stderr: str) -> list[dict[str, object]]:
    """Give the lines of the log that stand among what is told to people."""
    return [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FhirError("The server is away.", "Start it."), 3),
        (IncompleteRead("A page is missing.", "Run again."), 3),
        (AccountFault("No credit.", "Fill it up."), 4),
        (LedgerError("It is locked.", "Wait."), 5),
    ],
)
def test_an_error_ends_with_its_code_its_sentence_and_the_next_step(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: FhirnotifyError, code: int
) -> None:
    """The error goes to stderr for people, and to the log by its kind; the summary is still printed."""
    error.summary = Summary("r1", datetime(2026, 11, 23, tzinfo=UTC), sent=2, complete=False)  # type: ignore[attr-defined]

    def stopping(_job: object) -> None:
        raise error

    monkeypatch.setattr(fhirnotify.run, "run", stopping)
    result = place.run("run", "--json")
    assert result.exit_code == code
    assert error.what in result.stderr
    assert error.next_step in result.stderr
    assert json.loads(result.stdout)["summary"]["sent"] == 2
    assert logged(result.stderr)[-1]["error"] == type(error).__name__
    assert "Traceback" not in result.output


def test_a_pass_that_cannot_begin_has_a_summary_too(place: Place) -> None:
    """A program that reads the JSON is told that nothing was done."""
    place.settings('[ledger]\nurl = "sqlite:///no/such/directory/fhirnotify.db"\n')
    result = place.run("run", "--json")
    assert result.exit_code == 5
    summary = json.loads(result.stdout)["summary"]
    assert (summary["considered"], summary["complete"]) == (0, False)


@pytest.mark.parametrize(
    ("summary", "expected", "code"),
    [
        ({"sent": 3}, 0, 0),
        ({"failed": 1, "sent": 3}, 0, 6),
        ({"uncertain": 1}, 0, 6),
        ({"already": 1, "unsettled": 1}, 0, 6),
        ({"sent": 3}, 4, 7),
        ({"sent": 3}, 3, 0),
        ({"failed": 1}, 9, 6),
    ],
)
def test_a_pass_that_was_done_ends_by_what_it_came_to(
    place: Place, monkeypatch: pytest.MonkeyPatch, summary: dict[str, int], expected: int, code: int
) -> None:
    """Messages that need a person are 6, too few appointments 7, else 0."""
    place.settings(f"[monitoring]\nexpect_appointments = {expected}\n")
    done = Summary("r1", datetime(2026, 11, 23, tzinfo=UTC), **summary)  # type: ignore[arg-type]
    monkeypatch.setattr(fhirnotify.run, "run", lambda _job: done)
    result = place.run("run")
    assert result.exit_code == code
    assert f"Exit {code}: " in result.stdout.splitlines()[-1]


def test_what_nobody_expected_tells_its_kind_and_place_and_no_more(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of an unknown exception could hold a patient's data, so it is not shown."""

    def broken(_job: object) -> None:
        raise RuntimeError("Anna Andersson 191212121212")

    monkeypatch.setattr(fhirnotify.run, "run", broken)
    result = place.run("run")
    assert result.exit_code == 1
    assert "unexpected builtins.RuntimeError at fhirnotify/cli/run.py:" in result.stderr
    assert "Anna" not in result.output
    assert "Traceback" not in result.output


def _away(place: Place) -> None:
    place.settings(base_url="http://127.0.0.1:9/fhir")


def _no_world(place: Place) -> None:
    place.settings(base_url="file:nowhere")


def _bad_map(place: Place) -> None:
    (place.directory / "maps").mkdir()
    (place.directory / "maps" / "x.json").write_text("{", "utf-8")
    place.settings('[mappings]\ndirectory = "maps"\n')


def _bad_template(place: Place) -> None:
    place.settings('[message]\ntemplate = "Hej $namn"\n')


def _foreign_ledger(place: Place) -> None:
    place.ledger.write_text("not a database at all" * 100, "utf-8")


def _ledger_nowhere(place: Place) -> None:
    place.settings('[ledger]\nurl = "sqlite:///no/such/place.db"\n')


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (_away, 3),
        (_no_world, 3),
        (_bad_map, 2),
        (_bad_template, 2),
        (_foreign_ledger, 5),
        (_ledger_nowhere, 5),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_what_is_really_broken_ends_with_its_code(
    place: Place, bend: Callable[[Place], None], code: int, command: str
) -> None:
    """A run stops at it, and check finds it, with the same code and a next step."""
    bend(place)
    result = place.run(command)
    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert not place.outbox.exists()


@pytest.mark.parametrize("now", ["2026-11-23", "2026-11-23T09:00:00", "yesterday", "", "0001-01-01T00:00:00Z"])
def test_now_wants_an_instant_with_its_offset(place: Place, now: str) -> None:
    """A time without offset could mean another hour."""
    result = place.run("plan", "--now", now)
    assert result.exit_code == 2
    assert "2026-11-23T09:00:00+01:00" in result.stderr


ELKS = '[sms]\nprovider = "46elks"\n[sms.46elks]\nusername = "u"\npassword = "p"\nbase_url = "http://127.0.0.1:9"\n'


def test_run_at_another_time_does_not_reach_a_real_provider(place: Place) -> None:
    """Real patients would get reminders of the wrong day; --rehearsal says that the account is a test one."""
    place.settings(ELKS)
    refused = place.run("run", "--now", NOW)
    assert refused.exit_code == 2
    assert "--rehearsal" in refused.stderr
    assert place.run("run", "--now", NOW, "--rehearsal").exit_code == 0
    assert place.run("plan", "--now", NOW).exit_code == 0


def test_run_at_another_time_may_fill_the_outbox(place: Place) -> None:
    """The outbox reaches nobody."""
    assert place.run("run", "--now", NOW).exit_code == 0
