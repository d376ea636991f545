"""Corner cases of one Consent, in R4: what is changed in the one of the plain world."""

from typing import Any

from plain_world import CODE, OTHER

Json = dict[str, Any]
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
MODIFIER = [{"url": "urn:x", "valueBoolean": True}]
EXPIRED = {"end": "2020"}


def changes() -> dict[str, Json]:
    """Give changes of the one Consent, in R4."""
    other = {"category": [{"coding": [OTHER]}]}
    nested: dict[str, list[Json]] = {
        "typeless about something else": [{"code": [{"coding": [OTHER]}]}],
        "typeless": [{"period": {"start": "2020"}}],
        "typeless and a deny": [{"period": {"start": "2020"}}, {"type": "deny"}],
        "permit by class": [{"type": "permit", "class": [CODE]}],
        "permit by purpose": [{"type": "permit", "purpose": [CODE]}],
        "permit for an actor": [{"type": "permit", "purpose": [CODE], "actor": [{}]}],
        "deny in an expired parent": [{"type": "permit", "period": EXPIRED, "provision": [{"type": "deny"}]}],
        "deny in a parent about something else": [
            {"type": "permit", "code": [{"coding": [OTHER]}], "provision": [{"type": "deny"}]}
        ],
        "deny about a text": [{"type": "deny", "code": [{"text": "x"}]}],
        "deny for an action": [{"type": "deny", "action": [{"text": "x"}]}],
        "modifier": [{"type": "permit", "modifierExtension": MODIFIER}],
    }
    found: dict[str, Json] = {
        f"{root} with nested {name}": {"provision": {"provision": inner} | ({"type": root} if root else {})}
        for name, inner in nested.items()
        for root in ("permit", "deny", None)
    }
    for name, change in {
        "as it is": {},
        "expired": {"provision": {"period": EXPIRED}},
        "future": {"dateTime": "2027"},
        "of another code": other,
    }.items():
        for status in ("active", "rejected", "inactive", "draft", "not-done", "bogus"):
            found[f"{status}, {name}"] = {"status": status} | change
            found[f"{status}, {name}, with a modifier"] = {"status": status, "modifierExtension": MODIFIER} | change
    for rules in (["OPTIN"], ["OPTOUT"], ["OPTIN", "OPTOUT"], ["OPTINR"]):
        rule = {"coding": [{"system": ACT_CODE, "code": code} for code in rules]}
        found[f"policyRule {rules}"] = {"provision": None, "policyRule": rule}
    for when in (
        "2026-11-22",
        "2026-11-23",
        "2026-11",
        "2026-12",
        "2027",
        "2026-11-22T11:00:05Z",
        "2026-11-22T10:59:00Z",
    ):
        found[f"dateTime {when}"] = {"dateTime": when}
        found[f"from {when}"] = {"provision": {"type": "permit", "period": {"start": when}}}
        found[f"until {when}"] = {"provision": {"type": "permit", "period": {"end": when}}}
    return found | {
        "code at the root": other | {"provision": {"type": "permit", "purpose": [CODE]}},
        "code in class alone": other | {"provision": {"type": "permit", "class": [CODE]}},
        "no category": {"category": None},
        "scope broken": other | {"scope": 5},
        "code without its system": {"category": [{"coding": [{"code": "sms"}]}]},
        "code in capitals": {"category": [{"coding": [{"system": "urn:test", "code": "SMS"}]}]},
        "patient by version": {"patient": {"reference": "Patient/p1/_history/3"}},
        "no patient": {"patient": None},
    }
