"""The whole job on the bundled world gives what ``expected.json`` says, to the letter of each text."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from fhirnotify import settings, wiring
from fhirnotify.assets import directory
from fhirnotify.rows import Row
from fhirnotify.run import run

DEMO = directory("fixtures") / "demo"
EXPECTED = json.loads((DEMO / "expected.json").read_text(encoding="utf-8"))


class Rows:
    """Keeps the rows of a run."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def row(self, row: Row) -> None:
        """Take one row."""
        self.rows.append(row.as_json())

    def progress(self, stage: Literal["read", "send"], done: int) -> None:
        """Look away."""


def test_every_patient_of_the_demo_gets_what_is_expected(tmp_path: Path) -> None:
    """Decision, contact type, reason, segments and text, for each; and a second pass sends nothing."""
    outbox = tmp_path / "outbox.jsonl"
    chosen = settings.load(
        DEMO / "fhirnotify.toml",
        {
            "FHIRNOTIFY_LEDGER__URL": f"sqlite:///{tmp_path}/ledger.db",
            "FHIRNOTIFY_SMS__OUTBOX__PATH": str(outbox),
        },
    )
    now = datetime.fromisoformat(EXPECTED["now"])
    first, second = Rows(), Rows()
    with wiring.job_to_run(chosen, first, now) as job:
        summary = run(job)
    with wiring.job_to_run(chosen, second, now) as job:
        again = run(job)

    told = ("appointment", "patient", "decision", "contact_type", "reason", "segments")
    key = str
    assert sorted(({name: row[name] for name in told} for row in first.rows), key=key) == sorted(
        ({name: row[name] for name in told} for row in EXPECTED["rows"]), key=key
    )
    texts = [row["text"] for row in EXPECTED["rows"] if row["text"]]
    assert sorted(json.loads(line)["text"] for line in outbox.read_text(encoding="utf-8").splitlines()) == sorted(texts)
    assert all("/_history/" in row["evidence"]["appointment"] for row in first.rows)
    assert (summary.sent, summary.exit_code()) == (len(texts), 0)
    assert (again.sent, again.already) == (0, len(texts))
