"""Where the commands are tested."""

import os
from pathlib import Path

import pytest
from place import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place whose settings name an endpoint without any resource."""
    for name in [name for name in os.environ if name.startswith("FHIRNOTIFY_")]:
        monkeypatch.delenv(name)
    made = Place(tmp_path)
    made.settings()
    made.world([])
    return made
