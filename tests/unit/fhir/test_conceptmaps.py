"""ConceptMaps are read strictly: what they say is exactly what a jurist reads in them, or nothing is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from fhirnotify.core.model import Coding, ContactType
from fhirnotify.core.rules import Mapped, Strength
from fhirnotify.errors import SettingsError
from fhirnotify.fhir.conceptmaps import load_kontakttyp

SYSTEM = "https://exempel.se/kontakttyp"


def target(code: str | None = "video", **fields: Any) -> dict[str, Any]:
    """Make an R4 target that decides, unless told otherwise."""
    made = {"equivalence": "equivalent", **fields}
    return made if code is None else {"code": code, **made}


def element(code: str = "V", *targets: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make an element with one deciding target, unless told otherwise."""
    return {"code": code, "target": list(targets or (target(),)), **fields}


def group(*elements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make a group from the sample system to kontakttyp."""
    return {
        "source": SYSTEM,
        "target": "urn:fhirnotify:kontakttyp",
        "element": list(elements or (element(),)),
        **fields,
    }


def concept_map(*groups: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make a ConceptMap."""
    return {"resourceType": "ConceptMap", "status": "active", "group": list(groups or (group(),)), **fields}


def write(directory: Path, **files: Any) -> Path:
    """Write files of these names, as JSON unless they are text."""
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (directory / f"{name}.json").write_text(text, encoding="utf-8")
    return directory


def refusal(directory: Path) -> str:
    """Give the text of the refusal, which must be a settings error."""
    with pytest.raises(SettingsError) as refused:
        load_kontakttyp(directory)
    assert refused.value.exit_code == 2
    return str(refused.value)


@pytest.mark.parametrize(
    ("equivalence", "strength"),
    [
        ("equal", Strength.DECIDES),
        ("equivalent", Strength.DECIDES),
        ("wider", Strength.DECIDES),
        ("subsumes", Strength.DECIDES),
        ("inexact", Strength.HINTS),
        ("narrower", Strength.HINTS),
        ("specializes", Strength.HINTS),
        ("relatedto", Strength.HINTS),
        ("unmatched", Strength.SILENT),
        ("disjoint", Strength.SILENT),
    ],
)
def test_strength_of_an_r4_equivalence(tmp_path: Path, equivalence: str, strength: Strength) -> None:
    """Each of R4's ten equivalences decides, hints or says nothing."""
    write(tmp_path, a=concept_map(group(element("V", target("video", equivalence=equivalence)))))
    assert load_kontakttyp(tmp_path) == {Coding(SYSTEM, "V"): (Mapped(ContactType.VIDEO, strength),)}


@pytest.mark.parametrize(
    ("relationship", "strength"),
    [
        ("equivalent", Strength.DECIDES),
        ("source-is-narrower-than-target", Strength.DECIDES),
        ("related-to", Strength.HINTS),
        ("source-is-broader-than-target", Strength.HINTS),
        ("not-related-to", Strength.SILENT),
    ],
)
def test_strength_of_an_r5_relationship(tmp_path: Path, relationship: str, strength: Strength) -> None:
    """Each of R5's five relationships decides, hints or says nothing."""
    r5 = {"code": "telefon", "relationship": relationship}
    write(tmp_path, a=concept_map(group(element("T", r5)), sourceScopeUri="http://hl7.org/fhir/ValueSet/x"))
    assert load_kontakttyp(tmp_path) == {Coding(SYSTEM, "T"): (Mapped(ContactType.TELEFON, strength),)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("mottagning", ContactType.MOTTAGNING),
        ("video", ContactType.VIDEO),
        ("telefon", ContactType.TELEFON),
        ("ingen", None),
    ],
)
def test_the_four_targets(tmp_path: Path, code: str, expected: ContactType | None) -> None:
    """A code can mean one of the three kinds of visit, or ``ingen``: known, and not reminded of."""
    write(tmp_path, a=concept_map(group(element("X", target(code)))))
    assert load_kontakttyp(tmp_path)[Coding(SYSTEM, "X")] == (Mapped(expected, Strength.DECIDES),)


