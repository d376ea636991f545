"""Trials of how an answer is parted into pages: its total, its size, its order, and the way to the next."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from fhirnotify.fhir.bundle import Page
from fhirnotify.harness.probing.asking import Asker, Refusal
from fhirnotify.harness.probing.finding import Behaviour, Finding, error, ok, unknown, warning
from fhirnotify.harness.probing.sample import NO_VISITS, Sample, start_of

_SLOW = 3
"""A first page that takes a third of ``fhir.timeout`` leaves too little room for a busy hour."""
_SEVERAL = 2
_PORTS = {"http": 80, "https": 443}
_LOST = "The job stops (exit 3) rather than leave a visit out."
_UNSEEN = "A page that is lost on the way cannot be noticed, and its visits would get no reminder."
_ASK_SORT = "Ask the server's vendor: _sort on Appointment, by date and by -date."
_ASK_TOTAL = "Ask the server's vendor: _total=accurate on every search (HAPI: a count of what matches)."


def pages(asker: Asker, sample: Sample, page: Page, page_size: int, timeout: timedelta) -> Iterator[Finding]:
    """Try the first page of the window, as it came, and one of a single Appointment."""
    one = asker.visits(*sample.several) if sample.several else None
    single = one if isinstance(one, Page) else None
    yield total(page, single)
    yield size(page, single, page_size)
    yield _next(asker, single)
    yield _order(asker, sample, single)
    yield pace(sample.seconds, page_size, timeout)


def total(page: Page, single: Page | None) -> Finding:
    """Tell whether the number of matches is told, and can be true."""
    name = Behaviour.TOTAL
    if page.total is None or (single and single.total is None):
        return warning(name, "not told, though asked for", _UNSEEN, _ASK_TOTAL)
    given = len(page.matches)
    if page.next is None and given < page.total:
        step = "Ask the server's vendor why: a page or a resource may be withheld from this account."
        return error(name, f"{page.total} told, {given} given, and no further page", _LOST, step)
    if page.total < given or (single and single.total and single.total < _SEVERAL):
        return warning(name, "lower than what is given: it counts something else", _UNSEEN, _ASK_TOTAL)
    if not page.total and single is None:
        return unknown(name, "told as 0 of an empty window", "By it a page that is lost is noticed.", NO_VISITS)
    return ok(name, "told, and not lower than what is given", "A page that is lost on the way is noticed.")


def size(page: Page, single: Page | None, page_size: int) -> Finding:
    """Tell whether a page is as long as asked for."""
    name, given = Behaviour.PAGE_SIZE, len(page.matches)
    if given > page_size or (single and len(single.matches) > 1):
        too_many = "The job reads it; an answer longer than 64 MiB would stop it."
        return warning(name, "a page is longer than asked for", too_many, "Ask the server's vendor: _count.")
    if page.next is not None and given == page_size:
        return ok(name, f"{page_size} as asked for", "Each page costs a request.")
    if page.next is not None:
        found = f"{given} at most, though {page_size} are asked for"
        return ok(name, found, "Each page costs a request; nothing is lost.", "Raise the server's largest page.")
    if single is None:
        return unknown(name, f"{given} of {page_size} are all there are", "Each page costs a request.", NO_VISITS)
    found = f"1 as asked for; of {page_size} asked for, the {given} there are"
    return ok(name, found, "Each page costs a request.")


def _next(asker: Asker, single: Page | None) -> Finding:
    """Tell where the link to the next page leads, and what stands there."""
    name = Behaviour.NEXT_LINK
    if single is None or (single.next is None and len(single.matches) != 1):
        return unknown(name, "everything came on one page", "A link that cannot be followed stops the job.", NO_VISITS)
    if single.next is None:
        return error(name, "missing, though there is more", _LOST, "Ask the server's vendor: paging (FHIR http).")
    where = place(single.next, asker.origin)
    second = asker.follow(single.next, "Appointment")
    if isinstance(second, Refusal):
        return error(name, f"{where}: {second.what}", _LOST, second.next_step)
    earlier = {match["id"] for match in single.matches}
    later = {match["id"] for match in second.matches}
    if later and later <= earlier:
        return error(name, f"{where}, and gives the same page again", _LOST, "Ask the server's vendor.")
    if not later and second.next is None:
        return error(name, f"{where}, and gives an empty page", _LOST, "Ask the server's vendor.")
    return ok(name, f"{where}, and gives the next page", "The job follows it as it stands.")


def place(link: str, origin: str) -> str:
    """Say where a link leads, as seen from the endpoint's scheme, host and port; its path is not repeated."""
    try:
        there, here = urlsplit(link), urlsplit(origin)
        scheme = there.scheme or here.scheme
        ports = (there.port or _PORTS.get(scheme), here.port or _PORTS.get(here.scheme))
    except ValueError:
        return "cannot be read"
    if not there.scheme and not there.netloc:
        return "relative"
    pairs = {"scheme": (scheme, here.scheme), "host": (there.hostname, here.hostname), "port": ports}
    other = [part for part, (one, another) in pairs.items() if one != another]
    return f"to another {' and '.join(other)}" if other else "to the same origin"


def _order(asker: Asker, sample: Sample, single: Page | None) -> Finding:
    """Tell whether the order asked for is kept, by turning it round."""
    name = Behaviour.SORT
    meaning = "A search whose pages expire is taken up where it was."
    without = "A search whose pages expire is begun again from the start: right, but slow."
    if single is None or sample.several is None:
        return unknown(name, "there are too few Appointments to sort", meaning, NO_VISITS)
    turned = (("_sort", "-date") if param[0] == "_sort" else param for param in sample.several)
    last = asker.visits(*turned)
    if isinstance(last, Refusal):
        return unknown(name, "the other way round is refused", meaning, _ASK_SORT)
    ends = [start for page in (single, last) for match in page.matches[:1] if (start := start_of(match))]
    if len(ends) == _SEVERAL and ends[0] < ends[1] and _in_order(sample):
        return ok(name, "kept, both ways", meaning)
    if len(set(sample.starts)) < _SEVERAL:
        return unknown(name, "those that are known start at the same time", meaning, NO_VISITS)
    return warning(name, "ignored", without, _ASK_SORT)


def _in_order(sample: Sample) -> bool:
    return not sample.of_window or sample.starts == sorted(sample.starts)


def pace(seconds: float, page_size: int, timeout: timedelta) -> Finding:
    """Tell how long the first page of the window takes, as the job asks for it."""
    name, longest = Behaviour.FIRST_PAGE, timeout.total_seconds()
    found = f"{seconds:.1f} s, of {longest:g} s that it may take"
    if seconds * _SLOW <= longest:
        return ok(name, found, f"The window is read {page_size} at a time, at about this pace.")
    return warning(
        name,
        found,
        "In a busy hour a page may take too long, and the run stops (exit 3).",
        f"Lower fhir.page_size (now {page_size}), raise fhir.timeout, or ask for an index on Appointment.start.",
    )
