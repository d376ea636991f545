"""Full disks, and ledgers that cannot be written, or are lost, broken or replaced, between runs and under them.

Each has exit code 5 and says what to do next. When it has been mended the job goes on by itself: the provider's journal
holds each reminder once in the end.
"""

import os
import random
import resource
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import host
import pytest
from host_place import NOW, SETTLED, Place

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]  # warm starts go through a Unix socket

# Disks


def fill(disk: Path) -> Path:
    """Write a file until nothing more can be written."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return ballast


@pytest.mark.parametrize("amid", [True, False])
def test_a_full_disk(place: Place, small_disk: Path, *, amid: bool) -> None:
    """In mid-run, or from the beginning: the run stops with exit 5 and says so; with room again it goes on."""
    place.settings["ledger"] = {"url": f"sqlite:///{small_disk}/fhirnotify.db"}
    place.configure()
    if amid:
        process = place.amid(place.start())
        ballast = fill(small_disk)
        ended = place.end(process)
    else:
        ballast = fill(small_disk)
        ended = place.run()
        assert place.taken() == 0
    assert ended.code == 5, ended
    assert f"The ledger {place.ledger} cannot grow: the disk is full." in ended.said
    assert "Free space on its disk, then run again." in ended.said
    assert ended.summary["complete"] is False
    ballast.unlink()
    place.goes_on()


def test_a_file_that_may_not_grow(place: Place) -> None:
    """What a limit or a quota refuses stops the run as a full disk does."""
    process = place.amid(place.start())
    size = Path(f"{place.ledger}-wal").stat().st_size
    resource.prlimit(process.pid or 0, resource.RLIMIT_FSIZE, (size, size))
    ended = place.end(process)
    assert ended.code == 5, ended
    assert "See the log of the system and mend the disk, then run again." in ended.said
    place.goes_on()


# Ledgers that cannot be written


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_ledger_that_may_not_be_written(place: Place, what: str, *, first: bool) -> None:
    """Its file, or the directory where it is or would be: nothing is sent, and the message says whose right is missing."""
    disk = place.installation.directory / "disk"
    disk.mkdir()
    place.settings["ledger"] = {"url": f"sqlite:///{disk}/fhirnotify.db"}
    place.configure()
    if first:
        place.ledger.touch()
    else:
        place.interrupted()
    sent = place.taken()
    barred = place.ledger if what == "file" else disk
    barred.chmod(0o500 if barred.is_dir() else 0o400)
    ended = place.run(host.obeying_modes)
    assert ended.code == 5, ended
    assert "the account that" in ended.said
    assert place.taken() == sent
    barred.chmod(0o700)
    if first and what == "file":
        place.ledger.unlink()
    place.goes_on()


# Ledgers that are lost, broken or replaced


def delete(ledger: Path) -> None:
    """Take it away."""
    ledger.unlink()


def empty(ledger: Path) -> None:
    """Leave nothing in it."""
    ledger.write_bytes(b"")


def cut_short(ledger: Path) -> None:
    """Leave half of it."""
    os.truncate(ledger, ledger.stat().st_size // 2 // 4096 * 4096)


def overwrite(ledger: Path) -> None:
    """Spoil all of it."""
    with ledger.open("r+b") as file:
        file.write(random.Random(1).randbytes(ledger.stat().st_size))


def scribble(ledger: Path) -> None:
    """Spoil all but the first page."""
    with ledger.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(1).randbytes(ledger.stat().st_size - 4096))


def from_the_future(ledger: Path) -> None:
    """Put a newer version's ledger in its place."""
    newer = ledger.with_name("newer.db")
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('fhirnotify_9999')")
    newer.replace(ledger)


BREAKAGES = [
    (delete, "is missing or empty, though runs have been at work on it", "its newest backup"),
    (empty, "is missing or empty, though runs have been at work on it", "its newest backup"),
    (cut_short, "is damaged", "Restore it from the newest backup"),
    (overwrite, "is not an SQLite database", "ledger.url"),
    (scribble, "is damaged", "Restore it from the newest backup"),
    (from_the_future, "was made by a newer version of fhirnotify", "Install that version"),
]


@pytest.mark.parametrize(("breaks", "what", "next_step"), BREAKAGES)
def test_a_ledger_broken_between_two_runs(
    place: Place, breaks: Callable[[Path], None], what: str, next_step: str
) -> None:
    """Nothing is sent until it has been put back, however often the job is started; then it goes on."""
    place.interrupted()
    sent, backup = place.taken(), place.ledger.with_name("backup.db")
    shutil.copy(place.ledger, backup)
    breaks(place.ledger)
    for _ in range(2):
        ended = place.run()
        assert ended.code == 5, ended
        assert what in ended.said
        assert next_step in ended.said
        assert place.taken() == sent
    backup.replace(place.ledger)
    place.goes_on()


@pytest.mark.parametrize(("breaks", "used"), [*((breaks, True) for breaks, *_ in BREAKAGES), (scribble, False)])
def test_a_ledger_broken_in_mid_run(place: Place, breaks: Callable[[Path], None], *, used: bool) -> None:
    """Who does not stop with exit 5 has lost nothing (SQLite holds pages in memory, and its WAL); nobody gets two."""
    if used:
        place.interrupted()
    process = place.amid(place.start(), place.taken() + 2)
    breaks(place.ledger)
    for ended in (
        place.end(process),
        place.run(),
        place.run(partial(host.later, SETTLED), NOW + timedelta(minutes=20)),
    ):
        assert ended.code in {0, 5, 6}, ended
    got = Counter((message.to, message.text) for message in place.provider.taken)
    assert max(got.values()) == 1
    assert ended.code == 5 or got == place.world.inbox


def test_a_ledger_that_was_moved_away_in_mid_run(place: Place) -> None:
    """Where the file itself comes back, all that was done is in it."""
    process = place.amid(place.start())
    kept = place.ledger.with_name("kept.db")
    place.ledger.replace(kept)
    ended = place.end(process)
    assert ended.code == 5, ended
    assert "was deleted while it was in use" in ended.said
    assert "Put it back" in ended.said
    assert place.run().code == 5
    kept.replace(place.ledger)
    place.goes_on()
