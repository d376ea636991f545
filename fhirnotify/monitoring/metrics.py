"""The last run in figures, as Prometheus reads them from a file: the node exporter's textfile collector.

    fhirnotify_build_info{version}                  1
    fhirnotify_run_exit_code                        how the last run ended
    fhirnotify_run_ended_timestamp_seconds          when
    fhirnotify_run_last_done_timestamp_seconds      when a run last considered everything (exit code 0, 6 or 7)
    fhirnotify_run_complete                         0 if the last run could not read or record everything
    fhirnotify_run_duration_seconds, fhirnotify_run_fhir_requests
    fhirnotify_run_appointments{result}             skipped, already, sent, pending, uncertain, failed: all considered
    fhirnotify_run_skipped{reason}                  those that were skipped
    fhirnotify_run_unsettled, fhirnotify_run_failed_over, fhirnotify_run_undeliverable
    fhirnotify_run_expected_appointments            monitoring.expect_appointments
    fhirnotify_run_written_back{result}             with fhir.write_back, Communications: written, failed
    fhirnotify_run_write_back_complete              0 if some are left for the next run beside those that failed

All are gauges, since each run is a process of its own. Names follow https://prometheus.io/docs/practices/naming/, the
form https://prometheus.io/docs/instrumenting/exposition_formats/. Every label has few values, all of them ours: there
are no ids. A run that could not even begin has no counts: the former ones would be taken for its own.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fhirnotify import __version__
from fhirnotify.core.answer import Reason
from fhirnotify.rows import Summary

_DONE = (0, 6, 7)
"""The exit codes of a run that considered everything."""

_RESULTS = ("skipped", "already", "sent", "pending", "uncertain", "failed")
_LAST_DONE = "fhirnotify_run_last_done_timestamp_seconds"
_WAS_DONE = re.compile(rf"^{_LAST_DONE} ([0-9]+(?:\.[0-9]+)?)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, and when in real time; ``summary`` is None if it could not begin."""

    moment: datetime
    exit_code: int
    summary: Summary | None
    expected: int = 0


def write(file: Path, ended: Ended) -> None:
    """Put the figures in the place of the former ones: whoever reads the file finds either, whole.

    Anybody may read it, since the node exporter runs as a user of its own.

    Raises:
        OSError: it cannot be written; the former one stands, and nothing is left beside it.
    """
    page = figures(ended, _last_done(file))
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # no name that ends with .prom
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as beside:
            beside.write(page)
            os.fchmod(beside.fileno(), 0o644)
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def figures(ended: Ended, last_done: float | None = None) -> str:
    """Write the figures of a run; ``last_done`` is when one before it was done, if that is known."""
    return "\n".join(_lines(ended, last_done)) + "\n"


def _lines(ended: Ended, last_done: float | None) -> Iterator[str]:
    moment = ended.moment.timestamp()
    yield from _gauge("build_info", "The program that wrote this.", {f'{{version="{__version__}"}}': 1})
    yield from _gauge("run_exit_code", "How the last run ended; 0 is done.", {"": ended.exit_code})
    yield from _gauge("run_ended_timestamp_seconds", "When the last run ended.", {"": moment})
    if (done := moment if ended.exit_code in _DONE else last_done) is not None:
        help_ = "When a run last considered every appointment (exit code 0, 6 or 7)."
        yield from _gauge("run_last_done_timestamp_seconds", help_, {"": done})
    yield from _gauge("run_expected_appointments", "monitoring.expect_appointments.", {"": ended.expected})
    if ended.summary is not None:
        yield from _counts(ended.summary)


def _counts(summary: Summary) -> Iterator[str]:
    yield from _gauge("run_complete", "0 if the last run could not read or record all.", {"": int(summary.complete)})
    yield from _gauge("run_duration_seconds", "How long the last run took.", {"": round(summary.seconds, 3)})
    yield from _gauge("run_fhir_requests", "Requests to the FHIR endpoint.", {"": summary.fhir_requests})
    results = {f'{{result="{result}"}}': getattr(summary, result) for result in _RESULTS}
    yield from _gauge("run_appointments", "Patients of appointments that were considered, by result.", results)
    reasons = {f'{{reason="{reason}"}}': summary.reasons[reason] for reason in Reason}
    yield from _gauge("run_skipped", "Patients of appointments that were not reminded, by reason.", reasons)
    yield from _gauge("run_unsettled", "Reminders of earlier runs that are still uncertain.", {"": summary.unsettled})
    another = "Reminders that another provider than the first has taken."
    yield from _gauge("run_failed_over", another, {"": summary.failed_over})
    dead = "Numbers to which no message will ever come, learnt by the last run."
    yield from _gauge("run_undeliverable", dead, {"": len(summary.undeliverable)})
    if (back := summary.wrote_back) is not None:
        told = {'{result="written"}': back.written, '{result="failed"}': back.failed.total()}
        yield from _gauge("run_written_back", "Communications that the journal system took, and did not take.", told)
        left = "0 if the next run has more to write back than what failed."
        yield from _gauge("run_write_back_complete", left, {"": int(back.complete)})


def _gauge(name: str, help_: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP fhirnotify_{name} {help_}"
    yield f"# TYPE fhirnotify_{name} gauge"
    for labels, value in values.items():
        yield f"fhirnotify_{name}{labels} {value}"


def _last_done(file: Path) -> float | None:
    """Read from the former figures when a run was last done."""
    try:
        found = _WAS_DONE.search(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return float(found[1]) if found else None
