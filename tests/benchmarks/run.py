"""The benchmarks, by one command; ratios against their aims, and the figures behind them.

    python tests/benchmarks/run.py [end-to-end] [requests] [memory] [decide]

Each program runs in a process of its own on this machine: the FHIR server, the SMS provider, what is measured. Times
leave out the start of the interpreter and the imports. This process stays small, since a child's peak memory never
counts less than its parent's.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
NOW = "2031-09-01T08:00:00Z"
USERNAME, PASSWORD = "u0123456789abcdef", "fake-password"
PARALLEL = 8
ROUNDS = 3
MANY, FEW = 100_000, 10_000
COMMAND = [sys.executable, "-c", "from fhirnotify.cli.main import main; main()"]


@dataclass(frozen=True)
class Result:
    """One ratio or figure, and what it ought to be."""

    name: str
    value: float
    aim: str
    holds: bool
    behind: str

    def __str__(self) -> str:
        """Write it as a line for people."""
        mark = "holds" if self.holds else "MISSED"
        return f"{self.name:<58} {self.value:8.2f}   aim {self.aim:<9} {mark:<7} {self.behind}"


@dataclass(frozen=True)
class Ran:
    """What a run of the command said and took."""

    exit_code: int
    summary: dict
    peak_mb: float


@contextmanager
def _server(*command: str) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["base_url"]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _fhir(appointments: int, reminded: int, record: Path | None = None):
    recording = () if record is None else ("--record", str(record))
    arguments = ("--appointments", str(appointments), "--reminded", str(reminded), *recording)
    return _server(str(HERE / "fixed_fhir.py"), *arguments)


def _elks46(directory: Path):
    return _server("-m", "fhirnotify.harness.elks46", "--journal", str(directory / "taken.jsonl"))


def _configure(directory: Path, fhir: str, sms: str | None = None, password: str = PASSWORD) -> None:
    lines = ["[fhir]", f'base_url = "{fhir}"', "[consent]", 'codes = ["urn:fhirnotify:samtycke|sms-paminnelse"]']
    lines += ["[sms]", "rate = 100000", f"parallel = {PARALLEL}"]
    if sms:
        lines += ['provider = "46elks"', "[sms.46elks]", f'base_url = "{sms}"']
        lines += [f'username = "{USERNAME}"', f'password = "{password}"']
    (directory / "fhirnotify.toml").write_text("\n".join(lines))


def _run(directory: Path, command: str = "run") -> Ran:
    options = ["--config", str(directory / "fhirnotify.toml"), "--json", "--now", NOW]
    options += ["--rehearsal"] if command == "run" else []
    said = directory / "said.jsonl"
    with said.open("wb") as out:
        process = subprocess.Popen([*COMMAND, command, *options], stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    with said.open("rb") as lines:
        for line in lines:
            last = line
    return Ran(process.returncode, json.loads(last)["summary"], usage.ru_maxrss / 1024)


def _fresh(root: Path, name: str) -> Path:
    directory = root / name
    directory.mkdir()
    return directory


def end_to_end(root: Path) -> Iterator[Result]:
    """Speed of a whole run against a bare loop that makes the same calls; the best of some rounds each."""
    visits = 2_000
    ours, bare = [], []
    for turn in range(ROUNDS):
        directory = _fresh(root, f"end-to-end-{turn}")
        record = directory / "calls.jsonl"
        with _fhir(visits, 50, record) as fhir, _elks46(directory) as sms:
            _configure(directory, fhir, sms)
            ran = _run(directory)
            assert ran.exit_code == 0, ran
        messages = ran.summary["sent"]
        assert messages == visits / 2
        with _fhir(visits, 50) as fhir, _elks46(_fresh(directory, "bare")) as sms:
            origin = fhir.removesuffix("/fhir")
            arguments = [str(record), origin, sms, USERNAME, PASSWORD, str(PARALLEL), str(messages)]
            done = subprocess.run(
                [sys.executable, HERE / "bare_loop.py", *arguments], stdout=subprocess.PIPE, check=True
            )
        ours.append(ran.summary["seconds"])
        bare.append(json.loads(done.stdout))
    best = min(bare, key=lambda one: one["seconds"])
    ratio = best["seconds"] / min(ours)
    behind = f"{min(ours):.2f} s for {visits} visits, {messages} sent; bare {best['read']:.2f} s + {best['send']:.2f} s"
    yield Result("speed of a run against a bare loop", ratio, ">= 0.7", ratio >= 0.7, behind)


def requests(root: Path) -> Iterator[Result]:
    """FHIR requests per hundred appointments, at page size 100: at the scan, and with everything re-checked."""
    visits = 2_000
    hundreds = visits / 100
    directory = _fresh(root, "requests")
    with _fhir(visits, 100) as fhir, _elks46(directory) as sms:
        _configure(directory, fhir, sms)
        scan = _run(directory, "plan").summary["fhir_requests"]
        yield Result(
            "FHIR requests per 100 appointments, scan", scan / hundreds, "<= 4", scan <= 4 * hundreds, f"{scan}"
        )
        _configure(directory, fhir, sms, password="wrong")
        claimed = _run(directory)
        assert (claimed.exit_code, claimed.summary["pending"]) == (4, visits), claimed
        _configure(directory, fhir, sms)
        later = _run(directory)
        assert (later.exit_code, later.summary["sent"]) == (0, visits), later
    pages = hundreds + 1
    rechecks = later.summary["fhir_requests"] - pages
    both = (scan + rechecks) / hundreds
    behind = f"{scan} + {rechecks:.0f}: what a later run asks beyond its pages to send all that was claimed"
    yield Result("FHIR requests per 100 appointments, all re-checked", both, "<= 7", both <= 7, behind)


def memory(root: Path) -> Iterator[Result]:
    """Peak memory of a run of very many appointments against one of many; a twentieth are reminded of."""
    peaks = {}
    for visits in (FEW, MANY):
        directory = _fresh(root, f"memory-{visits}")
        with _fhir(visits, 5) as fhir:
            _configure(directory, fhir)
            ran = _run(directory)
        assert (ran.exit_code, ran.summary["considered"]) == (0, visits), ran
        peaks[visits] = ran
    many, few = peaks[MANY].peak_mb, peaks[FEW].peak_mb
    behind = f"{many:.0f} MB against {few:.0f} MB; {peaks[MANY].summary['seconds']:.0f} s"
    yield Result(f"peak memory, {MANY} appointments against {FEW}", many / few, "<= 1.15", many <= 1.15 * few, behind)
    yield Result(f"peak memory at {MANY} appointments, MB", many, "< 150", many < 150, "")


def decide(root: Path) -> Iterator[Result]:
    """Translating and deciding, against parsing the JSON."""
    directory = _fresh(root, "decide")
    _configure(directory, "http://127.0.0.1/fhir")
    command = [sys.executable, HERE / "decide_cost.py", directory / "fhirnotify.toml"]
    cost = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    ratio = cost["decide"] / cost["parse"]
    behind = f"{cost['decide']:.0f} µs against {cost['parse']:.0f} µs"
    yield Result("decide per appointment against json.loads", ratio, "<= 3", ratio <= 3, behind)


BENCHMARKS = {"end-to-end": end_to_end, "requests": requests, "memory": memory, "decide": decide}


def main() -> None:
    """Run those that are named, or all."""
    with tempfile.TemporaryDirectory(prefix="fhirnotify-benchmarks-") as root:
        for name in sys.argv[1:] or BENCHMARKS:
            for result in BENCHMARKS[name](Path(root)):
                print(result, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
