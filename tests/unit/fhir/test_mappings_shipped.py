"""The ConceptMaps that come along: valid FHIR, and every code of the systems they cover has a reasoned place."""

import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.conceptmap import ConceptMap

from fhirnotify.assets import directory
from fhirnotify.core.model import Coding
from fhirnotify.fhir.conceptmaps import load_kontakttyp

MAPPINGS = directory("mappings")
MAPS = sorted(MAPPINGS.glob("*.json"))

SNOMED = "http://snomed.info/sct"
KV_OID = "urn:oid:1.2.752.129.2.2.2.25"
KV_URI = "https://terminologitjansten.inera.se/inera-kodverksforvaltning/kodverk/kv_vardkontakttyp"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
UK = "https://fhir.hl7.org.uk/CodeSystem/UKCore-DeliveryChannel"
POINT = "http://hl7.org/fhir/contact-point-system"
DANISH = "http://ehealth.sundhed.dk/cs/appointment-servicetype"
REASON = "http://terminology.hl7.org/CodeSystem/v2-0276"
VIRTUAL = "http://hl7.org/fhir/virtual-service-type"

SAYS = [
    (SNOMED, "58171000052102", "mottagning decides"),
    (SNOMED, "63431000052109", "video decides"),
    (SNOMED, "453131000124105", "video decides"),
    (SNOMED, "185317003", "telefon decides"),
    (SNOMED, "439708006", "ingen decides"),
    (SNOMED, "1197766005", "ingen decides"),
    (SNOMED, "185316007", "silent"),
    (SNOMED, "448337001", "silent"),
    (SNOMED, "308335008", "silent"),
    (SNOMED, "11429006", "silent"),
    (SNOMED, "185351004", "silent"),
    *[
        (system, code, says)
        for system in (KV_OID, KV_URI)
        for code, says in [
            ("1", "mottagning hints"),
            ("2", "telefon decides"),
            ("3", "ingen decides"),
            ("4", "ingen hints"),
            ("5", "silent"),
        ]
    ],
    *[(ACT, code, "silent") for code in ("AMB", "VR", "PRENC")],
    *[(ACT, code, "ingen decides") for code in ("HH", "FLD", "EMER", "IMP", "ACUTE", "NONAC", "OBSENC", "SS")],
    (MODE, "PHYSICAL", "mottagning decides"),
    (MODE, "FACE", "mottagning decides"),
    (MODE, "PHONE", "telefon decides"),
    (MODE, "VIDEOCONF", "video decides"),
    *[(MODE, code, "silent") for code in ("REMOTE", "VERBAL", "DICTATE", "ELECTRONIC")],
    *[
        (MODE, code, "ingen decides")
        for code in ("WRITTEN", "FAXWRIT", "HANDWRIT", "MAILWRIT", "ONLINEWRIT", "EMAILWRIT", "TYPEWRIT")
    ],
    (UK, "In-person", "mottagning decides"),
    (UK, "Telephone", "telefon decides"),
    (UK, "Video", "video decides"),
    (POINT, "phone", "telefon decides"),
    (POINT, "url", "video decides"),
    *[(POINT, code, "silent") for code in ("fax", "email", "pager", "sms", "other")],
    (DANISH, "regular", "mottagning hints"),
    (DANISH, "group", "mottagning hints"),
    (DANISH, "video", "video decides"),
    (DANISH, "group-video", "video decides"),
    *[(REASON, code, "silent") for code in ("ROUTINE", "WALKIN", "CHECKUP", "FOLLOWUP", "EMERGENCY")],
    (VIRTUAL, "zoom", "video hints"),
    (VIRTUAL, "ms-teams", "video hints"),
    (VIRTUAL, "whatsapp", "silent"),
    ("https://cambio.codes/cs/encounter-types", "annan", "silent"),
    ("urn:oid:1.2.752.116.1.3.2.1.4", "ZV051", "silent"),
]


@pytest.mark.parametrize(("system", "code", "says"), SAYS)
def test_what_each_code_says(system: str, code: str, says: str) -> None:
    """Each code decides, hints or is known to tell nothing; a code that could stand on another visit never decides."""
    (mapped,) = load_kontakttyp(MAPPINGS)[Coding(system, code)]
    silent = mapped.strength.value == "silent"
    assert (says if silent else f"{mapped.target.value if mapped.target else 'ingen'} {mapped.strength.value}") == says
    assert silent is (says == "silent")


def test_no_code_is_mapped_that_the_table_does_not_name() -> None:
    """Whoever adds a code to a map that comes along writes here what it says."""
    assert set(load_kontakttyp(MAPPINGS)) == {Coding(system, code) for system, code, _ in SAYS}


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_each_map_is_fhir_that_a_terminology_tool_can_open(path: Path) -> None:
    """Each map is a valid R4 ConceptMap with what a tool shows: address, version, title, description, displays."""
    resource: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    ConceptMap.model_validate(resource)
    assert resource["url"] == f"urn:fhirnotify:ConceptMap:{resource['id']}"
    assert {"version", "name", "title", "status", "description", "targetUri"} <= set(resource)
    for group in resource["group"]:
        for element in group["element"]:
            assert element.get("display") or path.stem == "kva"
            for target in element["target"]:
                assert ("display" in target) is ("code" in target)
                assert ("code" in target) is (target["equivalence"] != "unmatched")


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_each_judgement_gives_its_grounds(path: Path) -> None:
    """A jurist finds beside each code why it says what it says."""
    resource = json.loads(path.read_text(encoding="utf-8"))
    targets = [target for group in resource["group"] for element in group["element"] for target in element["target"]]
    assert all(target["comment"].endswith(".") for target in targets)
