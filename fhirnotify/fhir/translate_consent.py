"""From a Consent to the statement that the rules read.

R4 nests its provisions in one root provision, which carries period and decision; R5 has both on the Consent itself,
and its provisions are exceptions. Both come out in the one form of ``ConsentStatement``.
"""

from collections.abc import Iterable
from typing import Any, Literal
from zoneinfo import ZoneInfo

from fhirnotify.core.model import ALWAYS, Between, Coding, ConsentStatement, FhirVersion, PatientRef, Period, Provision
from fhirnotify.fhir.moments import between
from fhirnotify.fhir.references import References, patient_elsewhere
from fhirnotify.fhir.translate_datatypes import codings, concepts, id_of, period, ref_of, ref_of_valid
from fhirnotify.fhir.translate_shapes import (
    ANY_ID,
    CODEABLE_CONCEPT,
    CODINGS,
    DATE,
    DATE_TIME,
    PERIOD,
    REFERENCE,
    Code,
    Many,
    Object,
    Present,
    Refused,
    Shape,
)
from fhirnotify.fhir.translate_validate import Reader, Unreadable

_MOST_LEVELS = 20
"""Deeper nesting than this is not read: nobody can have meant it."""

_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_OPT_IN, _OPT_OUT = Coding(_ACT_CODE, "OPTIN"), Coding(_ACT_CODE, "OPTOUT")
_DECISION = Code(("permit", "deny"))
_STATUS = Code(
    ("draft", "proposed", "active", "rejected", "inactive", "entered-in-error", "not-done", "unknown"),
)
_ACTOR = Present([{"role": {"text": "-"}, "reference": {"display": "-"}}])
_NOTHING: frozenset[Coding] = frozenset()
_LIMITS = ("code", "purpose", "class")


def _provision(version: FhirVersion) -> Object:
    """Make the shape of a provision, spelt out to the deepest level that is read."""
    fields: dict[str, Shape] = {
        "period": PERIOD,
        "code": Many(CODEABLE_CONCEPT),
        "purpose": CODINGS,
        "actor": _ACTOR,
    }
    if version is FhirVersion.R4:
        fields |= {"type": _DECISION, "class": CODINGS}
    else:
        fields |= {"type": Refused()}
    nested: Shape = Refused()
    for _ in range(_MOST_LEVELS):
        shape = Object({**fields, "provision": nested})
        nested = Many(shape)
    return shape


def _consent(version: FhirVersion) -> Object:
    """Make the shape of a Consent. The other version's name for its patient is refused: the rest is its, too."""
    fields: dict[str, Shape] = {"id": ANY_ID, "meta": Object({"versionId": ANY_ID}), "status": _STATUS}
    fields["category"] = Many(CODEABLE_CONCEPT)
    required = {"id", "status"}
    if version is FhirVersion.R4:
        fields |= {
            "scope": CODEABLE_CONCEPT,
            "patient": REFERENCE,
            "subject": Refused(),
            "dateTime": DATE_TIME,
            "policyRule": CODEABLE_CONCEPT,
            "provision": _provision(version),
        }
        required |= {"scope", "category"}
    else:
        fields |= {
            "subject": REFERENCE,
            "patient": Refused(),
            "date": DATE,
            "period": PERIOD,
            "decision": _DECISION,
            "provision": Many(_provision(version)),
        }
    return Object(fields, frozenset(required))


