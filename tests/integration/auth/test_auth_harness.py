"""The harness against a server that wants tokens: the same credentials to read, to write, and for the real command."""

import json
import subprocess

import pytest
from smart_sekmet import smart_sekmet

from fhirnotify.harness.installation import COMMAND


@pytest.fixture(scope="module")
def server(keys):
    """A server that gives nothing to whom it does not know."""
    with smart_sekmet(keys) as running:
        yield running


@pytest.fixture
def harness(server, keys, tmp_path):
    """Give a command of the harness as this client, with what is said in its settings file alone."""

    def does(command, client, scope, *options):
        (tmp_path / "key.pem").write_text(keys.pem("ec"), "ascii")
        auth = {"kind": "smart-backend", "client_id": client, "private_key_file": "key.pem", "key_id": "ec-1"}
        written = "".join(f"{key} = {json.dumps(value)}\n" for key, value in {**auth, "scope": scope}.items())
        (tmp_path / "auth.toml").write_text(f"[fhir.auth]\n{written}")
        arguments = ["--fhir", server.base_url, "--auth", str(tmp_path / "auth.toml"), "--json", *options]
        done = subprocess.run([*COMMAND, "harness", command, *arguments], capture_output=True, text=True, check=False)
        assert [line for line in keys.pem("ec").splitlines()[1:-1] if line in done.stdout + done.stderr] == []
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    return does


WRITER = ("harness", "system/*.cruds")


def test_scenarios_are_played_with_the_credentials_of_the_file(harness):
    """They are put, read by the real command, compared and taken away again."""
    done, results = harness("run", *WRITER, "--only", "consent/deny-*", "--only", "visits/moved-*")
    summary = results.pop()["summary"]
    assert [each for each in results if each["status"] != "passed"] == []
    assert summary["passed"] == len(results) > 1
    assert done.returncode == 0, done.stderr


def test_a_fault_is_played_through_a_proxy_that_passes_the_token_on(harness):
    """What the server gives comes through but for the fault."""
    done, results = harness("faults", *WRITER, "--only", "page-gone-once", "--only", "failing-once")
    assert done.returncode == 0, done.stderr
    assert all(line["ok"] for line in results[:-1])


def test_who_may_only_read_is_told_what_it_takes_to_write(harness):
    """Exit 2, and the rights that the account needs; what the job itself needs is not more than reading."""
    reading = "system/Appointment.rs system/Patient.rs system/Consent.rs"
    done, results = harness("run", "reminders", reading, "--only", "consent/deny-*")
    assert done.returncode == 2
    assert [each for each in results if each.get("status") == "passed"] == []
    assert "system/*.cruds" in done.stderr


def test_without_credentials_nothing_is_written(server):
    """401 is told with the option that mends it."""
    arguments = ["harness", "run", "--fhir", server.base_url, "--only", "consent/deny-*"]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "401" in done.stderr
