"""Write-back: the real commands between a FHIR server that takes Communications and a stand-in for a provider."""

import json
import sqlite3
import time
from contextlib import closing
from datetime import timedelta

import pytest
from lying_fhir import NOW
from telling import Telling, summary
from writable_fhir import WritableFhir

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.loopback import Raw, Reply, Silence
from fhirnotify.harness.resources import fictional_number
from fhirnotify.rows import instant

LATER = NOW + timedelta(minutes=10)


def test_one_communication_a_reminder_that_follows_it(telling: Telling, inbox: Inbox, fhir: WritableFhir) -> None:
    """What was sent is in progress; once it is known to have come it is completed, in a second version, no third."""
    inbox.on(fictional_number(1), Behaviour.DELIVERED_LATER)
    inbox.on(fictional_number(2), Behaviour.UNDELIVERED)
    inbox.on(fictional_number(3), Behaviour.DEAD_NUMBER)
    first = telling.told()
    assert (first.exit_code, summary(first)["sent"]) == (0, 4)
    assert summary(first)["write_back"] == {"written": 4, "failed": {}, "complete": True}
    assert fhir.by_visit() == {f"a{number}": ("in-progress", 1) for number in range(4)}

    followed = telling.told(LATER, "follow-up")
    assert (followed.exit_code, summary(followed)["write_back"]["written"]) == (0, 3)
    assert fhir.by_visit() == {
        "a0": ("completed", 2),
        "a1": ("in-progress", 1),
        "a2": ("stopped", 2),
        "a3": ("stopped", 2),
    }
    by_visit = {each["about"][0]["reference"][-2:]: each for each in fhir.communications.values()}
    assert by_visit["a0"]["received"] == instant(LATER)
    assert by_visit["a3"]["statusReason"]["coding"][0]["code"] == "invalid-phone-number"
    assert "statusReason" not in by_visit["a2"]

    again = telling.told(LATER, "follow-up")
    assert summary(again)["write_back"]["written"] == 1
    assert summary(telling.told(LATER))["write_back"]["written"] == 0
    assert fhir.by_visit()["a1"] == ("completed", 2)
    assert max(fhir.versions.values()) == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Reply(403), "status-403"),
        (Reply(401), "status-401"),
        (Reply(404), "status-404"),
        (Reply(500, b"Patient/p0 070-174 06 05"), "status-500"),
        (Reply(503, headers={"Retry-After": "3600"}), "status-503"),
        (Reply(302, headers={"Location": "http://elsewhere.example/p0"}), "status-302"),
        (Reply(200, b"<html>Log in</html>", {"Content-Type": "text/html"}), "not-fhir"),
        (Raw(b"what?\r\n\r\n"), "no-answer"),
    ],
)
def test_a_journal_system_that_refuses_changes_nothing_else(
    telling: Telling, inbox: Inbox, fhir: WritableFhir, answer: Reply | Raw, code: str
) -> None:
    """The same messages, the same exit code; a warning with the code, and when it is well again it is told."""
    fhir.before = lambda _: answer
    refused = telling.told()
    assert (refused.exit_code, summary(refused)["sent"], len(inbox.messages)) == (0, 4, 4)
    failed = summary(refused)["write_back"]["failed"]
    assert list(failed) == [code]
    assert len(fhir.asked) == sum(failed.values()) <= 4
    (line,) = (json.loads(each) for each in refused.stderr.splitlines() if "write-back-failed" in each)
    assert (line["level"], line["error"], line["written"]) == ("warning", code, 0)
    assert "p0" not in refused.stderr

    fhir.before = lambda _: None
    telling.wait_is_over()
    again = telling.told(LATER)
    assert (again.exit_code, summary(again)["sent"], len(inbox.messages)) == (0, 0, 4)
    assert summary(again)["write_back"] == {"written": 4, "failed": {}, "complete": True}
    assert set(fhir.versions.values()) == {1}


def test_an_answer_that_is_lost_is_told_once_more_and_changes_nothing(
    telling: Telling, inbox: Inbox, fhir: WritableFhir
) -> None:
    """The journal system took it, and the program does not know: the same bytes, no new version."""
    inbox.always(Behaviour.UNDERWAY)
    fhir.after = lambda _: Raw(b"")
    assert summary(telling.told())["write_back"]["failed"] == {"no-answer": 3}
    lost = {request.path for request in fhir.asked}
    fhir.after = lambda _: None
    telling.wait_is_over()
    assert summary(telling.told(NOW, "follow-up"))["write_back"]["written"] == 4
    bodies: dict[str, list[bytes]] = {}
    for request in fhir.asked:
        bodies.setdefault(request.path, []).append(request.body)
    assert {path: (len(set(said)), len(said)) for path, said in bodies.items()} == {
        path: (1, 2 if path in lost else 1) for path in bodies
    }
    assert (len(lost), len(bodies), set(fhir.versions.values())) == (3, 4, {1})


