"""The outbox: a file that stands in for a provider, one JSON line a message.

A message is sent when its whole JSON object is in the file and on the disk. What a crash left half written is no
message; it is closed off with a line break before the next one is written. Where a write fails, the file is cut
back to what it was, so that the message is certain not to have been sent; that the file cannot be written concerns
every message, so it is an ``AccountFault``. Only what cannot be cut back, or may not have reached the disk, is
``Unknown``.

The file holds first names and numbers: it is made readable for its owner alone.
"""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.sms.gateway import (
    Accepted,
    CannotTell,
    Delivery,
    Finding,
    Found,
    NoReport,
    NotFound,
    Outcome,
    Rejected,
    Sms,
    Trace,
    Unknown,
    account_of,
)

_MODE = 0o600
_NEXT_STEP = "Check path under [sms.outbox], who may write there, and that the disk has room."


class Outbox:
    """Writes messages to a file. Safe between threads and between processes (``flock``)."""

    name = "outbox"
    remembers = timedelta(0)
    settle = timedelta(0)

    def __init__(self, path: Path) -> None:
        self.account = account_of(self.name, str(path.absolute()))
        self._path = path

    def send(self, sms: Sms) -> Outcome:
        """Append the message and wait until it is on the disk. ``message_id`` is the reference.

        Raises:
            AccountFault: the file cannot be written; the message is not in it.
        """
        message = {"to": sms.to, "sender": sms.sender, "text": sms.text, "reference": sms.reference}
        try:
            line = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        except UnicodeEncodeError:
            return Rejected("unencodable-text")
        try:
            with _locked(self._open()) as file:
                return _append(file, line) or Accepted(sms.reference, None)
        except OSError as error:
            raise AccountFault(f"The outbox {self._path} cannot be written: {_name(error)}.", _NEXT_STEP) from None

    def find(self, trace: Trace) -> Finding:
        """Look for the reference. A file that does not exist holds no message."""
        try:
            with self._path.open("rb") as lines:
                fcntl.flock(lines, fcntl.LOCK_SH)
                found = any(_reference(line) == trace.reference for line in lines)
        except FileNotFoundError:
            found = False
        except OSError as error:
            return CannotTell(_name(error))
        return Found(trace.reference, None) if found else NotFound()

    def status(self, message_id: str) -> Delivery:  # noqa: ARG002  # none is ever delivered
        """Tell that a file delivers nothing."""
        return NoReport("a file delivers nothing")

    def check(self) -> str:
        """Tell that messages can be written here; nothing is written or made.

        Raises:
            SettingsError: they cannot.
        """
        directory = self._path.parent
        try:
            if self._path.exists():
                os.close(_regular(os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)))
            elif not directory.is_dir():
                raise FileNotFoundError(errno.ENOENT, "")
            elif not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "")
        except OSError as error:
            raise SettingsError(f"The outbox {self._path} cannot be written: {_name(error)}.", _NEXT_STEP) from None
        return f"messages are written to {self._path}, not sent"

    def close(self) -> None:
        """Nothing is kept open between messages."""

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        try:
            return _regular(os.open(self._path, flags))
        except FileNotFoundError:
            pass
        try:
            file = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, _MODE)
        except FileExistsError:  # another process was quicker
            return _regular(os.open(self._path, flags))
        os.fchmod(file, _MODE)  # an umask may have taken the owner's own rights
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return file


@contextmanager
def _locked(file: int) -> Iterator[int]:
    """Hold the file against other threads and processes, and close it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _regular(file: int) -> int:
    """Give the file back if it is one: what is written to a pipe or a device can be neither kept nor found."""
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise OSError(errno.EINVAL, "")


def _append(file: int, line: bytes) -> Unknown | None:
    """Append one line in one write; None when it is on the disk.

    Raises:
        OSError: it could not be written, and nothing of it is in the file.
    """
    size = os.fstat(file).st_size
    torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
    whole = b"\n" + line if torn else line
    try:
        _write(file, whole)
    except OSError:
        try:
            os.ftruncate(file, size)
            os.fsync(file)
        except OSError:
            return Unknown("torn-write")
        raise
    try:
        os.fsync(file)
    except OSError:
        return Unknown("fsync-failed")
    return None


def _write(file: int, whole: bytes) -> None:
    if os.write(file, whole) < len(whole):
        raise OSError(errno.ENOSPC, "")


def _reference(line: bytes) -> str | None:
    """Give the reference of a whole line; None for one that is torn or not ours."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    reference = message.get("reference") if isinstance(message, dict) else None
    return reference if isinstance(reference, str) else None


def _name(error: OSError) -> str:
    """Name what happened, without the words of the exception."""
    return os.strerror(error.errno) if error.errno else "unknown error"
