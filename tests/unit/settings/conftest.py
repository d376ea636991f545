"""Where settings are tested."""

from pathlib import Path

import pytest
from settings_file import SMALLEST


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file that holds no more than it must."""
    file = tmp_path / "fhirnotify.toml"
    file.write_text(SMALLEST, "utf-8")
    return file
