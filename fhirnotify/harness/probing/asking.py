"""How a trial is made: by the job's own client, so that what is learned is what the job will meet."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.bundle import Page, Resource, read_page
from fhirnotify.fhir.client import Client, Params
from fhirnotify.fhir.faults import RefusedError

ONE = ("_count", "1")
TWO = ("_count", "2")
TOTAL = ("_total", "accurate")

_SECOND = timedelta(seconds=1)
_CREDENTIALS = frozenset({401, 407})
_ANSWERED = TypeVar("_ANSWERED")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A trial that the server did not answer as asked; nothing of a resource is in the words."""

    what: str
    next_step: str
    status: int | None = None


class Asker:
    """Makes trials, and remembers one resource of each type that came in answer.

    Attributes:
        origin: scheme, host and port of the server.
        beside: what stands beside the date in every search for visits, as the settings have it.
        seen: the first resource that came of each type.
    """

    def __init__(self, client: Client) -> None:
        self.beside: Params = ()
        self.origin = client.origin
        self.seen: dict[str, Resource] = {}
        self._client = client

    def search(self, resource_type: str, *params: tuple[str, str], strict: bool = False) -> Page | Refusal:
        """Search, and give the first page.

        Raises:
            FhirError: the credentials are refused, or the server is no longer there.
        """
        headers = {"Prefer": "handling=strict"} if strict else None
        return self._read(resource_type, lambda: self._client.search(resource_type, params, headers))

    def visits(self, *params: tuple[str, str], strict: bool = False) -> Page | Refusal:
        """Search Appointments in the way that the settings have it."""
        return self.search("Appointment", *self.beside, *params, strict=strict)

    def follow(self, link: str, resource_type: str) -> Page | Refusal:
        """Follow a link to a next page; one that leads away is not followed."""
        return self._read(resource_type, lambda: self._client.follow(link, resource_type))

    def etag(self, resource_type: str, id_: str) -> str | Refusal | None:
        """Give the ETag of one resource; None if it has none."""
        return self._tried(lambda: self._client.etag(resource_type, id_))

    def _read(self, resource_type: str, answer: Callable[[], object]) -> Page | Refusal:
        page = self._tried(lambda: read_page(answer(), resource_type))
        if isinstance(page, Page) and page.matches:
            self.seen.setdefault(resource_type, page.matches[0])
        return page

    def _tried(self, trial: Callable[[], _ANSWERED]) -> _ANSWERED | Refusal:
        try:
            return trial()
        except RefusedError as refusal:
            if refusal.status in _CREDENTIALS:
                raise
            return Refusal(refusal.what, refusal.next_step, refusal.status)
        except IncompleteRead as fault:
            return Refusal(fault.what, fault.next_step)
        except FhirError as fault:
            unanswered = Refusal(fault.what, fault.next_step)
        self._client.metadata()  # raises unless the server is still there: then it was this trial
        return unanswered


def window(after: datetime, before: datetime, zone: timezone = UTC) -> Params:
    """Give the two bounds of a search by start, rounded outwards to the second, as the job writes them in UTC."""
    up = _SECOND if before.microsecond else timedelta(0)
    return ("date", f"gt{_stamp(after, zone)}"), ("date", f"lt{_stamp(before + up, zone)}")


def around(start: datetime) -> tuple[datetime, datetime]:
    """Give the narrowest bounds in whole seconds that hold a start between them."""
    whole = start.replace(microsecond=0)
    return whole - _SECOND, whole + (2 * _SECOND if start.microsecond else _SECOND)


def window_of_the_job(after: datetime, before: datetime, page_size: int) -> Params:
    """Give the search by which a pass reads its window, to the letter."""
    since, until = window(after, before)
    return since, until, ("status", "booked"), ("_count", str(page_size)), ("_sort", "date"), TOTAL


def _stamp(moment: datetime, zone: timezone) -> str:
    local = moment.astimezone(zone).replace(microsecond=0)
    return local.strftime("%Y-%m-%dT%H:%M:%SZ") if zone is UTC else local.isoformat()
