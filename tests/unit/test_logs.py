"""The log: what may stand in it, and that it never stops a run."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from fhirnotify import logs
from fhirnotify.logs import Event


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The log's lines, with the log set up to write there."""
    made = io.StringIO()
    logs.setup(made)
    yield made
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Give the lines without their time."""
    return [{k: v for k, v in json.loads(line).items() if k != "timestamp"} for line in stream.getvalue().splitlines()]


def test_listed_events_and_keys_are_kept(stream: io.StringIO) -> None:
    """A line is JSON with its event, level and the values that are listed."""
    logs.log(Event.RUN_ENDED, sent=3, complete=True, run="r1", seconds=0.5)
    assert lines(stream) == [
        {"event": "run-ended", "level": "info", "sent": 3, "complete": True, "run": "r1", "seconds": 0.5}
    ]


@pytest.mark.parametrize("key", ["name", "number", "text", "url", "exc_info", "stack_info", "query"])
def test_keys_that_are_not_listed_are_dropped_and_counted(stream: io.StringIO, key: str) -> None:
    """What nobody listed could be a patient's."""
    logs.log(Event.RUN_ENDED, **{key: "Anna"})
    assert lines(stream) == [{"event": "run-ended", "level": "info", "dropped": 1}]


@pytest.mark.parametrize(
    "value",
    ["Anna Andersson", "https://x/Patient?name=a", "å", ["Anna"], {"a": 1}, b"x", "", ValueError("Anna"), "x" * 99],
)
def test_values_that_are_not_plain_words_are_told_by_their_type(stream: io.StringIO, value: object) -> None:
    """A listed key does not let a sentence, a URL with a query or a structure through."""
    logs.log(Event.COMMAND_FAILED, error=value)
    assert lines(stream)[0]["error"] == f"({type(value).__name__})"


def test_an_event_that_is_not_listed_is_not_told(stream: io.StringIO) -> None:
    """Whoever logs by another way cannot write a sentence into the event."""
    structlog.get_logger().info("sending to Anna")
    assert lines(stream) == [{"event": "unlisted", "level": "info"}]


def test_a_traceback_never_comes_along(stream: io.StringIO) -> None:
    """Exceptions' texts and locals may hold anything."""
    try:
        raise ValueError("Anna")  # noqa: TRY301
    except ValueError:
        structlog.get_logger().exception(Event.COMMAND_FAILED)
    assert lines(stream) == [{"event": "command-failed", "level": "error", "dropped": 1}]


@pytest.mark.parametrize("library", ["httpx", "httpcore.connection", "sqlalchemy.engine", "alembic", "something.else"])
def test_of_other_libraries_only_the_name_and_level_are_told(stream: io.StringIO, library: str) -> None:
    """Their messages hold URLs and parameters; what is below a warning is not told at all."""
    logging.getLogger(library).info("GET http://x/Patient?name=%s", "Anna")
    logging.getLogger(library).warning("GET http://x/Patient?name=%s", "Anna")
    assert lines(stream) == [{"event": "library", "level": "warning", "logger": library}]


def test_setting_up_twice_tells_everything_once(stream: io.StringIO) -> None:
    """Each command sets the log up."""
    logs.setup(stream)
    logging.getLogger("httpx").error("x")
    assert len(lines(stream)) == 1


def test_what_is_bound_stands_in_every_line(stream: io.StringIO) -> None:
    """The run's id tells whose lines they are."""
    with structlog.contextvars.bound_contextvars():
        logs.bind(run="r1")
        logs.log(Event.SIGNAL, signal="SIGTERM")
    assert lines(stream)[0]["run"] == "r1"


class Broken(io.StringIO):
    """A stream nobody reads any longer."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("gone", [Broken(), None])
def test_a_stream_that_is_gone_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch, gone: io.StringIO | None) -> None:
    """Losing the log is better than losing the run."""
    monkeypatch.setattr(sys, "stderr", gone)
    logs.setup()
    logs.log(Event.SIGNAL)
    logging.getLogger("httpx").error("x")


@pytest.mark.parametrize(("level", "prefix"), [(logging.INFO, "<6>"), (logging.WARNING, "<4>"), (logging.ERROR, "<3>")])
def test_in_the_journal_each_line_begins_with_its_priority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: int, prefix: str
) -> None:
    """Only where stderr itself is the journal: a run that is started from a unit may write elsewhere."""
    with (tmp_path / "journal").open("w+", encoding="utf-8") as journal:
        status = os.fstat(journal.fileno())
        for named in (f"{status.st_dev}:{status.st_ino}", f"{status.st_dev}:1", ""):
            monkeypatch.setenv("JOURNAL_STREAM", named)
            logs.setup(journal)
            logs.log(Event.RUN_ENDED, level=level, sent=3)
        structlog.reset_defaults()
        journal.seek(0)
        first, *others = journal.read().splitlines()
    assert first.startswith(prefix + "{")
    assert [line[0] for line in others] == ["{", "{"]


def test_a_stream_that_is_no_file_is_not_the_journal(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says."""
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    logs.log(Event.RUN_ENDED)
    assert stream.getvalue().startswith("{")
