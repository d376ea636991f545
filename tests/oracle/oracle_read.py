"""Reading a resource: cut to what the rules read, validated, closed code sets, modifiers."""

import copy
import importlib
from typing import Any

Json = dict[str, Any]

_REFERENCE: Json = {"reference": True, "type": True, "identifier": {"system": True, "value": True}, "display": True}
_CODING: Json = {"system": True, "code": True}
_CONCEPT: Json = {"coding": _CODING}
_PERIOD: Json = {"start": True, "end": True}
_ANY: Json = {
    "resourceType": True,
    "id": True,
    "meta": {"versionId": True, "security": _CODING},
    "implicitRules": True,
    "modifierExtension": True,
}
_PROVISION: Json = {
    "type": True,
    "period": _PERIOD,
    "code": _CONCEPT,
    "purpose": _CODING,
    "class": _CODING,
    "actor": True,
    "modifierExtension": True,
}
_PROVISION["provision"] = _PROVISION

_NEEDED: dict[str, Json] = {
    "Appointment": _ANY
    | {
        "status": True,
        "start": True,
        "created": True,
        "subject": _REFERENCE,
        "participant": {"actor": _REFERENCE, "status": True, "required": True, "modifierExtension": True},
    },
    "Patient": _ANY
    | {
        "active": True,
        "deceasedBoolean": True,
        "deceasedDateTime": True,
        "birthDate": True,
        "identifier": {"system": True, "value": True},
        "link": {"other": _REFERENCE, "type": True, "modifierExtension": True},
        "name": {
            "use": True,
            "text": True,
            "family": True,
            "given": True,
            "_given": True,
            "prefix": True,
            "suffix": True,
            "period": _PERIOD,
        },
        "telecom": {"system": True, "value": True, "use": True, "rank": True, "period": _PERIOD},
        "address": {"line": True},
    },
    "Consent": _ANY
    | {
        "status": True,
        "scope": _CONCEPT,
        "category": _CONCEPT,
        "patient": _REFERENCE,
        "subject": _REFERENCE,
        "dateTime": True,
        "date": True,
        "period": _PERIOD,
        "policyRule": _CONCEPT,
        "decision": True,
        "provision": _PROVISION,
    },
}
# Where codes stand in the elements that a mapping may name.
_CODED: dict[tuple[str, str], Json] = {
    ("appointmentType", ""): _CONCEPT,
    ("serviceCategory", ""): _CONCEPT,
    ("serviceType", "R4"): _CONCEPT,
    ("serviceType", "R5"): {"concept": _CONCEPT},
    ("class", "R5"): _CONCEPT,
    ("virtualService", "R5"): {"channelType": _CODING},
}
# Elements that only one version has; in the other they are unknown, and nobody reads them.
_ONLY = {
    ("Appointment", "R5"): {"subject", "class", "virtualService"},
    ("Consent", "R4"): {"scope", "patient", "dateTime", "policyRule"},
    ("Consent", "R5"): {"subject", "date", "period", "decision"},
}

_APPOINTMENT_STATUS = {
    "proposed",
    "pending",
    "booked",
    "arrived",
    "fulfilled",
    "cancelled",
    "noshow",
    "entered-in-error",
    "checked-in",
    "waitlist",
}
CONSENT_STATUS = {
    "R4": {"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"},
    "R5": {"draft", "active", "inactive", "not-done", "entered-in-error", "unknown"},
}
_USES_OF_NAME = {"usual", "official", "temp", "nickname", "anonymous", "old", "maiden"}
_SYSTEMS_OF_TELECOM = {"phone", "fax", "email", "pager", "url", "sms", "other"}
_USES_OF_TELECOM = {"home", "work", "temp", "old", "mobile"}
_LINKS = {"replaced-by", "replaces", "refer", "seealso"}


class InvalidError(Exception):
    """A needed element of a resource cannot be read."""


def _cut(value: Any, needed: Any) -> Any:
    if needed is True:
        return value
    if isinstance(value, list):
        return [_cut(one, needed) for one in value]
    if isinstance(value, dict):
        return {name: _cut(value[name], needed[name]) for name in needed if name in value}
    return value


