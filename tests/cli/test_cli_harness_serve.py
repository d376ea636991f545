"""``harness serve`` as somebody uses it: start, run by the printed settings, look, end."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from fhirnotify.cli.main import app
from fhirnotify.harness.installation import Installation

PATIENCE = 60
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FHIRNOTIFY_")}


@contextmanager
def serving(*options, **environment):
    """Start the command in a process of its own; end it, if the test has not."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fhirnotify", "harness", "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**ENVIRONMENT, **environment},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def ended(process, number=signal.SIGINT):
    """Send a signal; give the exit code, and the rest of stdout and stderr."""
    process.send_signal(number)
    out, told = process.communicate(timeout=PATIENCE)
    return process.returncode, out, told


def test_a_run_by_the_printed_settings_reaches_the_inbox():
    """Invented patients, the real command, and as many messages as was said; then nothing is left behind."""
    with serving("--fhir", "none", "--seed", "--json") as process:
        served = json.loads(process.stdout.readline())
        installation = Installation(Path(served["config"]).parent)
        done = installation.run()
        assert done.exit_code == 0, done.log
        assert (done.summary["considered"], done.summary["sent"]) == (
            served["seeded"]["considered"],
            served["seeded"]["reminded"],
        )
        delivered = httpx.get(f"{served['sms']}/messages").json()["messages"]
        assert len(delivered) == served["seeded"]["reminded"]
        assert installation.run().summary["already"] == len(delivered)
        code, out, told = ended(process)
    assert (code, out) == (0, "")
    assert "ended the SMS inbox" in told
    assert "Traceback" not in told
    assert not installation.directory.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(served["sms"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_person_is_told_what_there_is_and_that_it_ended(tmp_path, number):
    """Addresses, the settings themselves and the command to type; each way to end is a good end."""
    with serving("--fhir", "none", "--directory", str(tmp_path)) as process:
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.communicate()
            said += line
        config = tmp_path / "fhirnotify.toml"
        assert f"fhirnotify run --config {config}" in said
        assert "http://127.0.0.1:" in said
        for line in config.read_text("utf-8").splitlines():
            assert line in said
        code, out, told = ended(process, number)
    assert (code, told) == (0, "")
    assert "ended the SMS inbox" in out
    assert config.exists()


def test_ports_are_those_asked_for(tmp_path):
    """And the settings stay where they are told to; the next start writes over its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    for _ in range(2):
        options = ["--fhir", "none", "--sms-port", str(port), "--directory", str(tmp_path), "--json"]
        with serving(*options) as process:
            served = json.loads(process.stdout.readline())
            assert served == {
                "fhir": None,
                "sms": f"http://127.0.0.1:{port}",
                "config": str(tmp_path / "fhirnotify.toml"),
                "seeded": None,
            }
            assert f":{port}/46elks" in (tmp_path / "fhirnotify.toml").read_text("utf-8")
            ended(process)


@pytest.mark.parametrize("option", ["--sms-port", "--fhir-port"])
def test_a_taken_port_is_told_at_once(option, tmp_path):
    """With what to do, and exit 2, before anything slow is begun."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = CliRunner().invoke(app, ["harness", "serve", option, port, "--directory", str(tmp_path)])
    assert done.exit_code == 2
    assert f"Port {port} on 127.0.0.1 is taken." in done.stderr
    assert option in done.stderr


def test_settings_that_are_not_its_own_are_left_alone(tmp_path):
    """A region's own file is never written over."""
    config = tmp_path / "fhirnotify.toml"
    config.write_text('[fhir]\nbase_url = "https://fhir.example.org"\n', "utf-8")
    done = CliRunner().invoke(app, ["harness", "serve", "--fhir", "none", "--directory", str(tmp_path)])
    assert done.exit_code == 2
    assert "is not the harness's own" in done.stderr
    assert "https://fhir.example.org" in config.read_text("utf-8")


@pytest.mark.parametrize("settings", [None, '# Written by "fhirnotify harness serve", and overwritten by its next'])
def test_resources_that_are_not_its_own_are_left_alone(tmp_path, settings):
    """A region's own FHIR data, where the harness would put its own, is never written over."""
    own = tmp_path / "fhir" / "metadata.json"
    own.parent.mkdir()
    own.write_text("{}", "utf-8")
    if settings:
        (tmp_path / "fhirnotify.toml").write_text(f'{settings} start here.\nbase_url = "http://127.0.0.1"\n', "utf-8")
    done = CliRunner().invoke(app, ["harness", "serve", "--fhir", "none", "--seed", "--directory", str(tmp_path)])
    assert done.exit_code == 2
    assert f"{own.parent} is not the harness's own" in done.stderr
    assert [each.name for each in own.parent.iterdir()] == ["metadata.json"]
    assert own.read_text("utf-8") == "{}"


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    """A file stands in its way."""
    (tmp_path / "file").touch()
    done = CliRunner().invoke(app, ["harness", "serve", "--fhir", "none", "--directory", str(tmp_path / "file" / "x")])
    assert done.exit_code == 2
    assert "cannot be used" in done.stderr


def test_nothing_at_all_is_no_service():
    """Neither server nor inbox is a mistake."""
    done = CliRunner().invoke(app, ["harness", "serve", "--fhir", "none", "--no-sms"])
    assert done.exit_code == 2
    assert "nothing to serve" in done.stderr


JAVA = """#!/bin/sh
for argument; do case $argument in --harness.port-file=*) file=${argument#*=};; esac; done
[ -n "$AFTER" ] && exec "$PYTHON" -c '
import http.server, os, sys, threading
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (http.server.BaseHTTPRequestHandler,), {
    "do_GET": lambda self: (self.send_response(200), self.end_headers()), "log_message": lambda *_: None}))
threading.Timer(float(os.environ["AFTER"]), os._exit, [3]).start()
open(sys.argv[1] + ".part", "w").write(str(server.server_port))
os.rename(sys.argv[1] + ".part", sys.argv[1])
server.serve_forever()' "$file"
exec sleep 60
"""
MAVEN = """#!/bin/sh
for argument; do case $argument in -DoutputDirectory=*) mkdir -p "${argument#*=}";; esac; done
"""
JAVAC = '#!/bin/sh\nwhile [ "$1" != -d ]; do shift; done\nmkdir -p "$2"\n'


@pytest.fixture
def machine(tmp_path):
    """Give the environment of a machine whose Java is a stand-in: it answers for some seconds, or never."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (("java", JAVA), ("javac", JAVAC), ("mvn", MAVEN)):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "FHIRNOTIFY_CACHE": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path),
        "PYTHON": sys.executable,
    }


def test_a_server_that_dies_is_told(machine):
    """Nobody goes on against a server that is gone: what happened is said, and the exit code is not 0."""
    with serving("--json", AFTER="4", **machine) as process:
        served = json.loads(process.stdout.readline())
        assert served["fhir"]["version"] == "R4"
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "The HAPI FHIR R4 server ended, though nobody told it to." in told
    assert "Its log: " in told
    assert "ended the SMS inbox" in told


def test_a_start_can_be_interrupted(machine, tmp_path):
    """Ctrl-C while the server starts ends what was started, too."""
    with serving("--json", AFTER="", **machine) as process:
        while "starting HAPI FHIR R4" not in process.stderr.readline():
            assert process.poll() is None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        code, out, told = ended(process)
    assert (code, out) == (130, "")
    assert "Traceback" not in told
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert not list(tmp_path.glob("fhirnotify-*"))


def test_without_java_the_installing_command_is_told(tmp_path):
    """On a machine that has none of it."""
    with serving(PATH=str(tmp_path), FHIRNOTIFY_CACHE=str(tmp_path)) as process:
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "apt-get install -y openjdk-17-jdk-headless maven" in told
