"""What a server is known not to do, so that a scenario cannot go there as it should; each with the reason."""

from fhirnotify.core.model import FhirVersion


def known_limit(software: str, version: FhirVersion, scenario: str) -> str | None:
    """Give why a scenario is known to go otherwise on this server; None if it should go as it says."""
    return _LIMITS.get((software, version, scenario))


_LIMITS: dict[tuple[str, FhirVersion, str], str] = {}
