"""Several machines on one PostgreSQL: nobody gets two reminders, nobody is forgotten, and the work is shared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from postgres import Cluster, need_postgres

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.elks46 import PASSWORD, USERNAME, FakeElks46
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.world import World, ordinary_world
from fhirnotify.rows import instant

pytestmark = pytest.mark.slow

NOW = datetime(2031, 10, 6, 10, tzinfo=LOCAL)
REMINDERS = 240
LATENCY = 0.05
RUNNER = Path(__file__).parent.parent / "shared_runner.py"
DONE = 120.0


@dataclass
class Machine:
    """One process of the command."""

    process: "subprocess.Popen[str]"
    rows: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    log: str = ""

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> int:
        """Wait until it is done; give its exit code."""
        out, self.log = self.process.communicate(timeout=DONE)
        objects = [json.loads(line) for line in out.splitlines()]
        self.rows = [each for each in objects if "summary" not in each]
        self.summary = next((each["summary"] for each in objects if "summary" in each), {})
        return self.process.returncode

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)


@dataclass
class Region:
    """A world, a provider and a ledger that machines share."""

    world: World
    provider: FakeElks46
    installation: Installation
    made: ExitStack

    def machine(self, *, lease: float = 0, skew: float = 0, later: timedelta = timedelta(0)) -> Machine:
        """Start a machine, up to where it is ready to begin."""
        clock = ["--now", instant(NOW + later), "--rehearsal"]
        command = ["run", "--config", str(self.installation.config), "--json", *clock]
        process = subprocess.Popen(
            [sys.executable, str(RUNNER), str(lease), str(skew), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("FHIRNOTIFY_")},
        )
        self.made.enter_context(process)
        self.made.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        return Machine(process)

    def run(self, **how: Any) -> Machine:
        """Run one machine to its end."""
        machine = self.machine(**how)
        machine.go()
        assert machine.end() in (0, 6), machine.log
        return machine

    def sent(self) -> Counter:
        """Give what patients got."""
        return Counter((message.to, message.text) for message in self.provider.taken)

    def wait_for(self, messages: int) -> None:
        """Wait until the provider has taken so many."""
        deadline = time.monotonic() + DONE
        while len(self.provider.taken) < messages:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def until_all_are_accounted_for(self, *, lease: float) -> list[dict[str, Any]]:
        """Run again, as the schedule would, until nothing is left to be done; give the last run's rows."""
        deadline = time.monotonic() + DONE
        while time.monotonic() < deadline:
            done = self.run(lease=lease, later=timedelta(minutes=5))
            left = {row["outcome"] for row in done.rows} - {"accepted", "delivered", "uncertain"}
            if not left:
                return done.rows
            time.sleep(lease / 4)
        pytest.fail(f"still {left}")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of this module's own: it is restarted."""
    made = Cluster(need_postgres())
    yield made
    made.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """Give many ordinary visits, and the directory that holds them."""
    made = ordinary_world(NOW, FhirVersion.R4, REMINDERS)
    place = tmp_path_factory.mktemp("journal")
    lines = [json.dumps(resource | {"meta": {"versionId": "1"}}) for resource in made.resources]
    (place / "world.ndjson").write_text("\n".join(lines), "utf-8")
    return made, place


@pytest.fixture
def region(world: tuple[World, Path], cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable]:
    """Make a region whose provider takes a while to answer, with an empty ledger."""
    made, journal = world
    with ExitStack() as stack:

        def region(**sms: Any) -> Region:
            provider = stack.enter_context(FakeElks46(latency=LATENCY))
            installation = Installation(tmp_path_factory.mktemp("region"))
            settings = {"provider": "46elks", "rate": 1000, "parallel": 4, "timeout": "5s"} | sms
            account = {"base_url": provider.base_url, "username": USERNAME, "password": PASSWORD}
            installation.configure(
                made.settings,
                {"fhir": {"base_url": f"file:{journal}"}, "sms": settings, "sms.46elks": account},
                {"ledger": {"url": cluster.url(stack.enter_context(cluster.database()))}},
            )
            return Region(made, provider, installation, stack)

        yield region


def adds_up(machine: Machine) -> None:
    """See that a run has one row for each visit, and counts them."""
    visits = Counter(row["appointment"] for row in machine.rows)
    assert len(visits) == REMINDERS
    assert [row for row in machine.rows if visits[row["appointment"]] > 1] == []
    counted = machine.summary
    parts = ("skipped", "already", "sent", "pending", "uncertain", "failed")
    assert counted["considered"] == REMINDERS == sum(counted[part] for part in parts)