@pytest.mark.parametrize(
    "silent",
    [
        {"code": "X", "target": [{"equivalence": "unmatched"}]},
        {"code": "X", "target": [{"relationship": "not-related-to"}]},
        {"code": "X", "noMap": True},
    ],
)
def test_a_code_that_tells_nothing_is_known(tmp_path: Path, silent: dict[str, Any]) -> None:
    """A code without a match needs no target, and still counts as known."""
    write(tmp_path, a=concept_map(group(silent)))
    assert load_kontakttyp(tmp_path) == {Coding(SYSTEM, "X"): (Mapped(None, Strength.SILENT),)}


def test_all_files_and_groups_are_put_together(tmp_path: Path) -> None:
    """Several maps, R4 and R5, are one mapping; what is not *.json is left alone."""
    other = group(element("2", target("telefon")), source="urn:oid:1.2.3")
    r5 = group(element("W", {"code": "video", "relationship": "equivalent"}), source=f"{SYSTEM}/2|1.0")
    write(tmp_path, a=concept_map(group(), other), b=concept_map(r5))
    (tmp_path / "elements.toml").write_text("not JSON")
    assert set(load_kontakttyp(tmp_path)) == {
        Coding(SYSTEM, "V"),
        Coding("urn:oid:1.2.3", "2"),
        Coding(f"{SYSTEM}/2", "W"),
    }


def test_code_systems_are_compared_exactly(tmp_path: Path) -> None:
    """The forms of one code system, and upper and lower case, are different codes and may differ in target."""
    same = [
        group(element("1", target(code)), source=source)
        for source, code in [("urn:oid:1.2", "video"), ("http://a/1.2", "telefon"), ("http://A/1.2", "ingen")]
    ]
    write(tmp_path, a=concept_map(*same))
    assert len(load_kontakttyp(tmp_path)) == 3


def test_a_code_twice_with_the_same_target_is_one(tmp_path: Path) -> None:
    """Saying the same thing twice is no contradiction."""
    write(tmp_path, a=concept_map(), b=concept_map())
    assert load_kontakttyp(tmp_path) == {Coding(SYSTEM, "V"): (Mapped(ContactType.VIDEO, Strength.DECIDES),)}


def test_silence_contradicts_nobody(tmp_path: Path) -> None:
    """One map may know nothing of a code that another maps."""
    write(tmp_path, a=concept_map(), b=concept_map(group(element("V", target(None, equivalence="unmatched")))))
    assert load_kontakttyp(tmp_path)[Coding(SYSTEM, "V")] == (
        Mapped(ContactType.VIDEO, Strength.DECIDES),
        Mapped(None, Strength.SILENT),
    )


@pytest.mark.parametrize(
    "files",
    [
        {"a": concept_map(group(element("V"), element("V", target("telefon"))))},
        {"a": concept_map(group(element("V", target("video"), target("telefon"))))},
        {"a": concept_map(group(element("V")), group(element("V", target("ingen"))))},
        {"a": concept_map(), "b": concept_map(group(element("V", target("mottagning", equivalence="inexact"))))},
    ],
    ids=["two elements", "two targets", "two groups", "two files"],
)
def test_a_code_with_two_targets_is_refused(tmp_path: Path, files: dict[str, Any]) -> None:
    """A code that means two things means nothing: the mapping is refused, naming the code and both places."""
    told = refusal(write(tmp_path, **files))
    assert f"{SYSTEM}|V is mapped to" in told
    assert "to video in a.json group[0].element[0].target[0]" in told


