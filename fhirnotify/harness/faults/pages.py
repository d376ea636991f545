"""Pages that are lost, forgotten, repeated, empty or of another search."""

from fhirnotify.harness.faults.fault import (
    Bundle,
    Fault,
    asking,
    edited,
    entries,
    fhir_json,
    instead,
    on,
    outcome,
    parameter,
)
from fhirnotify.harness.faults.links import link, next_is
from fhirnotify.harness.proxy import Act, Asked, Sent, Server, bundle_of, next_of

_APPOINTMENT, _CONSENT = "Appointment", "Consent"
_GONE = fhir_json(outcome("error", "processing"), 410)
_NOT_FOUND = fhir_json(outcome("error", "not-found"), 404)
_EMPTY: Bundle = {"resourceType": "Bundle", "type": "searchset"}


def _another_page(page: int) -> Act:
    """Answer with what stood on another page, but go on as if it were this one."""

    def act(asked: Asked, server: Server) -> Sent:
        right = bundle_of(server.ask(asked)) or {}
        other = bundle_of(server.earlier(asked.kind, page) or _NOT_FOUND) or {}
        return fhir_json({**right, "entry": other.get("entry", [])})

    return act


def _also_the_first_page(asked: Asked, server: Server) -> Sent:
    bundle = bundle_of(server.ask(asked)) or {}
    first = bundle_of(server.earlier(asked.kind) or _NOT_FOUND) or {}
    return fhir_json({**bundle, "entry": entries(first) + entries(bundle)})


def _other_search(asked: Asked, server: Server) -> Sent:
    """Answer with what an earlier search for Consents gave."""
    return server.earlier(_CONSENT) or server.ask(asked)


def _skipping(asked: Asked, server: Server) -> Sent:
    """Let the first page lead straight to the third."""
    bundle = bundle_of(server.ask(asked)) or {}
    if (second := next_of(bundle)) is not None:
        link(bundle, next_of(bundle_of(server.follow(asked, second))))
    return fhir_json(bundle)


def _trailing(asked: Asked, server: Server) -> Sent:
    """Let an empty page follow the last one."""
    if asked.request.query.get("_getpages") == "trailing":
        return fhir_json(_EMPTY)
    bundle = bundle_of(server.ask(asked)) or {}
    if next_of(bundle) is None:
        link(bundle, f"{server.own}?_getpages=trailing")
    return fhir_json(bundle)


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
        on(_APPOINTMENT, _skipping, page=1),
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
        on(_APPOINTMENT, _another_page(1), page=2),
    ),
    Fault(
        "pages-overlap",
        "gives on the second page what was on the first, and then its own",
        "at-most-one",
        on(_APPOINTMENT, _also_the_first_page, page=2),
    ),
    Fault(
        "page-of-another-search",
        "gives Consents on the last page of Appointments",
        "a-loud-failure",
        on(_APPOINTMENT, _other_search, page=3),
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
