"""The whole way of one appointment, with the real command and real FHIR servers."""

import sqlite3
from collections import Counter
from datetime import datetime, timedelta

import pytest

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.installation import Finished, Installation
from fhirnotify.harness.judge import differences, inbox_of
from fhirnotify.harness.known_limits import WORLD, known_limits
from fhirnotify.harness.resources import consent
from fhirnotify.harness.scene import World
from fhirnotify.harness.world import every_reason_world, ordinary_world
from fhirnotify.rows import instant

pytestmark = pytest.mark.hapi

ONLY_WITHOUT_A_FILTER = {Reason.NOT_BOOKED, Reason.NO_START}
"""A server that honours the search never lets these be seen."""


def configure(installation: Installation, base_url: str, world: World, **sms) -> None:
    """Let the installation read from this server and write its outbox."""
    installation.configure(world.settings, {"fhir": {"base_url": base_url}, "sms": {"rate": 1000} | sms})


def inbox(installation: Installation) -> Counter:
    """Give number and text of each message sent."""
    return Counter((message["to"], message["text"]) for message in installation.outbox())


def states(installation: Installation) -> Counter:
    """Read the ledger, as another program would."""
    with sqlite3.connect(installation.directory / "fhirnotify.db") as ledger:
        found = Counter(state for (state,) in ledger.execute("SELECT state FROM reminder"))
    ledger.close()
    return found


def adds_up(finished: Finished) -> bool:
    """Hold the summary's counts against each other and against the rows."""
    summary = finished.summary
    parts = sum(summary[key] for key in ("skipped", "already", "sent", "pending", "uncertain", "failed"))
    return summary["complete"] and summary["considered"] == parts == len(finished.rows)


ELSEWHERE = pytest.mark.parametrize("journal", ["hapi-r4-la", "hapi-r4-expiring", "sekmet"], indirect=True)


@pytest.mark.parametrize("combine", ["deny-overrides", "newest-wins"])
def test_every_reason_twice_over(journal, installation, combine):
    """Each patient of each visit gets the decision, and each inbox the text, that its case tells; no run repeats it."""
    times = 2 if journal.version is FhirVersion.R4 and combine == "deny-overrides" else 1
    play_twice(
        journal,
        installation,
        every_reason_world(journal.now, journal.version, combine=combine, times=times, prefix=journal.prefix),
    )


@ELSEWHERE
def test_every_reason_on_other_servers(journal, installation):
    """A server of another time zone, a forgetful one and another program's make no difference, but for known limits."""
    limits = known_limits(journal.software(), journal.version)
    without = [name.removeprefix(WORLD) for name in limits if name.startswith(WORLD)]
    play_twice(
        journal,
        installation,
        every_reason_world(journal.now, journal.version, times=1, prefix=journal.prefix, without=without),
    )


def play_twice(journal, installation: Installation, world: World) -> None:
    """Run twice on a world, and hold what is said, sent and kept against what it expects."""
    assert {row.reason for row in world.expected} == {None, *Reason} - ONLY_WITHOUT_A_FILTER
    journal.put(*world.resources)
    configure(installation, journal.base_url, world)

    first = installation.run(world.now)
    assert differences(world, first.rows) == []
    assert first.exit_code == 0
    assert adds_up(first)
    assert first.summary["sent"] == len(world.reminded)
    assert first.summary["reasons"] == Counter(row.reason for row in world.expected if row.reason)
    assert inbox(installation) == inbox_of(world)
    assert states(installation) == {"accepted": len(world.reminded)}

    again = installation.run(world.now)
    assert differences(world, again.rows, first=False) == []
    assert again.exit_code == 0
    assert adds_up(again)
    assert (again.summary["sent"], again.summary["already"]) == (0, len(world.reminded))
    assert inbox(installation) == inbox_of(world)


def test_what_changes_between_runs(journal, installation):
    """Between two runs a visit is moved, one is cancelled, and one patient consents: two new reminders, no other."""
    world = ordinary_world(journal.now, journal.version, 5, prefix=journal.prefix)
    untouched, moved, cancelled, late_consent, denied = (row.appointment for row in world.expected)
    patient_of = {row.appointment: row.patient for row in world.expected}
    permit = {name: f"{journal.prefix}-{position}-c-p" for position, name in enumerate(patient_of)}
    withheld = {permit[late_consent]}
    journal.put(*(resource for resource in world.resources if resource["id"] not in withheld))
    configure(installation, journal.base_url, world)

    first = installation.run(world.now).by_visit
    assert first[late_consent, patient_of[late_consent]]["reason"] == "no-consent"
    assert len(inbox(installation)) == 4

    visit = journal.get("Appointment", moved)
    new_start = datetime.fromisoformat(visit["start"]) + timedelta(hours=1)
    journal.put(
        visit | {"start": instant(new_start), "end": instant(new_start + timedelta(minutes=30))},
        journal.get("Appointment", cancelled) | {"status": "cancelled"},
        consent(journal.version, permit[late_consent], patient_of[late_consent]),
        consent(journal.version, permit[denied], patient_of[denied], decision="deny"),
    )
    second = installation.run(world.now)
    rows = second.by_visit
    assert rows[untouched, patient_of[untouched]]["decision"] == "already"
    assert rows[moved, patient_of[moved]]["decision"] == "remind"
    assert rows[moved, patient_of[moved]]["start"] == instant(new_start)
    assert (cancelled, patient_of[cancelled]) not in rows
    assert rows[late_consent, patient_of[late_consent]]["decision"] == "remind"
    assert rows[denied, patient_of[denied]]["decision"] == "already"
    assert (second.summary["sent"], second.summary["already"]) == (2, 2)
    assert len(installation.outbox()) == 6

    third = installation.run(world.now)
    assert (third.summary["sent"], third.summary["already"]) == (0, 4)
    assert len(installation.outbox()) == 6


def test_plan_changes_nothing(journal, installation):
    """A plan says what a run would do, sends nothing and makes no ledger."""
    world = ordinary_world(journal.now, journal.version, 3, prefix=journal.prefix)
    journal.put(*world.resources)
    configure(installation, journal.base_url, world)
    planned = installation.run(world.now, command="plan")
    assert planned.exit_code == 0
    assert [(row["decision"], row["outcome"]) for row in planned.rows] == [("remind", None)] * 3
    assert planned.summary["pending"] == 3
    assert [path.name for path in installation.directory.iterdir()] == ["fhirnotify.toml"]
