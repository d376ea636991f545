"""Watching over one run: those who are to know are told that it begins, and how it ends, whatever ends it."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from fhirnotify import logs
from fhirnotify.errors import FhirnotifyError
from fhirnotify.monitoring import metrics
from fhirnotify.rows import Summary
from fhirnotify.settings.monitoring import Monitoring

_DEFECT = 1
_INTERRUPTED = 130


@dataclass(slots=True)
class Seen:
    """What is seen of a run that is watched."""

    exit_code: int = _DEFECT
    summary: Summary | None = None

    def keep(self, summary: Summary) -> Summary:
        """Keep its summary, and give it on."""
        self.summary = summary
        return summary


@contextmanager
def watched(monitoring: Monitoring) -> Iterator[Seen]:
    """Tell that a run begins, and how it ends. Who cannot be told is left out: the log says so, the run goes on."""
    seen = Seen()
    _ping(monitoring)
    try:
        yield seen
    except FhirnotifyError as error:
        seen.exit_code, seen.summary = error.exit_code, error.summary
        raise
    except KeyboardInterrupt:
        seen.exit_code = _INTERRUPTED
        raise
    finally:
        _write(monitoring, seen)
        _ping(monitoring, seen.exit_code)


def _write(monitoring: Monitoring, seen: Seen) -> None:
    if monitoring.textfile is None:
        return
    ended = metrics.Ended(datetime.now(UTC), seen.exit_code, seen.summary, monitoring.expect_appointments)
    try:
        metrics.write(monitoring.textfile, ended)
    except OSError as error:
        why = errno.errorcode.get(error.errno or 0, type(error).__name__)
        logs.log(logs.Event.TEXTFILE_FAILED, level=logging.WARNING, error=why)


def _ping(monitoring: Monitoring, exit_code: int | None = None) -> None:
    if monitoring.ping_url is None:
        return
    from fhirnotify.monitoring import ping  # noqa: PLC0415  # the HTTP client is slow to import, and few need it here

    url = monitoring.ping_url.get_secret_value()
    if failed := ping.start(url) if exit_code is None else ping.end(url, exit_code):
        logs.log(logs.Event.PING_FAILED, level=logging.WARNING, error=failed)
