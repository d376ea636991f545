"""Search parameters that are ignored, and answers to what was not asked."""

from datetime import datetime, timedelta

from fhirnotify.harness.faults.fault import Bundle, Fault, asking, earlier, entries, on, parameter, reworked
from fhirnotify.harness.proxy import Asked, Sent, Server

_APPOINTMENT, _PATIENT, _CONSENT = "Appointment", "Patient", "Consent"
_DAYS = {"gt": -timedelta(days=5), "ge": -timedelta(days=5), "lt": timedelta(days=5)}


def _wider(asked: Asked) -> Asked:
    """Ask for five days more before and after: as far as one can ignore dates on a server shared with others."""
    dates = [bound for name, bound in asked.params if name == "date"]
    moments = [(bound[:2], datetime.fromisoformat(bound[2:]) + _DAYS[bound[:2]]) for bound in dates]
    return parameter("date", *(f"{prefix}{moment:%Y-%m-%dT%H:%M:%SZ}" for prefix, moment in moments))(asked)


def _and_earlier(bundle: Bundle, asked: Asked, server: Server) -> None:
    """Give beside what was asked for what the first search of the same type gave."""
    known = {entry["resource"]["id"] for entry in entries(bundle)}
    entries(bundle).extend(entry for entry in earlier(asked, server) if entry["resource"]["id"] not in known)
    bundle["total"] = len(entries(bundle))


def _earlier(asked: Asked, server: Server) -> Sent:
    """Give what the first search of the same type gave, as a wrong cache does."""
    return server.earlier(asked.kind) or server.ask(asked)


FAULTS = (
    Fault(
        "date-ignored",
        "ignores the dates asked for: visits of other days come along",
        "none-forgotten",
        on(_APPOINTMENT, asking(_wider), page=1),
    ),
    Fault(
        "status-ignored",
        "ignores the status asked for: cancelled visits come along",
        "explained",
        on(_APPOINTMENT, asking(parameter("status")), page=1),
    ),
    Fault(
        "sort-ignored",
        "gives the last visits first, whatever order is asked for",
        "none-forgotten",
        on(_APPOINTMENT, asking(parameter("_sort", "-date")), page=1),
    ),
    Fault(
        "page-size-ignored",
        "gives as many matches a page as it likes",
        "none-forgotten",
        on(None, asking(parameter("_count")), page=1),
    ),
    Fault(
        "page-size-of-one",
        "gives one match a page, whatever size is asked for",
        "none-forgotten",
        on(None, asking(parameter("_count", "1")), page=1),
    ),
    Fault(
        "patient-ignored",
        "ignores whose Consents are asked for: those of others come along, or alone",
        "consent-or-silence",
        on(_CONSENT, reworked(_and_earlier)),
    ),
    Fault(
        "consents-of-another-search",
        "answers each search for Consents as it did the first, as a wrong cache does",
        "consent-or-silence",
        on(_CONSENT, _earlier),
    ),
    Fault(
        "id-ignored",
        "ignores which Patients are asked for: others come along",
        "consent-or-silence",
        on(_PATIENT, reworked(_and_earlier)),
    ),
    Fault(
        "patients-of-another-search",
        "answers each search for Patients as it did the first, as a wrong cache does",
        "none-forgotten",
        on(_PATIENT, _earlier),
    ),
)
