"""The pass that tells the journal system: how much it tells, and when it leaves it for the next one."""

import threading
from collections.abc import Iterator, Mapping

import pytest
from facts import NOW

from fhirnotify.core.notice import Notice, Told
from fhirnotify.errors import LedgerError
from fhirnotify.fhir.communication import id_of
from fhirnotify.fhir.communications import Answer, Failed, MemoryCommunications, Refused, Taken
from fhirnotify.rows import WroteBack
from fhirnotify.write_back import Bounds, write_back

ENDLESS = Bounds(10_000, 60.0)
PAGE = 20
TAKEN, REFUSED, BROKEN, SHUT = Taken(), Refused("status-404"), Failed("status-500"), Failed("status-401", lasting=True)


class Backlog:
    """What is to be told, twenty at a time; keeps what came of it."""

    def __init__(self, count: int) -> None:
        self.notices = [Notice(f"{number:032x}", f"a{number}", f"p{number}", Told.ACCEPTED) for number in range(count)]
        self.came: dict[Notice, str | None] = {}
        self.given_back: list[Notice] = []

    def to_tell(self, now: object) -> Iterator[list[Notice]]:
        for first in range(0, len(self.notices), PAGE):
            yield self.notices[first : first + PAGE]

    def told(self, notices: Mapping[Notice, str | None]) -> None:
        self.came |= notices

    def give_back(self, notices: list[Notice]) -> None:
        self.given_back += notices


def tell(backlog: Backlog, *answers: Answer, bounds: Bounds = ENDLESS) -> tuple[WroteBack, MemoryCommunications]:
    """Tell the journal system, which answers so at first."""
    journal = MemoryCommunications(*answers)
    return write_back(backlog, journal, NOW, threading.Event(), bounds), journal


def test_everything_is_told_once() -> None:
    """Each under its own id, and recorded."""
    backlog = Backlog(45)
    done, journal = tell(backlog)
    assert done == WroteBack(written=45)
    assert journal.asked == [id_of(each.reminder) for each in backlog.notices]
    assert backlog.came == dict.fromkeys(backlog.notices)


@pytest.mark.parametrize(
    ("answers", "asked", "complete"),
    [
        ([REFUSED] * 19, 45, True),
        ([REFUSED] * 20, 20, False),
        (([REFUSED] * 19 + [TAKEN]) * 2, 45, True),
        ([BROKEN] * 2, 45, True),
        ([BROKEN] * 3, 3, False),
        ([BROKEN, BROKEN, TAKEN, BROKEN, BROKEN], 45, True),
        ([BROKEN, BROKEN, REFUSED, BROKEN, BROKEN], 45, True),
        ([TAKEN, SHUT], 2, False),
    ],
)
def test_when_it_is_left_for_the_next_run(answers: list[Answer], asked: int, *, complete: bool) -> None:
    """One that is refused keeps nobody else out; a server that is not well is left alone."""
    backlog = Backlog(45)
    done, journal = tell(backlog, *answers)
    assert (len(journal.asked), done.complete) == (asked, complete)
    assert done.written + done.failed.total() == asked
    assert list(backlog.came) == backlog.notices[:asked]
    page = backlog.notices[: -(-asked // PAGE) * PAGE]
    assert backlog.given_back == ([] if complete else page[asked:])


def test_codes_are_counted_and_recorded() -> None:
    """Why each was in vain."""
    backlog = Backlog(4)
    done, _ = tell(backlog, REFUSED, BROKEN, REFUSED)
    assert done.failed == {"status-404": 2, "status-500": 1}
    assert list(backlog.came.values()) == ["status-404", "status-500", "status-404", None]


@pytest.mark.parametrize(("bounds", "asked"), [(Bounds(7, 60.0), 7), (Bounds(500, 0.0), 0)])
def test_no_more_than_its_bounds(bounds: Bounds, asked: int) -> None:
    """So many, for so long: no run waits for a journal system."""
    backlog = Backlog(45)
    done, journal = tell(backlog, bounds=bounds)
    assert (len(journal.asked), done.complete) == (asked, False)
    assert len(backlog.came) + len(backlog.given_back) == (PAGE if asked else 0)


def test_it_stops_when_the_process_is_to_end() -> None:
    """What is in flight ends, and is recorded; the rest is given back."""
    backlog, stop = Backlog(45), threading.Event()

    class Journal(MemoryCommunications):
        def put(self, identity: str, body: bytes) -> Answer:
            stop.set()
            return super().put(identity, body)

    done = write_back(backlog, Journal(), NOW, stop, ENDLESS)
    assert (done.written, done.complete) == (1, False)
    assert (len(backlog.came), len(backlog.given_back)) == (1, PAGE - 1)


def test_what_cannot_be_recorded_ends_it() -> None:
    """The next run tells the same once more, which changes nothing."""

    class Broken(Backlog):
        def told(self, notices: Mapping[Notice, str | None]) -> None:
            raise LedgerError("It is full.")

    backlog, journal = Broken(3), MemoryCommunications()
    with pytest.raises(LedgerError):
        write_back(backlog, journal, NOW, threading.Event(), ENDLESS)
    write_back(Backlog(3), journal, NOW, threading.Event(), ENDLESS)
    assert set(journal.versions.values()) == {1}
