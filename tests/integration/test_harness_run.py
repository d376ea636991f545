"""``fhirnotify harness run`` as an integration engineer runs it: every scenario on every server, and its manners."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import warm

from fhirnotify.fhir.client import Client
from fhirnotify.fhir.search import every_page
from fhirnotify.harness.guest import RUN, TAG
from fhirnotify.harness.installation import COMMAND
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.harness.resources import patient
from fhirnotify.harness.scenarios.reading import bundled
from fhirnotify.harness.seed import remove, seed

EVERYTHING = tuple(
    f"{place.name}/*" if place.is_dir() else place.stem
    for place in sorted(bundled().iterdir())
    if place.name not in ("faults", "scenario.schema.json")
)
"""All but the faults, which have a test of their own."""
WHOSE = ("people/*", "visits/*", "reading/*", "one-morning")
"""What is about which visits are found, and whose they are."""
TIME = ("visits/*", "reading/*")
"""What is about times and pages."""
WARM = (
    sys.executable,
    "-c",
    f"import sys; sys.path.append({str(Path(warm.__file__).parent)!r}); import warm; warm.harness()",
)
"""The harness with every run started warm: a fifth of the time."""
WAITING = """\
shows: The provider keeps silent for as long as the test wants to look at the server.
promise: none-forgotten
resources: [{patient: p}, {consent: c}, {appointment: a}]
steps: [{provider: [hang], expect: anything, inbox: 0}]
"""


def command(*arguments: str, start: tuple[str, ...] = COMMAND) -> list[str]:
    """Give the command line."""
    return [*start, "harness", "run", *arguments]


def play(*arguments: str, start: tuple[str, ...] = COMMAND) -> tuple[subprocess.CompletedProcess[str], list[dict]]:
    """Play scenarios; give the process and the results."""
    done = subprocess.run(command(*arguments, "--json", start=start), capture_output=True, text=True, check=False)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def only(patterns: tuple[str, ...]) -> list[str]:
    """Give the options that choose scenarios."""
    return [part for pattern in patterns for part in ("--only", pattern)]


def hold(played: tuple[subprocess.CompletedProcess[str], list[dict]], most: int) -> None:
    """See that every scenario went as it says, and that as many passed at least."""
    done, results = played
    summary = results.pop()["summary"]
    ill = [each for each in results if each["status"] in ("failed", "refused")]
    assert ill == []
    better = [each for each in results if each["status"] == "passed" and each["findings"]]
    assert better == []  # what is written down of a server is still so
    assert done.returncode == 0, done.stderr
    assert summary["passed"] >= most


@pytest.mark.slow
def test_every_command_in_a_start_of_its_own():
    """As people start it: each run is a new process of the interpreter."""
    hold(play("--fhir", "file:", "--only", "kinds/*", "--only", "one-morning"), 20)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["R4", "R5"])
def test_every_scenario_in_a_directory(version):
    """Without any server the decisions are the same."""
    hold(play("--fhir", "file:", "--fhir-version", version, *only(EVERYTHING), start=WARM), 200)


@pytest.mark.hapi
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kept_server", "strategy", "scenarios"),
    [
        ("sekmet", "by-date", EVERYTHING),
        ("hapi-r4", "by-date", EVERYTHING),
        ("hapi-r5", "by-date", EVERYTHING),
        ("hapi-r4-la", "by-date", TIME),
        ("hapi-r4-expiring", "by-date", TIME),
        ("hapi-r4", "by-location", WHOSE),
        ("hapi-r4", "by-patient", WHOSE),
    ],
    indirect=["kept_server"],
)
def test_every_scenario_on_a_server(kept_server, strategy, scenarios):
    """Two programs that share no code, R4 and R5, small pages, each way of searching, time zones, expiring searches."""
    url = kept_server.base_url
    options = ("--fhir", url, "--write-to", url, "--appointments", strategy)
    hold(play(*options, *only(scenarios), start=WARM), 40)


def tagged(base_url: str) -> dict[str, str]:
    """Give what stands on a server with the harness's tag, and the run that each is of."""
    with closing(Client(base_url, timeout=timedelta(seconds=30), attempts=2)) as client:
        return {
            f"{kind}/{resource['id']}": next(each["code"] for each in resource["meta"]["tag"] if each["system"] == RUN)
            for kind in ("Appointment", "Consent", "Patient", "Location")
            for page in every_page(client, kind, (("_tag", TAG), ("_count", "100")))
            for resource in page.matches
        }


