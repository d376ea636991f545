"""A run of the harness that is interrupted while it puts something on a server, or takes it away."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from memory_server import MemoryServer

from fhirnotify.harness.installation import COMMAND
from fhirnotify.harness.loopback import LoopbackServer

SCENARIO = """\
shows: An ordinary patient is reminded of a visit.
promise: none-forgotten
resources: [{patient: p}, {consent: c}, {appointment: a}]
expect: [{remind: mottagning}]
"""


def _of_the_scenario(reference: str) -> bool:
    return reference.endswith("-p")


@pytest.fixture
def there() -> MemoryServer:
    """Give a server that holds nothing."""
    return MemoryServer()


@contextmanager
def held_back(there: MemoryServer, directory: Path, method: str) -> Iterator["subprocess.Popen[str]"]:
    """Give a run whose first transaction by this method, of a scenario's Patient, has arrived and is not done."""
    (directory / "it.yaml").write_text(SCENARIO)
    there.hold_back(lambda asked, reference: asked == method and _of_the_scenario(reference))
    with LoopbackServer(there) as running:
        arguments = ["harness", "run", "--fhir", running.base_url, "--scenarios", str(directory)]
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            assert there.arrived.wait(60), process.communicate()
            yield process
        finally:
            there.go_on.set()
            process.kill()
            process.communicate()


def _told(process: "subprocess.Popen[str]", of: str) -> str:
    """Read what a process says until it says this, or ends."""
    return next((line for line in process.stderr if of in line), "")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_what_is_being_written_is_waited_for(there, tmp_path, method, ending):
    """It says at once how much stands there, and ends when the last of it is gone: exit 130."""
    with held_back(there, tmp_path, method) as process:
        process.send_signal(ending)
        told = _told(process, "taking away the 4 resources that stand on the server")
        assert "Ctrl-C again leaves them there" in told
        there.go_on.set()
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert there.stands == {}
        assert "Appointment" in there.put  # else there was nothing to leave behind


def test_a_second_interruption_ends_it_at_once(there, tmp_path):
    """While the server does not answer; it says that what stands there is found by its tag."""
    with held_back(there, tmp_path, "DELETE") as process:
        process.send_signal(signal.SIGINT)
        assert _told(process, "Ctrl-C again")
        process.send_signal(signal.SIGINT)
        assert "the next harness run takes it away" in _told(process, "ended at once")
        process.communicate(timeout=10)
        assert process.returncode == -signal.SIGINT
        assert not there.go_on.is_set()
        assert there.stands
