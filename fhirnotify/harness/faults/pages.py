"""Pages that are lost, forgotten, repeated, empty or of another search."""

from fhirnotify.harness.faults.fault import (
    Bundle,
    Fault,
    asking,
    earlier,
    edited,
    entries,
    fhir_json,
    instead,
    on,
    outcome,
    parameter,
    reworked,
)
from fhirnotify.harness.faults.links import link, next_is
from fhirnotify.harness.proxy import Asked, Sent, Server, bundle_of, next_of

_APPOINTMENT, _CONSENT = "Appointment", "Consent"
_GONE = fhir_json(outcome("error", "processing"), 410)
_NOT_FOUND = fhir_json(outcome("error", "not-found"), 404)
_EMPTY: Bundle = {"resourceType": "Bundle", "type": "searchset"}


def _as_before(bundle: Bundle, asked: Asked, server: Server) -> None:
    """Put what stood on the first page in the place of what stands on this one."""
    bundle["entry"] = earlier(asked, server)


def _and_before(bundle: Bundle, asked: Asked, server: Server) -> None:
    """Put what stood on the first page before what stands on this one."""
    bundle["entry"] = earlier(asked, server) + entries(bundle)


def _consents(asked: Asked, server: Server) -> Sent:
    """Answer with what an earlier search for Consents gave."""
    return server.earlier(_CONSENT) or server.ask(asked)


def _skipping(bundle: Bundle, asked: Asked, server: Server) -> None:
    """Let this page lead straight to the one after the next."""
    if (second := next_of(bundle)) is not None:
        link(bundle, next_of(bundle_of(server.follow(asked, second))))


def _trailing(asked: Asked, server: Server) -> Sent:
    """Let an empty page follow the last one."""
    if asked.request.query.get("_getpages") == "trailing":
        return fhir_json(_EMPTY)
    return reworked(_led_on)(asked, server)


def _led_on(bundle: Bundle, _asked: Asked, server: Server) -> None:
    if next_of(bundle) is None:
        link(bundle, f"{server.own}?_getpages=trailing")


_backwards = on(_APPOINTMENT, asking(parameter("_sort", "-date")), page=1)
_one_a_page = on(_CONSENT, asking(parameter("_count", "1")), page=1)

FAULTS = (
    Fault(
        "next-is-missing",
        "forgets the link to the second page, though its total counts what is there",
        "none-forgotten",
        on(_APPOINTMENT, next_is(lambda _, __: None), page=1),
    ),
    Fault(
        "page-skipped",
        "lets the first page lead to the third",
        "none-forgotten",
        on(_APPOINTMENT, reworked(_skipping), page=1),
    ),
    Fault(
        "page-empty-in-the-middle",
        "gives the second page without entries, and goes on",
        "none-forgotten",
        on(_APPOINTMENT, edited(lambda bundle: bundle.pop("entry")), page=2),
    ),
    Fault(
        "page-empty-at-the-end",
        "lets an empty page follow the last, as HAPI has been seen to do",
        "none-forgotten",
        on(_APPOINTMENT, _trailing),
    ),
    Fault(
        "page-repeated",
        "gives the first page again in the place of the second",
        "none-forgotten",
        on(_APPOINTMENT, reworked(_as_before), page=2),
    ),
    Fault(
        "pages-overlap",
        "gives on the second page what was on the first, and then its own",
        "at-most-one",
        on(_APPOINTMENT, reworked(_and_before), page=2),
    ),
    Fault(
        "page-of-another-search",
        "gives Consents on the last page of Appointments",
        "a-loud-failure",
        on(_APPOINTMENT, _consents, page=3),
    ),
    Fault(
        "page-gone-once",
        "forgets the search once, in the middle of its pages (410)",
        "none-forgotten",
        on(_APPOINTMENT, instead(_GONE), page=2, nth=1),
    ),
    Fault(
        "page-gone-always",
        "forgets every search before its second page (410)",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_GONE), page=2),
    ),
    Fault(
        "last-page-gone-once",
        "forgets the search once, before its last page (410)",
        "none-forgotten",
        on(_APPOINTMENT, instead(_GONE), page=3, nth=1),
    ),
    Fault(
        "page-not-found-once",
        "does not find the second page once (404), as servers do that say so of a search they have forgotten",
        "none-forgotten",
        on(_APPOINTMENT, instead(_NOT_FOUND), page=2, nth=1),
    ),
    Fault(
        "page-not-found-always",
        "never finds the second page (404)",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_NOT_FOUND), page=2),
    ),
    Fault(
        "search-gone",
        "answers the search itself with 410",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_GONE), page=1),
    ),
    Fault(
        "page-gone-out-of-order",
        "gives the last visits first, whatever order is asked for, and forgets the search once (410)",
        "none-forgotten",
        on(
            _APPOINTMENT,
            instead(_GONE),
            page=3,
            nth=1,
            otherwise=on(_APPOINTMENT, asking(parameter("_sort", "-date")), page=1),
        ),
    ),
    Fault(
        "page-of-consents-lost",
        "gives Consents one a page, and not the last page, though its total counts it",
        "consent-or-silence",
        on(
            _CONSENT,
            next_is(lambda _, __: None),
            page=2,
            otherwise=on(_CONSENT, asking(parameter("_count", "1")), page=1),
        ),
    ),
)
