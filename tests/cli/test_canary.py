"""Nothing personal leaves: a unique word, number and identity in every personal field, looked for everywhere.

The word stands in names, addresses, texts and displays, and takes the place of every single value in turn, so that
each resource is invalid in each way there is and every error message is tempted. Only the message itself may hold it.
"""

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from canary import IDENTITY, NUMBER, OTHER, SECRETS, WORD, WORLD, people
from lying_fhir import LyingFhir
from place import NOW, Place
from typer.testing import CliRunner
from writable_fhir import WritableFhir

from fhirnotify import wiring
from fhirnotify.cli.main import app
from fhirnotify.clock import FixedClock
from fhirnotify.harness.elks46 import PASSWORD, USERNAME, Behaviour, FakeElks46
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.loopback import LoopbackServer, Pieces, Raw, Reply, Request, Silence


def leaks(text: str) -> list[str]:
    """Give the secrets that a text holds."""
    folded = text.lower()
    return [secret for secret in SECRETS if secret in folded]


def told(place: Place, *command: str) -> str:
    """Run a command, and give all that it printed and every byte that stands in a file it made."""
    result = place.run(*command)
    assert result.exit_code != 1, result.stderr
    assert "Traceback" not in result.output
    made = [file for file in place.directory.rglob("*") if file.is_file() and file not in _given(place)]
    return "\n".join([result.stdout, result.stderr, *(file.read_bytes().decode("latin-1") for file in made)])


def _given(place: Place) -> set[Path]:
    return {place.config, place.outbox, *(place.directory / "world").glob("*")}


@pytest.fixture
def canary(place: Place) -> Place:
    """A place whose endpoint has nothing but resources with the word in them."""
    place.settings("[sms]\nrate = 1000\n")
    place.world(WORLD)
    return place


def test_the_search_would_find_it(canary: Place) -> None:
    """The word and the number do come through the program: they are in the messages, and would be seen elsewhere."""
    assert len(WORLD) > 400
    canary.run("run", "--now", NOW)
    assert len(canary.messages()) > 50
    assert leaks(canary.outbox.read_text("utf-8")) == [WORD.lower(), "701740699"]
    assert OTHER not in canary.outbox.read_text("utf-8")
    (canary.directory / "leak.txt").write_text(WORD.upper(), "utf-8")
    assert leaks(told(canary, "plan", "--now", NOW)) == [WORD.lower()]


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_no_command_tells_anything_personal(canary: Place, as_json: list[str]) -> None:
    """Before, during and after a run, for people and for programs."""
    for command in (
        ["check"],
        ["plan", "--now", NOW],
        ["run", "--now", NOW],
        ["run", "--now", NOW],
        ["plan", "--now", NOW],
        ["follow-up", "--now", NOW],
        ["uncertain"],
        ["mappings", "check"],
        ["mappings", "unmapped"],
        ["ledger", "migrate"],
    ):
        assert leaks(told(canary, *command, *as_json)) == [], command


def test_what_watches_over_a_run_is_told_nothing(canary: Place) -> None:
    """The file of figures, the pings, and the line at the end, for a journal that holds nothing but secrets."""
    asked: list[str] = []

    def pinged(request: Request) -> Reply:
        asked.append(f"{request.target} {request.headers} {request.body!r}")
        return Reply(500, WORD.encode())

    with LoopbackServer(pinged) as server:
        settings = f'[monitoring]\ntextfile = "x.prom"\nping_url = "{server.base_url}/{WORD}"\n'
        canary.settings(settings)
        output = told(canary, "run", "--quiet")
        assert (canary.directory / "x.prom").is_file()
        assert leaks(output + told(canary, "check", "--json")) == []
    assert asked
    assert leaks(" ".join(asked).replace(f"/{WORD}", "")) == []


def test_no_explanation_tells_anything_personal(canary: Place) -> None:
    """Whatever is wrong with the resources, before and after a run."""
    for each in WORLD[::3]:
        if each["id"].endswith("0"):
            assert leaks(told(canary, "explain", each["id"], "--now", NOW)) == []
    canary.run("run", "--now", NOW)
    for each in WORLD[::3]:
        if each["id"].endswith("5"):
            assert leaks(told(canary, "explain", each["id"], "--now", NOW, "--json")) == []


