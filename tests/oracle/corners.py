"""Corner cases by name: what is changed in the plain world. The program and the oracle must give one answer to each."""

from typing import Any

import corners_consents
from oracle import World
from plain_world import APPOINTMENT, OTHER, PATIENT, R4_CONSENT, SNOMED, VIDEO, another, world

Json = dict[str, Any]
MODIFIER = [{"url": "urn:x", "valueBoolean": True}]
ENTRY: Json = APPOINTMENT["participant"][0]
CL = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier", "valueCode": "CL"}]}


def _patients() -> dict[str, Json]:
    """Give changes of the one Patient."""
    found: dict[str, Json] = {}
    names = [
        "Anna-Berg",
        "berg",
        "BERG",
        "AnnaBerg",
        "Anna.Karin",
        "J.P.",
        "A.B",
        "anna.SE",
        "www.x",
        "http:x",
        "St.Anna",
        "Anna?",
        "Anna$fornamn",
        "Åsa~",
        "a^b",
    ]
    names += [
        "Anna Berg",
        "Berg Berg",
        "Anna Bergs",
        "Anna III",
        "²",
        "a\x85b",
        "a\u2028b",
        " Anna\n",
        "   ",
        "Anna\ta",
        "Anna🙂",
    ]
    names += [
        "Anna\u00b7Bo",
        "Anna\u00b4s",
        "Anna\u02bcs",
        "Anna\u2212Bo",
        "Anna\u2009Bo",
        "ΔΩ",
        "ΩΔë",
        "Αθ",
        "ﬁ",
        "Ŋ",
        "ẞ",
        "Þ",
        "日本",
    ]
    names += ["c\u0327", "ç", "Ñ", "€", "A\u0328", "«Anna»", "Ĳsbrand", "İ", "x\u030cë", "И\u2019\u00a0И", "Anna" * 40]
    for name in names:
        found[f"first name {name!a}"] = {"name": [{"family": "Berg", "given": [name]}]}
    numbers = [
        "+46701740605",
        "46701740605",
        "701740605",
        "tel:+46701740605",
        "0701740605x5",
        "070-17406",
        "07017406055",
        "0740605000",
        "0780000000",
        "0719123456",
    ]
    numbers += [
        "+46 (0)70 174 06 05",
        "070-174 06 05 (mamma)",
        "070-174 06 05 / 070-174 06 06",
        "0700-FLOWER",
        "\u202a+46701740605\u202c",
        "+46",
    ]
    for number in numbers:
        found[f"number {number!a}"] = {"telecom": [{"system": "phone", "value": number}]}
    for use in ("old", "maiden", "nickname"):
        found[f"family name of use {use}"] = {"name": [{"given": ["Anna Ek"]}, {"use": use, "family": "Ek"}]}
    for value in ("false", 0, None, True):
        found[f"active {value!r}"] = {"active": value}
    ranked = [
        {"value": "+46701740605", "rank": 2},
        {"value": "+46701740606", "rank": 1},
        {"value": "+46701740607", "use": "mobile"},
    ]
    return found | {
        "ranks": {"telecom": [{"system": "phone"} | one for one in ranked]},
        "rank as a string": {"telecom": [{"system": "phone", "value": "+46701740605", "rank": "1"}]},
        "no system": {"telecom": [{"value": "+46701740605"}]},
        "number until today": {
            "telecom": [{"system": "sms", "value": "+46701740605", "period": {"end": "2026-11-22"}}]
        },
        "marked in a later name": {
            "name": [{"use": "official", "given": ["Eva"]}, {"use": "temp", "given": ["A", "Bo"], "_given": [None, CL]}]
        },
        "marked in a nickname": {
            "name": [{"use": "official", "given": ["Eva"]}, {"use": "nickname", "given": ["Bo"], "_given": [CL]}]
        },
        "marked and blank": {"name": [{"given": [" ", "Bo"], "_given": [CL, None]}]},
        "given is null": {"name": [{"given": [None, "Bo"], "_given": [{"id": "x"}, None]}]},
        "no given": {"name": [{"_given": [{"extension": [{"url": "urn:x", "valueCode": "x"}]}]}]},
        "both deceased": {"deceasedBoolean": False, "deceasedDateTime": "2020"},
        "placeholder with two spaces": {"name": [*PATIENT["name"], {"use": "old", "given": ["skyddad  uppgift"]}]},
        "placeholder in an extension": {
            "name": [PATIENT["name"][0] | {"extension": [{"url": "urn:x", "valueString": "Skyddad uppgift"}]}]
        },
        "identifier as a name": {"identifier": [{"value": "ANNA"}]},
        "address line as a name": {"address": [{"line": ["Anna"]}]},
        "address line with a name": {"address": [{"line": ["Anna gård"]}]},
        "city as a name": {"address": [{"city": "Anna"}]},
        "e-mail as a name": {"telecom": [*PATIENT["telecom"], {"system": "email", "value": "Anna"}]},
        "inactive, see also": {"active": False, "link": [{"type": "seealso", "other": {"reference": "Patient/x"}}]},
        "replaced by a related person": {"link": [{"type": "replaced-by", "other": {"reference": "RelatedPerson/x"}}]},
        "replaced by itself": {"link": [{"type": "replaced-by", "other": {"reference": "Patient/p1"}}]},
        "modifier of a link": {
            "link": [{"type": "seealso", "other": {"reference": "Patient/x"}, "modifierExtension": MODIFIER}]
        },
        "modifier of what is not read": {"contact": [{"modifierExtension": MODIFIER}]},
        "unneeded codes": {"gender": "x", "address": [{"use": "x"}], "identifier": [{"use": "x", "value": "x"}]},
    }


