"""What the tests of the adapters have in common: answers that are written in the test, and the stand-ins."""

from collections.abc import Iterator
from typing import Any

import pytest
import respx

from fhirnotify.harness.inbox import Inbox


@pytest.fixture
def router() -> Any:
    """Answer for the provider."""
    with respx.mock(assert_all_called=False) as mock:
        yield mock


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Start the stand-ins."""
    with Inbox() as started:
        yield started