def left_by(base_url: str, process: int) -> list[str]:
    """Give what a run of the harness has left on a server."""
    return [each for each, run in tagged(base_url).items() if str(process) in run.split("-")]


ON_BOTH = pytest.mark.parametrize("kept_server", ["hapi-r5", "sekmet"], indirect=True)


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """Give a directory with a scenario that stands on the server until somebody ends it."""
    (tmp_path / "waiting.yaml").write_text(WAITING)
    return tmp_path


@pytest.fixture
def under_way(kept_server, waiting) -> Iterator["subprocess.Popen[str]"]:
    """Give a run of the harness that has put its resources on the server and not yet taken them away."""
    url = kept_server.base_url
    arguments = command("--fhir", url, "--write-to", url, "--scenarios", str(waiting))
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while len(left_by(url, process.pid)) < 3 and process.poll() is None:
        time.sleep(0.1)
    assert process.poll() is None, process.communicate()
    yield process
    process.kill()
    process.communicate()


@pytest.mark.hapi
@ON_BOTH
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(kept_server, under_way, ending):
    """Ctrl-C and TERM, half-way: what was put is taken away."""
    assert left_by(kept_server.base_url, under_way.pid)
    under_way.send_signal(ending)
    under_way.communicate(timeout=60)
    assert under_way.returncode != 0
    assert left_by(kept_server.base_url, under_way.pid) == []


@pytest.mark.hapi
@ON_BOTH
def test_what_a_crashed_run_left_is_taken_away_by_the_next(kept_server, under_way):
    """Killed half-way, it can clear nothing; the next run finds it by its tag, and says so."""
    url = kept_server.base_url
    under_way.kill()
    under_way.communicate()
    assert left_by(url, under_way.pid)
    done, _ = play("--fhir", url, "--write-to", url, "--only", "consent/deny-overrides-permit")
    assert "that an earlier run left behind" in done.stderr
    assert left_by(url, under_way.pid) == []


@pytest.fixture
def foreign_patient(kept_server) -> Iterator[None]:
    """Put a Patient on the server that is not the harness's."""
    stranger = patient("foreign-to-the-harness")
    seed(kept_server.base_url, [stranger])
    yield
    remove(kept_server.base_url, [stranger])


@pytest.mark.hapi
@ON_BOTH
@pytest.mark.usefixtures("foreign_patient")
def test_a_server_with_foreign_patients_is_not_written_to(kept_server):
    """It refuses with exit code 2 and what to do; another URL the second time does not help, the same one does."""
    url = kept_server.base_url
    chosen = ("--only", "consent/deny-overrides-permit")
    refused, results = play("--fhir", url, *chosen)
    assert refused.returncode == 2
    assert "--write-to" in refused.stderr
    assert [each for each in results if "scenario" in each] == []
    assert play("--fhir", url, "--write-to", "http://127.0.0.1:1/fhir", *chosen)[0].returncode == 2
    assert play("--fhir", url, "--write-to", url, *chosen)[0].returncode == 0