def test_nothing_is_told_of_what_went_to_the_outbox(telling: Telling, inbox: Inbox, fhir: WritableFhir) -> None:
    """The journal system must not hear that something was sent which never was."""
    telling.replace('provider = "infobip"', 'provider = "outbox"')
    assert summary(telling.told())["sent"] == 4
    assert (len(telling.messages()), fhir.asked) == (4, [])
    telling.configure(inbox, fhir)
    assert summary(telling.told(LATER))["write_back"] == {"written": 0, "failed": {}, "complete": True}


def test_off_it_writes_nothing(telling: Telling, fhir: WritableFhir) -> None:
    """As it is by default; and what was sent before it is switched on is told then, as far as visits are to come."""
    telling.replace("write_back = true", "")
    assert "write_back" not in summary(telling.told())
    assert fhir.asked == []
    telling.replace("[fhir]", "[fhir]\nwrite_back = true")
    telling.told()
    assert len(fhir.communications) == 4


def test_a_directory_is_refused(telling: Telling) -> None:
    """At once, by its setting, with what to do."""
    telling.settings()
    telling.replace("[fhir]", "[fhir]\nwrite_back = true")
    result = telling.run("run")
    assert result.exit_code == 2
    assert "write_back = true needs a server in base_url" in result.stderr


def test_people_are_told_in_a_line(telling: Telling, inbox: Inbox, fhir: WritableFhir) -> None:
    """Of a run, of a quiet one, and of following up."""
    inbox.always(Behaviour.DELIVERED_LATER)
    fhir.before = lambda request: Reply(422) if len(fhir.asked) == 1 else None
    said = telling.at(NOW, "run").stdout
    assert "Journal system told of 3 reminders, 1 failed (1 status-422), to be tried again." in said
    assert "Journal system told of 0 reminders." in telling.at(NOW, "run", "--quiet").stdout
    assert "Journal system told of 3 reminders." in telling.at(LATER, "follow-up").stdout


def test_explain_and_check_tell_what_could_not_be_told(telling: Telling, fhir: WritableFhir) -> None:
    """The code, how often, and what was told before; for programs, too."""
    fhir.before = lambda request: Reply(422) if b"Appointment/a1" in request.body else None
    telling.told()
    said = telling.at(NOW, "explain", "a1").stdout
    assert "Journal   It has not been told yet. Tried in vain since: 1 (status-422), last" in said
    assert "Journal   It was told: accepted." in telling.at(NOW, "explain", "a0").stdout
    (reminder,) = json.loads(telling.at(NOW, "explain", "a1", "--json").stdout)["reminders"]
    assert (reminder["write_back"]["written"], reminder["write_back"]["attempts"]) == (None, 1)
    checked = telling.run("check").stdout
    assert "the journal system is still to be told of 1 reminders: 1 status-422" in " ".join(checked.split())
    assert "communication-update" in checked


def test_check_tells_what_was_not_tried_yet(telling: Telling, fhir: WritableFhir) -> None:
    """Which is nothing to mend: it has been switched on, and the next pass begins with it."""
    telling.replace("write_back = true", "write_back = false")
    telling.told()
    telling.replace("write_back = false", "write_back = true")
    found = json.loads(telling.run("check", "--json").stdout)
    (said,) = (each for each in found if "still to be told" in each["what"])
    assert (said["level"], said["what"].partition(": ")[2]) == ("ok", "4 not-tried")


def test_a_refused_account_keeps_nobody_from_being_told(telling: Telling, inbox: Inbox, fhir: WritableFhir) -> None:
    """Exit 4 it is all the same; what was sent before is told of."""
    telling.replace("write_back = true", "write_back = false")
    telling.told()
    telling.replace("write_back = false", "write_back = true")
    telling.replace("api_key = ", 'api_key = "wrong"\n# ')
    result = telling.told(NOW, "follow-up")
    assert (result.exit_code, summary(result)["write_back"]["written"]) == (4, 4)


