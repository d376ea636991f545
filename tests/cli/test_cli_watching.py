"""Watching over runs: who is told, and that neither their failure nor their silence changes a run."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from place import NOW, Place, visits

import fhirnotify.run
from fhirnotify.errors import AccountFault, FhirError
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.rows import Summary


@dataclass
class Checks:
    """Stands in for healthchecks.io."""

    status: int = 200
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answered(self, request: Request) -> Reply:
        """Answer a ping."""
        self.asked.append(request.target)
        return Reply(self.status)


@pytest.fixture
def checks() -> Iterator[Checks]:
    """A service that is pinged."""
    made = Checks()
    with LoopbackServer(made.answered) as server:
        made.url = f"{server.base_url}/uuid"
        yield made


def watched(place: Place, checks: Checks, more: str = "", base_url: str = "file:world") -> None:
    """Write settings by which both are told."""
    lines = f'[monitoring]\ntextfile = "metrics.prom"\nping_url = "{checks.url}"\n{more}'
    place.settings(lines, base_url)


def figure(place: Place, name: str) -> float:
    """Give one figure of the textfile."""
    lines = (place.directory / "metrics.prom").read_text("utf-8").splitlines()
    (value,) = [line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"fhirnotify_{name} ")]
    return float(value)


def test_a_run_that_is_done_is_told_of(place: Place, checks: Checks) -> None:
    """Begun, and done; the figures stand in the file."""
    watched(place, checks)
    assert place.run("run").exit_code == 0
    assert checks.asked == ["/uuid/start", "/uuid"]
    assert (figure(place, "run_exit_code"), figure(place, "run_complete")) == (0, 1)


@pytest.mark.parametrize(
    ("more", "base_url", "code"),
    [
        ("expect_appointments = 1\n", "file:world", 7),
        ("", "file:nowhere", 3),
        ('[mappings]\ndirectory = "nowhere"\n', "file:world", 2),
        ('[ledger]\nurl = "sqlite:///no/such/place.db"\n', "file:world", 5),
    ],
)
def test_a_run_that_fails_is_told_of(place: Place, checks: Checks, more: str, base_url: str, code: int) -> None:
    """With its exit code, also where it could not even begin."""
    watched(place, checks, more, base_url)
    assert place.run("run").exit_code == code
    assert checks.asked == ["/uuid/start", f"/uuid/{code}"]
    assert figure(place, "run_exit_code") == code


@pytest.mark.parametrize(
    ("error", "code"),
    [(FhirError("Away."), 3), (AccountFault("No credit."), 4), (RuntimeError("x"), 1), (KeyboardInterrupt(), 130)],
)
def test_a_run_that_is_stopped_is_told_of(
    place: Place, checks: Checks, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    """Whatever stops it, a defect of ours too."""

    def stopping(_job: object) -> Summary:
        raise error

    watched(place, checks)
    monkeypatch.setattr(fhirnotify.run, "run", stopping)
    assert place.run("run").exit_code == code
    assert checks.asked[-1] == f"/uuid/{code}"
    assert figure(place, "run_exit_code") == code


def test_who_cannot_be_told_changes_nothing(place: Place, checks: Checks) -> None:
    """The run is done and ends as it would; the log tells, without the address."""
    checks.status = 500
    watched(place, checks, "expect_appointments = 1\n")
    (place.directory / "metrics.prom").mkdir()
    result = place.run("run")
    assert result.exit_code == 7
    assert "uuid" not in result.output
    lines = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    told = [(line["event"], line["level"], line["error"]) for line in lines if "failed" in line["event"]]
    assert told == [
        ("ping-failed", "warning", "status-500"),
        ("textfile-failed", "warning", "EISDIR"),
        ("ping-failed", "warning", "status-500"),
    ]


def test_nobody_is_told_of_what_is_no_run(place: Place, checks: Checks) -> None:
    """A plan, a check and a rehearsal are not what is watched over: an alarm must not fall silent by them."""
    watched(place, checks)
    for command in (["plan"], ["check"], ["run", "--now", NOW], ["follow-up"]):
        assert place.run(*command).exit_code == 0
    assert checks.asked == []
    assert not (place.directory / "metrics.prom").exists()


def test_settings_that_cannot_be_read_name_nobody_to_tell(place: Place, checks: Checks) -> None:
    """Then it is the missing ping that is noticed."""
    watched(place, checks, "nonsense = 1\n")
    assert place.run("run").exit_code == 2
    assert checks.asked == []


def test_check_tells_who_would_be_told(place: Place, checks: Checks) -> None:
    """The host, never the address; a file that could not be written is found beforehand."""
    place.settings(f'[monitoring]\ntextfile = "no/such/place/x.prom"\nping_url = "{checks.url}"\n')
    result = place.run("check", "--json")
    found = [each for each in json.loads(result.stdout) if each["part"] == "monitoring"]
    assert [each["level"] for each in found] == ["warning", "ok", "ok"]
    assert "tells 127.0.0.1 that" in found[1]["what"]
    assert "uuid" not in result.output


def test_quiet_is_one_line(place: Place) -> None:
    """How it ended, what it came to and what to do next; with --json the summary alone."""
    place.world(visits(3))
    result = place.run("run", "--now", NOW, "--quiet")
    (line,) = result.stdout.splitlines()
    assert line.startswith("Exit 0: done. Considered 3: 0 skipped, 0 already, 3 sent")
    (line,) = place.run("run", "--now", NOW, "--quiet", "--json").stdout.splitlines()
    assert json.loads(line)["summary"]["already"] == 3


def test_quiet_tells_what_to_do_when_a_person_is_needed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """At three in the morning nobody remembers the command."""
    done = Summary("r", datetime.now(UTC), uncertain=1)
    monkeypatch.setattr(fhirnotify.run, "run", lambda _job: done)
    result = place.run("run", "--quiet")
    assert result.exit_code == 6
    assert '"fhirnotify uncertain"' in result.stdout
