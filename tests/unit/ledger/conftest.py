"""A ledger in a file, and ways to break it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import ContactType
from fhirnotify.ledger.port import Claim
from fhirnotify.ledger.sql import SqlLedger

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOBODY = 65534


@pytest.fixture
def now() -> datetime:
    """The run's clock."""
    return NOW


class Clock:
    """Real time, set by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Real time, as a ledger may be told to see it."""
    return Clock()


@pytest.fixture
def path() -> Iterator[Path]:
    """Where the ledger is to stand: in a directory that others may read, as pytest's own is not."""
    directory = Path(tempfile.mkdtemp(prefix="fhirnotify-ledger-"))
    directory.chmod(0o755)
    yield directory / "ledger.db"
    directory.chmod(0o755)
    shutil.rmtree(directory)


@pytest.fixture
def open_ledger(path: Path) -> Iterator[Callable[..., SqlLedger]]:
    """Open the ledger, with little patience."""
    made: list[SqlLedger] = []

    def open_(**options: Any) -> SqlLedger:
        made.append(SqlLedger(f"sqlite:///{path}", patience=0.1, **options))
        return made[-1]

    yield open_
    for each in made:
        each.close()


@pytest.fixture
def claim_of() -> Callable[[int], Claim]:
    """Make a claim."""

    def make(n: int) -> Claim:
        evidence = Evidence(f"Appointment/a{n}/_history/1")
        return Claim(f"a{n}", f"p{n}", NOW + timedelta(hours=24), ContactType.VIDEO, evidence, segments=2)

    return make


@pytest.fixture
def as_another() -> Callable[[Callable[[], object]], str]:
    """Do something as an account without rights (root may write anywhere); give what it said."""

    def do(work: Callable[[], object]) -> str:
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            said = ""
            try:
                if os.geteuid() == 0:
                    os.setuid(NOBODY)
                said = str(work())
            except BaseException as error:  # noqa: BLE001  # whatever it is, the parent is to see it
                said = f"{type(error).__name__}: {error}"
            finally:
                os.write(theirs, said.encode())
                os._exit(0)
        os.close(theirs)
        with os.fdopen(ours, "rb") as pipe:
            said = pipe.read().decode()
        os.waitpid(child, 0)
        return said

    return do
