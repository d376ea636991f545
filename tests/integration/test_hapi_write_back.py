"""Write-back to real FHIR servers, R4 and R5: one Communication a reminder, which follows what becomes of it."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.request import urlopen

import httpx
import pytest
from telling import RUNNER

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.capability import offers_update
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.installation import Finished, Installation
from fhirnotify.harness.loopback import LoopbackServer, Reply, Request
from fhirnotify.harness.seed import remove
from fhirnotify.harness.world import World, ordinary_world
from fhirnotify.ledger.sql import SqlLedger
from fhirnotify.rows import instant

pytestmark = pytest.mark.hapi
VISITS = 3
PASSED_ON = {"accept", "content-type", "prefer", "cache-control"}


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

    def run(self, command: str = "run") -> Finished:
        """Run a command as if the clock stood where the world wants it: with ``--now`` nothing is told."""
        return self.installation.run(command=command)

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
def told(journal, installation, monkeypatch) -> Iterator[Told]:
    """Give three ordinary visits on the server, and take away what was written of them."""
    world = ordinary_world(journal.now, journal.version, VISITS, prefix=journal.prefix)
    clocked = (sys.executable, str(RUNNER), instant(world.now))
    monkeypatch.setattr("fhirnotify.harness.installation.COMMAND", clocked)
    journal.put(*world.resources)
    with Inbox() as inbox:
        made = Told(journal.base_url, world, installation, inbox)
        made.configure(journal.base_url)
        yield made
        remove(journal.base_url, [{"resourceType": "Communication", "id": identity} for identity in made.ids()])


def test_run_twice_one_communication_that_follows_delivery(told):
    """A second run makes no second one, nor another version; what became of the message does, once."""
    with urlopen(f"{told.base_url}/metadata", timeout=60) as answer:
        assert offers_update(json.load(answer), "Communication")
    fates = (Behaviour.DELIVERED_LATER, Behaviour.UNDERWAY, Behaviour.REFUSE)
    for visit, fate in zip(told.world.visits, fates, strict=True):
        told.inbox.on(visit.number, fate)
    for written in (VISITS, 0):
        done = told.run()
        assert (done.exit_code, done.summary["write_back"]["written"]) == (0 if written == 0 else 6, written)
    first = told.read()
    assert [one["meta"]["versionId"] for one in first] == ["1"] * VISITS
    assert [one["status"] for one in first] == ["in-progress", "in-progress", "not-done"]
    assert [told.count(visit.appointment) for visit in told.world.visits] == [1] * VISITS
    assert [one["subject"] for one in first] == [
        {"reference": f"Patient/{visit.patient}"} for visit in told.world.visits
    ]
    assert ["sent" in one for one in first] == [True, True, False]

    followed = told.run("follow-up")
    assert (followed.exit_code, followed.summary["write_back"]["written"]) == (0, 1)
    second = told.read()
    assert [one["meta"]["versionId"] for one in second] == ["2", "1", "1"]
    assert (second[0]["status"], "received" in second[0]) == ("completed", True)
    assert (second[1:], second[0]["sent"]) == (first[1:], first[0]["sent"])
    assert not any({"payload", "text", "note", "sender"} & set(one) for one in second)


@pytest.mark.parametrize("journal", [FhirVersion.R4], indirect=True, ids=str)
def test_while_writing_is_refused_the_same_is_sent(told):
    """The messages, their number and the exit code are the same; the next run tells of them."""
    refuses = [True]

    def before(request: Request) -> Reply:
        if request.method == "PUT" and refuses[0]:
            return Reply(403)
        headers = {name: value for name, value in request.headers.items() if name in PASSED_ON}
        url = told.base_url.removesuffix("/fhir") + request.target
        answer = httpx.request(request.method, url, content=request.body, headers=headers, timeout=60)
        return Reply(answer.status_code, answer.content, {"Content-Type": answer.headers.get("Content-Type", "")})

    with LoopbackServer(before) as gate:
        told.configure(f"{gate.base_url}/fhir")
        done = told.run()
        assert (done.exit_code, done.summary["sent"]) == (0, VISITS)
        assert done.summary["write_back"] == {"written": 0, "failed": {"status-403": VISITS}, "complete": True}
        assert sorted((each.to, each.text) for each in told.inbox.messages) == sorted(told.world.inbox)
        refuses[0] = False
        with closing(sqlite3.connect(told.installation.directory / "fhirnotify.db")) as ledger, ledger:
            ledger.execute("UPDATE write_back SET at = '2020-01-01T00:00:00.000000Z'")  # the wait is over
        again = told.run()
    assert (again.exit_code, again.summary["sent"], again.summary["write_back"]["written"]) == (0, 0, VISITS)
    assert len(told.inbox.messages) == VISITS
    assert [one["meta"]["versionId"] for one in told.read()] == ["1"] * VISITS
