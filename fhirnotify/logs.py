"""The log: JSON lines on stderr, of events and keys that are listed here and no others.

A value that nobody listed could be a patient's, so it is dropped, and the line tells how many were. Values are
numbers, truth values and short words of codes, ids and states; anything else is told by its type alone.
Where stderr goes to systemd's journal, each line begins with its priority, so that ``journalctl -p err`` finds it.
Other libraries' messages hold URLs and parameters: of theirs, only the logger's name and the level are kept.
Logging never stops a run: what cannot be written is lost.
"""

import json
import logging
import os
import re
import sys
from collections.abc import MutableMapping
from enum import StrEnum
from typing import Any, TextIO

import structlog


class Event(StrEnum):
    """Everything that is ever logged by name."""

    RUN_ENDED = "run-ended"
    SIGNAL = "signal"
    COMMAND_FAILED = "command-failed"
    OUTPUT_LOST = "output-lost"
    PING_FAILED = "ping-failed"
    TEXTFILE_FAILED = "textfile-failed"
    WRITE_BACK_FAILED = "write-back-failed"
    AUDIT_EXPORTED = "audit-exported"
    OUTCOMES_READ = "outcomes-read"
    UNLISTED = "unlisted"
    LIBRARY = "library"


KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger", "dropped",
        "command", "error", "place", "exit_code", "signal",
        "run", "considered", "skipped", "already", "sent", "pending", "uncertain", "failed", "failed_over", "complete",
        "fhir_requests", "seconds", "chain", "written", "asked",
    }
)  # fmt: skip
"""The keys that may stand in a line. None of them is ever given a patient's data."""

_WORD = re.compile(r"[A-Za-z0-9_.:/+-]{1,80}")
_LIBRARIES = ("httpx", "httpcore", "sqlalchemy", "alembic")


def allowed(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep what is listed; count what is not (a structlog processor)."""
    kept = {key: _plain(value) for key, value in line.items() if key in KEYS}
    if kept.get("event") not in list(Event):
        kept["event"] = Event.UNLISTED.value
    if dropped := len(line) - len([key for key in line if key in KEYS]):
        kept["dropped"] = dropped
    return kept


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and _WORD.fullmatch(value):
        return str(value)
    return f"({type(value).__name__})"


class _Lines:
    """Writes lines to stderr as it is at that moment, and swallows every failure to do so."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def msg(self, message: str, level: int = logging.INFO) -> None:
        try:
            stream = self._stream or sys.stderr
            stream.write(prioritised(message, level, stream) + "\n")
            stream.flush()
        except (OSError, ValueError, AttributeError, RuntimeError):  # closed, full, none, or amid another line
            return

    debug = info = msg

    def warning(self, message: str) -> None:
        self.msg(message, logging.WARNING)

    def error(self, message: str) -> None:
        self.msg(message, logging.ERROR)

    critical = exception = error


def prioritised(text: str, level: int, stream: TextIO) -> str:
    """Begin each line with its priority where the stream is systemd's journal (sd-daemon(3), systemd.exec(5))."""
    if not _is_journal(stream):
        return text
    priority = 3 if level >= logging.ERROR else 4 if level >= logging.WARNING else 6
    return "\n".join(f"<{priority}>{line}" for line in text.split("\n"))


def _is_journal(stream: TextIO) -> bool:
    named = os.environ.get("JOURNAL_STREAM")
    if not named:
        return False
    try:
        ours = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{ours.st_dev}:{ours.st_ino}"


class _Foreign(logging.Handler):
    """Tells that a library logged something, never what."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            max(record.levelno, logging.WARNING), Event.LIBRARY, logger=record.name.replace(" ", "_")
        )


def setup(stream: TextIO | None = None) -> None:
    """Send the log to ``stream`` (default: stderr), with nothing bound, and quiet the libraries."""
    structlog.contextvars.clear_contextvars()
    lines = _Lines(stream)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allowed,
            structlog.processors.JSONRenderer(json.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _Foreign)]:
        root.removeHandler(old)
    root.addHandler(_Foreign(logging.WARNING))
    logging.raiseExceptions = False
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def bind(**context: object) -> None:
    """Add to every line from now on, such as the run's id."""
    structlog.contextvars.bind_contextvars(**context)


def log(event: Event, *, level: int = logging.INFO, **values: object) -> None:
    """Write one line."""
    structlog.get_logger().log(level, event.value, **values)