LATER = ("--now", "2027-03-01T09:00:00+01:00")


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_what_the_law_asks_for_tells_nothing_personal(canary: Place, as_json: list[str]) -> None:
    """The extract of a patient, erasing, the audit and its verifying, purging: ids alone, also in what they write."""
    canary.run("run", "--now", NOW)
    patients = [each["id"] for each in WORLD if each["resourceType"] == "Patient"]
    export = str(canary.directory / "audit.jsonl")
    for command in (
        ["audit", "--now", "2026-11-24T09:00:00+01:00"],
        ["audit", "--now", "2026-11-24T09:00:00+01:00", "--output", export],
        *(["subject", patient] for patient in patients[::40]),
        *(["subject", patient, "--erase", "--yes", "--now", NOW] for patient in patients[::40]),
        ["purge", "--dry-run", *LATER],
        ["purge", *LATER],
        ["audit", "--from", "2027-03-01", "--now", "2027-03-02T09:00:00+01:00"],
    ):
        assert leaks(told(canary, *command, *as_json)) == [], command
    assert leaks(CliRunner().invoke(app, ["audit", "verify", export, *as_json]).output) == []
    with Path(export).open("ab") as file:
        file.write(f"{WORD}\n".encode())
    assert leaks(CliRunner().invoke(app, ["audit", "verify", export, *as_json]).output) == []


def test_what_is_no_fhir_tells_nothing(canary: Place) -> None:
    """A file that cannot be parsed is named, not quoted."""
    (canary.directory / "world" / "broken.json").write_text(f'{{"resourceType": "Patient", "name": "{WORD}', "utf-8")
    assert leaks(told(canary, "run", "--now", NOW)) == []


@pytest.mark.parametrize("table", ["reminder", "decision", "transition", "unmapped", "run"])
def test_a_broken_ledger_tells_nothing(canary: Place, table: str) -> None:
    """The database's errors carry statements and parameters."""
    canary.run("ledger", "migrate")
    with sqlite3.connect(canary.ledger) as database:
        database.execute(f"CREATE TRIGGER t BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END")
    database.close()
    assert leaks(told(canary, "run", "--now", NOW)) == []


def test_a_ledger_that_is_none_tells_nothing(canary: Place) -> None:
    """Exit 5, before anything is read."""
    canary.ledger.write_bytes(b"not a database" * 512)
    assert leaks(told(canary, "run", "--now", NOW)) == []


