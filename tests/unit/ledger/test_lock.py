"""The lock that lets one run at a time work on a SQLite ledger."""

import errno
import fcntl
import os
import threading
from contextlib import closing

import pytest

from fhirnotify.errors import LedgerError
from fhirnotify.ledger.lock import RunLock


@pytest.fixture
def lock_of(path):
    """Make locks on one file; those still held are given back at the end."""
    made = []

    def make(patience=0.0):
        made.append(RunLock(path.with_name("ledger.db.lock"), patience))
        return made[-1]

    yield make
    for each in made:
        each.give_back()


def test_one_holds_it(lock_of):
    """While one holds it another is refused; when it is given back, the other has it."""
    one, other = lock_of(), lock_of()
    one.take("run")
    one.take("run")

    with pytest.raises(LedgerError, match=rf"Another run \(process {os.getpid()}\) is at work"):
        other.take("run")

    one.give_back()
    other.take("run")


def test_waits_as_long_as_it_was_told(lock_of):
    """A run that ends while another waits for it lets the other in."""
    one, other = lock_of(), lock_of(patience=30)
    one.take("run")
    giving_back = threading.Timer(0.1, one.give_back)
    giving_back.start()

    other.take("run")

    giving_back.join()


def test_holder_that_left_no_number(lock_of, path):
    """Where the file does not say who holds it, the message does without."""
    lock_of().take("run")
    path.with_name("ledger.db.lock").write_text("?")

    with pytest.raises(LedgerError, match="Another run is at work"):
        lock_of().take("run")


def test_file_deleted_in_between(lock_of, path, monkeypatch):
    """A lock on a file that was deleted meanwhile keeps nobody out, so it is taken anew."""
    file, real, calls = path.with_name("ledger.db.lock"), fcntl.flock, []

    def flock(descriptor, how):
        calls.append(how)
        real(descriptor, how)
        if len(calls) == 1:
            file.unlink()

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", flock)
        lock_of(patience=5).take("run")

    assert file.read_text().startswith(f"{os.getpid()} ")
    with pytest.raises(LedgerError, match="Another run"):
        lock_of().take("run")


def test_file_system_without_locks(lock_of, monkeypatch):
    """A file system that knows no locks is told of, and no descriptor stays open."""

    def flock(descriptor, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with closing(os.scandir("/proc/self/fd")) as before:
        count = len(list(before))
    monkeypatch.setattr(fcntl, "flock", flock)

    with pytest.raises(LedgerError, match="cannot be taken: No locks available"):
        lock_of().take("run")

    with closing(os.scandir("/proc/self/fd")) as after:
        assert len(list(after)) == count
