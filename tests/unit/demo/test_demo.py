"""``fhirnotify demo`` plays the scenario of one morning: valid FHIR, nobody real, and every text as expected."""

import json
import re
from collections import Counter
from importlib import import_module
from typing import Any

import pytest
from typer.testing import CliRunner

from fhirnotify.cli.demo import NOW, SCENARIO
from fhirnotify.cli.main import app
from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness.scenarios import reading
from fhirnotify.harness.scenarios.comparing import differences, message_differences, messages
from fhirnotify.harness.scenarios.model import Mapping, Row
from fhirnotify.harness.scenarios.staging import Stage, Staging

MORNING = reading.read(reading.bundled() / SCENARIO)
STAGING = Staging("demo", MORNING, Stage(FhirVersion.R4, "file:world", NOW, prefix="", tags=()))
RESOURCES = STAGING.put(MORNING.resources)
TEXT = re.compile(r"^(\+\d+)  (.+)$", re.MULTILINE)


def rows() -> tuple[Row, ...]:
    """Give what is expected of the first step."""
    expected = MORNING.steps[0].expect
    assert isinstance(expected, tuple)
    return expected


def test_every_patient_of_the_demo_gets_what_is_expected() -> None:
    """Decision, contact type, reason and segments, for each patient of each appointment."""
    result = CliRunner().invoke(app, ["demo", "--json"])
    *said, summed_up = map(json.loads, result.stdout.splitlines())
    assert differences(STAGING, rows(), said) == []
    assert all("/_history/" in row["evidence"]["appointment"] for row in said)
    assert (summed_up["summary"]["considered"], result.exit_code) == (len(rows()), 0)


def test_the_demo_prints_each_text_once() -> None:
    """The texts are the region's, to the letter, and a second pass sends nothing."""
    result = CliRunner().invoke(app, ["demo"])
    taken = Counter((match[1], match[2]) for match in TEXT.finditer(result.stdout))
    assert message_differences(messages(STAGING, rows()), taken) == []
    assert f"The same pass once more sends 0: {taken.total()} were reminded already." in result.stdout


def test_the_scenario_needs_no_settings_and_mappings_of_its_own() -> None:
    """The demo gives none, and plays it in FHIR R4, the first in which it can be said."""
    assert (MORNING.settings, MORNING.mappings, MORNING.fhir[0]) == ({}, Mapping(), FhirVersion.R4)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: f"{each['resourceType']}/{each['id']}")
def test_every_resource_is_valid_r4(resource: dict[str, Any]) -> None:
    """Each resource is valid FHIR R4, so that every server takes it."""
    kind = resource["resourceType"]
    getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind).model_validate(resource)


def test_every_reference_leads_to_a_resource() -> None:
    """The world can be loaded into a server that checks references."""
    known = {f"{each['resourceType']}/{each['id']}" for each in RESOURCES}
    asked = set(re.findall(r'"reference": "([^"]+)"', json.dumps(RESOURCES)))
    assert len(known) == len(RESOURCES)
    assert asked
    assert asked <= known


def test_nobody_in_it_is_real() -> None:
    """Numbers are those set aside for fiction, each used once, and there is no personal identity number."""
    patients = [each for each in RESOURCES if each["resourceType"] == "Patient"]
    numbers = [telecom["value"] for each in patients for telecom in each["telecom"]]
    assert all(re.fullmatch(r"\+467017406(0[5-9]|[1-9]\d)|08-465 004 00", number) for number in numbers)
    assert len(set(numbers)) == len(patients)
    assert not any("identifier" in each for each in patients)
    assert {name["family"] for each in patients for name in each["name"]} == {"Testsson", "Skyddad uppgift"}


def test_it_shows_all_contact_types_and_many_reasons() -> None:
    """Whoever runs the demo sees each kind of visit, and reasons of every sort."""
    assert {row.remind for row in rows() if row.remind} == set(ContactType)
    assert len({row.skip for row in rows() if row.skip}) >= 13
