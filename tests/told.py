"""What a command with ``--json`` tells of visits: held against the contract."""

import json
from typing import Any

from typer.testing import Result

ROW = {
    "appointment", "patient", "start", "decision", "contact_type", "reason", "evidence", "outcome", "segments",
}  # fmt: skip
SUMMARY = {
    "run", "now", "considered", "skipped", "already", "sent", "pending", "uncertain", "failed", "failed_over", "reasons",
    "fhir_requests", "seconds", "complete", "undeliverable",
}  # fmt: skip
COUNTS = ("skipped", "already", "sent", "pending", "uncertain", "failed")


def told(result: Result) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Give the rows and the summary, held against the contract's shape and arithmetic."""
    *rows, last = (json.loads(line) for line in result.stdout.splitlines())
    summary = last["summary"]
    assert set(last) == {"summary"}
    assert set(summary) == SUMMARY
    assert all(set(row) == ROW for row in rows)
    assert summary["considered"] == len(rows) == sum(summary[count] for count in COUNTS)
    return rows, summary
