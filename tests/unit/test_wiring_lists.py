"""What the composition root makes of the settings that say by whom, or where, Appointments are asked for."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from fhirnotify import wiring
from fhirnotify.errors import SettingsError
from fhirnotify.settings import Settings, load


def settings(directory: Path, **keys: str) -> Settings:
    """Load settings with these keys of ``[fhir]``, of a directory of FHIR JSON unless they name a server."""
    environment = {f"FHIRNOTIFY_FHIR__{key.upper()}": value for key, value in keys.items()}
    (directory / "fhirnotify.toml").write_text("")
    given = {"FHIRNOTIFY_FHIR__BASE_URL": f"file:{directory}", "FHIRNOTIFY_CONSENT__CODES": "a|b"} | environment
    return load(directory / "fhirnotify.toml", given)


@pytest.mark.parametrize("base_url", ["file:.", "http://127.0.0.1:9/fhir"])
@pytest.mark.parametrize(("way", "key"), [("by-location", "locations_file"), ("by-patient", "patients_file")])
def test_a_wrong_list_is_told_before_anything_is_read(tmp_path: Path, base_url: str, way: str, key: str) -> None:
    """An empty one, or a line that is no id: exit 2, as every wrong setting."""
    for content in ("# nobody\n", "1\nnot an id\n"):
        (tmp_path / "ids.txt").write_text(content)
        chosen = settings(tmp_path, base_url=base_url, appointments=way, **{key: "ids.txt"})
        with pytest.raises(SettingsError, match=rf"fhir\.{key}") as caught:
            wiring.source(chosen)
        assert caught.value.exit_code == 2


def test_the_source_asks_as_the_settings_say(tmp_path: Path) -> None:
    """A Group of the directory, here, whose member is not there."""
    group = {"resourceType": "Group", "id": "g", "member": [{"entity": {"reference": "Patient/p"}}]}
    visits = [
        {
            "resourceType": "Appointment",
            "id": patient,
            "status": "booked",
            "start": "2026-11-24T09:00:00Z",
            "participant": [{"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}],
        }
        for patient in "pq"
    ]
    for resource in (group, *visits):
        (tmp_path / f"{resource['id']}.json").write_text(json.dumps(resource))
    found = {}
    for way, keys in {"by-date": {}, "by-patient": {"patients": "Group/g"}}.items():
        source = wiring.source(settings(tmp_path, appointments=way, **keys))
        moments = ("2026-11-24T08:00:00+00:00", "2026-11-24T10:00:00+00:00")
        pages = source.appointments(*map(datetime.fromisoformat, moments))
        found[way] = [one.id for page in pages for one in page]
    assert found == {"by-date": ["p", "q"], "by-patient": ["p"]}
