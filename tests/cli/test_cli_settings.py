"""The settings, told: to people, to programs and to editors."""

import json

import pytest
from jsonschema import Draft7Validator
from place import Place
from typer.testing import CliRunner

from fhirnotify.cli.main import app
from fhirnotify.settings.schema import schema
from fhirnotify.settings.values import FIELDS


def test_check_explain_tells_every_setting_and_looks_at_nothing(place: Place) -> None:
    """Two lines each: the value as it is written, and where it was set with what it does."""
    place.settings('[reminder]\nlead = "24h"\n', base_url="http://127.0.0.1:9/fhir")
    result = place.run("check", "--explain")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[lines.index('reminder.lead = "24h"') + 1] == (
        "    fhirnotify.toml:7. How long before the visit the reminder falls due."
    )
    assert lines[lines.index("sms.rate = 10") + 1] == "    Default. Messages a second, of each run."
    assert lines[lines.index("fhir.auth.token = -") + 1].startswith("    Not set. ")
    assert all(f"${name}" in result.stdout for name in FIELDS)


def test_check_explain_as_json(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for programs."""
    monkeypatch.setenv("FHIRNOTIFY_SMS__RATE", "3")
    found = {each["key"]: each for each in json.loads(place.run("check", "--explain", "--json").stdout)}
    assert found["sms.rate"] == {
        "key": "sms.rate",
        "value": 3.0,
        "origin": "environment",
        "where": "FHIRNOTIFY_SMS__RATE",
        "secret_file": None,
        "what": "Messages a second, of each run.",
    }


def test_check_explain_of_wrong_settings_is_exit_2(place: Place) -> None:
    """With each mistake named."""
    place.settings("[nonsense]\nx = 1\n")
    result = place.run("check", "--explain")
    assert result.exit_code == 2
    assert "nonsense: no such setting" in result.stderr


def test_the_schema_is_printed(place: Place) -> None:
    """A valid one, whole; it needs no settings."""
    place.config.unlink()
    printed = json.loads(CliRunner().invoke(app, ["settings", "schema"]).stdout)
    assert printed == schema()
    Draft7Validator.check_schema(printed)
