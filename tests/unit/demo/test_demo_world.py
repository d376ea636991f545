"""The bundled world of ``fhirnotify demo``: valid FHIR, nobody real, and every reason that it means to show."""

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from fhirnotify import settings
from fhirnotify.assets import directory
from fhirnotify.core.answer import Reason
from fhirnotify.core.model import ContactType

DEMO = directory("fixtures") / "demo"
EXPECTED = json.loads((DEMO / "expected.json").read_text(encoding="utf-8"))
OFFICIAL_TEST_IDENTITIES = {
    "191212121212",
    "195009072553",
    "196101182803",
    "199002222397",
    "200001252386",
    "200302022389",
}


def resources() -> list[dict[str, Any]]:
    """Read every resource of the world."""
    return [
        json.loads(line)
        for path in sorted((DEMO / "world").glob("*.ndjson"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize("resource", resources(), ids=lambda each: f"{each['resourceType']}/{each['id']}")
def test_every_resource_is_valid_r4(resource: dict[str, Any]) -> None:
    """Each resource is valid FHIR R4, with an id that every server takes and a version to show as evidence."""
    kind = resource["resourceType"]
    getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind).model_validate(resource)
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,63}", resource["id"])
    assert resource["meta"]["versionId"].isdigit()


def test_every_reference_leads_to_a_resource() -> None:
    """The world can be loaded into a server that checks references."""
    known = {f"{each['resourceType']}/{each['id']}" for each in resources()}
    asked = set(re.findall(r'"reference": "([^"]+)"', json.dumps(resources())))
    assert len(known) == len(resources())
    assert asked
    assert asked <= known


def test_nobody_in_it_is_real() -> None:
    """Numbers are those set aside for fiction, and personal identity numbers are official test identities."""
    patients = [each for each in resources() if each["resourceType"] == "Patient"]
    numbers = [re.sub(r"[ -]|^\+46", "", telecom["value"]) for each in patients for telecom in each["telecom"]]
    identities = [identifier["value"] for each in patients for identifier in each.get("identifier", ())]
    assert all(re.fullmatch(r"0?7017406(0[5-9]|[1-9]\d)|0846500400", number) for number in numbers)
    assert max(Counter(number[-9:] for number in numbers).values()) == 1
    assert set(identities) == OFFICIAL_TEST_IDENTITIES
    assert {name["family"] for each in patients for name in each["name"]} == {"Testsson", "Skyddad uppgift"}


def test_what_is_expected_covers_every_appointment() -> None:
    """Each patient of each appointment has one expected row, or the appointment is named as not considered."""
    appointments = {each["id"]: each for each in resources() if each["resourceType"] == "Appointment"}
    rows = [(row["appointment"], row["patient"]) for row in EXPECTED["rows"]]
    assert len(rows) == len(set(rows))
    assert {appointment for appointment, _ in rows} | set(EXPECTED["not_considered"]) == set(appointments)
    now = datetime.fromisoformat(EXPECTED["now"])
    for id_, appointment in appointments.items():
        within = now < datetime.fromisoformat(appointment["start"]) < now + timedelta(hours=48)
        considered = within and appointment["status"] == "booked"
        assert considered is (id_ not in EXPECTED["not_considered"]), id_


def test_it_shows_all_contact_types_and_many_reasons() -> None:
    """Whoever runs the demo sees each kind of visit, and reasons of every sort."""
    reminded = [row for row in EXPECTED["rows"] if row["decision"] == "remind"]
    reasons = {row["reason"] for row in EXPECTED["rows"] if row["decision"] == "skip"}
    assert {row["contact_type"] for row in reminded} == set(ContactType)
    assert reasons <= set(Reason)
    assert len(reasons) >= 13
    assert all(row["text"].startswith("Påminnelse till ") for row in reminded)


def test_its_settings_are_valid() -> None:
    """The settings of the demo read the world beside them and send nothing."""
    demo = settings.load(DEMO / "fhirnotify.toml", {})
    assert demo.fhir.base_url == f"file:{DEMO / 'world'}"
    assert Path(demo.mappings.directory) == directory("mappings")
    assert demo.sms.provider == "outbox"
