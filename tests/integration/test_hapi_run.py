"""Ordinary visits from booking to reminder, with the real command and real FHIR servers."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from fhirnotify.harness.installation import Installation
from fhirnotify.harness.resources import consent
from fhirnotify.harness.world import World, ordinary_world
from fhirnotify.rows import instant

pytestmark = pytest.mark.hapi


def configure(installation: Installation, base_url: str, world: World, **sms) -> None:
    """Let the installation read from this server and write its outbox."""
    installation.configure(world.settings, {"fhir": {"base_url": base_url}, "sms": {"rate": 1000} | sms})


def inbox(installation: Installation) -> Counter:
    """Give number and text of each message sent."""
    return Counter((message["to"], message["text"]) for message in installation.outbox())


def test_what_changes_between_runs(journal, installation):
    """Between two runs a visit is moved, one is cancelled, and one patient consents: two new reminders, no other."""
    world = ordinary_world(journal.now, journal.version, 5, prefix=journal.prefix)
    untouched, moved, cancelled, late_consent, denied = (row.appointment for row in world.visits)
    patient_of = {row.appointment: row.patient for row in world.visits}
    permit = {visit.appointment: visit.consent for visit in world.visits}
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
