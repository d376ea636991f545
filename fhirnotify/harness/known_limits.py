"""What a server is known not to do, so that a scenario cannot go there as it should; each with the reason.

A difference between servers is mended in fhirnotify, or stands here. What stands here and goes well after all is told
as a failure, so that the list stays true.
"""

from dataclasses import dataclass

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.scenarios import reading
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.settings.appointments import Strategy


@dataclass(frozen=True, slots=True)
class Limit:
    """What a server's software, by the name in its CapabilityStatement, does in its own way.

    Attributes:
        why: a sentence for who reads the results.
        scenarios: the names of those that cannot be played there, or end otherwise.
        strategy: how Appointments are searched when it is so; None if always.
    """

    software: str
    versions: tuple[FhirVersion, ...]
    why: str
    scenarios: frozenset[str]
    strategy: Strategy | None = None

    def holds(self, software: str, version: FhirVersion, strategy: Strategy) -> bool:
        """Tell whether it is of this server, asked in this way."""
        return software == self.software and version in self.versions and self.strategy in (None, strategy)


def known_limit(software: str, version: FhirVersion, name: str, scenario: Scenario, strategy: Strategy) -> str | None:
    """Give why a bundled scenario is known to go otherwise on this server; None if it should go as it says.

    One of a region's own is no bundled one, whatever its name.
    """
    found = (each.why for each in LIMITS if name in each.scenarios and each.holds(software, version, strategy))
    why = next(found, None)
    return why if why and reading.read(reading.bundled() / f"{name}{reading.SUFFIX}") == scenario else None


_HAPI = "HAPI FHIR Server"
_SEKMET = "SEKMET FHIR R4 Tester"
_BOTH = tuple(FhirVersion)

LIMITS: tuple[Limit, ...] = (
    Limit(
        _HAPI,
        _BOTH,
        "It takes no code outside a closed value set, so that no resource there can hold one.",
        frozenset({"consent/status-of-another-version"}),
    ),
    Limit(
        _HAPI,
        _BOTH,
        "It takes no dateTime that cannot be read, so that no resource there can hold one.",
        frozenset({"consent/period-nobody-can-read"}),
    ),
    Limit(
        _HAPI,
        _BOTH,
        "Unless its settings say otherwise it takes no reference by absolute address, not even by its own.",
        frozenset(
            {
                "consent/consent-by-absolute-reference",
                "people/reference-by-absolute-address",
                "people/reference-to-another-server",
            }
        ),
    ),
    Limit(
        _HAPI,
        _BOTH,
        "It finds no Consent that names its patient by identifier alone, since it knows no patient:identifier.",
        frozenset({"consent/consent-by-identifier"}),
    ),
    Limit(
        _HAPI,
        _BOTH,
        "Asked by patient it finds no visit whose patient is named by identifier alone: it lacks patient:identifier.",
        frozenset({"people/reference-by-identifier"}),
        "by-patient",
    ),
    Limit(
        _SEKMET,
        (FhirVersion.R4,),
        "It takes no resource that lacks an obligatory element or has one of the wrong kind.",
        frozenset(
            {
                "consent/consent-without-scope",
                "consent/period-nobody-can-read",
                "consent/unreadable-consent-counts-as-doubt",
                "reading/error-in-an-element-nobody-needs-costs-nothing",
                "reading/participant-without-status-cannot-be-read",
            }
        ),
    ),
)
