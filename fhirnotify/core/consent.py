"""Whether the patient has consented: opt-in, and any doubt means no.

FHIR does not say which of several Consents wins (IHE PCF leaves it to policy), so the policy is ours and exact:
six steps, from a single Consent's match to all of them together.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import Between, Coding, ConsentStatement, FhirVersion, Provision
from fhirnotify.core.rules import Rules

_KNOWN = {
    FhirVersion.R4: frozenset({"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"}),
    FhirVersion.R5: frozenset({"draft", "active", "inactive", "not-done", "entered-in-error", "unknown"}),
}
_NOT_EXISTING = frozenset({"draft", "proposed", "entered-in-error", "not-done", "unknown"})
_OPPOSITE = {"permit": "deny", "deny": "permit"}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_FAR_OFF = datetime.max.replace(tzinfo=UTC)


class Says(Enum):
    """What one Consent says."""

    PERMIT = "permit"
    DENY = "deny"
    UNDETERMINED = "undetermined"
    NOTHING = "nothing"
    """It is not in force, and is not a permit that has ended or not begun."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One matching Consent as it was read: what it says, whether it is in force, and when it was made."""

    ref: str
    says: Says
    in_force: bool
    made: Between | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """All Consents together: ``reason`` is None for consent. ``refs`` are those that were considered."""

    reason: Reason | None
    refs: tuple[str, ...]


def consent(statements: Iterable[ConsentStatement], now: datetime, rules: Rules) -> Answer:
    """Decide by all the Consents of one patient at ``now``."""
    readings = [reading for statement in statements if (reading := read(statement, now, rules.consent_codes))]
    combine = _newest_wins if rules.combine == "newest-wins" else _deny_overrides
    return Answer(combine(readings), tuple(sorted(reading.ref for reading in readings)))


def read(statement: ConsentStatement, now: datetime, configured: frozenset[Coding]) -> Reading | None:
    """Read one Consent; None if it does not exist for us (it does not match, or its status says so)."""
    if statement.unreadable:
        return Reading(statement.ref, Says.UNDETERMINED, in_force=True)
    if not _matches(statement, configured):
        return None
    in_force = _in_force(statement, now)
    if statement.modified or statement.status not in _KNOWN[statement.version]:
        return Reading(statement.ref, Says.UNDETERMINED, in_force, statement.made)
    if statement.status in _NOT_EXISTING:
        return None
    says = Says.DENY if statement.status == "rejected" else _decision(statement, now, configured)
    if not in_force or statement.status == "inactive":
        return Reading(statement.ref, says if says is Says.PERMIT else Says.NOTHING, in_force=False)
    return Reading(statement.ref, says, in_force, statement.made)


def _matches(statement: ConsentStatement, configured: frozenset[Coding]) -> bool:
    stated = statement.codes | statement.subject
    return bool(stated & configured) or any(p.subject & configured for p in _nested(statement.provisions))


def _in_force(statement: ConsentStatement, now: datetime) -> bool:
    return statement.period.covers(now) and (statement.made is None or statement.made.first <= now)


def _nested(provisions: Iterable[Provision]) -> Iterator[Provision]:
    for provision in provisions:
        yield provision
        yield from _nested(provision.provisions)


def _typed(statement: ConsentStatement) -> Iterator[tuple[Provision, str | None]]:
    """Give every nested provision with its type: R4 says it; R5's are exceptions, alternating at each depth."""
    if statement.version is FhirVersion.R4:
        return ((provision, provision.type) for provision in _nested(statement.provisions))
    return _alternating(statement.provisions, statement.decision)


def _alternating(provisions: Iterable[Provision], outer: str | None) -> Iterator[tuple[Provision, str | None]]:
    kind = None if outer is None else _OPPOSITE[outer]
    for provision in provisions:
        yield provision, kind
        yield from _alternating(provision.provisions, kind)


def _decision(statement: ConsentStatement, now: datetime, configured: frozenset[Coding]) -> Says:
    """What a Consent says by its base decision and the provisions nested in it (step 4)."""
    current = [(provision, kind) for provision, kind in _typed(statement) if provision.period.covers(now)]
    kinds = [kind for provision, kind in current if not provision.limited or provision.about & configured]
    permits = any(
        kind == "permit" and provision.about & configured and not provision.has_actor for provision, kind in current
    )
    if "deny" in kinds:
        return Says.DENY
    if None in kinds:
        return Says.UNDETERMINED
    base = statement.decision or statement.policy
    if base == "permit" or permits:
        return Says.PERMIT
    return Says.DENY if base == "deny" else Says.UNDETERMINED


def _deny_overrides(readings: list[Reading]) -> Reason | None:
    in_force = {reading.says for reading in readings if reading.in_force}
    if Says.DENY in in_force:
        return Reason.CONSENT_DENIED
    if any(reading.says is Says.UNDETERMINED for reading in readings):
        return Reason.CONSENT_UNDETERMINED
    return None if Says.PERMIT in in_force else _without_force(readings)


def _newest_wins(readings: list[Reading]) -> Reason | None:
    """The latest decides; a permit must be later than every deny beyond doubt, for a tie is a deny."""
    in_force = [reading for reading in readings if reading.in_force]
    if any(reading.says is Says.UNDETERMINED for reading in in_force):
        return Reason.CONSENT_UNDETERMINED
    permits = [r.made.first if r.made else _LONG_AGO for r in in_force if r.says is Says.PERMIT]
    denies = [r.made.last if r.made else _FAR_OFF for r in in_force if r.says is Says.DENY]
    if denies and (not permits or max(permits) <= max(denies)):
        return Reason.CONSENT_DENIED
    return None if permits else _without_force(readings)


def _without_force(readings: list[Reading]) -> Reason:
    """No Consent in force says anything: tell a permit that has ended, or not begun, from none at all."""
    permitted = any(reading.says is Says.PERMIT for reading in readings)
    return Reason.CONSENT_EXPIRED if permitted else Reason.NO_CONSENT