def _appointments() -> dict[str, Json]:
    """Give changes of the one Appointment, in R4."""
    found: dict[str, Json] = {}
    for start in (
        "2026-11-24T09:00Z",
        "2026-11-24",
        "2026-11-24T09:00:00+0100",
        "2026-11-24T09:00:00.123456Z",
        "2026-11-24T09:00:00+14:00",
    ):
        found[f"start {start}"] = {"start": start}
    references = [
        "p1",
        "/Patient/p1",
        "Patient/p1/",
        "Patient?identifier=a|b",
        "Patient/nobody",
        "https://x.example/fhir/Patient/p1",
        "#x",
        "Location/p1",
    ]
    for reference in references:
        found[f"reference {reference}"] = {
            "participant": [{"actor": {"reference": reference, "type": "Patient"}, "status": "accepted"}]
        }
    for display in ("Anna", "ANNA ", "Anna mottagningen", "Doktor Anna"):
        found[f"a unit named {display}"] = {
            "participant": [ENTRY, {"actor": {"display": display}, "status": "accepted"}]
        }
    for element in ("serviceType", "serviceCategory", "specialty", "reasonCode"):
        found[f"{element} named Anna"] = {element: [{"text": "Anna"}]}
    codes: dict[str, list[tuple[str, str]]] = {
        "with a slash": [(SNOMED + "/", "63431000052109")],
        "with a hint": [(SNOMED, "63431000052109"), ("urn:oid:1.2.752.129.2.2.2.25", "1")],
        "two hints": [("urn:oid:1.2.752.129.2.2.2.25", "1"), ("https://region.example/types", "TM")],
        "not reminded of, and a video": [(SNOMED, "439708006"), (SNOMED, "63431000052109")],
        "known to tell nothing": [(SNOMED, "185316007")],
    }
    for name, pairs in codes.items():
        found[f"codes {name}"] = {
            "appointmentType": {"coding": [{"system": system, "code": code} for system, code in pairs]}
        }
    for value in ("valueCode", "valueString", "valueUri", "valueId"):
        extension = {"url": "https://region.example/kanal", value: "fysiskt"}
        found[f"plain code as {value}"] = {"appointmentType": None, "extension": [extension]}
    return found | {
        "participants empty": {"participant": []},
        "participants missing": {"participant": None},
        "a participant who is nobody": {"participant": [{"status": "accepted"}, ENTRY]},
        "status of staff": {"participant": [ENTRY, {"actor": {"reference": "Location/x"}, "status": "x"}]},
        "modifier of staff": {
            "participant": [
                ENTRY,
                {"actor": {"reference": "Location/x"}, "status": "accepted", "modifierExtension": MODIFIER},
            ]
        },
        "type of a participant broken": {"participant": [ENTRY | {"type": "x"}]},
        "required of R5": {"participant": [ENTRY | {"required": True}]},
        "display of a coding broken": {"appointmentType": {"coding": [VIDEO["coding"][0] | {"display": 5}]}},
        "booking identifier as a name": {"identifier": [{"value": "Anna"}]},
    }


