"""Random consents of every shape, in R4 and R5."""

from chance import Chance, Json

CODES = ["https://region.example/CodeSystem/consent|sms-reminder", "urn:oid:1.2.752.999.1|PAMINNELSE"]
OTHERS = ["https://region.example/CodeSystem/consent|research", "urn:oid:1.2.752.999.1|sms-reminder"]
OTHERS += ["https://region.example/CodeSystem/consent|SMS-REMINDER", "http://loinc.org|59284-0"]
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope|patient-privacy"
MODIFIER = [{"url": "https://region.example/modifier", "valueBoolean": True}]


def coding(pair: str) -> Json:
    """Write a ``system|code`` as a Coding."""
    system, _, code = pair.partition("|")
    return {"system": system, "code": code}


def concept(*pairs: str) -> Json:
    """Write codes as a CodeableConcept."""
    return {"coding": [coding(pair) for pair in pairs], "text": "patientens val"}


def consent(chance: Chance, key: str, patient: Json, version: str) -> Json:
    """Make a Consent: more often than not a plain permit that is in force."""
    plain = chance.odds(0.7)
    made: Json = {"resourceType": "Consent", "id": key, "meta": {"versionId": str(chance.randint(1, 9))}}
    made["status"] = "active" if plain else chance.pick(_statuses())
    wanted = chance.pick({CODES[0]: 3, CODES[1]: 1})
    where = (
        "category"
        if plain
        else chance.pick({"category": 14, "scope": 2, "root": 2, "nested": 5, "class": 1, "none": 2})
    )
    categories = [wanted] if where == "category" else [chance.choice(OTHERS)]
    made["category"] = [concept(*chance.sample([*categories, OTHERS[3]], chance.randint(1, 2)))]
    if where == "category" and wanted not in str(made["category"]):
        made["category"].append(concept(wanted))
    when = chance.pick({"before": 9, None: 1}) if plain else chance.pick({"before": 8, None: 2, "later": 1})
    stated = getattr(chance, when)() if when else None
    if version == "R4":
        made |= _r4(chance, patient, wanted, where, plain=plain)
        if stated:
            made["dateTime"] = stated
    else:
        made |= _r5(chance, patient, wanted, where, plain=plain)
        if stated:
            made["date"] = stated[:10]
    if not plain and chance.odds(0.2):
        spoil(chance, made, version)
    return made


def _statuses() -> dict[str, float]:
    rare = dict.fromkeys(["draft", "proposed", "entered-in-error", "not-done", "unknown"], 0.5)
    return rare | {"active": 20, "rejected": 1, "inactive": 2, "bogus": 0.3}


def _root_period(chance: Chance, *, plain: bool) -> Json | None:
    if chance.odds(0.4):
        return None
    return chance.period(covering=chance.odds(0.95 if plain else 0.75))


def _r4(chance: Chance, patient: Json, wanted: str, where: str, *, plain: bool) -> Json:
    made: Json = {"patient": patient, "scope": concept(wanted if where == "scope" else SCOPE)}
    root: Json = {}
    kind = chance.pick({"permit": 30, "deny": 1}) if plain else chance.pick({"permit": 9, "deny": 3, None: 6})
    if kind:
        root["type"] = kind
    period = _root_period(chance, plain=plain)
    if period:
        root["period"] = period
    if where == "root":
        _put(chance, root, wanted)
    elif where == "class":
        root["class"] = [coding(wanted)]
    if not plain:
        rule = chance.pick({None: 3, "OPTIN": 3, "OPTOUT": 1, "OPTINR": 1})
        if rule:
            made["policyRule"] = concept(f"{chance.pick({ACT_CODE: 9, 'urn:other': 1})}|{rule}")
        if where == "nested" or chance.odds(0.5):
            root["provision"] = _nested(chance, wanted, 1, typed=True, mark=where == "nested")
    if root:
        made["provision"] = root
    return made


def _r5(chance: Chance, patient: Json, wanted: str, where: str, *, plain: bool) -> Json:
    made: Json = {"subject": patient}
    decision = chance.pick({"permit": 30, "deny": 1}) if plain else chance.pick({"permit": 9, "deny": 5, None: 1})
    if decision:
        made["decision"] = decision
    period = _root_period(chance, plain=plain)
    if period:
        made["period"] = period
    if not plain and (where in ("nested", "root") or chance.odds(0.5)):
        made["provision"] = _nested(chance, wanted, 1, typed=False, mark=where in ("nested", "root"))
    return made


def _put(chance: Chance, provision: Json, pair: str) -> None:
    if chance.odds(0.6):
        provision.setdefault("code", []).append(concept(pair))
    else:
        provision.setdefault("purpose", []).append(coding(pair))


def _nested(chance: Chance, wanted: str, depth: int, *, typed: bool, mark: bool) -> list[Json]:
    """Make one to three provisions, to depth 3; ``mark``: one of them carries the configured code."""
    found = []
    for at in range(chance.pick({1: 6, 2: 3, 3: 1})):
        one: Json = {}
        if typed and chance.odds(0.93):
            one["type"] = chance.pick({"permit": 3, "deny": 2})
        if (mark and at == 0) or chance.odds(0.3):
            _put(chance, one, wanted)
        if chance.odds(0.3):
            _put(chance, one, chance.choice(OTHERS))
        if typed and chance.odds(0.1):
            one.setdefault("class", []).append(coding(chance.choice([*OTHERS, wanted])))
        if chance.odds(0.4):
            one["period"] = chance.period(covering=chance.odds(0.6))
        if chance.odds(0.15):
            role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleClass", "code": "PROV"}]}
            one["actor"] = [{"role": role, "reference": {"reference": "Organization/o1"}}]
        if depth < 3 and chance.odds(0.25):
            one["provision"] = _nested(chance, wanted, depth + 1, typed=typed, mark=False)
        found.append(one or {"period": {"start": "2020"}})
    return found


def spoil(chance: Chance, made: Json, version: str) -> None:
    """Break a Consent, in an element that is needed or in one that nobody needs, or mark it with a modifier."""
    when = "dateTime" if version == "R4" else "date"
    broken: list[Json] = [
        {"status": "bogus"},
        {"category": "x"},
        {when: "then"},
        {"implicitRules": "https://a.example/r"},
    ]
    broken += [{"modifierExtension": MODIFIER}] * 2
    broken += [{"verification": "x"}, {"language": 7}, {"shoeSize": 43}, {"text": 1}, {"identifier": "x"}]
    if version == "R4":
        broken += [{"provision": {"type": "bogus"}}, {"provision": {"period": {"start": "then"}}}, {"scope": 5}]
        broken += [{"provision": {"type": "permit", "modifierExtension": MODIFIER}}, {"policy": "x"}, {"performer": 4}]
        broken += [{"provision": {"type": "permit", "provision": [{"type": "maybe"}]}}, {"sourceAttachment": 5}]
    else:
        broken += [{"decision": "bogus"}, {"period": {"start": "then"}}, {"provision": {"period": {}}}, {"grantee": 4}]
        broken += [{"provision": [{"modifierExtension": MODIFIER}]}, {"policyText": 5}, {"controller": "x"}]
    made |= chance.choice(broken)
