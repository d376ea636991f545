"""A directory of FHIR JSON, and a source that reads it."""

import json

import pytest
from raw_resources import ELEMENTS, STOCKHOLM

from fhirnotify.fhir.directory import DirectorySource


@pytest.fixture
def put(tmp_path):
    """Write a file into the directory: a resource, or several as NDJSON."""

    def write(name, *resources):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(json.dumps(resource) for resource in resources) + "\n")

    return write


@pytest.fixture
def source(tmp_path):
    """Give a source that reads the directory when it is first asked."""
    return DirectorySource(tmp_path, ELEMENTS, STOCKHOLM, page_size=2)
