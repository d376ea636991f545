"""Where a visit is booked: read for statistics alone, never a reason to refuse an Appointment."""

from typing import Any

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.elements import load_elements
from fhirnotify.fhir.references import References
from fhirnotify.fhir.unit import Unit

BASE = "https://fhir.example/r4"
PROVIDER = "https://fhir.cambio.se/StructureDefinition/x/serviceProvider"
PATIENT = {"actor": {"reference": "Patient/p"}}


def actors(*references: object) -> dict[str, Any]:
    """Build an Appointment in which these take part beside the patient."""
    return {"resourceType": "Appointment", "participant": [PATIENT, *({"actor": each} for each in references)]}


def unit_of(appointment: dict[str, Any], unit: Unit | None = None) -> str | None:
    """Find the unit of an Appointment on the server."""
    return (unit or Unit()).of(appointment, FhirVersion.R4, References(BASE))


@pytest.mark.parametrize(
    ("literal", "unit"),
    [
        ("Location/101", "Location/101"),
        ("HealthcareService/h-1/_history/3", "HealthcareService/h-1"),
        (f"{BASE}/Organization/o.1", "Organization/o.1"),
        ("https://elsewhere.example/Location/101", None),
        ("Practitioner/7", None),
        ("location/101", None),
        ("Location/101 Ögonmottagningen", None),
        ("#inner", None),
        ("urn:uuid:0b7c1d3e", None),
        ("", None),
    ],
)
def test_only_a_reference_to_a_unit_of_this_server_is_one(literal: str, unit: str | None) -> None:
    """Its type and id are given, without version or address."""
    assert unit_of(actors({"reference": literal, "display": "Ögonmottagningen"})) == unit


def test_the_first_counts() -> None:
    """An Appointment has one unit."""
    assert unit_of(
        actors({"reference": "Practitioner/7"}, {"reference": "Location/2"}, {"reference": "Location/1"})
    ) == ("Location/2")


@pytest.mark.parametrize(
    "appointment",
    [
        {},
        {"participant": 5},
        {"participant": {"actor": "Location/1"}},
        {"participant": [None, 5, [], {"actor": None}, {"actor": [{"reference": ["Location/1"]}]}]},
        {"extension": 5},
        {"extension": [None, "x", {"url": [PROVIDER]}, {"url": PROVIDER}, {"url": PROVIDER, "valueReference": 5}]},
    ],
)
@pytest.mark.parametrize(
    "expression",
    [
        "Appointment.participant.actor",
        f"Appointment.extension('{PROVIDER}').value",
        "Appointment.participant.where(status = 'accepted').actor",
    ],
)
def test_what_cannot_be_read_gives_none(appointment: dict[str, Any], expression: str) -> None:
    """Whatever stands there, no Appointment becomes invalid by it."""
    assert unit_of(appointment, Unit(expression)) is None


def test_an_extension_is_read() -> None:
    """As Cambio's serviceProvider; other extensions are not."""
    reference = {"reference": "Organization/9"}
    appointment = {"extension": [{"url": "urn:x", "valueReference": {"reference": "Organization/1"}}]}
    appointment["extension"].append({"url": PROVIDER, "valueReference": reference})
    for value in ("value", "value.ofType(Reference)"):
        assert unit_of(appointment, Unit(f"Appointment.extension('{PROVIDER}').{value}")) == "Organization/9"


def test_any_fhirpath_is_read() -> None:
    """Slower, by fhirpathpy: here the service rather than the room."""
    rooms = actors({"reference": "Location/1"}, {"reference": "HealthcareService/2"})
    path = Unit("Appointment.participant.actor.where(reference.startsWith('HealthcareService/'))")
    assert unit_of(rooms, path) == "HealthcareService/2"


def test_what_cannot_be_evaluated_gives_none() -> None:
    """An expression that fails on one Appointment gives it no unit."""
    assert unit_of({"specialty": [{"text": "a"}, {"text": "b"}]}, Unit("Appointment.specialty.single()")) is None


def test_the_file_says_where(tmp_path: Any) -> None:
    """With [unit] its expression, without it the first place, service or organisation that takes part."""
    file = tmp_path / "elements.toml"
    element = '[[element]]\nexpression = "Appointment.class"\n'
    appointment = actors({"reference": "Location/1"}) | {"supportingInformation": [{"reference": "Organization/2"}]}
    for unit, expected in (
        ("", "Location/1"),
        ('[unit]\nexpression = " Appointment.supportingInformation "\n', "Organization/2"),
    ):
        file.write_text(element + unit, "utf-8")
        assert unit_of(appointment, load_elements(file).unit) == expected
