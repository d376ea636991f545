"""What the machine does to a run: clocks, signals, closed streams, too few descriptors, no names.

Whatever it was, and whatever the exit code: when it has been mended the job goes on by itself, and the provider's journal
holds each reminder once in the end.
"""

import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import host
import pytest
from host_place import LATENCY, NOW, REMINDERS, SECONDS, Place, made

from fhirnotify.harness.elks46 import FakeElks46
from fhirnotify.rows import instant

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]  # warm starts go through a Unix socket

# Clocks


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(days=1)])
def test_a_clock_that_is_set_in_mid_run(tmp_path: Path, by: timedelta) -> None:
    """An hour back: all are sent. A day forward: for whom it is too late by then a person is told. Nobody gets two."""
    with FakeElks46(latency=LATENCY) as provider:
        place = made(tmp_path, provider, datetime.now(UTC), quiet_from="00:00", quiet_until="00:00")
        process = place.amid(place.start(partial(host.clock_set_by_signal, by), now=None))
        os.kill(process.pid or 0, signal.SIGUSR1)
        ended = place.end(process)
        late = {row["appointment"] for row in ended.rows if row["outcome"] == "expired"}
        assert ended.code == (6 if late else 0), ended
        assert bool(late) is (by > timedelta(0))
        again = place.run(now=None)
        assert again.code == 0
        assert {row["decision"] for row in again.rows} == {"already"}
        wanted = {visit.number for visit in place.world.visits if visit.appointment not in late}
        assert Counter(message.to for message in provider.taken) == Counter(wanted)


# Signals


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("moment", ["at once", "reading", "the first request", "sending", "the last ones"])
def test_a_signal_at_any_time(place: Place, moment: str, *, twice: bool) -> None:
    """What was begun is recorded, or asked for by the next run; a second signal does not wait for that."""
    process = place.start()
    number = signal.SIGTERM if twice or moment in {"at once", "sending"} else signal.SIGINT
    come = {
        "at once": Path(f"{place.output}.log").exists,
        "reading": place.ledger.exists,
        "the first request": lambda: place.provider.requests,
        "sending": lambda: len(place.provider.requests) >= 5,
        "the last ones": lambda: len(place.provider.requests) >= REMINDERS - 1,
    }
    while not come[moment]():
        process.join(0.002)
    for _ in range(1 + twice):
        os.kill(process.pid or 0, number)
    ended = place.end(process)
    assert ended.code in {0, 3, 128 + number, -number}, ended
    if ended.code == 0:
        assert len(ended.rows) == REMINDERS
    place.goes_on()


# Streams


@pytest.mark.parametrize("streams", ["| head -1", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_streams_that_go_away(place: Place, streams: str) -> None:
    """Nobody reads, or there is nothing to write to: everything is sent, and recorded, all the same."""
    command = f'"{sys.executable}" -m fhirnotify run --config "{place.installation.config}" --json --now {instant(NOW)}'
    told = ["bash", "-c", f"set -o pipefail; {command} --rehearsal {streams}"]
    done = subprocess.run(told, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert Counter((message.to, message.text) for message in place.provider.taken) == place.world.inbox


# Descriptors


@pytest.mark.parametrize(
    ("most", "codes", "what"),
    [
        (7, {2}, "cannot be read: Too many open files"),
        (10, {5}, "ulimit -n"),
        (13, {0, 3, 5, 6}, ""),
        (16, {0, 3, 5, 6}, ""),
    ],
)
def test_too_few_descriptors(place: Place, most: int, codes: set[int], what: str) -> None:
    """What cannot be opened is told as what it is; where connections are wanting, messages wait for the next run."""
    ended = place.run(partial(host.few_descriptors, most))
    assert ended.code in codes, ended
    assert what in ended.said
    place.goes_on(NOW + timedelta(minutes=20))


def test_descriptors_that_run_out_in_mid_run(place: Place) -> None:
    """When nothing more can be opened."""
    process = place.amid(place.start())
    resource.prlimit(process.pid or 0, resource.RLIMIT_NOFILE, (3, 3))
    ended = place.end(process)
    assert ended.code in {0, 3, 5, 6}, ended
    place.goes_on(NOW + timedelta(minutes=20))


# Names


def test_no_name_of_the_journal_system(place: Place) -> None:
    """Exit 3, and nothing is sent; with the name found again the job goes on."""
    place.configure({"fhir": {"base_url": "http://fhir.invalid/r4"}})
    ended = place.run()
    assert ended.code == 3, ended
    assert "name" in ended.said
    assert place.taken() == 0
    place.configure()
    place.goes_on()


def test_no_name_of_the_provider(place: Place) -> None:
    """It is certain that nothing was sent: each waits for the next run, which sends it."""
    place.configure({"sms.46elks": {"base_url": "http://sms.invalid"}})
    ended = place.run()
    assert (ended.code, ended.outcomes()) == (0, {"retry": REMINDERS}), ended
    place.configure()
    place.goes_on(NOW + timedelta(minutes=20))
