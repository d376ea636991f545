"""Reading the Appointments of a window of time, also when it takes longer than the server keeps the pages."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from fhirnotify.errors import IncompleteRead
from fhirnotify.fhir.bundle import Page, Resource, Seen
from fhirnotify.fhir.client import Client, Params
from fhirnotify.fhir.moments import instant
from fhirnotify.fhir.search import PageExpired, Search
from fhirnotify.fhir.source import Appointment


class Window:
    """Every booked Appointment with ``after < start < before``, each once over however many searches it takes.

    When a page has expired, the search is made again from the last start that was seen (that start included:
    others may share it), or from the beginning if the server does not keep the order that it was asked for.
    A search that went on from a later start is held against the total of the one that it continues: if it
    ends with fewer, something was cancelled in between or never came in order, and all is read again.

    Args:
        params: what is asked for beside the window: whose, or where.
        keeps: tells of each match whether it is what ``params`` asked for.
        dated: False for a server that takes neither date nor status beside ``params``: then everything is asked for,
            and what is not booked is left out here.
    """

    def __init__(
        self,
        client: Client,
        translate: Callable[[Resource], Appointment],
        page_size: int,
        after: datetime,
        before: datetime,
        *,
        params: Params = (),
        keeps: Callable[[Resource], bool] = lambda _: True,
        dated: bool = True,
    ) -> None:
        self._client = client
        self._translate = translate
        self._page_size = page_size
        self._after = after
        self._before = before
        self._also = tuple(params)
        self._keeps = keeps
        self._dated = dated
        self._earlier: list[Seen] = []
        self._distinct = 0
        self._last: datetime | None = None
        self._ordered = True

    def pages(self) -> Iterator[list[Appointment]]:
        """Give page after page.

        Raises:
            IncompleteRead: any of them may be missing.
        """
        expected = 0
        resumed = False
        for _ in range(self._client.limits.restarts + 1):
            search = Search(self._client, "Appointment", self._params(resumed=resumed))
            try:
                for page in search.pages():
                    if not resumed:
                        expected = search.total or 0
                    if appointments := self._read(page):
                        yield appointments
            except PageExpired:
                resumed = self._dated and self._ordered and self._last is not None
            else:
                if not resumed or self._distinct >= expected:
                    return
                resumed = False
            self._earlier.append(search.seen)
            if not resumed:
                self._last, self._ordered = None, True
        raise PageExpired("Appointment")

    def _params(self, *, resumed: bool) -> Params:
        count = ("_count", str(self._page_size))
        if not self._dated:
            return (*self._also, count)
        since = f"ge{_instant(self._last)}" if resumed and self._last else f"gt{_instant(self._after)}"
        return (
            *self._also,
            ("date", since),
            ("date", f"lt{_instant(self._before, up=True)}"),
            ("status", "booked"),
            count,
            ("_sort", "date"),
            ("_total", "accurate"),
        )

    def _read(self, page: Page) -> list[Appointment]:
        """Translate a page, and leave out what an earlier search gave and what lies outside the window.

        Raises:
            IncompleteRead: Appointments came that the server says do not match, though nothing was asked to come along.
        """
        if page.included:
            raise IncompleteRead(
                "The FHIR server says that some of the Appointments it gives were not asked for.",
                "See the FHIR server: what matches a search must be marked as a match.",
            )
        appointments = []
        for resource in page.matches:
            if not (self._dated or self._would_be_asked_for(resource)):
                continue
            appointment = self._translate(resource)
            start = appointment.start
            self._note(start)
            if any(resource["id"] in seen for seen in self._earlier):
                continue
            self._distinct += 1
            if self._keeps(resource) and (start is None or self._after < start < self._before):
                appointments.append(appointment)
        return appointments

    def _would_be_asked_for(self, resource: Resource) -> bool:
        """Apply the filters before the costly reading: a patient's whole history may come."""
        start = resource.get("start")
        moment = instant(start) if isinstance(start, str) else None
        return resource.get("status") == "booked" and (moment is None or self._after < moment < self._before)

    def _note(self, start: datetime | None) -> None:
        if start is None:
            return
        if self._last is None or start >= self._last:
            self._last = start
        else:
            self._ordered = False


def _instant(moment: datetime, *, up: bool = False) -> str:
    """Write a moment in UTC to the second, rounded outwards: not every server reads fractions in a search."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    if up and moment.microsecond:
        whole += timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