@pytest.mark.parametrize("broken", ["write_back", "reminder"])
def test_a_ledger_that_cannot_record_it_changes_nothing(telling: Telling, fhir: WritableFhir, broken: str) -> None:
    """Everything was sent and recorded: exit 0, and a warning."""
    telling.told()
    with closing(sqlite3.connect(telling.ledger)) as database, database:
        database.execute("UPDATE write_back SET written = 'rejected'")
        trigger = "CREATE TRIGGER t BEFORE UPDATE ON write_back BEGIN SELECT RAISE(ABORT, 'no'); END"
        database.execute(trigger if broken == "write_back" else "DROP TABLE write_back")
    result = telling.told(LATER)
    assert result.exit_code == 0
    assert summary(result)["write_back"]["complete"] is False
    assert '"error": "ledger"' in result.stderr


def test_a_run_that_dies_before_it_records_is_followed_by_the_same_bytes(
    telling: Telling, inbox: Inbox, fhir: WritableFhir
) -> None:
    """Killed while the journal system has the Communication, and the ledger does not know: no second one, no version."""
    inbox.always(Behaviour.UNDERWAY)
    dying = []

    def kill(_: object) -> None:
        if not dying[0].poll():
            dying[0].kill()
            dying[0].wait()

    fhir.after = kill
    dying.append(telling.process("run", "--json"))
    dying[0].communicate(timeout=60)
    assert (dying[0].returncode, len(fhir.communications)) == (-9, 1)
    fhir.after = lambda _: None
    telling.wait_is_over()
    done = telling.told(NOW)
    assert (done.exit_code, summary(done)["sent"], summary(done)["write_back"]["written"]) == (0, 0, 4)
    assert (len(fhir.asked), set(fhir.versions.values())) == (5, {1})


def test_a_signal_ends_it_with_what_is_in_flight(telling: Telling, inbox: Inbox, fhir: WritableFhir) -> None:
    """TERM: the Communication that was begun is recorded, the rest is left for the next run, and nothing is lost."""
    inbox.always(Behaviour.UNDERWAY)
    running = []

    def terminate(_: object) -> None:
        running[0].terminate()
        time.sleep(0.2)

    fhir.before = terminate
    running.append(telling.process("run", "--json"))
    out, _ = running[0].communicate(timeout=60)
    said = json.loads(out.splitlines()[-1])["summary"]
    assert (running[0].returncode, said["sent"], said["write_back"]["complete"]) == (0, 4, False)
    assert said["write_back"]["written"] == len(fhir.communications) < 4
    fhir.before = lambda _: None
    telling.told()
    assert set(fhir.versions.values()) == {1}
    assert len(fhir.communications) == 4


def test_a_journal_system_that_keeps_silent_holds_nobody_up(telling: Telling, fhir: WritableFhir) -> None:
    """Three are waited for, and no more."""
    fhir.before = lambda _: Silence()
    done = telling.told()
    assert (done.exit_code, summary(done)["sent"]) == (0, 4)
    assert summary(done)["write_back"]["failed"] == {"no-answer": 3}


def test_in_quiet_hours_it_is_told_too(telling: Telling, fhir: WritableFhir) -> None:
    """Nothing is sent then, and what was sent before is told."""
    telling.replace("write_back = true", "write_back = false")
    telling.told()
    telling.replace("write_back = false", "write_back = true")
    settings = telling.config.read_text("utf-8")
    telling.config.write_text(settings + '[reminder]\nquiet_from = "00:00"\nquiet_until = "00:00"\n', "utf-8")
    assert summary(telling.told(LATER))["write_back"]["written"] == 4


@pytest.mark.parametrize("command", [("run", "--rehearsal"), ("follow-up",)])
def test_with_a_time_that_is_not_nothing_is_told(
    telling: Telling, inbox: Inbox, fhir: WritableFhir, command: tuple[str, ...]
) -> None:
    """A rehearsal's messages went by a test account; nor is it told, at another time, of visits of long ago."""
    inbox.always(Behaviour.UNDERWAY)
    telling.replace("write_back = true", "write_back = false")
    telling.told()
    telling.replace("write_back = false", "write_back = true")
    done = telling.run(*command, "--now", instant(LATER), "--json")
    assert (done.exit_code, fhir.asked, "write_back" in summary(done)) == (0, [], False)
    assert summary(telling.told(LATER))["write_back"]["written"] == 4