class ConsentTranslator:
    """Reads Consents of one FHIR version."""

    def __init__(self, version: FhirVersion, references: References, zone: ZoneInfo) -> None:
        self._version = version
        self._reader = Reader("Consent", version, _consent(version))
        self._references = references
        self._zone = zone

    def reference(self, resource: object) -> PatientRef | None:
        """Give how a Consent points at its patient, whatever else is wrong with it."""
        raw = self._raw_reference(resource)
        return None if raw is None else self._references.patient(raw)

    def elsewhere(self, resource: object) -> str | None:
        """Give the id by which a Consent points at a Patient of another server."""
        return patient_elsewhere(self._raw_reference(resource))

    def _raw_reference(self, resource: object) -> dict[str, Any] | None:
        if not isinstance(resource, dict):
            return None
        names = ("subject", "patient") if self._version is FhirVersion.R5 else ("patient", "subject")
        return next((resource[name] for name in names if isinstance(resource.get(name), dict)), None)

    def consent(self, resource: object, patient: str | None = None) -> ConsentStatement | None:
        """Read a Consent; None if it points at no Patient of this server and ``patient`` does not say whom it means."""
        found = self.reference(resource)
        patient = patient or (None if found is None else found.id)
        if patient is None:
            return None
        assert isinstance(resource, dict)
        try:
            kept = self._reader.read(resource)
        except Unreadable as unreadable:
            ref = ref_of(resource, "Consent")
            return ConsentStatement(self._version, id_of(resource), ref, patient, unreadable.paths)
        statement = self._r4 if self._version is FhirVersion.R4 else self._r5
        return statement(kept, patient, modified=_is_modified(resource))

    def _r4(self, kept: dict[str, Any], patient: str, *, modified: bool) -> ConsentStatement:
        root = kept.get("provision", {})
        return ConsentStatement(
            self._version,
            kept["id"],
            ref_of_valid(kept),
            patient,
            status=kept["status"],
            modified=modified,
            codes=frozenset(concepts((*kept["category"], kept["scope"]))),
            made=self._moment(kept.get("dateTime")),
            period=self._period(root),
            decision=root.get("type"),
            policy=_policy(kept["policyRule"]) if "policyRule" in kept else None,
            subject=_subject(root),
            provisions=self._provisions(root.get("provision", ())),
        )

    def _r5(self, kept: dict[str, Any], patient: str, *, modified: bool) -> ConsentStatement:
        return ConsentStatement(
            self._version,
            kept["id"],
            ref_of_valid(kept),
            patient,
            status=kept["status"],
            modified=modified,
            codes=frozenset(concepts(kept.get("category", ()))),
            made=self._moment(kept.get("date")),
            period=self._period(kept),
            decision=kept.get("decision"),
            provisions=self._provisions(kept.get("provision", ())),
        )

    def _moment(self, text: str | None) -> Between | None:
        covered = between(text, self._zone) if text else None
        return Between(*covered) if covered else None

    def _period(self, of: dict[str, Any]) -> Period:
        within = of.get("period")
        return period(within, self._zone) if within else ALWAYS

    def _provisions(self, raw: Iterable[dict[str, Any]]) -> tuple[Provision, ...]:
        return tuple(
            Provision(
                type=provision.get("type"),
                period=self._period(provision),
                subject=(subject := _subject(provision)),
                about=subject | frozenset(codings(provision.get("class", ()))),
                limited=any(provision.get(limit) for limit in _LIMITS),
                has_actor=provision.get("actor") not in (None, [], {}),
                provisions=self._provisions(provision.get("provision") or ()),
            )
            for provision in raw
        )


def _subject(provision: dict[str, Any]) -> frozenset[Coding]:
    if "code" not in provision and "purpose" not in provision:
        return _NOTHING
    return frozenset((*concepts(provision.get("code", ())), *codings(provision.get("purpose", ()))))


def _policy(policy_rule: dict[str, Any]) -> Literal["permit", "deny"] | None:
    rules = codings(policy_rule.get("coding", ()))
    if (_OPT_IN in rules) == (_OPT_OUT in rules):
        return None
    return "permit" if _OPT_IN in rules else "deny"


def _is_modified(resource: dict[str, Any]) -> bool:
    """Look for what could change the meaning of the Consent or of any provision."""
    if resource.get("implicitRules") is not None:
        return True
    waiting: list[Any] = [resource]
    for element in waiting:
        if isinstance(element, list):
            waiting += element
        elif isinstance(element, dict):
            if element.get("modifierExtension") not in (None, []):
                return True
            if "provision" in element:
                waiting.append(element["provision"])
    return False
