"""What a server is known not to do, so that a scenario cannot go there as it should; each with the reason."""

from fhirnotify.core.model import FhirVersion


def known_limit(software: str, version: FhirVersion, scenario: str) -> str | None:
    """Give why a scenario is known to go otherwise on this server; None if it should go as it says."""
    return _LIMITS.get((software, version, scenario))


_HAPI = "HAPI FHIR Server"
_CLOSED = "It takes no code outside a closed value set, so that no resource there can hold one."
_DATES = "It takes no dateTime that cannot be read, so that no resource there can hold one."

_LIMITS: dict[tuple[str, FhirVersion, str], str] = {
    (_HAPI, version, scenario): why
    for version in FhirVersion
    for scenario, why in {
        "consent/status-of-another-version": _CLOSED,
        "consent/period-nobody-can-read": _DATES,
    }.items()
}