@pytest.mark.parametrize("status", [201, 422, 500])
def test_telling_the_journal_system_tells_nothing_personal(
    canary: Place, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is told holds ids alone, and what it repeats in its answer is told nowhere."""
    monkeypatch.setattr(wiring, "clock", lambda _: FixedClock(datetime.fromisoformat(NOW)))
    repeated = f"{WORD} {NUMBER} {IDENTITY}"
    headers = {"Content-Type": f"application/fhir+json; x={WORD}", "Location": f"/{WORD}", "ETag": WORD}
    visit = people()[0]["id"]
    fhir = WritableFhir(LyingFhir(people()))
    fhir.before = lambda _: Reply(status, json.dumps({"diagnostics": repeated}).encode(), headers)
    with fhir.serve(), Inbox() as inbox:
        canary.provider(inbox, "infobip")
        settings = canary.config.read_text("utf-8").replace("file:world", fhir.base_url)
        canary.config.write_text(settings.replace("[fhir]", "[fhir]\nwrite_back = true"), "utf-8")
        for command in (
            ["run"],
            ["run", "--quiet"],
            ["follow-up"],
            ["follow-up", "--json"],
            ["explain", visit],
            ["explain", visit, "--json"],
            ["check"],
            ["check", "--json"],
        ):
            assert leaks(told(canary, *command)) == [], command
    assert fhir.asked
    assert leaks(" ".join(f"{each.target} {each.headers} {each.body!r}" for each in fhir.asked)) == []


ELKS = '[sms]\nprovider = "46elks"\nrate = 1000\nattempts = 1\ntimeout = "1s"\n[sms.46elks]\n'


def echo(request: Request) -> Reply | Silence | Raw:
    """Answer as a provider that repeats what it was sent, in its error."""
    sent = " ".join(value for _, value in parse_qsl(request.body.decode()))
    return Reply(400, f"Invalid to number: {sent} {WORD}".encode(), {"Content-Type": f"text/plain; x={WORD}"})


@pytest.mark.parametrize("behaviour", [each for each in Behaviour if each is not Behaviour.ACCEPT])
def test_a_failing_provider_tells_nothing(canary: Place, behaviour: Behaviour) -> None:
    """Refused, throttled, out of credit, silent or babbling, now and when it is asked what became of it."""
    canary.world(WORLD[:9])
    with FakeElks46(hang=2) as provider:
        provider.on(NUMBER, behaviour)
        canary.settings(f'{ELKS}username = "{USERNAME}"\npassword = "{PASSWORD}"\nbase_url = "{provider.base_url}"\n')
        for _ in range(2):
            assert leaks(told(canary, "run", "--now", NOW, "--rehearsal")) == []
        for command in (["follow-up"], ["uncertain"], ["uncertain", "--json"]):
            assert leaks(told(canary, *command)) == []
        assert provider.requests


def test_what_became_of_messages_tells_nothing(canary: Place) -> None:
    """A provider that repeats number and text where it tells what became of a message; one in each form."""
    canary.world(WORLD[:9])
    said = f"{WORD} {NUMBER} {IDENTITY}"
    report = {"status": said, "error_code": said, "code": said, "id": said, "message": said, "to": NUMBER}
    status = {"groupName": said, "groupId": said, "id": said, "name": said, "description": said, "permanent": True}
    logged = {"messageId": said, "status": status, "error": status}
    body = json.dumps(report | {"results": [logged], "statuses": [report]}).encode()
    asked = set()
    with Inbox() as inbox:
        for provider in inbox.providers:

            def answered(request: Request, name: str = provider) -> Reply | Silence | Raw | Pieces:
                if request.method == "GET":
                    asked.add(name)
                    return Reply(200, body, {"Content-Type": "application/json", "X-Said": WORD})
                return inbox._stand_ins[name].handle(request)

            with LoopbackServer(answered) as server:
                canary.provider(inbox, provider, base_url=server.base_url)
                for command in (["run", "--now", NOW, "--rehearsal"], ["follow-up"], ["follow-up", "--json"]):
                    assert leaks(told(canary, *command)) == [], provider
            canary.ledger.unlink()
            canary.run("ledger", "migrate")  # so that a run does not take it for a lost one
        assert {*inbox.providers} - asked == {"link", "kannel"}


def test_what_a_person_settles_tells_nothing(canary: Place) -> None:
    """What is uncertain, where to look for it, what was found out, and what was written wrongly."""
    canary.world(WORLD[:3])
    with Inbox() as inbox:
        canary.provider(inbox, "link")
        inbox.next(Behaviour.TAKE_AND_DROP)
        canary.run("run", "--now", NOW, "--rehearsal")
        found = json.loads(canary.run("uncertain", "--json").stdout.splitlines()[0])
        for command in (
            ["uncertain"],
            ["uncertain", "--json"],
            ["explain", "a0", "--now", NOW],
            ["uncertain", "settle", NUMBER, "--sent"],
            ["uncertain", "settle", found["id"], "--sent", "--by", f"Anna {WORD}"],
            ["uncertain", "settle", found["id"], "--not-sent", "--by", IDENTITY],
            ["uncertain", "settle", found["id"], "--sent", "--by", "anna"],
            ["explain", "a0", "--now", NOW, "--json"],
        ):
            assert leaks(told(canary, *command)) == [], command


def test_a_provider_that_repeats_what_it_was_sent_tells_nothing(canary: Place) -> None:
    """The text of its error may hold the number and the message."""
    with LoopbackServer(echo) as provider:
        canary.settings(f'{ELKS}username = "u"\npassword = "{WORD}"\nbase_url = "{provider.base_url}"\n')
        assert leaks(told(canary, "run", "--now", NOW, "--rehearsal", "--json")) == []
        assert leaks(told(canary, "check")) == []


def _capability() -> Reply:
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server"}]}
    return Reply(200, json.dumps(statement).encode(), {"Content-Type": "application/fhir+json"})


def _outcome(severity: str) -> bytes:
    issue = {"severity": severity, "code": "exception", "diagnostics": WORD, "details": {"text": f"{WORD} {IDENTITY}"}}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def _bundle(**elements: Any) -> bytes:
    entry = [{"fullUrl": f"urn:{WORD}", "resource": each, "search": {"mode": "match"}} for each in WORLD[:1]]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entry, **elements}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        Reply(400, _outcome("error")),
        Reply(401, _outcome("error"), {"WWW-Authenticate": f'Basic realm="{WORD}"'}),
        Reply(404, f"<html>{WORD}</html>".encode()),
        Reply(500, _outcome("fatal")),
        Reply(302, b"", {"Location": f"https://elsewhere.example/?name={WORD}"}),
        Reply(200, _outcome("error")),
        Reply(200, f'{{"resourceType": "Bundle", "x": "{WORD}'.encode()),
        Reply(200, f'["{WORD}"]'.encode()),
        Reply(200, _bundle(total=9)),
        Reply(200, _bundle(link=[{"relation": "next", "url": f"https://elsewhere.example/?name={WORD}"}])),
        Reply(200, _bundle(link=[{"relation": "next", "url": f"http://[{WORD}"}])),
        Reply(200, _bundle(link=[{"relation": "next", "url": f"?name={WORD}&page=2"}])),
        Reply(200, _bundle(type=WORD)),
        Reply(200, WORD.encode(), {"Content-Encoding": "gzip"}),
        Raw(f"HTTP/1.1 200 {WORD}\r\n{WORD}\r\n\r\n".encode()),
        Silence(),
    ],
)
def test_a_failing_endpoint_tells_nothing(canary: Place, answer: Reply | Silence | Raw) -> None:
    """Its diagnostics, links, headers and half answers hold what they please."""

    def answered(request: Request) -> Reply | Silence | Raw:
        return _capability() if request.path.endswith("/metadata") else answer

    with LoopbackServer(answered) as server:
        canary.settings(base_url=f"{server.base_url}/fhir")
        for command in (["run"], ["plan", "--json"], ["check"], ["explain", "a0"]):
            assert leaks(told(canary, *command, *([] if command == ["check"] else ["--now", NOW]))) == []


def test_settings_never_tell_a_secret(place: Place) -> None:
    """Nor do wrong settings, wherever the secret was put by mistake."""
    (place.directory / "secret").write_text(f"{WORD}\n{WORD}", "utf-8")
    for text, base_url in (
        (f'[fhir.auth]\nkind = "bearer"\ntoken = "{WORD} x"\n', "https://fhir.invalid"),
        ('[fhir.auth]\nkind = "bearer"\ntoken_file = "secret"\n', "https://fhir.invalid"),
        (f'[fhir.auth]\nkind = "basic"\nusername = "a:b"\npassword = "{WORD}"\n', "https://fhir.invalid"),
        (f'[fhir.auth]\nkind = "{WORD}"\ntokn = "{WORD}"\n', "https://fhir.invalid"),
        ("", f"https://u:{WORD}@fhir.invalid"),
        (f'[ledger]\nurl = "postgresql://u:{WORD}@h/d"\n', "file:world"),
        (f'[sms.46elks]\nusername = "u"\npassword = ["{WORD}"]\n', "file:world"),
    ):
        place.settings(text, base_url)
        (place.directory / "secret").touch()
        for command in (["check"], ["check", "--explain"], ["check", "--explain", "--json"]):
            result = place.run(*command)
            assert result.exit_code in (0, 2, 3, 5)
            assert leaks(result.output) == []


def test_an_unexpected_error_tells_nothing(canary: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect's exception, with patients in its text, its notes, its cause and its locals."""

    def broken(*_: object, **__: object) -> None:
        names = WORLD[1]["name"]
        raise ValueError(WORD, names) from KeyError(WORD)

    for place_of_defect in ("fhirnotify.scan.decide", "fhirnotify.fhir.translate.PatientTranslator.patient"):
        with monkeypatch.context() as patch:
            patch.setattr(place_of_defect, broken)
            result = CliRunner().invoke(app, ["run", "--now", NOW, "--config", str(canary.config)])
        assert result.exit_code == 1
        assert "This is a defect" in result.stderr
        assert leaks(result.output) == []