@pytest.mark.parametrize(
    ("content", "place", "what"),
    [
        ("{", "line 1, column 2", "is not JSON"),
        ("[" * 100_000, "a.json", "is not JSON"),
        ([], "a.json", "is not a ConceptMap"),
        ({"resourceType": "ValueSet"}, "a.json", "is not a ConceptMap"),
        ({"resourceType": "ConceptMap"}, "a.json", "has no group"),
        (concept_map(status="retired"), "status", '"retired"'),
        (concept_map(implicitRules="http://x"), "implicitRules", "is not honoured"),
        (concept_map(modifierExtension=[{"url": "x"}]), "modifierExtension", "is not honoured"),
        (concept_map({"source": SYSTEM, "target": "urn:fhirnotify:kontakttyp"}), "group[0]", "has no element"),
        (concept_map(group(), "x"), "group[1]", "is not an object"),
        (concept_map({"target": "urn:fhirnotify:kontakttyp", "element": [element()]}), "group[0]", "has no source"),
        (concept_map({"source": SYSTEM, "element": [element()]}), "group[0]", "has no target system"),
        (concept_map(group(target="urn:fhirnotify:annat")), "group[0]", "unknown target system urn:fhirnotify:annat"),
        (concept_map(group(unmapped={"mode": "fixed", "code": "mottagning"})), "group[0].unmapped", "is not honoured"),
        (concept_map(group(element(), {"target": [target()]})), "group[0].element[1]", "has no code"),
        (concept_map(group(element(" V"))), "group[0].element[0]", "has no code"),
        (concept_map(group({"code": "V"})), "group[0].element[0]", "has no target"),
        (concept_map(group(element("V", noMap=True))), "group[0].element[0]", "noMap"),
        (concept_map(group({"code": "V", "noMap": "yes"})), "group[0].element[0]", "noMap"),
        (concept_map(group({"code": "V", "noMap": False})), "group[0].element[0]", "has no target"),
        (concept_map(group({"valueSet": "http://x", "target": [target()]})), "group[0].element[0].valueSet", "is not"),
        (concept_map(group(element("V", target("besok")))), "group[0].element[0].target[0]", '"besok" is not a kontakttyp'),
        (concept_map(group(element("V", target("Video")))), "group[0].element[0].target[0]", '"Video" is not a kontakttyp'),
        (concept_map(group(element("V", target(None)))), "group[0].element[0].target[0]", "has no code"),
        (concept_map(group(element("V", {"code": "video"}))), "group[0].element[0].target[0]", "has no equivalence"),
        (concept_map(group(element("V", target(relationship="equivalent")))), "target[0]", "both"),
        (concept_map(group(element("V", target(equivalence="same")))), "target[0]", '"same" is not known as equivalence'),
        (concept_map(group(element("V", target(equivalence="source-is-narrower-than-target")))), "target[0]", "not known"),
        (concept_map(group(element("V", target(equivalence=["equal"])))), "target[0]", "not known as equivalence"),
        (concept_map(group(element("V", {"code": "video", "relationship": "wider"}))), "target[0]", "as relationship"),
        (concept_map(group(element("V", target(dependsOn=[])))), "group[0].element[0].target[0].dependsOn", "is not"),
        (concept_map(group(element("V", target(product=[])))), "group[0].element[0].target[0].product", "is not"),
    ],
)  # fmt: skip
def test_a_map_with_a_fault_is_refused(tmp_path: Path, content: Any, place: str, what: str) -> None:
    """The refusal names the file, the place and what is wrong there."""
    told = refusal(write(tmp_path, a=content))
    assert any("a.json" in line and place in line and what in line for line in told.splitlines())


def test_a_target_may_be_unmatched_and_still_misspelt(tmp_path: Path) -> None:
    """A target code is checked also where it decides nothing."""
    write(tmp_path, a=concept_map(group(element("V", target("besok", equivalence="disjoint")))))
    assert '"besok" is not a kontakttyp' in refusal(tmp_path)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """One round of mending is enough: every fault of every file stands in one refusal."""
    broken = concept_map(group(element("V", target("besok")), element("W", target(equivalence="same"))))
    told = refusal(write(tmp_path, a=broken, b="{", c=concept_map()))
    assert "3 errors" in told
    assert [line.split(":")[0].strip() for line in told.splitlines() if line.startswith("  ")] == [
        "a.json",
        "a.json",
        "b.json",
    ]


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """A file in another encoding gets a named refusal, not a traceback."""
    (tmp_path / "a.json").write_bytes('{"resourceType": "é"}'.encode("latin-1"))
    assert "a.json: is not JSON in UTF-8" in refusal(tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    (tmp_path / "a.json").write_text(json.dumps(concept_map()), encoding="utf-8-sig")
    assert load_kontakttyp(tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A directory of that name stands for any file that the system will not give."""
    (tmp_path / "a.json").mkdir()
    assert "a.json: cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("where", [".", "missing"])
def test_a_directory_without_maps_is_refused(tmp_path: Path, where: str) -> None:
    """Without a map nobody would be reminded, and nobody told."""
    assert "mappings.directory" in refusal(tmp_path / where)
