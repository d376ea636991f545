"""Write-back to real FHIR servers, R4 and R5: one Communication a reminder, which follows what becomes of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import urlopen

import pytest

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.seed import remove
from fhirnotify.harness.world import World, ordinary_world
from fhirnotify.ledger.sql import SqlLedger

pytestmark = pytest.mark.hapi
VISITS = 3


@dataclass
class Told:
    """An installation that tells a journal system of what it sends, and what that then has."""

    base_url: str
    world: World
    installation: Installation
    inbox: Inbox

    def configure(self, base_url: str) -> None:
        """Write the settings: the journal system is told at this address."""
        fhir = {"base_url": base_url, "write_back": True}
        self.installation.configure(self.world.settings, {"fhir": fhir}, self.inbox.settings(), {"sms": {"rate": 1000}})

    def ids(self) -> list[str]:
        """Give the ids by which the Communications are known, in the order of the visits."""
        ledger = SqlLedger(f"sqlite:///{self.installation.directory}/fhirnotify.db", read_only=True, create=False)
        found = ledger.of_appointments([visit.appointment for visit in self.world.visits])
        ledger.close()
        return [f"fhirnotify-{reminder.id}" for reminder in found]

    def read(self) -> list[dict]:
        """Read the Communications."""
        found = []
        for identity in self.ids():
            with urlopen(f"{self.base_url}/Communication/{identity}", timeout=60) as answer:
                found.append(json.load(answer))
        return found

    def count(self, appointment: str) -> int:
        """Count the Communications that are about a visit, as a program of the journal system's would find them."""
        patient = next(visit.patient for visit in self.world.visits if visit.appointment == appointment)
        request = f"{self.base_url}/Communication?subject=Patient/{patient}"
        with urlopen(request, timeout=60) as answer:
            entries = [entry["resource"] for entry in json.load(answer).get("entry", [])]
        return sum({"reference": f"Appointment/{appointment}"} in one["about"] for one in entries)


@pytest.fixture
def told(journal, installation) -> Iterator[Told]:
    """Give three ordinary visits on the server, and take away what was written of them."""
    world = ordinary_world(journal.now, journal.version, VISITS, prefix=journal.prefix)
    journal.put(*world.resources)
    with Inbox() as inbox:
        made = Told(journal.base_url, world, installation, inbox)
        made.configure(journal.base_url)
        yield made
        remove(journal.base_url, [{"resourceType": "Communication", "id": identity} for identity in made.ids()])


def test_run_twice_one_communication_that_follows_delivery(told):
    """A second run makes no second one, nor another version; what became of the message does, once."""
    fates = (Behaviour.DELIVERED_LATER, Behaviour.UNDERWAY, Behaviour.REFUSE)
    for visit, fate in zip(told.world.visits, fates, strict=True):
        told.inbox.on(visit.number, fate)
    for written in (VISITS, 0):
        done = told.installation.run(told.world.now)
        assert (done.exit_code, done.summary["write_back"]["written"]) == (0 if written == 0 else 6, written)
    first = told.read()
    assert [one["meta"]["versionId"] for one in first] == ["1"] * VISITS
    assert [one["status"] for one in first] == ["in-progress", "in-progress", "not-done"]
    assert [told.count(visit.appointment) for visit in told.world.visits] == [1] * VISITS
    assert [one["subject"] for one in first] == [
        {"reference": f"Patient/{visit.patient}"} for visit in told.world.visits
    ]
    assert ["sent" in one for one in first] == [True, True, False]

    followed = told.installation.run(told.world.now, command="follow-up")
    assert (followed.exit_code, followed.summary["write_back"]["written"]) == (0, 1)
    second = told.read()
    assert [one["meta"]["versionId"] for one in second] == ["2", "1", "1"]
    assert (second[0]["status"], "received" in second[0]) == ("completed", True)
    assert (second[1:], second[0]["sent"]) == (first[1:], first[0]["sent"])
    assert not any({"payload", "text", "note", "sender"} & set(one) for one in second)


def test_a_visit_that_is_gone_keeps_nobody_from_being_told(told, journal):
    """The server refuses what points to nothing: that one waits, and is told of; the others are there."""
    gone = told.world.visits[0]
    told.installation.run(told.world.now, "--json")
    identity = told.ids()[0]
    remove(
        journal.base_url,
        [{"resourceType": "Communication", "id": identity}, journal.get("Appointment", gone.appointment)],
    )
    told.installation.run(told.world.now, command="follow-up")
    explained = told.installation.start(told.world.now, gone.appointment, command="explain").communicate(timeout=60)[0]
    (reminder,) = json.loads(explained)["reminders"]
    assert reminder["write_back"]["attempts"] == 1
    assert reminder["write_back"]["code"].startswith("status-4")
    assert [told.count(visit.appointment) for visit in told.world.visits] == [0, 1, 1]
