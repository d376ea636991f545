"""Settings files for tests, and what is said of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from fhirnotify.errors import SettingsError
from fhirnotify.settings import Settings, load

SMALLEST = """
[fhir]
base_url = "https://fhir.example.org/r4/"
[consent]
codes = ["urn:x|sms"]
"""


def written(config: Path, text: str, **environment: str) -> Settings:
    """Load a settings file of this text."""
    config.write_text(text, "utf-8")
    return load(config, environment)


def complaint(config: Path, text: str, **environment: str) -> str:
    """Give what is said of a settings file of this text."""
    with pytest.raises(SettingsError) as caught:
        written(config, text, **environment)
    assert caught.value.exit_code == 2
    assert caught.value.next_step
    return caught.value.what


def with_keys(section: str, lines: str) -> str:
    """Put keys in a section of the smallest settings file."""
    head = f"[{section}]\n"
    return SMALLEST.replace(head, head + lines + "\n") if head in SMALLEST else f"{SMALLEST}{head}{lines}\n"


def toml(data: dict[str, Any]) -> str:
    """Write settings as TOML, a section a line."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in data.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)
