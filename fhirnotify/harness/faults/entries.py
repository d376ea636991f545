"""Answers that are no searchset, and entries that cannot be read or say other than they should."""

from collections.abc import Callable
from typing import Any

from fhirnotify.harness.faults.counts import denies
from fhirnotify.harness.faults.fault import Bundle, Fault, edited, entries, fhir_json, instead, on, outcome
from fhirnotify.harness.proxy import Act

_APPOINTMENT, _PATIENT, _CONSENT = "Appointment", "Patient", "Consent"
_ERROR = outcome("error", "exception")
_WARNING = outcome("warning", "informational")
_ESCAPE = "\x1b[2J"


def _first(edit: Callable[[dict[str, Any]], object]) -> Act:
    """Change the first entry."""

    def change(bundle: Bundle) -> None:
        for entry in entries(bundle)[:1]:
            edit(entry)

    return edited(change)


def _each(edit: Callable[[dict[str, Any]], object]) -> Act:
    """Change every entry."""

    def change(bundle: Bundle) -> None:
        for entry in entries(bundle):
            edit(entry)

    return edited(change)


def _resource(**elements: object) -> Act:
    """Change elements of the first resource."""
    return _first(lambda entry: entry["resource"].update(elements))


def _also(resource: object, mode: str) -> Act:
    """Add an entry."""
    return edited(lambda bundle: entries(bundle).append({"resource": resource, "search": {"mode": mode}}))


def _with(key: str, value: object) -> Act:
    """Set an element of the Bundle."""
    return edited(lambda bundle: bundle.update({key: value}))


def _mode(mode: object) -> Callable[[dict[str, Any]], object]:
    return lambda entry: entry.update(search={"mode": mode})


def _included_unnoticed(bundle: Bundle) -> None:
    bundle.pop("total", None)
    for entry in entries(bundle):
        entry["search"] = {"mode": "include"}


def _denies_included(bundle: Bundle) -> None:
    for entry in entries(bundle):
        if denies(entry["resource"]):
            entry["search"] = {"mode": "include"}
            bundle["total"] -= 1


FAULTS = (
    Fault(
        "entry-without-resource",
        "gives an entry with nothing in it",
        "a-loud-failure",
        on(_APPOINTMENT, _first(lambda entry: entry.pop("resource")), page=2),
    ),
    Fault(
        "entry-null",
        "gives null for an entry",
        "a-loud-failure",
        on(_APPOINTMENT, edited(lambda bundle: entries(bundle).append(None)), page=2),  # type: ignore[arg-type]
    ),
    Fault(
        "entries-no-list",
        "gives one entry alone where a list should be",
        "a-loud-failure",
        on(_APPOINTMENT, edited(lambda bundle: bundle.update(entry=entries(bundle)[0])), page=2),
    ),
    Fault(
        "match-of-another-type",
        "gives a Slot as a match of a search for Appointments",
        "a-loud-failure",
        on(_APPOINTMENT, _also({"resourceType": "Slot", "id": "s"}, "match"), page=2),
    ),
    Fault(
        "other-types-included",
        "gives Practitioners along, which nobody asked for, marked as what they are",
        "none-forgotten",
        on(_APPOINTMENT, _also({"resourceType": "Practitioner", "id": "s"}, "include")),
    ),
    Fault(
        "appointment-without-id",
        "gives an Appointment without id",
        "a-loud-failure",
        on(_APPOINTMENT, _first(lambda entry: entry["resource"].pop("id")), page=2),
    ),
    Fault(
        "consent-without-id",
        "gives Consents without id",
        "consent-or-silence",
        on(_CONSENT, _each(lambda entry: entry["resource"].pop("id"))),
    ),
    Fault(
        "id-with-control-characters",
        "gives an id that would clear the terminal of whoever reads it",
        "a-loud-failure",
        on(_APPOINTMENT, _resource(id=_ESCAPE), page=2),
    ),
    Fault(
        "id-is-a-number",
        "gives a number for an id",
        "a-loud-failure",
        on(_APPOINTMENT, _resource(id=17), page=2),
    ),
    Fault(
        "mode-missing",
        "does not say which entries match and which came along",
        "none-forgotten",
        on(None, _each(lambda entry: entry.pop("search", None))),
    ),
    Fault(
        "mode-unknown",
        "gives an entry in a mode that nobody knows",
        "a-loud-failure",
        on(_APPOINTMENT, _first(_mode("maybe")), page=2),
    ),
    Fault(
        "matches-marked-included",
        "marks all Appointments as having only come along, and counts nothing",
        "none-forgotten",
        on(_APPOINTMENT, edited(_included_unnoticed)),
    ),
    Fault(
        "denies-marked-included",
        "marks the Consents that deny as having only come along",
        "consent-or-silence",
        on(_CONSENT, edited(_denies_included)),
    ),
    Fault(
        "entries-twice",
        "gives each entry twice on the same page",
        "at-most-one",
        on(None, edited(lambda bundle: bundle.update(entry=entries(bundle) * 2))),
    ),
    Fault(
        "error-in-a-200",
        "answers 200 with an OperationOutcome that tells of an error, on the second page",
        "a-loud-failure",
        on(_APPOINTMENT, instead(fhir_json(_ERROR)), page=2),
    ),
    Fault(
        "error-for-consents",
        "answers 200 with an OperationOutcome that tells of an error, for Consents",
        "consent-or-silence",
        on(_CONSENT, instead(fhir_json(_ERROR))),
    ),
    Fault(
        "error-among-the-entries",
        "tells among its entries that it could not read everything",
        "a-loud-failure",
        on(_APPOINTMENT, _also(_ERROR, "outcome"), page=2),
    ),
    Fault(
        "error-among-consents",
        "tells among the Consents that it could not read everything",
        "consent-or-silence",
        on(_CONSENT, _also(_ERROR, "outcome")),
    ),
    Fault(
        "error-of-unknown-severity",
        "tells among its entries of something that is neither warning nor information",
        "a-loud-failure",
        on(_APPOINTMENT, _also(outcome("catastrophe", "exception"), "outcome"), page=2),
    ),
    Fault(
        "warning-among-the-entries",
        "tells among its entries that it did not like a parameter",
        "none-forgotten",
        on(None, _also(_WARNING, "outcome")),
    ),
    Fault(
        "bundle-of-another-kind",
        "answers with a Bundle that is no searchset",
        "a-loud-failure",
        on(_APPOINTMENT, _with("type", "collection"), page=2),
    ),
    Fault(
        "resource-in-place-of-a-bundle",
        "answers a search for Consents with one Consent, and no Bundle around it",
        "consent-or-silence",
        on(_CONSENT, instead(fhir_json({"resourceType": "Consent", "id": "c", "status": "active"}))),
    ),
    Fault(
        "list-in-place-of-a-bundle",
        "answers with a JSON list",
        "a-loud-failure",
        on(_APPOINTMENT, instead(fhir_json([])), page=2),
    ),
)