def _merged(*links: tuple[str, str], key: str, **changes: Any) -> Json:
    joined = [{"type": kind, "other": {"reference": f"Patient/{other}"}} for kind, other in links]
    return another(PATIENT, id=key, link=joined, **changes)


def _denied(key: str) -> Json:
    return another(R4_CONSENT, id="c2", patient={"reference": f"Patient/{key}"}, provision={"type": "deny"})


def _merges() -> dict[str, World]:
    """Give worlds of merged records: p0 was merged into p1, and p00 into p0."""
    replaces = {"patient": {"link": [{"type": "replaces", "other": {"reference": "Patient/p0"}}]}}
    to_old = {"appointment": {"participant": [ENTRY | {"actor": {"reference": "Patient/p0"}}]}}
    forward = _merged(("replaced-by", "p1"), key="p0")
    older = _merged(("replaced-by", "p0"), key="p00")
    both = _merged(("replaced-by", "p1"), ("replaces", "p00"), key="p0")
    return {
        "deny for the older record": world("R4", forward, _denied("p0")),
        "deny two merges back, found by replaced-by alone": world("R4", forward, older, _denied("p00")),
        "deny for a record that is replaced": world("R4", forward, _denied("p0"), **replaces),
        "deny two merges back": world("R4", both, older, _denied("p00"), **replaces),
        "deny two merges back, by the older record": world("R4", both, older, _denied("p00"), **to_old),
        "the older record is dead": world("R4", another(forward, deceasedBoolean=True), **to_old),
        "the older record is unreadable": world("R4", another(forward, birthDate="x"), **to_old),
        "the survivor is lost": world("R4", _merged(("replaced-by", "p9"), key="p0"), **to_old),
        "two survivors": world("R4", _merged(("replaced-by", "p1"), ("replaced-by", "p9"), key="p0"), **to_old),
    }


def all_cases() -> dict[str, World]:
    """Give every corner case by its name."""
    found = {f"Patient: {name}": world("R4", patient=change) for name, change in _patients().items()}
    found |= {f"Appointment: {name}": world("R4", appointment=change) for name, change in _appointments().items()}
    for how in ("deny-overrides", "newest-wins"):
        settings = {"consent": {"combine": how}}
        found |= {
            f"Consent: {name}, {how}": world("R4", consent=one, settings=settings)
            for name, one in corners_consents.changes().items()
        }
    return found | {f"Merge: {name}": one for name, one in _merges().items()} | _read_twice()


def _read_twice() -> dict[str, World]:
    """Give the cases that were once read in two ways."""
    older = _merged(("replaced-by", "p0"), key="p00")
    identifier = {"system": "urn:test", "value": "x1"}
    by_identifier = {"type": "replaced-by", "other": {"type": "Patient", "identifier": identifier}}
    replaces = {"type": "replaces", "other": {"reference": "Patient/p0"}}
    blocked = another(PATIENT, id="p2", name=[{"given": ["Bo2"]}])
    both = {"participant": [ENTRY, ENTRY | {"actor": {"reference": "Patient/p2"}}]}
    consent = another(R4_CONSENT, id="c2", patient={"reference": "Patient/p2"})
    skip = {"recipient": {"shared_number": "skip"}}
    about_document = {"provision": [{"documentType": [OTHER]}]}
    return {
        "a deny for a record that names its survivor by identifier": world(
            "R4", another(PATIENT, id="p0", link=[by_identifier]), _denied("p0"), patient={"identifier": [identifier]}
        ),
        "a deny two merges back, the nearer one told by replaces alone": world(
            "R4", another(PATIENT, id="p0"), older, _denied("p00"), patient={"link": [replaces]}
        ),
        "the text shows the family name": world("R4", patient={"name": [{"family": "Zoe", "given": ["Anna Zoë"]}]}),
        "the text shows a typographic family name": world(
            "R4", patient={"name": [{"family": "O'Brien", "given": ["Anna O\u2019Brien"]}]}
        ),
        "one number, one of the two is blocked": world("R4", blocked, consent, appointment=both, settings=skip),
        "an exception in R5 for a document type": world("R5", consent=about_document),
    }
