"""Makes a ledger of any number of days and visits by SQL, as a year of a region would leave it, and times what reads it.

    python tests/benchmarks/year_ledger.py LEDGER [DAYS] [VISITS]     makes LEDGER (365 days of 3 000 visits)
    python tests/benchmarks/year_ledger.py --time FHIRNOTIFY.TOML     times them on the ledger of those settings

Every value follows from the number of the row, so the ledger is the same each time. Nothing in it is of a person.
"""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fhirnotify.ledger.sql import SqlLedger

UNTIL = datetime(2026, 11, 23, tzinfo=UTC)
"""The day after the last one with visits."""

_REASONS = "no-consent no-consent no-consent no-mobile-number contact-type-not-reminded consent-denied no-mobile-number"
_FIRST = """
CREATE TEMP TABLE visit AS
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
SELECT i, 'a' || i AS appointment, 'p' || (i % 250000) AS patient,
  strftime('%Y-%m-%dT%H:%M:00.000000Z', :first, '+' || (i / :visits) || ' days',
    '+' || (420 + (i * 7919) % 540) || ' minutes') AS start,
  CASE WHEN (i * 31) % 97 = 0 THEN NULL ELSE 'Location/' || (100 + ((i * 17) % 61) * ((i * 13) % 61) / 61) END AS unit,
  CASE (i * 11) % 10 WHEN 0 THEN 'video' WHEN 1 THEN 'telefon' WHEN 2 THEN 'telefon' ELSE 'mottagning' END AS kind,
  CASE WHEN (i * 7) % 100 < 66 + ((i * 17) % 61) * ((i * 13) % 61) / 61 % 29 THEN NULL ELSE i * 7 % 10 END AS skipped
FROM n
"""
_SECOND = """
INSERT INTO decision (appointment, patient, start, reason, contact_type, evidence, detail, unmapped, decided, run, unit)
SELECT appointment, patient, start, CASE {cases} END, kind,
  '{{"appointment": "Appointment/' || appointment || '/_history/3", "patient": "Patient/' || patient
    || '/_history/1", "consent": ["Consent/c' || i || '/_history/1"], "mapping": ["http://snomed.info/sct|1"]}}',
  '[]', '[]', start, 'r', unit
FROM visit
"""
_THIRD = """
INSERT INTO reminder (id, appointment, patient, start, kind, state, contact_type, evidence, segments, run, provider,
  message_id, attempts, sending_since, created, updated, unit)
SELECT printf('%032x', i), appointment, patient, start, 'reminder',
  CASE WHEN i % 41 = 0 THEN 'undelivered' WHEN i % 53 = 0 THEN 'accepted' WHEN i % 9973 = 0 THEN 'uncertain'
    WHEN i % 4999 = 0 THEN 'rejected' ELSE 'delivered' END,
  kind, '{"appointment": "Appointment/' || appointment || '/_history/3", "patient": "Patient/' || patient
    || '/_history/1", "consent": ["Consent/c' || i || '/_history/1"], "mapping": ["http://snomed.info/sct|1"]}',
  2, 'r', '46elks', 's' || i, 1,
  strftime('%Y-%m-%dT%H:%M:00.000000Z', start, '-' || (2880 - (i % 11) * (i % 13) * (i % 19)) || ' minutes'),
  start, start, unit
FROM visit WHERE skipped IS NULL
"""
_OUTCOMES = """
INSERT INTO outcome (appointment, start, status, read_at)
SELECT appointment, start,
  CASE WHEN (i * 7907) % 1009 < CASE WHEN skipped IS NULL THEN 41 ELSE 68 END - (i * 11) % 10 THEN 'noshow'
    WHEN (i * 7907) % 1009 < 110 THEN 'cancelled' WHEN (i * 7907) % 1009 < 125 THEN 'moved'
    WHEN (i * 7907) % 1009 < 140 THEN 'booked' ELSE 'fulfilled' END,
  strftime('%Y-%m-%dT%H:%M:00.000000Z', start, '+1 days')
FROM visit
"""
_RUNS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :days * 48)
INSERT INTO run (id, begun, finished, summary, host, pid)
SELECT 'r' || i, strftime('%Y-%m-%dT%H:%M:00.000000Z', :first, '+' || (i * 30) || ' minutes'),
  strftime('%Y-%m-%dT%H:%M:%S.000000Z', :first, '+' || (i * 1800 + 12 + i % 40) || ' seconds'), NULL, 'h', 1 FROM n
WHERE i % 400 <> 7
"""


def make(file: Path, days: int = 365, visits: int = 3000) -> None:
    """Make the ledger; ``file`` may not exist yet."""
    SqlLedger(f"sqlite:///{file}").close()
    reasons = _REASONS.split()
    cases = " ".join(f"WHEN skipped = {n} THEN '{reason}'" for n, reason in enumerate(reasons))
    cases += " WHEN skipped >= 7 AND i % 50 = 0 THEN 'contact-type-unmapped' WHEN skipped >= 7 THEN 'no-consent'"
    first = (UNTIL - timedelta(days=days)).strftime("%Y-%m-%d")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute(_FIRST, {"rows": days * visits, "first": first, "visits": visits})
        database.execute(_SECOND.format(cases=f"WHEN skipped IS NULL THEN NULL {cases}"))
        database.execute(_THIRD)
        database.execute(_OUTCOMES)
        database.execute(_RUNS, {"days": days, "first": first})


def timed(config: Path) -> None:
    """Run the reports, and ``outcomes``; print how long each took, and how large it is.

    The endpoint should be an empty ``file:`` directory: then what is asked about again is gone.
    """
    page = config.with_name("report.html")
    year = [f"--from={(UNTIL - timedelta(days=365)).date()}", f"--until={(UNTIL - timedelta(days=1)).date()}"]
    for period in (year, year[:0], [*year, "--worklist"], ["outcomes"]):
        html = [f"--html={page}"] if period in (year, []) else []
        command = [] if "outcomes" in period else ["report"]
        command = [sys.executable, "-m", "fhirnotify", *command, *period, f"--config={config}", *html]
        began = time.perf_counter()
        done = subprocess.run([*command, f"--now={UNTIL.isoformat()}"], capture_output=True, text=True, check=False)
        took = time.perf_counter() - began
        sys.stdout.write(
            f"{took:6.2f} s  exit {done.returncode}  {page.stat().st_size if html else 0:>8} bytes  {period}\n"
        )


if __name__ == "__main__":
    if sys.argv[1] == "--time":
        timed(Path(sys.argv[2]))
    else:
        make(Path(sys.argv[1]), *map(int, sys.argv[2:]))
