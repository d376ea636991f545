"""Statuses and headers: refusals, requests to wait, redirects."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import ceil

from fhirnotify.harness.faults.fault import Fault, fhir_json, instead, on, outcome
from fhirnotify.harness.faults.links import origin
from fhirnotify.harness.loopback import Pieces, Reply, head
from fhirnotify.harness.proxy import Act, Asked, Sent, Server

_APPOINTMENT, _PATIENT, _CONSENT = "Appointment", "Patient", "Consent"
_PAUSE = 3.0
"""Seconds: more than a client waits of itself before it asks a second time."""
_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


def _refusal(status: int, headers: Mapping[str, str]) -> Reply:
    """Build an error, as a FHIR server words it."""
    return fhir_json(outcome("error", "transient"), status, headers)


def _status(status: int, **headers: str) -> Act:
    """Answer with an error."""
    return instead(_refusal(status, {name.replace("_", "-"): value for name, value in headers.items()}))


def _html(status: int) -> Act:
    return instead(Reply(status, _GATEWAY, {"Content-Type": "text/html"}))


def _throttled(*, by_date: bool) -> Act:
    """Ask to be left alone for some seconds, and mean it: whoever comes back sooner gets the same answer."""

    def act(asked: Asked, server: Server) -> Sent:
        left = _PAUSE - server.seconds
        if left <= 0:
            return server.ask(asked)
        moment = format_datetime(datetime.now(UTC) + timedelta(seconds=left + 1), usegmt=True)
        return _refusal(429, {"Retry-After": moment if by_date else str(ceil(left))})

    return act


def _redirect(status: int, *, elsewhere: bool) -> Act:
    """Send the client on, to an address at which the very same answers are to be had."""

    def act(asked: Asked, server: Server) -> Sent:
        target = asked.url.replace(origin(asked.url), server.stranger, 1) if elsewhere else asked.url
        return Reply(status, b"", {"Location": target})

    return act


def _as_partial(asked: Asked, server: Server) -> Sent:
    reply = server.ask(asked)
    return Reply(206, reply.body, reply.headers)


def _hints(asked: Asked, server: Server) -> Sent:
    return Pieces([head(103, {"Link": "</style.css>; rel=preload"}), bytes(server.ask(asked))])


def _long_header(asked: Asked, server: Server) -> Sent:
    reply = server.ask(asked)
    return Reply(reply.status, reply.body, {**reply.headers, "X-Trace": "x" * 2**20})


FAULTS = (
    Fault(
        "unauthorized-midway",
        "no longer knows the account from the second page on (401)",
        "a-loud-failure",
        on(_APPOINTMENT, _status(401, WWW_Authenticate="Bearer"), page=2),
    ),
    Fault(
        "forbidden-midway",
        "does not let the account see the second page (403)",
        "a-loud-failure",
        on(_APPOINTMENT, _status(403), page=2),
    ),
    Fault(
        "consents-forbidden",
        "does not let the account search Consents (403)",
        "consent-or-silence",
        on(_CONSENT, _status(403)),
    ),
    Fault(
        "consents-refused",
        "does not take the search for Consents as it is (400)",
        "consent-or-silence",
        on(_CONSENT, _status(400)),
    ),
    Fault(
        "patients-not-found",
        "knows no search for Patients (404)",
        "a-loud-failure",
        on(_PATIENT, _status(404)),
    ),
    Fault(
        "throttled-once",
        "asks once to be left alone for three seconds, and means it (429)",
        "none-forgotten",
        on(_APPOINTMENT, _throttled(by_date=False), page=2),
    ),
    Fault(
        "throttled-until-a-date",
        "asks once to be left alone until a moment three seconds off, and means it (429)",
        "none-forgotten",
        on(_APPOINTMENT, _throttled(by_date=True), page=2),
    ),
    Fault(
        "throttled-for-a-day",
        "asks once to be left alone for a day: whoever comes back sooner is rude, and would be answered (429)",
        "a-loud-failure",
        on(_APPOINTMENT, _status(429, Retry_After="86400"), page=2, nth=1),
    ),
    Fault(
        "throttled-for-ages",
        "asks once to be left alone for longer than numbers can tell (429)",
        "a-loud-failure",
        on(_APPOINTMENT, _status(429, Retry_After="9" * 400), page=2, nth=1),
    ),
    Fault(
        "throttled-backwards",
        "asks once to wait for less than nothing (429)",
        "none-forgotten",
        on(_APPOINTMENT, _status(429, Retry_After="-3600"), page=2, nth=1),
    ),
    Fault(
        "throttled-in-words",
        "asks once to wait for a while (503)",
        "none-forgotten",
        on(_APPOINTMENT, _status(503, Retry_After="a while"), page=2, nth=1),
    ),
    Fault(
        "unavailable-once",
        "is unavailable once, in the middle (503)",
        "none-forgotten",
        on(_APPOINTMENT, _status(503), page=2, nth=1),
    ),
    Fault(
        "unavailable-always",
        "is unavailable from the second page on (503)",
        "a-loud-failure",
        on(_APPOINTMENT, _status(503), page=2),
    ),
    Fault(
        "unavailable-for-consents",
        "is unavailable for Consents (503)",
        "consent-or-silence",
        on(_CONSENT, _status(503)),
    ),
    Fault(
        "failing-once",
        "fails once, in the middle (500)",
        "none-forgotten",
        on(_APPOINTMENT, _status(500), page=2, nth=1),
    ),
    Fault(
        "failing-always",
        "fails from the second page on (500)",
        "a-loud-failure",
        on(_APPOINTMENT, _status(500), page=2),
    ),
    Fault(
        "bad-gateway-once",
        "is once out of its gateway's reach (502, HTML)",
        "none-forgotten",
        on(_APPOINTMENT, _html(502), page=2, nth=1),
    ),
    Fault(
        "bad-gateway-always",
        "is out of its gateway's reach from the second page on (502, HTML)",
        "a-loud-failure",
        on(_APPOINTMENT, _html(502), page=2),
    ),
    Fault(
        "gateway-timeout-once",
        "is once too slow for its gateway (504, HTML)",
        "none-forgotten",
        on(_APPOINTMENT, _html(504), page=2, nth=1),
    ),
    Fault(
        "not-implemented",
        "has not learnt to search by POST (501)",
        "a-loud-failure",
        on(_APPOINTMENT, _status(501), page=1),
    ),
    Fault(
        "no-content",
        "answers 204, and nothing",
        "a-loud-failure",
        on(_APPOINTMENT, instead(Reply(204)), page=2),
    ),
    Fault(
        "partial-content",
        "answers 206 to a request for the whole",
        "a-loud-failure",
        on(_APPOINTMENT, _as_partial, page=2),
    ),
    Fault(
        "redirect-elsewhere-302",
        "sends the client to another origin, where the page is indeed found (302)",
        "nothing-sensitive-leaves",
        on(_APPOINTMENT, _redirect(302, elsewhere=True), page=2, nth=1),
    ),
    Fault(
        "redirect-elsewhere-307",
        "sends the search, its body too, to another origin, where it is indeed answered (307)",
        "nothing-sensitive-leaves",
        on(_PATIENT, _redirect(307, elsewhere=True), nth=1),
    ),
    Fault(
        "redirect-moved-301",
        "says that the page has moved to another origin for good (301)",
        "nothing-sensitive-leaves",
        on(_APPOINTMENT, _redirect(301, elsewhere=True), page=2, nth=1),
    ),
    Fault(
        "redirect-to-itself",
        "sends the client from a page to the same page, for ever (302)",
        "a-loud-failure",
        on(_APPOINTMENT, _redirect(302, elsewhere=False), page=2),
    ),
    Fault(
        "hints-first",
        "sends hints before each answer (103), as HTTP allows",
        "none-forgotten",
        on(None, _hints),
    ),
    Fault(
        "header-enormous",
        "sends a header of a megabyte",
        "a-loud-failure",
        on(_APPOINTMENT, _long_header, page=2),
    ),
)