@pytest.mark.hapi
@ON_BOTH
def test_what_was_seeded_stands_until_the_next_run(kept_server):
    """The resources of a scenario are there to be looked at; the next run takes them away."""
    url = kept_server.base_url
    chosen = ("--fhir", url, "--write-to", url, "--only", "consent/deny-overrides-permit")
    command_line = [*COMMAND, "harness", "seed", *chosen, "--json"]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == {"Appointment": 1, "Consent": 2, "Patient": 1}
    seeded = [each for each in tagged(url) if "/seed-" in each]
    assert len(seeded) == 4
    assert play(*chosen)[0].returncode == 0
    assert not set(seeded) & set(tagged(url))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fhir", "file:", "--read-only", "--only", "x"),
        ("--fhir", "http://127.0.0.1:1/fhir", "--fhir-version", "R4"),
        ("--fhir", "file:", "--mappings", "/nowhere"),
        ("--fhir", "file:", "--appointments", "by-chance"),
        ("--fhir", "file:."),
    ],
)
def test_options_that_make_no_sense(arguments):
    """They are refused with exit code 2, before anything is asked or written."""
    done, results = play(*arguments)
    assert done.returncode == 2
    assert [each for each in results if "scenario" in each] == []


@pytest.mark.hapi
@pytest.mark.parametrize("kept_server", ["hapi-r4"], indirect=True)
def test_read_only_writes_nothing(kept_server):
    """It probes instead: no request but those that read."""
    asked: list[str] = []

    def note(request: Request) -> Reply:
        asked.append(f"{request.method} {request.path}")
        return Reply(404)

    with LoopbackServer(note) as server:
        done, _ = play("--fhir", server.base_url, "--read-only")
    assert done.returncode == 3
    assert asked == ["GET /metadata"]
    assert play("--fhir", kept_server.base_url, "--read-only")[0].returncode == 0


def test_results_for_build_servers(tmp_path):
    """A scenario that fails gives exit code 1, and JUnit tells it with what was found."""
    (tmp_path / "wrong.yaml").write_text(WAITING.replace("provider: [hang], expect: anything, inbox: 0", "inbox: 2"))
    done, results = play("--fhir", "file:", "--scenarios", str(tmp_path), "--junit", str(tmp_path / "out.xml"))
    assert done.returncode == 1
    assert results[0]["findings"] == ["the provider has taken 1 messages, not 2"]
    assert ET.parse(tmp_path / "out.xml").getroot().get("failures") == "1"


def test_a_file_of_results_that_cannot_be_written_is_told_before_anything_is_played(tmp_path, waiting):
    """Nobody waits for an hour to hear it."""
    nowhere = str(tmp_path / "nowhere" / "out.xml")
    done, results = play("--fhir", "file:", "--scenarios", str(waiting), "--junit", nowhere)
    assert (done.returncode, results) == (2, [])
    assert "cannot be written" in done.stderr


def test_results_of_a_run_that_was_cut_off_are_no_success(tmp_path, waiting):
    """A server that cannot be reached leaves an error for each scenario, and one of the run's own."""
    done, results = play(
        "--fhir", "http://127.0.0.1:1/fhir", "--scenarios", str(waiting), "--junit", str(tmp_path / "out.xml")
    )
    assert done.returncode == 3
    assert results[-1]["summary"]["complete"] is False
    assert ET.parse(tmp_path / "out.xml").getroot().get("errors") == "2"


def test_own_scenarios_of_faults_are_played_without_being_named(waiting):
    """Only the package's are left out; where no fault can act each is told, and nothing played is no success."""
    (waiting / "waiting.yaml").write_text(WAITING.replace("provider: [hang]", "fault: gzip-bomb"))
    done, results = play("--fhir", "file:", "--scenarios", str(waiting))
    assert [each["status"] for each in results[:-1]] == ["not here"]
    assert done.returncode == 1


@pytest.mark.parametrize("chosen", [(), ("--scenarios", str(bundled()))])
def test_the_faults_of_the_package_are_left_out_and_it_is_told(tmp_path, chosen):
    """They have a command of their own; also where the package's directory is named."""
    done, _ = play("--fhir", "file:", "--junit", str(tmp_path / "nowhere" / "out.xml"), *chosen)
    (left,) = re.findall('([0-9]+) scenarios of faults are left to "fhirnotify harness faults"', done.stderr)
    assert int(left) > 100
