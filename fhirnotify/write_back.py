"""Write-back: the journal system is told, as FHIR Communications, what became of the reminders.

It comes last, when a pass has sent and recorded everything, and the next one need not wait for it. It tells for 10
seconds at most, and what is in flight then ends; and of 500 reminders. The next pass goes on. Whatever becomes of it,
nothing is sent or unsent for it, and a pass ends with the same exit code.

A Communication is told of as the ledger has it at that moment, and while one run is at it no other is given it: so a
state that is older never overwrites a newer one, unless a machine freezes in between for longer than ten minutes. A
run that dies between telling and recording that it did is followed by one that tells the same once more, in the same
bytes; that changes nothing.

One that the server does not take waits, longer each time, and the others go on. After three faults in a row of the
server itself nothing more is tried in this pass, nor when it lets nobody in, nor after twenty refusals in a row.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from fhirnotify.core.notice import Notice
from fhirnotify.fhir.communication import id_of, written
from fhirnotify.fhir.communications import Communications, Failed, Refused, Taken
from fhirnotify.ledger.written import WrittenBack
from fhirnotify.rows import WroteBack

_FAULTS = 3
_REFUSALS = 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is told in one pass: so many reminders, for so many seconds."""

    notices: int
    seconds: float


IN_A_RUN = Bounds(500, 10.0)


def write_back(
    backlog: WrittenBack,
    journal: Communications,
    now: datetime,
    stop: threading.Event,
    bounds: Bounds = IN_A_RUN,
) -> WroteBack:
    """Tell the journal system what it is still to be told, as far as the bounds go and until ``stop`` is set.

    Args:
        backlog: what the ledger knows of it.
        journal: where it is told.
        now: the run's clock, by which visits are past.
        stop: set when the process is to end.
        bounds: how much is told.

    Raises:
        LedgerError: what was told cannot be recorded; it is told once more by the next pass.
    """
    return _Pass(backlog, journal, stop, bounds).work(now)


class _Pass:
    def __init__(self, backlog: WrittenBack, journal: Communications, stop: threading.Event, bounds: Bounds) -> None:
        self._backlog, self._journal, self._stop = backlog, journal, stop
        self._most, self._until = bounds.notices, time.monotonic() + bounds.seconds
        self._faults = self._refusals = self._asked = 0
        self._is_shut = False
        self._written, self._failed = 0, Counter[str]()

    def work(self, now: datetime) -> WroteBack:
        complete = self._tell_all(now)
        return WroteBack(self._written, self._failed, complete)

    def _tell_all(self, now: datetime) -> bool:
        """Tell what is to be told; say whether it was all."""
        if self._is_over():
            return False
        for notices in self._backlog.to_tell(now):
            left = self._tell(notices)
            if left or self._is_over():
                self._backlog.give_back(left)
                return False
        return True

    def _tell(self, notices: list[Notice]) -> list[Notice]:
        """Tell these, record what came of it, and give those that there was no time for."""
        came: dict[Notice, str | None] = {}
        for notice in notices:
            if self._is_over():
                break
            came[notice] = self._put(notice)
        self._backlog.told(came)
        return notices[len(came) :]

    def _put(self, notice: Notice) -> str | None:
        self._asked += 1
        match self._journal.put(id_of(notice.reminder), written(notice)):
            case Taken():
                self._faults = self._refusals = 0
                self._written += 1
                return None
            case Refused(code):
                self._faults = 0
                self._refusals += 1
            case Failed(code, lasting):
                self._faults += 1
                self._is_shut = self._is_shut or lasting
        self._failed[code] += 1
        return code

    def _is_over(self) -> bool:
        gave_up = self._is_shut or self._faults >= _FAULTS or self._refusals >= _REFUSALS
        spent = self._asked >= self._most or time.monotonic() >= self._until
        return gave_up or spent or self._stop.is_set()
