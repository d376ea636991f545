"""How a command of the harness ends when somebody interrupts it: not before what it put on a server is taken away."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Those that mean an end: Ctrl-C, being told to end, and the terminal going away."""


class Ending:
    """Hears those signals, as a context manager of the main thread.

    The first one becomes a KeyboardInterrupt: at once, or, between putting something on a server and having taken it
    away (``put_off``), as soon as nothing is being written: where that is waited for (``waiting``), or in the end.
    The second one within ``put_off`` ends the process there and then. One that is never entered hears nothing.
    """

    def __init__(self) -> None:
        self._asked = False
        self._says: Callable[[], str] | None = None
        self._here = threading.local()
        self._before: dict[int, Any] = {}

    @contextmanager
    def put_off(self, says: Callable[[], str]) -> Iterator[None]:
        """Put an interruption off; ``says`` gives what is told of it, one line for a person."""
        self._says = says
        try:
            yield
        finally:
            self._says = None
        self.heed()

    def heed(self) -> None:
        """Let an interruption through that has come before.

        Raises:
            KeyboardInterrupt: there was one.
        """
        if self._asked:
            raise KeyboardInterrupt

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let an interruption through, also one that has come before; in other threads than the main one, only that.

        Raises:
            KeyboardInterrupt: there is one.
        """
        self._here.waits = threading.current_thread() is threading.main_thread()
        try:
            self.heed()
            yield
        finally:
            self._here.waits = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._received) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _received(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal; Python does so in the main thread, between two of its instructions."""
        is_first, self._asked = not self._asked, True
        if self._says is None:
            if is_first:
                raise KeyboardInterrupt
            return
        if not is_first:
            _tell("ended at once; what stands there is tagged, and the next harness run takes it away")
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _tell(self._says())
        if getattr(self._here, "waits", False):
            self._here.waits = False
            raise KeyboardInterrupt


def _tell(what: str) -> None:
    """Write past the buffer of stderr, in the middle of writing to which a signal may have come."""
    with suppress(OSError, ValueError, AttributeError):
        os.write(sys.stderr.fileno(), f"{what}\n".encode())
