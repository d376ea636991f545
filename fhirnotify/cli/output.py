"""What is printed for people and programs: to stdout, and never at the cost of the run.

A reader that goes away, a full disk or a terminal of another alphabet loses output; it does not stop a run.
"""

import json
import os
import sys
from typing import Any, TextIO

from fhirnotify import logs


class Stdout:
    """Stands in for ``sys.stdout``; swallows every failure to write, once told in the log."""

    def __init__(self) -> None:
        self._lost = False

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return getattr(sys.stdout, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Tell whether a person is looking."""
        return not self._lost and sys.stdout is not None and sys.stdout.isatty()

    def fileno(self) -> int:
        """Give the stream's file descriptor."""
        return sys.stdout.fileno()

    def write(self, text: str) -> int:
        """Write, if it can be written."""
        if not self._lost:
            try:
                _written(sys.stdout, text)
            except (OSError, ValueError, AttributeError):
                self._lose()
        return len(text)

    def flush(self) -> None:
        """Flush, if it can be flushed."""
        if not self._lost:
            try:
                sys.stdout.flush()
            except (OSError, ValueError, AttributeError):
                self._lose()

    def line(self, text: str = "") -> None:
        """Write one line, at once."""
        self.write(text + "\n")
        self.flush()

    def json(self, value: Any) -> None:  # noqa: ANN401  # whatever JSON can hold
        """Write one line of JSON."""
        self.line(json.dumps(value, separators=(",", ":")))

    def _lose(self) -> None:
        self._lost = True
        logs.log(logs.Event.OUTPUT_LOST)
        try:  # else the interpreter tries again as it ends, and complains
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)
        except (OSError, ValueError, AttributeError):
            return


def _written(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode("ascii", "backslashreplace").decode())


def complain(text: str) -> None:
    """Write to stderr, if it can be written."""
    try:
        _written(sys.stderr, text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return
