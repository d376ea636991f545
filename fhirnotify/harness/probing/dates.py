"""Trials of the search for a window of time: whether it is answered, and how its bounds and its status are taken."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

from fhirnotify.fhir.bundle import Page, Resource
from fhirnotify.harness.probing.asking import ONE, TOTAL, TWO, Asker, Refusal, around, window, window_of_the_job
from fhirnotify.harness.probing.finding import Behaviour, Finding, error, ok, unknown, warning
from fhirnotify.harness.probing.sample import FAR_OFF, LONG_AGO, NO_VISIT, Sample, outside, start_of

_DAY = timedelta(days=1)
_ELSEWHERE = timezone(timedelta(hours=5, minutes=45))
"""An offset that no server has as its own, so that one which leaves offsets unread is found out."""
_HINTS = ("_sort", "_total", "status")
_MORE_READ = "The job keeps what is in its window, so it stays right, but each run may read all there is."
_OTHER_WAYS = (
    "Set fhir.appointments to a way that is answered, by location or by patient; or ask the server's vendor for"
    " Appointments by date, all at once."
)
_VENDOR_DATE = "Ask the server's vendor: Appointment's search parameter date, twice, with gt and lt (FHIR search)."


def by_date(asker: Asker, sample: Sample, way: str) -> Finding:
    """Tell whether the job's own search of its window is answered; ``way`` is ``fhir.appointments``."""
    name, page = Behaviour.BY_DATE, sample.first_page
    if isinstance(page, Page):
        if asker.beside:
            return ok(name, f"answered, beside {asker.beside[0][0]}", "The window is read so.")
        return ok(name, "answered", "The window can be read by date alone, as the job does by default.")
    if way == "by-patient" and not asker.beside:
        return ok(name, "refused by date alone", "Not needed: the window is read by patient.")
    if way == "by-patient":
        meaning = "The job reads each patient's whole history, and applies the window itself: right, but slow."
        return warning(
            name, "refused, also beside patient", meaning, "Ask the server's vendor: date and status beside patient."
        )
    hindrance = _hindrance(asker)
    if hindrance is None:
        return error(
            name,
            f"refused: {page.what}",
            "The job asks so, and would stop at its first request.",
            _OTHER_WAYS if page.status else page.next_step,
        )
    step = (
        "Lower fhir.page_size."
        if hindrance == "_count"
        else f"Ask the server's vendor to answer {hindrance}, which FHIR has for every server."
    )
    return error(name, f"refused with {hindrance}, answered without: {page.what}", "The job asks with it.", step)


def _hindrance(asker: Asker) -> str | None:
    """Name the parameter without which a window that nobody has is answered; None if it is the dates themselves."""
    far = window_of_the_job(FAR_OFF, FAR_OFF + _DAY, 1)
    if isinstance(asker.visits(*far), Page):
        return "_count"
    for hint in _HINTS:
        if isinstance(asker.visits(*(param for param in far if param[0] != hint)), Page):
            return hint
    return None


def bounds(asker: Asker, sample: Sample) -> Finding:
    """Tell whether both bounds count, by windows so far off that each of them leaves everything out."""
    name = Behaviour.DATE_BOUNDS
    future = asker.visits(*window(FAR_OFF, FAR_OFF + _DAY), ONE)
    past = asker.visits(*window(LONG_AGO, LONG_AGO + _DAY), ONE)
    if isinstance(future, Refusal) or isinstance(past, Refusal):
        return unknown(name, "a window far off is refused", "The job asks for the next days alone.", _VENDOR_DATE)
    lower, upper = not outside(future, FAR_OFF, FAR_OFF + _DAY), not outside(past, LONG_AGO, LONG_AGO + _DAY)
    if lower and upper:
        if not sample.known:
            meaning = "If they do not count, each run may read all there is."
            return unknown(name, "there is no Appointment to keep out", meaning, NO_VISIT)
        return ok(name, "two bounds on one parameter both count", "Only the window is read.")
    found = "the later bound is ignored" if lower else "the earlier bound is ignored" if upper else "date is ignored"
    return warning(name, found, _MORE_READ, _VENDOR_DATE)


