"""``fhirnotify harness seed``: what it says of what stands, and of what was left out."""

import json

import pytest
from memory_server import MemoryServer
from typer.testing import CliRunner

from fhirnotify.cli.main import app
from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.loopback import LoopbackServer
from fhirnotify.harness.scenarios.reading import bundled, read_all

CHOSEN = ("--only", "consent/deny-overrides-permit", "--only", "one-morning")


@pytest.fixture
def server():
    """Give a server that holds nothing."""
    return MemoryServer()


def seed(server: MemoryServer, *options: str):
    """Run the command."""
    with LoopbackServer(server) as running:
        return CliRunner().invoke(app, ["harness", "seed", "--fhir", running.base_url, *options])


def test_what_is_refused_is_named_and_the_rest_stands(server):
    """Exit 0: what a server does not take of one scenario is no reason to have none."""
    server.refused = lambda method, reference: method == "PUT" and reference.startswith("Consent/seed-000-")
    done = seed(server, *CHOSEN)
    assert done.exit_code == 0
    assert "left out: consent/deny-overrides-permit. The server does not take what it is given: 422." in done.stderr
    assert f"{len(server.stands)} resources of 1 scenarios stand on the server:" in done.stdout
    assert not any("seed-000" in each for each in server.stands)


def test_what_stands_is_told_by_type(server):
    """For a program."""
    done = seed(server, "--only", "consent/deny-overrides-permit", "--json")
    assert json.loads(done.stdout) == {"Patient": 1, "Consent": 2, "Appointment": 1}


def test_a_server_that_takes_nothing_is_an_error(server):
    """Exit 2, with what it said of each."""
    server.refused = lambda method, _reference: method == "PUT"
    done = seed(server, "--only", "consent/deny-overrides-permit")
    assert done.exit_code == 2
    assert "left out" in done.stderr
    assert "No scenario's resources stand on the server" in done.stderr


def test_faults_are_left_out_unless_they_are_chosen(server):
    """They are about what a server does, not about what stands there."""
    others = [each for each in read_all(bundled()).values() if not each.has_faults and FhirVersion.R4 in each.fhir]
    assert f" resources of {len(others)} scenarios stand" in seed(server).stdout
    assert " resources of 1 scenarios stand" in seed(server, "--only", "faults/gzip-bomb").stdout
