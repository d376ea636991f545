"""A server that is asked by Location or by Patient gives the same decisions as one that is asked by date alone."""

import json
from datetime import datetime, timedelta

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.known_limits import known_limit
from fhirnotify.harness.resources import CONSENT_CODE, participant
from fhirnotify.harness.scenarios import reading
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.scenarios.staging import Stage, Staging
from fhirnotify.harness.seed import remove
from fhirnotify.harness.world import ordinary_world

pytestmark = pytest.mark.hapi

PREFIX = "strat-"
HAPI = "HAPI FHIR Server"
NOW = datetime(2062, 3, 14, 10, tzinfo=LOCAL)


@pytest.fixture
def place(tmp_path):
    """Make an installation of its own for each way of asking."""

    def make(name):
        (tmp_path / name).mkdir()
        return Installation(tmp_path / name)

    return make


def at_locations(version, resources, prefix=PREFIX):
    """Let every Appointment be at one of three Locations, some at two; give the Locations too."""
    ids = [f"{prefix}loc-{number}" for number in range(3)]
    visits = [one for one in resources if one["resourceType"] == "Appointment"]
    for number, visit in enumerate(visits):
        for location in {ids[number % 3], ids[number % 2]}:
            visit["participant"].append(participant(version, {"reference": f"Location/{location}"}))
    return [{"resourceType": "Location", "id": one} for one in ids]


def linked(patient, kind):
    """Give the ids of the records to which a Patient has links of this kind."""
    references = [
        link["other"]["reference"]
        for link in patient.get("link", ())
        if link["type"] == kind and "reference" in link.get("other", {})
    ]
    return {reference.removeprefix("Patient/") for reference in references}


def patients_to_list(resources):
    """Give the ids of all Patients but those merged into one that is listed: their visits must be found all the same."""
    patients = {one["id"]: one for one in resources if one["resourceType"] == "Patient"}
    merged = {other for one in patients.values() for other in linked(one, "replaces")}
    replaced = {identity: linked(one, "replaced-by") for identity, one in patients.items()}
    merged |= {identity for identity, others in replaced.items() if any(replaced.get(x) == set() for x in others)}
    return sorted(patients.keys() - merged), merged


def names_no_patient_by_id(visit):
    """Tell whether nobody could find it by the id of a Patient."""
    actors = [entry.get("actor", {}) for entry in visit["participant"]] + [visit.get("subject", {})]
    return not any(actor.get("reference", "").startswith("Patient/") for actor in actors)


def group_and_list(version, listed, other):
    """Make a Group and a List of a Patient, in which another is no longer."""
    actual = {"actual": True} if version is FhirVersion.R4 else {"membership": "enumerated"}
    entity, gone = {"reference": f"Patient/{listed}"}, {"reference": f"Patient/{other}"}
    members = [
        {"entity": gone, "inactive": True},
        {"entity": gone, "period": {"end": "2062-03-15"}},
        {"entity": entity, "period": {"end": "2100-01-01"}},
    ]
    group = {"resourceType": "Group", "id": f"{PREFIX}group", "type": "person", **actual, "member": members}
    entries = [{"item": gone, "deleted": True}, {"item": entity}]
    changes = {"status": "current", "mode": "changes"}
    return group, {"resourceType": "List", "id": f"{PREFIX}list", **changes, "entry": entries}


def rows(finished):
    """Give the rows in an order of their own, and see that the run was whole."""
    assert finished.exit_code == 0, finished.log
    assert finished.summary["complete"]
    assert finished.summary["considered"] == len(finished.rows)
    return sorted(finished.rows, key=lambda row: (row["appointment"], row["patient"] or ""))


def every_plain_case(version):
    """Give the resources of the scenarios about people and Consents that are read with ordinary settings."""
    found = []
    for number, (name, scenario) in enumerate(reading.read_all(reading.bundled(), ("people/*", "consent/*")).items()):
        if version not in scenario.fhir or scenario.settings or len(scenario.steps) > 1 or scenario.day != "winter":
            continue
        if known_limit(HAPI, version, name, scenario, "by-date") is None:
            stage = Stage(version, "", NOW, f"{PREFIX}{number}-", tags=())
            found += Staging(name, scenario, stage).put(scenario.resources)
    return found


def test_each_way_of_asking_gives_the_same_rows(journal, place):
    """Whoever is reminded or not, and why: by date, by Locations, and by Patients of whom the merged are not listed.

    Visits that name their patient by number alone, or nobody, are not found by Patient: HAPI cannot search so.
    """
    resources = every_plain_case(journal.version)
    locations = at_locations(journal.version, resources)
    patients, merged = patients_to_list(resources)
    assert merged
    journal.put(*locations, *resources)

    def run(name, keys, lines=()):
        where = place(name)
        (where.directory / "ids.txt").write_text("# listed\n" + "".join(f"{line}\n" for line in lines))
        fhir = {"base_url": journal.base_url, **keys}
        where.configure({"consent": {"codes": [CONSENT_CODE]}}, {"fhir": fhir, "sms": {"rate": 1000}})
        finished = where.run(NOW)
        told = rows(finished)
        assert finished.summary["sent"] == len(where.outbox()) == sum(row["decision"] == "remind" for row in told)
        return told

    by_date = run("date", {})
    assert len({row["reason"] for row in by_date}) > 10
    keys = {"appointments": "by-location", "locations_file": "ids.txt"}
    assert run("location", keys, [f"Location/{one['id']}" for one in locations]) == by_date

    unfound = {one["id"] for one in resources if "participant" in one and names_no_patient_by_id(one)}
    assert unfound
    keys = {"appointments": "by-patient", "patients_file": "ids.txt"}
    assert run("patient", keys, patients) == [row for row in by_date if row["appointment"] not in unfound]


def test_those_who_are_not_listed_are_not_considered(journal, place):
    """Of three visits at three Locations, that of one place, or of one patient; a list that leads nowhere is exit 3."""
    now, prefix = NOW + timedelta(weeks=4), f"{PREFIX}few-"
    world = ordinary_world(now, journal.version, 3, prefix=prefix)
    locations = at_locations(journal.version, world.resources, prefix)
    journal.put(*locations, *world.resources)
    other, chosen, _ = world.visits
    rosters = group_and_list(journal.version, chosen.patient, other.patient)
    journal.put(*rosters)

    def plan(name, **keys):
        where = place(name)
        where.configure(world.settings, {"fhir": {"base_url": journal.base_url, **keys}})
        return where.run(now, command="plan")

    def patients(roster):
        return {"appointments": "by-patient", "patients": f"{roster['resourceType']}/{roster['id']}"}

    try:
        visits = [one for one in world.resources if one["resourceType"] == "Appointment"]
        here = [one["id"] for one in visits if f"Location/{prefix}loc-2" in json.dumps(one)]
        assert len(here) == 1
        at_one = plan("location", appointments="by-location", locations=[f"{prefix}loc-2"])
        assert [row["appointment"] for row in rows(at_one)] == here
        for roster in rosters:
            of_one = plan(roster["resourceType"], **patients(roster))
            assert [row["appointment"] for row in rows(of_one)] == [chosen.appointment]
    finally:
        remove(journal.base_url, rosters)
    assert plan("nobody", **patients(rosters[0])).exit_code == 3
    assert plan("nowhere", appointments="by-location", locations=[f"{PREFIX}nowhere"]).exit_code == 3