def instants(asker: Asker, sample: Sample) -> Iterator[Finding]:
    """Tell whether an Appointment is found by its own start, written in UTC and with an offset."""
    utc, offset = Behaviour.DATE_UTC, Behaviour.DATE_OFFSET
    if not sample.known:
        for name in (utc, offset):
            yield unknown(
                name,
                "there is no Appointment to find",
                "The edges of the window decide when a reminder comes.",
                NO_VISIT,
            )
        return
    start = sample.starts[0]
    yield _in_utc(asker, sample.known[0], start)
    shifted = _found(asker, start, _ELSEWHERE)
    if shifted:
        yield ok(offset, "taken as the same instant as with Z", "Nothing follows: the job asks in UTC, with Z.")
    else:
        yield warning(
            offset,
            "taken as another time than with Z",
            "The job asks in UTC, with Z, and is not touched; others that ask this server are.",
            "Tell the server's vendor; write no bounds with an offset to it yourself.",
        )


def _in_utc(asker: Asker, known: Resource, start: datetime) -> Finding:
    name = Behaviour.DATE_UTC
    taken = _found(asker, start, UTC)
    if taken:
        return ok(name, "an Appointment is found by the second of its start", "The window's edges are where they are.")
    if taken is None:
        loose = "The job keeps what is in its window, so it stays right, but reads more than it needs."
        return warning(name, "taken loosely: others are given, too", loose, _VENDOR_DATE)
    if not _still_starts(asker, known["id"], start):
        return unknown(name, "the Appointment was changed while it was tried", "Nothing follows.", "Probe again.")
    return error(
        name,
        "an Appointment is not found by the second of its start",
        "Visits are missed: the server reads times in another zone, compares their text, or finds late.",
        "Ask the server's vendor: date has to compare instants, whatever offset a start is written with.",
    )


def _found(asker: Asker, start: datetime, zone: timezone) -> bool | None:
    """Tell whether a start is found by narrow bounds; None if others come in answer."""
    after, before = around(start)
    page = asker.visits(*window(after, before, zone), TWO)
    if isinstance(page, Refusal) or not page.matches:
        return False
    return None if outside(page, after, before) else True


def _still_starts(asker: Asker, id_: str, start: datetime) -> bool:
    page = asker.search("Appointment", ("_id", id_), ONE)
    return isinstance(page, Refusal) or any(start_of(match) == start for match in page.matches)


def status(asker: Asker, sample: Sample) -> Finding:
    """Tell whether the filter on status leaves out what has another one, and finds what has it."""
    name = Behaviour.STATUS
    if not sample.known:
        return unknown(name, "there is no Appointment to filter", "Cancelled visits are never reminded of.", NO_VISIT)
    known, narrow = sample.known[0], window(*around(sample.starts[0]))
    its_own = known.get("status")
    other = "entered-in-error" if its_own != "entered-in-error" else "proposed"
    page = asker.visits(*narrow, ("status", other), ONE)
    if isinstance(page, Refusal):
        return unknown(name, f"{other} is refused", "The job asks for booked alone.", page.next_step)
    if any(match.get("status") != other for match in page.matches):
        return warning(
            name,
            "ignored",
            "Cancelled visits are read, too; the job skips them, as not-booked.",
            "Ask the server's vendor: Appointment's search parameter status.",
        )
    if isinstance(its_own, str) and not sample.of_window:
        found = asker.visits(*narrow, ("status", its_own), ONE, TOTAL)
        if isinstance(found, Refusal) or not found.matches:
            return error(
                name,
                "an Appointment is not found by its own status",
                "No visit would be found, and nobody reminded.",
                "Ask the server's vendor: Appointment's search parameter status.",
            )
    return ok(name, "counts", "Only booked visits are read.")
