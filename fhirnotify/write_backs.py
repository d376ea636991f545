"""The composition root's part about write-back: it is added to what a pass has done, and never takes from it."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fhirnotify import logs
from fhirnotify.errors import AccountFault, FhirnotifyError
from fhirnotify.rows import Summary, WroteBack
from fhirnotify.settings import Settings

if TYPE_CHECKING:
    from fhirnotify.fhir.communications import Communications
    from fhirnotify.ledger.written import Standing


LONGEST_WAIT_FOR_TOKEN = timedelta(seconds=5)
"""For each of the two answers that a token may take, so that both fit into a pass."""


def with_write_back(
    settings: Settings, now: datetime | None, stop: threading.Event, work: Callable[[], Summary]
) -> Summary:
    """Do the work, then tell the journal system of reminders if ``fhir.write_back`` says so; give the work's summary.

    Nothing is told at a time that is not (``now``): messages may have gone by a test account, and visits of long ago
    would seem to be to come. It is told also after an account was refused, since reminders may have been sent all the
    same. What comes of it stands in the summary and the log: it raises nothing.

    Raises:
        FhirnotifyError: what ``work`` raises.
    """
    if now is not None or not settings.fhir.write_back:
        return work()
    try:
        summary = work()
    except AccountFault as fault:
        if isinstance(fault.summary, Summary):
            fault.summary.wrote_back = _told(settings, stop)
        raise
    summary.wrote_back = _told(settings, stop)
    return summary


def standing(settings: Settings, reminders: Iterable[str]) -> "dict[str, Standing]":
    """Give how write-back stands with reminders of the ledger, by their ids, where anything was tried.

    Raises:
        LedgerError: it cannot be read.
    """
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415
    from fhirnotify.ledger.written_sql import SqlWrittenBack  # noqa: PLC0415

    ids = list(reminders)
    if not ids:
        return {}
    database = open_database(settings.ledger.url, create=False, read_only=True, patience=5.0)
    with closing(SqlWrittenBack(database)) as backlog:
        return backlog.standing(ids)


def outstanding(settings: Settings, now: datetime) -> Counter[str]:
    """Count the reminders of which the journal system is still to be told, by the code of why, or ``NOT_TRIED``.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    from fhirnotify.ledger.opening import is_there, open_database  # noqa: PLC0415
    from fhirnotify.ledger.written_sql import SqlWrittenBack  # noqa: PLC0415

    if not is_there(settings.ledger.url):
        return Counter()
    database = open_database(settings.ledger.url, create=False, read_only=True, patience=5.0)
    with closing(SqlWrittenBack(database)) as backlog:
        return backlog.outstanding(now)


def _told(settings: Settings, stop: threading.Event) -> WroteBack:
    """Tell the journal system; log what was in vain."""
    try:
        done = _tell(settings, stop)
    except FhirnotifyError as error:
        done = WroteBack(failed=Counter({_word(error): 1}), complete=False)
    except Exception:  # noqa: BLE001  # whatever it is, the pass was done; its text could hold anything
        done = WroteBack(failed=Counter({"defect": 1}), complete=False)
    if done.failed:
        (code, _), *_ = done.failed.most_common(1)
        failed = done.failed.total()
        logs.log(logs.Event.WRITE_BACK_FAILED, level=logging.WARNING, error=code, failed=failed, written=done.written)
    return done


def _word(error: FhirnotifyError) -> str:
    return type(error).__name__.removesuffix("Error").lower()


def _tell(settings: Settings, stop: threading.Event) -> WroteBack:
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415
    from fhirnotify.ledger.written_sql import SqlWrittenBack  # noqa: PLC0415
    from fhirnotify.wiring import clock  # noqa: PLC0415
    from fhirnotify.write_back import write_back  # noqa: PLC0415

    with closing(_journal(settings, stop)) as journal:
        database = open_database(settings.ledger.url, create=False, read_only=False, patience=5.0)
        with closing(SqlWrittenBack(database)) as backlog:
            return write_back(backlog, journal, clock(None).now(), stop)


def _journal(settings: Settings, stop: threading.Event) -> "Communications":
    """Make what writes to the FHIR endpoint; nothing is connected yet. ``stop`` ends its waits between attempts."""
    from tenacity.nap import sleep_using_event  # noqa: PLC0415

    from fhirnotify.access import authentication, verification  # noqa: PLC0415
    from fhirnotify.fhir.communication_http import HttpCommunications  # noqa: PLC0415

    fhir, verify, sleep = settings.fhir, verification(settings), sleep_using_event(stop)
    auth = authentication(settings, verify, sleep, to_write=True, at_most=LONGEST_WAIT_FOR_TOKEN)
    return HttpCommunications(
        fhir.base_url, timeout=fhir.timeout, attempts=fhir.attempts, auth=auth, verify=verify, sleep=sleep
    )
