"""One run at a time on one SQLite ledger, by a lock that the operating system gives back when the holder dies."""

import fcntl
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from fhirnotify.errors import LedgerError
from fhirnotify.ledger.faults import of_system

_BETWEEN_TRIES = 0.05


class RunLock:
    """An exclusive ``flock`` on a file beside the ledger, which says for people who holds it.

    The lock is the operating system's, not the file: it ends with the process, also by ``kill -9``, so holding it
    proves that every other run on this ledger is dead. The file stays where it is; deleting it would let two
    processes hold a lock on two files of one name. The ledger itself is not locked so, since closing a second
    descriptor of it would drop SQLite's own locks (POSIX, fcntl).
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._patience = patience
        self._descriptor: int | None = None

    def take(self, purpose: str) -> None:
        """Take the lock for a purpose (a word), or wait for it up to ``patience`` seconds; nothing if it is held.

        Raises:
            LedgerError: another process holds it, or the file cannot be written.
        """
        deadline = time.monotonic() + self._patience
        try:
            while self._descriptor is None and not self._try(purpose):
                if time.monotonic() >= deadline:
                    raise LedgerError(
                        f"Another run{self._holder()} is at work on the ledger.",
                        "Wait until it is done, then run again; let the schedule start one run at a time.",
                    )
                time.sleep(_BETWEEN_TRIES)
        except FileNotFoundError:
            raise LedgerError(
                f"The directory {self._path.parent} of the ledger does not exist.", "Create it, or mend ledger.url."
            ) from None
        except OSError as error:
            raise of_system(
                f"The lock {self._path} of the ledger cannot be taken",
                error,
                "Run fhirnotify as the account that owns the ledger, and let it write the ledger's directory.",
            ) from None

    def _try(self, purpose: str) -> bool:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Somebody may have deleted the file since it was opened; then this lock keeps nobody out.
            if not self._path.exists() or not os.path.samestat(os.fstat(descriptor), self._path.stat()):
                os.close(descriptor)
                return False
            with suppress(OSError):  # a full disk: it is a lock also without words
                os.truncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()} {socket.gethostname()} {purpose}\n".encode(), 0)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    @property
    def last_purpose(self) -> str | None:
        """What it was last taken for; None if it was never taken, or nobody can tell.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            return self._text().rstrip().rpartition(" ")[2] or None
        except FileNotFoundError:
            return None

    def _text(self) -> str:
        return self._path.read_text(encoding="utf-8", errors="replace")

    def _holder(self) -> str:
        pid = self._text().partition(" ")[0]
        return f" (process {pid})" if pid.isdigit() else ""

    def give_back(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
