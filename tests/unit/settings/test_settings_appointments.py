"""The settings that say how Appointments are asked for."""

from pathlib import Path

import pytest
from settings_file import complaint, with_keys, written

from fhirnotify.fhir.listed import Listed, Roster


def asked_by(config: Path, keys: str, **environment: str) -> Listed | Roster | None:
    """Give by what Appointments are asked for, with these keys in ``[fhir]``."""
    return written(config, with_keys("fhir", keys), **environment).fhir.asked_by()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", None),
        ('appointments = "by-date"', None),
        (
            'appointments = "by-location"\nlocations = ["1", "Location/b-2"]',
            Listed("Location", "fhir.locations", ("1", "b-2")),
        ),
        ('appointments = "by-patient"\npatients = "Group/1"', Roster("fhir.patients", "Group", "1")),
        ('appointments = "by-patient"\npatients = "List/a.b"', Roster("fhir.patients", "List", "a.b")),
    ],
)
def test_each_way_has_its_source_of_ids(config: Path, keys: str, expected: Listed | Roster | None) -> None:
    """By date alone there is none; an id may have its type before it."""
    assert asked_by(config, keys) == expected


@pytest.mark.parametrize(
    ("way", "key", "kind"), [("by-location", "locations_file", "Location"), ("by-patient", "patients_file", "Patient")]
)
def test_a_file_is_found_from_where_the_settings_stand(config: Path, way: str, key: str, kind: str) -> None:
    """As every path in them, those of the environment too."""
    expected = Listed(kind, f"fhir.{key}", file=config.parent / "lists/ids.txt")
    assert asked_by(config, f'appointments = "{way}"\n{key} = "lists/ids.txt"') == expected
    variables = {"FHIRNOTIFY_FHIR__APPOINTMENTS": way, f"FHIRNOTIFY_FHIR__{key.upper()}": "lists/ids.txt"}
    assert asked_by(config, "", **variables) == expected


@pytest.mark.parametrize("text", ["1,Location/2", '["1", "Location/2"]'])
def test_ids_may_stand_in_the_environment(config: Path, text: str) -> None:
    """As JSON, or with commas."""
    variables = {"FHIRNOTIFY_FHIR__APPOINTMENTS": "by-location", "FHIRNOTIFY_FHIR__LOCATIONS": text}
    assert asked_by(config, "", **variables) == Listed("Location", "fhir.locations", ("1", "2"))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('appointments = "by-unit"', "fhir.appointments: must be 'by-date', 'by-location' or 'by-patient'"),
        ('appointments = "by-location"', 'fhir: appointments = "by-location" needs locations or locations_file'),
        ('appointments = "by-patient"', 'fhir: appointments = "by-patient" needs patients or patients_file'),
        ('locations = ["1"]', 'fhir: appointments = "by-date" has no use for locations'),
        (
            'appointments = "by-patient"\npatients = "Group/1"\nlocations_file = "x"',
            'fhir: appointments = "by-patient" has no use for locations_file',
        ),
        (
            'appointments = "by-location"\nlocations = ["1"]\nlocations_file = "x"',
            "fhir: locations and locations_file are both given: keep one of the two",
        ),
        (
            'appointments = "by-patient"\npatients = "Group/1"\npatients_file = "x"',
            "fhir: patients and patients_file are both given",
        ),
        ('appointments = "by-location"\nlocations = []', "fhir.locations: "),
        (
            'appointments = "by-location"\nlocations = ["1", "a b"]',
            'fhir.locations.1: is not the id of a Location: write "123" or "Location/123"',
        ),
        ('appointments = "by-location"\nlocations = ["Patient/1"]', "fhir.locations.0: is not the id of a Location"),
        ('appointments = "by-location"\nlocations = [1]', "fhir.locations.0: is not the id of a Location"),
        (
            'appointments = "by-patient"\npatients = "Patient/1"',
            "fhir.patients: is not the reference of a Group or List",
        ),
        ('appointments = "by-patient"\npatients = ["1"]', "fhir.patients: is not the reference of a Group or List"),
        ('appointments = "by-patient"\npatient_file = "x"', "did you mean fhir.patients_file?"),
    ],
)
def test_what_does_not_go_together_is_told_by_its_keys(config: Path, keys: str, said: str) -> None:
    """A list that is given and not used, or one too few, would be a pass that reminds the wrong people."""
    assert said in complaint(config, with_keys("fhir", keys))
