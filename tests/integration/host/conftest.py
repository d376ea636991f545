"""A place of work, and a disk that can be filled."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_place import LATENCY, NOW, Place, made

from fhirnotify.harness.elks46 import FakeElks46


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give a place of work."""
    with FakeElks46(latency=LATENCY) as provider:
        yield made(tmp_path, provider, NOW)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a directory on a disk of eight megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        told = f"a small disk cannot be mounted (as root: mount -t tmpfs): {mounted.stderr}"
        pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)
