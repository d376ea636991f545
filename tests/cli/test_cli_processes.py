"""Commands as processes of their own: readers that go away, full disks, signals, and terminals of other alphabets."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from place import NOW, Place, visits

PATIENCE = 60


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("output", [["--json"], []])
def test_a_reader_that_goes_away_does_not_stop_a_run(place: Place, output: list[str]) -> None:
    """As in ``fhirnotify run | head``: every reminder is sent, and the exit code is the run's."""
    place.world(visits(12))
    with place.process("run", "--now", NOW, *output) as running:
        assert running.stdout is not None
        running.stdout.close()
        running.stdout = None
        _, stderr = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, stderr
    assert len(place.messages()) == 12
    assert '"event": "output-lost"' in stderr
    assert "Traceback" not in stderr
    assert "BrokenPipe" not in stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_full_disk_for_the_output_does_not_stop_a_run(place: Place) -> None:
    """What cannot be shown is lost, what is to be sent is sent."""
    place.world(visits(3))
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        arguments = [sys.executable, "-m", "fhirnotify", "run", "--now", NOW, "--json", "--config", str(place.config)]
        done = subprocess.run(arguments, stdout=full, stderr=full, check=False, timeout=PATIENCE)
    assert done.returncode == 0
    assert len(place.messages()) == 3


def test_closed_streams_do_not_stop_a_run(place: Place) -> None:
    """A scheduler may start the program without stdout and stderr."""
    place.world(visits(2))
    command = f'"{sys.executable}" -m fhirnotify run --now {NOW} --config "{place.config}" >&- 2>&-'
    done = subprocess.run(["sh", "-c", command], check=False, timeout=PATIENCE)
    assert done.returncode == 0
    assert len(place.messages()) == 2


def test_a_terminal_of_another_alphabet_gets_what_it_can_show(place: Place) -> None:
    """A letter that the terminal lacks is escaped, not a reason to stop."""
    place.settings('[sms]\nrate = 0\n[message]\ntemplate = "$ÅÄÖ"\n')
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    arguments = [sys.executable, "-m", "fhirnotify", "check", "--config", str(place.config)]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False, timeout=PATIENCE)
    assert done.returncode == 2
    assert "message.template" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_signal_ends_a_run_with_all_it_did_recorded(place: Place) -> None:
    """TERM: nothing new is begun, the summary is told, and the next run sends the rest, once each."""
    place.world(visits(6))
    place.settings("[sms]\nrate = 0.5\nparallel = 1\n")
    with place.process("run", "--now", NOW, "--json") as running:
        until(lambda: len(place.messages()) > 0)
        running.send_signal(signal.SIGTERM)
        stdout, stderr = running.communicate(timeout=PATIENCE)
    summary = json.loads(stdout.splitlines()[-1])["summary"]
    sent = len(place.messages())
    assert (summary["considered"], summary["sent"], summary["pending"]) == (6, sent, 6 - sent)
    assert 0 < sent < 6
    assert '"signal": "SIGTERM"' in stderr
    assert "Traceback" not in stderr
    place.settings("[sms]\nrate = 100\n")
    finished = place.run("run", "--now", NOW)
    assert finished.exit_code == 0, finished.output
    references = [message["reference"] for message in place.messages()]
    assert len(references) == len(set(references)) == 6


def test_a_second_signal_ends_a_run_at_once(place: Place) -> None:
    """Whoever insists is heard; the next run reconciles."""
    place.world(visits(40))
    place.settings("[sms]\nrate = 0.1\nparallel = 1\n")
    with place.process("run", "--now", NOW, "--json") as running:
        until(lambda: len(place.messages()) > 0)
        running.send_signal(signal.SIGINT)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=PATIENCE)
    assert running.returncode in (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)
    place.settings("[sms]\nrate = 1000\n")
    finished = place.run("run", "--now", NOW)
    assert finished.exit_code == 0, finished.output
    references = [message["reference"] for message in place.messages()]
    assert len(references) == len(set(references)) == 40
