"""Matches that are withheld or counted wrongly."""

from collections.abc import Callable

from fhirnotify.harness.faults.fault import Bundle, Fault, edited, entries, on
from fhirnotify.harness.faults.links import link
from fhirnotify.harness.proxy import Act

_APPOINTMENT, _PATIENT, _CONSENT = "Appointment", "Patient", "Consent"


def _total(change: Callable[[int], object]) -> Act:
    def edit(bundle: Bundle) -> None:
        bundle["total"] = change(bundle["total"])

    return edited(edit)


def _without_total(bundle: Bundle) -> None:
    bundle.pop("total", None)


def _withhold(bundle: Bundle) -> None:
    """Take the match with the last id out, and leave the total."""
    entries(bundle).sort(key=lambda entry: str(entry["resource"]["id"]))
    del entries(bundle)[-1:]


def _withhold_unnoticed(bundle: Bundle) -> None:
    _withhold(bundle)
    bundle["total"] = len(entries(bundle))


def _withhold_denies(bundle: Bundle) -> None:
    bundle["entry"] = [entry for entry in entries(bundle) if not denies(entry["resource"])]


def denies(resource: Bundle) -> bool:
    """Tell whether this is a Consent whose base decision is a deny, in R4 or R5."""
    root = resource.get("provision")
    return "deny" in (resource.get("decision"), root.get("type") if isinstance(root, dict) else None)


def nothing(bundle: Bundle) -> None:
    """Take every match out, and leave the total."""
    entries(bundle).clear()
    link(bundle, None)


def nothing_at_all(bundle: Bundle) -> None:
    """Take every match out, and count none."""
    nothing(bundle)
    bundle["total"] = 0


FAULTS = (
    Fault(
        "match-withheld",
        "leaves one Appointment out of the second page, though its total counts it",
        "none-forgotten",
        on(_APPOINTMENT, edited(_withhold), page=2),
    ),
    Fault(
        "nothing-but-a-total",
        "counts Appointments in its total, and gives none",
        "none-forgotten",
        on(_APPOINTMENT, edited(nothing), page=1),
    ),
    Fault(
        "total-too-large",
        "counts one Appointment more than there is",
        "none-forgotten",
        on(_APPOINTMENT, _total(lambda total: total + 1), page=1),
    ),
    Fault(
        "total-too-small",
        "gives more Appointments than its total counts, as when visits are booked meanwhile",
        "none-forgotten",
        on(_APPOINTMENT, _total(lambda total: total - 2)),
    ),
    Fault(
        "total-missing",
        "never tells how many matches there are",
        "none-forgotten",
        on(None, edited(_without_total)),
    ),
    Fault(
        "total-negative",
        "counts -1 Appointments",
        "a-loud-failure",
        on(_APPOINTMENT, _total(lambda _: -1), page=1),
    ),
    Fault(
        "total-is-text",
        "gives its total as a text",
        "a-loud-failure",
        on(_APPOINTMENT, _total(str), page=1),
    ),
    Fault(
        "total-of-consents-is-text",
        "gives the total of Consents as a text",
        "consent-or-silence",
        on(_CONSENT, _total(str)),
    ),
    Fault(
        "consents-counted-and-not-given",
        "counts Consents in its total, and gives none",
        "consent-or-silence",
        on(_CONSENT, edited(nothing)),
    ),
    Fault(
        "denies-withheld",
        "leaves out the Consents that deny, though its total counts them",
        "consent-or-silence",
        on(_CONSENT, edited(_withhold_denies)),
    ),
    Fault(
        "consents-withheld-unnoticed",
        "gives no Consents and counts none, as to an account that may not see them",
        "consent-or-silence",
        on(_CONSENT, edited(nothing_at_all)),
    ),
    Fault(
        "patient-withheld",
        "leaves a Patient out, though its total counts all",
        "none-forgotten",
        on(_PATIENT, edited(_withhold)),
    ),
    Fault(
        "patient-withheld-unnoticed",
        "leaves a Patient out and does not count it, as for an account that may not see all",
        "none-forgotten",
        on(_PATIENT, edited(_withhold_unnoticed)),
    ),
)
