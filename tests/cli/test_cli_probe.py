"""``harness probe`` as it is used, and what ``check`` takes from it."""

import json
from pathlib import Path
from typing import Any

import pytest
from canary import SECRETS, WORD, WORLD
from lying_fhir import KNOWN, NOW, LyingFhir
from place import Place
from rich.cells import cell_len
from rich.text import Text
from typer.testing import CliRunner, Result

from fhirnotify.cli.main import app
from fhirnotify.cli.output import Stdout
from fhirnotify.harness.probing.finding import Behaviour

EVERY = [name.value for name in Behaviour if name is not Behaviour.DIRECTORY]


def probe(url: str, *options: str) -> Result:
    """Run the command, as if it were the time of the visits."""
    return CliRunner().invoke(app, ["harness", "probe", "--fhir", url, "--now", NOW.isoformat(), *options])


def probed(server: LyingFhir, *options: str) -> Result:
    """Run the command on a lying server."""
    with server.serve():
        return probe(server.base_url, *options)


def test_a_program_gets_one_object() -> None:
    """The endpoint, the window, what it cost, and every finding."""
    server = LyingFhir()
    result = probed(server, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["fhir"], said["requests"]) == (server.base_url, len(server.requests))
    assert said["window"] == ["2061-03-01T08:00:00Z", "2061-03-03T08:00:00Z"]
    assert said["seconds"] >= 0
    assert [finding["name"] for finding in said["findings"]] == EVERY
    assert {tuple(finding) for finding in said["findings"]} == {("name", "verdict", "found", "meaning", "next_step")}
    assert {finding["verdict"] for finding in said["findings"]} == {"ok"}


def test_a_person_gets_what_was_found_what_it_means_and_what_to_do() -> None:
    """In a pipe a line each; an arrow before what to do."""
    result = probed(LyingFhir(total=lambda *_: None))
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("warning  total "))
    assert "not told" in lines[at]
    assert lines[at + 1].strip().startswith("A page that is lost")
    assert lines[at + 2].strip().startswith("→ Ask the server's vendor: _total")
    assert lines[-1].startswith("23 ok, 1 warning. ")
    assert lines[-1].endswith("nothing was written.")


@pytest.mark.parametrize("lie", [{}, {"statuses": {"/_search": 405}}, {"longest_list": 2}, {"resources": []}])
def test_a_terminal_gets_a_table_of_a_hundred_columns(monkeypatch: pytest.MonkeyPatch, lie: dict[str, Any]) -> None:
    """No line is longer, and no name is broken."""
    monkeypatch.setattr(Stdout, "isatty", lambda _: True)
    monkeypatch.setenv("COLUMNS", "100")
    result = probed(LyingFhir(**lie))
    lines = [Text.from_ansi(line).plain for line in result.stdout.splitlines()]
    assert max(map(cell_len, lines)) <= 100
    assert any("post-search" in line for line in lines)
    assert ("first-page-time" in result.stdout) is ("statuses" not in lie)


def test_an_error_is_exit_3() -> None:
    """The job could not be right there."""
    result = probed(LyingFhir(refuses={"Consent.patient"}))
    assert result.exit_code == 3
    assert "cannot be right" in result.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_server_that_is_away_is_exit_3(tmp_path: Path, options: list[str]) -> None:
    """With the message that a run would give, and nothing on stdout."""
    (tmp_path / "once.toml").write_text("[fhir]\nattempts = 1\n", "utf-8")
    result = probe("http://127.0.0.1:9/fhir", "--auth", str(tmp_path / "once.toml"), *options)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "refuses the connection" in result.stderr


def test_the_credentials_of_a_settings_file_are_used(tmp_path: Path) -> None:
    """And its page size: all that a run would go by."""
    (tmp_path / "own.toml").write_text(
        '[fhir]\npage_size = 7\n[fhir.auth]\nkind = "bearer"\ntoken = "t0ken"\n', "utf-8"
    )
    server = LyingFhir(token="t0ken")
    assert probed(server).exit_code == 3
    refused = len(server.requests)
    assert probed(server, "--auth", str(tmp_path / "own.toml")).exit_code == 0
    assert ("_count", "7") in [pair for _, _, form in server.requests[refused:] for pair in form]


def test_a_directory_has_nothing_to_probe(place: Place) -> None:
    """It answers as a server that honours everything; that it can be read is seen all the same."""
    place.world([])
    result = probe(f"file:{place.directory / 'world'}", "--json")
    assert result.exit_code == 0, result.output
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["name"], finding["verdict"]) == ("directory", "ok")
    assert probe(f"file:{place.directory / 'nowhere'}").exit_code == 3


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_nothing_personal_is_told(options: list[str]) -> None:
    """Of hundreds of resources, broken in every way, on a server that gives them whatever it is asked."""
    server = LyingFhir(WORLD, ignores={*KNOWN, "_sort"}, etag=f'W/"{WORD}"')
    result = probed(server, *options)
    assert result.exit_code == 0, result.output
    assert "date is ignored" in result.stdout
    assert [secret for secret in SECRETS if secret in result.output.lower()] == []


def check(place: Place, server: LyingFhir) -> tuple[int, list[dict[str, Any]]]:
    """Run ``check``, and give its exit code and its findings about the endpoint."""
    with server.serve():
        place.settings(base_url=server.base_url)
        result = place.run("check", "--json")
    return result.exit_code, [each for each in json.loads(result.stdout) if each["part"] == "fhir"]


def test_check_tells_what_the_probe_warns_of(place: Place) -> None:
    """What it means, and what to do; what is well is told in short."""
    code, found = check(place, LyingFhir(rev_includes=(), refuses={"patient:identifier"}))
    assert (code, [each["level"] for each in found]) == (0, ["ok", "warning", "warning", "ok"])
    assert found[0]["what"].endswith("speaks FHIR 4.0.1, read as R4")
    assert found[1]["what"].startswith("replaced-patients: ")
    assert "are not seen" in found[1]["what"]
    assert all(each["next_step"] for each in found[1:3])


def test_check_ends_with_3_where_the_job_could_not_be_right(place: Place) -> None:
    """As a run would, but with the reason."""
    code, found = check(place, LyingFhir(next_is=lambda _: "https://elsewhere.example/fhir"))
    assert code == 3
    (wrong,) = [each for each in found if each["level"] == "error"]
    assert wrong["what"].startswith("next-link: to another scheme")


def test_check_says_when_too_little_is_there_to_tell(place: Place) -> None:
    """That is no warning: a new server is empty."""
    code, found = check(place, LyingFhir([]))
    assert (code, {each["level"] for each in found}) == (0, {"ok"})
    assert "harness probe" in found[1]["next_step"]
