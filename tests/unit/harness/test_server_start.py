"""A server in a process of its own: that it is found past a proxy, and what is left when its start is broken off."""

import subprocess
import sys
import tempfile

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness.fhir_server import FhirServer
from fhirnotify.harness.loopback import LoopbackServer, Reply


class Waiting(FhirServer):
    """A process that does nothing, beside an address that a test gives."""

    def __init__(self, address="", spawning=None, asked=None):
        super().__init__("Waiting", FhirVersion.R4, None, lambda _: None)
        self._at, self._spawning, self._asked = address, spawning, asked

    def _spawn(self, directory, log):
        log.write_text("begun")
        if self._spawning:
            raise self._spawning
        self.process = subprocess.Popen([sys.executable, "-Sc", "input()"], stdin=subprocess.PIPE)
        return self.process

    def _address(self, directory):
        if self._asked:
            raise self._asked
        return self._at


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Give the directory in which temporary ones are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_ready_though_the_environment_names_a_proxy(temporary, monkeypatch):
    """What is on the loopback is asked directly."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with LoopbackServer(lambda _: Reply(200)) as answering, Waiting(answering.base_url) as server:
        assert server.base_url == answering.base_url
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("how", [KeyboardInterrupt(), HarnessError("It lacks something.")])
def test_a_launch_that_is_broken_off_leaves_nothing(temporary, how):
    """Whether by Ctrl-C while it fetches, or for want of something."""
    with pytest.raises(type(how)):
        Waiting(spawning=how).launch()
    assert not list(temporary.iterdir())


def test_waiting_that_is_broken_off_leaves_nothing(temporary):
    """Neither a directory nor a process."""
    server = Waiting(asked=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        server.start()
    assert server.process.poll() is not None
    assert not list(temporary.iterdir())


def test_the_log_of_a_start_that_failed_is_kept(temporary):
    """It says why."""
    with pytest.raises(HarnessError, match="not ready within 0 s"):
        Waiting().start(timeout=0)
    assert [path.name for path in temporary.glob("*/*.log")] == ["R4.log"]
