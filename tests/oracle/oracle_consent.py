"""Consent in six steps: opt-in, fail closed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from oracle_read import CONSENT_STATUS, InvalidError, has_modifiers, provisions, read
from oracle_time import Span, covers, span

Json = dict[str, Any]
PERMIT, DENY, UNDETERMINED = "permit", "deny", "undetermined"
_RULES = {PERMIT: "OPTIN", DENY: "OPTOUT"}
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@dataclass(frozen=True)
class Statement:
    """What one matching Consent says. ``stated`` is its date, as the span it stands for.

    ``always``: it could not be told what it says, before its period was asked for.
    """

    decision: str
    in_force: bool
    stated: Span | None = None
    always: bool = False


@dataclass(frozen=True)
class Asked:
    """What the rule is asked with."""

    version: str
    codes: frozenset[str]
    now: datetime
    zone: ZoneInfo


def _codings(concepts: Any) -> set[str]:
    if isinstance(concepts, dict):
        concepts = [concepts]
    return {
        f"{one.get('system', '')}|{one.get('code', '')}" for each in concepts or [] for one in each.get("coding", [])
    }


def _about(provision: Json, *, with_class: bool = True) -> set[str]:
    plain = provision.get("purpose", []) + (provision.get("class", []) if with_class else [])
    return _codings(provision.get("code")) | {f"{one.get('system', '')}|{one.get('code', '')}" for one in plain}


def _matches(consent: Json, codes: frozenset[str]) -> bool:
    found = _codings(consent.get("category")) | _codings(consent.get("scope"))
    for provision in provisions(consent):
        found |= _about(provision, with_class=False)
    return bool(found & codes)


def _nested(consent: Json, version: str) -> list[tuple[str | None, Json]]:
    """Give each nested provision with its type: as it says in R4, by alternation in R5."""
    if version == "R4":
        return [(one.get("type"), one) for one in provisions(consent)[1:]]
    found: list[tuple[str | None, Json]] = []
    other = {PERMIT: DENY, DENY: PERMIT}

    def descend(level: list[Json], kind: str | None) -> None:
        for one in level:
            found.append((kind, one))
            descend(one.get("provision", []), other.get(kind or ""))

    descend(consent.get("provision", []), other.get(consent.get("decision", "")))
    return found


def _speaks(provision: Json, codes: frozenset[str]) -> bool:
    return bool(_about(provision) & codes) and not provision.get("actor")


def _is_narrow(provision: Json) -> bool:
    return any(provision.get(name) for name in ("code", "purpose", "class"))


def _decision(consent: Json, asked: Asked) -> str:
    current = [pair for pair in _nested(consent, asked.version) if covers(pair[1].get("period"), asked.now, asked.zone)]
    base = _base(consent, current, asked)
    relevant = [(kind, one) for kind, one in current if not _is_narrow(one) or _about(one) & asked.codes]
    if any(kind == DENY for kind, _ in relevant):
        return DENY
    if any(kind is None for kind, _ in relevant):
        return UNDETERMINED
    if base == DENY and any(kind == PERMIT and _speaks(one, asked.codes) for kind, one in relevant):
        return PERMIT
    return base


def _base(consent: Json, current: list[tuple[str | None, Json]], asked: Asked) -> str:
    if asked.version == "R5":
        return consent.get("decision") or UNDETERMINED
    if "type" in consent.get("provision", {}):
        return consent["provision"]["type"]
    rules = _codings(consent.get("policyRule"))
    said = {name for name in (PERMIT, DENY) if f"{_ACT_CODE}|{_RULES[name]}" in rules}
    if said:
        return said.pop() if len(said) == 1 else UNDETERMINED
    return PERMIT if any(kind == PERMIT and _speaks(one, asked.codes) for kind, one in current) else UNDETERMINED


def _in_force(consent: Json, asked: Asked) -> bool:
    period = consent.get("period") if asked.version == "R5" else consent.get("provision", {}).get("period")
    stated = _stated(consent, asked)
    begun = stated is None or stated.first <= asked.now
    return begun and covers(period, asked.now, asked.zone)


def _stated(consent: Json, asked: Asked) -> Span | None:
    text = consent.get("dateTime" if asked.version == "R4" else "date")
    return span(text, asked.zone) if text else None


def statement(resource: Json, asked: Asked) -> Statement | None:
    """Read one Consent of the patient; None when it does not exist for us."""
    try:
        consent = read(resource, asked.version)
    except InvalidError:
        return Statement(UNDETERMINED, in_force=True, always=True)
    if not _matches(consent, asked.codes):
        return None
    status = consent["status"]
    if has_modifiers(consent) or status not in CONSENT_STATUS[asked.version]:
        return Statement(UNDETERMINED, _in_force(consent, asked), always=True)
    if status not in ("active", "inactive", "rejected"):
        return None
    decision = DENY if status == "rejected" else _decision(consent, asked)
    return Statement(decision, status != "inactive" and _in_force(consent, asked), _stated(consent, asked))


def combine(statements: list[Statement], how: str) -> str | None:
    """Give the reason that all statements together are no consent, or None when they are one."""
    in_force = [one for one in statements if one.in_force]
    said = {one.decision for one in in_force}
    if how == "newest-wins":
        if UNDETERMINED in said:
            return "consent-undetermined"
        if said:
            return None if _permit_is_newest(in_force) else "consent-denied"
    elif DENY in said:
        return "consent-denied"
    elif UNDETERMINED in said or any(one.always for one in statements):
        return "consent-undetermined"
    elif PERMIT in said:
        return None
    return "consent-expired" if any(one.decision == PERMIT for one in statements) else "no-consent"


def _permit_is_newest(in_force: list[Statement]) -> bool:
    """Tell whether some permit is later than every deny beyond doubt."""
    denies = [one.stated for one in in_force if one.decision == DENY]
    permits = [one.stated for one in in_force if one.decision == PERMIT]
    if not denies:
        return True
    return any(
        permit is not None and all(deny is not None and deny.last < permit.first for deny in denies)
        for permit in permits
    )


def reason(consents: list[Json], asked: Asked, how: str) -> str | None:
    """Give the reason why the patient's Consents do not allow a reminder, or None when they do."""
    found = [statement(one, asked) for one in consents]
    return combine([one for one in found if one is not None], how)