def test_four_at_once(region):
    """Four that begin together send every reminder once, share the work, and each accounts for every visit."""
    alone, together = region(parallel=1), region(parallel=1)  # so that it is the provider that is waited for
    only, machines = alone.machine(), [together.machine() for _ in range(4)]

    time_alone, _ = _timed([only])
    time_together, codes = _timed(machines)

    assert codes == [0, 0, 0, 0], [machine.log for machine in machines]
    assert together.sent() == together.world.inbox == alone.sent()
    for machine in (only, *machines):
        adds_up(machine)
    shares = [machine.summary["sent"] for machine in machines]
    assert sum(shares) == REMINDERS
    assert min(shares) > 0
    spans = [_sending(each) for each in (alone, together)]
    print(  # noqa: T201
        f"one: {time_alone:.1f} s, of which {spans[0]:.1f} s from the first message to the last; "
        f"four: {time_together:.1f} s, {spans[1]:.1f} s; shares {shares}; duplicates 0"
    )


def _sending(region: Region) -> float:
    """Give the seconds from the first message to the last."""
    taken = sorted(message.at for message in region.provider.taken)
    return (taken[-1] - taken[0]).total_seconds()


def _timed(machines: list[Machine]) -> tuple[float, list[int]]:
    """Let machines begin together; give the seconds until the last is done, and their exit codes."""
    begun = time.monotonic()
    for machine in machines:
        machine.go()
    codes = [machine.end() for machine in machines]
    return time.monotonic() - begun, codes


def test_one_of_two_is_killed(region):
    """What a dead machine was sending is asked for, what it had taken is sent by others; nobody gets two."""
    place, lease = region(), 3.0
    first, second = place.machine(lease=lease), place.machine(lease=lease)
    for machine in (first, second):
        machine.go()
    place.wait_for(30)
    first.signal(signal.SIGKILL)
    assert second.end() == 0, second.log
    adds_up(second)

    rows = place.until_all_are_accounted_for(lease=lease)

    expected = place.world.inbox
    assert place.sent() <= expected
    uncertain = [row for row in rows if row["outcome"] == "uncertain"]
    assert sum((expected - place.sent()).values()) <= len(uncertain) <= 4
    assert len(rows) == REMINDERS


def test_a_machine_that_freezes_for_longer_than_its_lease(region):
    """When it wakes up it sends nothing that others have taken over, and records what it still learns."""
    place, lease = region(), 2.0
    frozen, other = place.machine(lease=lease), place.machine(lease=lease)
    frozen.go()
    place.wait_for(20)
    frozen.signal(signal.SIGSTOP)
    asleep = time.monotonic()
    time.sleep(lease + 0.5)
    other.go()
    assert other.end() in (0, 6), other.log
    assert time.monotonic() - asleep > lease
    frozen.signal(signal.SIGCONT)
    assert frozen.end() in (0, 6), frozen.log

    for machine in (frozen, other):
        adds_up(machine)
    rows = place.until_all_are_accounted_for(lease=lease)
    assert place.sent() <= place.world.inbox
    in_doubt = [row for row in rows if row["outcome"] == "uncertain"]
    assert sum((place.world.inbox - place.sent()).values()) <= len(in_doubt)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_server_is_restarted_in_mid_run(region, cluster, mode):
    """Two runs go on when the server is back; every reminder is sent once."""
    place = region()
    machines = [place.machine(), place.machine()]
    for machine in machines:
        machine.go()
    place.wait_for(40)

    cluster.control("restart", mode)

    assert [machine.end() for machine in machines] == [0, 0], [machine.log for machine in machines]
    assert place.sent() == place.world.inbox
    for machine in machines:
        adds_up(machine)


def test_clocks_that_disagree(region):
    """Machines whose clocks are an hour apart share one ledger as if they were not: its clock is the server's."""
    place, lease = region(), 4.0
    machines = [place.machine(lease=lease, skew=skew) for skew in (-3600, 3600)]
    for machine in machines:
        machine.go()

    assert [machine.end() for machine in machines] == [0, 0], [machine.log for machine in machines]
    assert place.sent() == place.world.inbox
    for machine in machines:
        adds_up(machine)


def test_one_rate_for_all(region):
    """With ``rate_shared`` two runners together keep to the rate that one would."""
    rate = 40
    place = region(rate=rate, rate_shared=True)
    machines = [place.machine(), place.machine()]
    _, codes = _timed(machines)

    assert codes == [0, 0], [machine.log for machine in machines]
    assert place.sent() == place.world.inbox
    taken = sorted(message.at for message in place.provider.taken)
    assert (taken[-1] - taken[0]).total_seconds() >= (REMINDERS - 1) / rate - 1
    assert min(machine.summary["sent"] for machine in machines) > REMINDERS / 4
