"""The figures of a run, as Prometheus reads them from a file."""

import os
import re
import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fhirnotify.core.answer import Reason
from fhirnotify.monitoring.metrics import Ended, figures, write
from fhirnotify.rows import Summary, Undeliverable, WroteBack

MOMENT = datetime(2026, 11, 23, 8, 0, 0, 250000, tzinfo=UTC)
DEAD = Undeliverable("a-secret-id", "p-secret-id", MOMENT, "46elks:failed")
SUMMARY = Summary(
    "r-secret-id",
    MOMENT,
    skipped=4,
    already=3,
    sent=2,
    pending=1,
    uncertain=5,
    failed=6,
    reasons=Counter({"no-consent": 3, "no-mobile-number": 1}),
    fhir_requests=17,
    seconds=12.3456,
    unsettled=7,
    failed_over=8,
    undeliverable=[DEAD],
)
PROMTOOL = shutil.which("promtool")


def told(page: str) -> dict[str, float]:
    """Give every figure by its name and labels."""
    lines = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
    assert len(dict(lines)) == len(lines)
    return {name: float(value) for name, value in lines}


def test_every_count_of_the_run_is_told() -> None:
    """What was considered is the sum of the results, and what was skipped that of the reasons."""
    seen = told(figures(Ended(MOMENT, 6, SUMMARY, expected=20)))
    results = {name: value for name, value in seen.items() if name.startswith("fhirnotify_run_appointments{")}
    assert results['fhirnotify_run_appointments{result="uncertain"}'] == 5
    assert sum(results.values()) == SUMMARY.considered
    assert seen['fhirnotify_run_skipped{reason="no-consent"}'] == 3
    skipped = [value for name, value in seen.items() if name.startswith("fhirnotify_run_skipped{")]
    assert (len(skipped), sum(skipped)) == (len(Reason), 4)
    for name, value in {
        "exit_code": 6,
        "complete": 1,
        "duration_seconds": 12.346,
        "fhir_requests": 17,
        "unsettled": 7,
        "failed_over": 8,
        "undeliverable": 1,
        "expected_appointments": 20,
        "ended_timestamp_seconds": MOMENT.timestamp(),
        "last_done_timestamp_seconds": MOMENT.timestamp(),
    }.items():
        assert seen[f"fhirnotify_run_{name}"] == value


def test_no_id_is_told() -> None:
    """Neither of the run nor of an appointment or a patient: each would be a series of its own, for ever."""
    assert "secret-id" not in figures(Ended(MOMENT, 0, SUMMARY))


def test_every_figure_has_its_help_and_type_once() -> None:
    """In front of it, as the format wants it."""
    page = figures(Ended(MOMENT, 0, SUMMARY))
    blocks = re.findall(r"# HELP (\w+) (\S.*\.)\n# TYPE (\w+) gauge\n((?:(?!#).+\n)+)", page)
    assert "".join(f"# HELP {n} {h}\n# TYPE {t} gauge\n{b}" for n, h, t, b in blocks) == page
    for name, _, typed, body in blocks:
        assert name == typed
        assert all(re.match(rf"{name}[ {{]", line) for line in body.splitlines())
    assert len({name for name, *_ in blocks}) == len(blocks)


@pytest.mark.skipif(PROMTOOL is None and "CI" not in os.environ, reason="needs promtool: apt-get install prometheus")
@pytest.mark.parametrize("summary", [None, SUMMARY])
def test_prometheus_finds_nothing_wrong_with_it(summary: Summary | None) -> None:
    """Names, units, help and form, by its own tool."""
    assert PROMTOOL is not None
    page = figures(Ended(MOMENT, 3, summary), 1.5)
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_run_that_could_not_begin_has_no_counts() -> None:
    """The counts of the one before would be taken for its own."""
    seen = told(figures(Ended(MOMENT, 5, None)))
    assert {name.partition("{")[0].removeprefix("fhirnotify_") for name in seen} == {
        "build_info",
        "run_exit_code",
        "run_ended_timestamp_seconds",
        "run_expected_appointments",
    }


@pytest.mark.parametrize("code", [0, 1, 3, 5, 6, 7])
def test_when_a_run_was_last_done_is_kept_over_runs_that_were_not(tmp_path: Path, code: int) -> None:
    """So that an alarm can tell how long nobody has been reminded."""
    file = tmp_path / "fhirnotify.prom"
    write(file, Ended(MOMENT, 0, SUMMARY))
    later = MOMENT + timedelta(hours=1)
    for _ in range(2):
        write(file, Ended(later, code, None))
    last = told(file.read_text("utf-8"))["fhirnotify_run_last_done_timestamp_seconds"]
    assert last == (later if code in (0, 6, 7) else MOMENT).timestamp()


@pytest.mark.parametrize("before", [None, b"", b"\xff\xfe", b"fhirnotify_run_last_done_timestamp_seconds NaN\n"])
def test_figures_that_cannot_be_read_are_replaced(tmp_path: Path, before: bytes | None) -> None:
    """When a run was last done is then not known, and not told."""
    file = tmp_path / "fhirnotify.prom"
    if before is not None:
        file.write_bytes(before)
    write(file, Ended(MOMENT, 3, None))
    assert "last_done" not in file.read_text("utf-8")


def test_the_file_is_replaced_whole_and_may_be_read_by_anybody(tmp_path: Path) -> None:
    """Who has it open reads the former figures to their end; nothing else is left in the directory."""
    file = tmp_path / "fhirnotify.prom"
    write(file, Ended(MOMENT, 0, SUMMARY))
    with file.open(encoding="utf-8") as reading:
        before = os.umask(0o077)
        try:
            write(file, Ended(MOMENT, 3, None))
        finally:
            os.umask(before)
        assert told(reading.read())["fhirnotify_run_exit_code"] == 0
    assert told(file.read_text("utf-8"))["fhirnotify_run_exit_code"] == 3
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_figures_that_cannot_be_written_leave_nothing_behind(tmp_path: Path) -> None:
    """Neither half a file nor one beside it."""
    file = tmp_path / "fhirnotify.prom"
    (file / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="irectory"):
        write(file, Ended(MOMENT, 0, SUMMARY))
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_written_back_is_told_where_it_is_on() -> None:
    """How many Communications were taken and not, and whether some are left; nothing where it is off."""
    assert "write" not in figures(Ended(MOMENT, 6, SUMMARY))
    seen = told(
        figures(
            Ended(MOMENT, 0, Summary("r", MOMENT, wrote_back=WroteBack(5, Counter({"status-404": 2}), complete=False)))
        )
    )
    assert seen['fhirnotify_run_written_back{result="written"}'] == 5
    assert seen['fhirnotify_run_written_back{result="failed"}'] == 2
    assert seen["fhirnotify_run_write_back_complete"] == 0