def cut(resource: Json, version: str, extra: Json | None = None) -> Json:
    """Leave of a resource the elements that the rules read; ``extra`` names those of the mapping."""
    kind = resource["resourceType"]
    needed = dict(_NEEDED[kind])
    for (of_kind, of_version), names in _ONLY.items():
        if of_kind == kind and of_version != version:
            for name in names - _ONLY.get((kind, version), set()):
                needed.pop(name, None)
    result: Json = _cut(resource, needed)
    for name, wanted in (extra or {}).items():
        if name == "extension" and isinstance(resource.get(name), list):
            read_ones = [one for one in resource[name] if not isinstance(one, dict) or one.get("url") in wanted]
            result |= {name: read_ones} if read_ones else {}
        elif name in resource and (version == "R5" or name not in _ONLY["Appointment", "R5"]):
            result[name] = _cut(resource[name], _CODED.get((name, version), _CODED.get((name, ""), True)))
    if (kind, version) == ("Consent", "R5"):
        for provision in provisions(result):
            provision.pop("class", None)
    return result


def _model(kind: str, version: str) -> Any:
    package = "fhir.resources.R4B" if version == "R4" else "fhir.resources"
    return getattr(importlib.import_module(f"{package}.{kind.lower()}"), kind)


def _without_actors(consent: Json) -> Json:
    """Leave out what stands in the actors of a Consent: the rules ask only whether there is one."""
    result: Json = copy.deepcopy(consent)
    for provision in provisions(result):
        provision.pop("actor", None)
    return result


def _holds_modifier(value: Any) -> bool:
    if isinstance(value, dict):
        return "modifierExtension" in value or any(_holds_modifier(one) for one in value.values())
    return isinstance(value, list) and any(_holds_modifier(one) for one in value)


def has_modifiers(resource: Json) -> bool:
    """Tell whether a resource that is cut holds a modifier: any is unknown to the program."""
    return "implicitRules" in resource or _holds_modifier(resource)


def _codes(resource: Json, version: str) -> list[tuple[Any, set[str]]]:
    kind = resource["resourceType"]
    if kind == "Appointment":
        entries = resource.get("participant", [])
        found = [(one.get("status"), {"accepted", "declined", "tentative", "needs-action"}) for one in entries]
        if version == "R4":
            found += [(one.get("required"), {"required", "optional", "information-only"}) for one in entries]
        return [*found, (resource.get("status"), _APPOINTMENT_STATUS)]
    if kind == "Patient":
        telecom = resource.get("telecom", [])
        return [
            *((one.get("use"), _USES_OF_NAME) for one in resource.get("name", [])),
            *((one.get("system"), _SYSTEMS_OF_TELECOM) for one in telecom),
            *((one.get("use"), _USES_OF_TELECOM) for one in telecom),
            *((one.get("type"), _LINKS) for one in resource.get("link", [])),
        ]
    found = [(one.get("type"), {"permit", "deny"}) for one in provisions(resource)] if version == "R4" else []
    return [
        *found,
        (resource.get("status"), CONSENT_STATUS["R4"] | CONSENT_STATUS["R5"]),
        (resource.get("decision"), {"permit", "deny"}),
    ]


def provisions(consent: Json) -> list[Json]:
    """Give every provision of a Consent, at any depth, the root of R4 among them."""
    found: list[Json] = []
    waiting = consent.get("provision") or []
    waiting = [waiting] if isinstance(waiting, dict) else list(waiting)
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, dict):
            found.append(one)
            waiting += one["provision"] if isinstance(one.get("provision"), list) else []
    return found


def _well_typed(value: Any, version: str, name: str = "") -> bool:
    """Tell whether each value has the JSON type that FHIR gives its element: fhir.resources converts what it can."""
    if isinstance(value, dict):
        return all(key.casefold().endswith("extension") or _well_typed(one, version, key) for key, one in value.items())
    if isinstance(value, list):
        return all(one is None or _well_typed(one, version, name) for one in value)
    if name in ("active", "deceasedBoolean") or (name == "required" and version == "R5"):
        return isinstance(value, bool)
    return type(value) is (int if name == "rank" else str)


def read(resource: Json, version: str, extra: Json | None = None) -> Json:
    """Cut and check a resource.

    Raises:
        InvalidError: a needed element is wrong, or a code stands outside its closed set.
    """
    result = cut(resource, version, extra)
    try:
        _model(resource["resourceType"], version).model_validate(
            _without_actors(result) if resource["resourceType"] == "Consent" else result
        )
    except Exception as fault:
        raise InvalidError from fault
    if not _well_typed(result, version):
        raise InvalidError
    if any(code is not None and code not in allowed for code, allowed in _codes(result, version)):
        raise InvalidError
    return result
