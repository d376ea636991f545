"""What becomes of visits, with the real command and a real FHIR server."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from fhirnotify.harness.seed import remove
from fhirnotify.harness.world import ordinary_world
from fhirnotify.rows import instant

pytestmark = pytest.mark.hapi


@pytest.mark.parametrize("journal", ["hapi-r4"], indirect=True)
def test_what_became_of_visits(journal, installation):
    """Kept, missed, cancelled, moved and gone; what is final is not asked for again."""
    weeks_ago = (datetime.now(UTC) - timedelta(weeks=3)).date()  # nothing becomes of what is still to come
    passed = datetime.combine(weeks_ago, journal.now.time(), journal.now.tzinfo)
    world = ordinary_world(passed, journal.version, 6, prefix=journal.prefix)
    journal.put(*world.resources)
    installation.configure(world.settings, {"fhir": {"base_url": journal.base_url}, "sms": {"rate": 1000}})
    assert installation.run(world.now).summary["sent"] == 6

    ids = [row.appointment for row in world.visits]
    kept, missed, cancelled, moved, gone, _ = (journal.get("Appointment", each) for each in ids)
    later = instant(datetime.fromisoformat(moved["start"]) + timedelta(days=7))
    journal.put(
        *(
            each | {"status": status}
            for each, status in ((kept, "fulfilled"), (missed, "noshow"), (cancelled, "cancelled"))
        ),
        {key: value for key, value in moved.items() if key != "end"} | {"start": later},
    )
    remove(journal.base_url, [gone])
    read = installation.run(world.now + timedelta(days=4), command="outcomes")
    again = installation.run(world.now + timedelta(days=5), command="outcomes")

    with closing(sqlite3.connect(installation.directory / "fhirnotify.db")) as database:
        became = dict(database.execute("SELECT appointment, status FROM outcome").fetchall())
    words = ["fulfilled", "noshow", "cancelled", "moved", "gone", "booked"]
    assert became == dict(zip(ids, words, strict=True))
    assert (read.exit_code, read.rows[0]["became"]) == (0, dict.fromkeys(words, 1))
    assert again.rows[0]["became"] == {"gone": 1, "booked": 1}
    assert len(installation.outbox()) == 6
    logged = [json.loads(line) for line in read.log.splitlines() if line.startswith("{")]
    assert [line["asked"] for line in logged if line["event"] == "outcomes-read"] == [6]
