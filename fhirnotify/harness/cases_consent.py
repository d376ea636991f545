"""Cases of consent: every way to have given it, not to have, to have taken it back, or to leave it in doubt."""

from datetime import timedelta
from typing import Any, Literal

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.resources import (
    CONSENT_CODE,
    OTHER_CODE,
    UNKNOWN_MODIFIER,
    Resource,
    concept,
    period,
    provision,
)
from fhirnotify.harness.scene import Case, Scene

Combine = Literal["deny-overrides", "newest-wins"]

_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_YEAR = timedelta(days=365)
_LONG_AGO = period(end="2021-01-01")


def _saying(reason: Reason | None, *consents: dict[str, Any]) -> Case:
    """Make a case of an ordinary visit of a patient with exactly these Consents."""

    def case(scene: Scene) -> None:
        patient = scene.patient()
        for position, options in enumerate(consents):
            scene.consent(patient, f"c{position}", **options)
        scene.expect(scene.appointment(patient), patient, reason)

    return case


def _actor() -> Resource:
    return {"role": concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType|IRCP"), "reference": _UNIT}


_UNIT: Resource = {"display": "en annan enhet"}
_DENY = {"decision": "deny"}
_PERMIT: dict[str, Any] = {}

SIMPLE: dict[str, Case] = {
    "no-consent": _saying(Reason.NO_CONSENT),
    "about-something-else": _saying(Reason.NO_CONSENT, {"codes": (OTHER_CODE,)}),
    "denies-something-else": _saying(None, _PERMIT, {"codes": (OTHER_CODE,), "decision": "deny"}),
    "draft": _saying(Reason.NO_CONSENT, {"status": "draft"}),
    "entered-in-error": _saying(Reason.NO_CONSENT, {"status": "entered-in-error"}),
    "draft-deny": _saying(None, _PERMIT, {"status": "draft", "decision": "deny"}),
    "two-codes": _saying(None, {"codes": (OTHER_CODE, CONSENT_CODE)}),
    "without-date": _saying(None, {"made": None}),
    "deny": _saying(Reason.CONSENT_DENIED, _DENY),
    "deny-is-over": _saying(Reason.NO_CONSENT, {**_DENY, "during": _LONG_AGO}),
    "past-deny-and-permit": _saying(None, {**_DENY, "during": _LONG_AGO}, _PERMIT),
    "withdrawn": _saying(Reason.CONSENT_EXPIRED, {"status": "inactive"}),
    "inactive-deny": _saying(Reason.NO_CONSENT, {"status": "inactive", "decision": "deny"}),
    "permit-is-over": _saying(Reason.CONSENT_EXPIRED, {"during": _LONG_AGO}),
    "unknown-modifier": _saying(Reason.CONSENT_UNDETERMINED, UNKNOWN_MODIFIER),
    "implicit-rules": _saying(Reason.CONSENT_UNDETERMINED, {"implicitRules": "urn:fhirnotify:rules"}),
    "permit-and-doubt": _saying(Reason.CONSENT_UNDETERMINED, _PERMIT, UNKNOWN_MODIFIER),
    "doubt-about-something-else": _saying(None, _PERMIT, {"codes": (OTHER_CODE,), **UNKNOWN_MODIFIER}),
    "says-nothing": _saying(Reason.CONSENT_UNDETERMINED, {"decision": None}),
}

R4_ONLY: dict[str, Case] = {
    "rejected": _saying(Reason.CONSENT_DENIED, {"status": "rejected"}),
    "proposed": _saying(Reason.NO_CONSENT, {"status": "proposed"}),
    "in-scope": _saying(None, {"codes": (OTHER_CODE,), "scope": concept(CONSENT_CODE)}),
    "opt-in": _saying(None, {"decision": None, "policyRule": concept(f"{_ACT_CODE}|OPTIN")}),
    "opt-out": _saying(Reason.CONSENT_DENIED, {"decision": None, "policyRule": concept(f"{_ACT_CODE}|OPTOUT")}),
    "root-before-policy": _saying(None, {"policyRule": concept(f"{_ACT_CODE}|OPTOUT")}),
}

R5_ONLY: dict[str, Case] = {
    "not-done": _saying(Reason.NO_CONSENT, {"status": "not-done"}),
    "unknown": _saying(Reason.NO_CONSENT, {"status": "unknown"}),
}


def _at(*, start: timedelta | None = None, end: timedelta | None = None, made: timedelta | None = None) -> Case:
    """A permit that has ended, not begun, or is dated in the future, by this much from now."""

    def case(scene: Scene) -> None:
        during = period(None if start is None else scene.now + start, None if end is None else scene.now + end)
        dated = {} if made is None else {"made": scene.now + made}
        _saying(Reason.CONSENT_EXPIRED, {"during": during, **dated})(scene)

    return case


def _nested(reason: Reason | None, base: str | None, kind: str | None, *codes: str, **elements: Any) -> Case:
    """Make a case of one Consent with a base decision and one provision nested in it."""

    def case(scene: Scene) -> None:
        within = provision(scene.version, kind, *codes, **elements)
        _saying(reason, {"decision": base, "provisions": [within]})(scene)

    return case


def _code_in_provision(scene: Scene) -> None:
    """The configured code may stand in a provision alone: in R4 a permit under nothing is one."""
    r4 = scene.version is FhirVersion.R4
    within = provision(scene.version, "permit", CONSENT_CODE)
    reason = None if r4 else Reason.CONSENT_DENIED
    _saying(reason, {"codes": (OTHER_CODE,), "decision": None if r4 else "permit", "provisions": [within]})(scene)


def _deny_within_permit_within_deny(scene: Scene) -> None:
    """A deny at any depth, about the reminders, stands against the permit around it."""
    deepest = provision(scene.version, "deny", CONSENT_CODE)
    within = provision(scene.version, "permit", CONSENT_CODE, provision=[deepest])
    _saying(Reason.CONSENT_DENIED, {"decision": "deny", "provisions": [within]})(scene)


NESTED: dict[str, Case] = {
    "code-in-provision": _code_in_provision,
    "deny-within-permit": _nested(Reason.CONSENT_DENIED, "permit", "deny", period=period(start="2021-01-01")),
    "deny-of-this-within-permit": _nested(Reason.CONSENT_DENIED, "permit", "deny", CONSENT_CODE),
    "deny-of-other-within-permit": _nested(None, "permit", "deny", OTHER_CODE),
    "past-deny-within-permit": _nested(None, "permit", "deny", period=_LONG_AGO),
    "permit-within-deny": _nested(None, "deny", "permit", CONSENT_CODE),
    "permit-of-other-within-deny": _nested(Reason.CONSENT_DENIED, "deny", "permit", OTHER_CODE),
    "permit-to-actor-within-deny": _nested(Reason.CONSENT_DENIED, "deny", "permit", CONSENT_CODE, actor=[_actor()]),
    "past-permit-within-deny": _nested(Reason.CONSENT_DENIED, "deny", "permit", CONSENT_CODE, period=_LONG_AGO),
    "deny-within-permit-within-deny": _deny_within_permit_within_deny,
    "ended-yesterday": _at(end=-timedelta(days=1)),
    "begins-tomorrow": _at(start=timedelta(days=1)),
    "made-tomorrow": _at(made=timedelta(days=1)),
}

R4_NESTED: dict[str, Case] = {
    "nested-without-type": _nested(Reason.CONSENT_UNDETERMINED, "permit", None, CONSENT_CODE),
    "purpose": _nested(
        None, "deny", "permit", purpose=[{"system": CONSENT_CODE.split("|")[0], "code": CONSENT_CODE.split("|")[1]}]
    ),
}


def combined(combine: Combine) -> dict[str, Case]:
    """Give the cases whose answer depends on how several Consents are combined."""
    newest = combine == "newest-wins"
    denied = Reason.CONSENT_DENIED
    return {
        "newer-permit": _saying(None if newest else denied, {**_DENY, "made": "2022-01-01"}, {"made": "2023-01-01"}),
        "newer-deny": _saying(denied, {"made": "2022-01-01"}, {**_DENY, "made": "2023-01-01"}),
        "same-day": _saying(denied, {"made": "2022-01-01"}, {**_DENY, "made": "2022-01-01"}),
        "undated-deny": _saying(denied, {"made": "2022-01-01"}, {**_DENY, "made": None}),
        "undated-permit": _saying(denied, {**_DENY, "made": "2022-01-01"}, {"made": None}),
        "permit-over-and-newer-deny-over": _saying(
            Reason.CONSENT_EXPIRED, {"during": _LONG_AGO}, {**_DENY, "during": _LONG_AGO}
        ),
    }


def cases(version: FhirVersion, combine: Combine) -> dict[str, Case]:
    """Give every case of consent that this FHIR version can hold."""
    own = {**R4_ONLY, **R4_NESTED} if version is FhirVersion.R4 else R5_ONLY
    return {**SIMPLE, **NESTED, **own, **combined(combine)}
