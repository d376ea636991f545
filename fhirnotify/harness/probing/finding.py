"""What the probe finds out about a server: a behaviour, how it is there, and what follows for reminders."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a finding comes to.

    ``ok``: the job is right, and fit for it. ``warning``: the job is right, but slower, or blind for something that
    is named. ``unknown``: the server lacks the data, or the will, to show it; the next step says what would make it
    known. ``error``: the job would stop, or could not be trusted, on this server as it is set.
    """

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    ERROR = "error"


class Behaviour(StrEnum):
    """Every behaviour that is tried, in the order of a report. Contract: programs know them by these names."""

    VERSION = "version"
    POST_SEARCH = "post-search"
    BY_DATE = "appointments-by-date"
    DATE_BOUNDS = "date-bounds"
    DATE_UTC = "date-in-utc"
    DATE_OFFSET = "date-with-offset"
    STATUS = "status-filter"
    TOTAL = "total"
    PAGE_SIZE = "page-size"
    NEXT_LINK = "next-link"
    SORT = "sort"
    FIRST_PAGE = "first-page-time"
    BY_PATIENT = "appointments-by-patient"
    BY_LOCATION = "appointments-by-location"
    BY_ID = "appointments-by-id"
    PATIENTS = "patients-by-id"
    IDENTIFIER = "patients-by-identifier"
    REPLACED = "replaced-patients"
    CONSENTS = "consents-by-patient"
    CONSENT_IDENTIFIER = "consents-by-identifier"
    VERSIONS = "resource-versions"
    UNKNOWN_PARAMETER = "unknown-parameter"
    STRICT = "strict-handling"
    COMMUNICATIONS = "communication-update"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class Finding:
    """One behaviour of a server. Numbers, parameters and codes only: nothing of a resource.

    Attributes:
        name: which behaviour.
        verdict: what it comes to.
        found: how the server behaves, in short.
        meaning: what that means for reminders, in one sentence.
        next_step: what to set, or whom to ask; empty if there is nothing to do, which is so only where it is ok.
    """

    name: Behaviour
    verdict: Verdict
    found: str
    meaning: str
    next_step: str = ""


def ok(name: Behaviour, found: str, meaning: str, next_step: str = "") -> Finding:
    """Make a finding of what is as it should be."""
    return Finding(name, Verdict.OK, found, meaning, next_step)


def warning(name: Behaviour, found: str, meaning: str, next_step: str) -> Finding:
    """Make a finding of what the job can live with."""
    return Finding(name, Verdict.WARNING, found, meaning, next_step)


def unknown(name: Behaviour, found: str, meaning: str, next_step: str) -> Finding:
    """Make a finding of what could not be learned."""
    return Finding(name, Verdict.UNKNOWN, found, meaning, next_step)


def error(name: Behaviour, found: str, meaning: str, next_step: str) -> Finding:
    """Make a finding of what the job cannot live with."""
    return Finding(name, Verdict.ERROR, found, meaning, next_step)
