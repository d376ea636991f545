"""``mappings check`` finds what is wrong with a mapping before a patient does."""

import json
from pathlib import Path
from typing import Any

import pytest

from fhirnotify.assets import directory
from fhirnotify.errors import SettingsError
from fhirnotify.fhir.mapping_lint import lint

SYSTEM = "https://exempel.se/kontakttyp"
TARGET = "group[0].element[0].target[0]"
ANY = [{"expression": "Appointment.appointmentType"}]


def element(
    code: str = "V", target: str | None = "video", equivalence: str = "equivalent", **fields: Any
) -> dict[str, Any]:
    """Make an element of a ConceptMap."""
    made = {"equivalence": equivalence, "comment": "Prov.", **fields}
    return {"code": code, "target": [made if target is None else {"code": target, **made}]}


def concept_map(*elements: dict[str, Any], name: str = "a", **fields: Any) -> dict[str, Any]:
    """Make a valid ConceptMap."""
    group = {"source": SYSTEM, "target": "urn:fhirnotify:kontakttyp", "element": list(elements or (element(),))}
    return {"resourceType": "ConceptMap", "status": "active", "url": f"urn:x:{name}", "group": [group], **fields}


def found(where: Path, elements: list[dict[str, str]] | str, **maps: Any) -> list[str]:
    """Write a mapping directory, and give what is found as ``severity file place: what``."""
    for name, content in maps.items():
        (where / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    if isinstance(elements, list):
        elements = "\n".join(
            "[[element]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in each.items())
            for each in elements
        )
    (where / "elements.toml").write_text(elements, encoding="utf-8")
    findings = lint(where)
    assert all(finding.next_step for finding in findings)
    return [f"{each.severity} {each.file} {each.place}: {each.what}" for each in findings]


def test_the_mappings_that_come_along_are_clean() -> None:
    """Nothing is found in what we ship."""
    assert lint(directory("mappings")) == []


def test_a_sound_mapping_is_clean(tmp_path: Path) -> None:
    """One element, one map, nothing to mend."""
    assert found(tmp_path, ANY, a=concept_map()) == []


def test_a_sound_r5_mapping_is_clean(tmp_path: Path) -> None:
    """A map written in R5 is held against R5."""
    elements = [
        {"code": "V", "target": [{"code": "video", "relationship": "equivalent"}]},
        {"code": "X", "noMap": True},
    ]
    assert found(tmp_path, ANY, a=concept_map(*elements, sourceScopeUri="urn:x")) == []


def test_a_code_twice_with_different_targets(tmp_path: Path) -> None:
    """Between two files as within one, at the second place."""
    assert found(tmp_path, ANY, a=concept_map(), b=concept_map(element("V", "telefon"), name="b")) == [
        f"error b.json {TARGET}: {SYSTEM}|V is mapped to telefon, but to video in a.json {TARGET}"
    ]


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (element(), "is mapped already, in a.json"),
        (element(equivalence="inexact"), "is mapped with another strength in a.json"),
        (element("V", None, "unmatched"), "is mapped with another strength in a.json"),
    ],
)
def test_a_code_twice_without_contradiction(tmp_path: Path, second: dict[str, Any], what: str) -> None:
    """Saying a thing twice is worth a warning: one day only one of them will be changed."""
    (warning,) = found(tmp_path, ANY, a=concept_map(), b=concept_map(second, name="b"))
    assert warning.startswith(f"warning b.json group[0].element[0].target[0]: {SYSTEM}|V {what}")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (concept_map(element("V", "besok")), 'group[0].element[0].target[0]: "besok" is not a kontakttyp'),
        (concept_map(element(equivalence="same")), 'group[0].element[0].target[0]: "same" is not known as equivalence'),
        ({"resourceType": "ValueSet"}, ": is not a ConceptMap"),
    ],
)
def test_what_a_run_refuses_is_an_error(tmp_path: Path, content: Any, what: str) -> None:
    """An unknown target or a bad equivalence is found once, and the other maps are still looked at."""
    assert found(tmp_path, ANY, a=content, b=concept_map(name="b", url="urn:x:b")) == [f"error a.json {what}"]


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (concept_map(titel="x"), "titel: is not valid FHIR"),
        (concept_map(date="igår"), "date: is not valid FHIR"),
        (concept_map(element(comment=7)), "group[0].element[0].target[0].comment: is not valid FHIR"),
        (
            concept_map(element(equivalence="narrower", comment="")),
            "group[0].element[0].target[0]: is narrower and has no",
        ),
        ({key: value for key, value in concept_map().items() if key != "status"}, "status: is not valid FHIR"),
        ({key: value for key, value in concept_map().items() if key != "url"}, "url: is missing"),
    ],
)
def test_what_a_terminology_tool_would_refuse_is_a_warning(tmp_path: Path, content: Any, warning: str) -> None:
    """The map works here, but should be mended before someone opens it elsewhere."""
    assert any(each.startswith(f"warning a.json {warning}") for each in found(tmp_path, ANY, a=content))


def test_two_maps_of_one_url(tmp_path: Path) -> None:
    """A terminology tool would let the one overwrite the other."""
    other = concept_map(element("W"))
    assert found(tmp_path, ANY, a=concept_map(), b=other) == ["warning b.json url: urn:x:a is the url of a.json too"]


@pytest.mark.parametrize(
    ("elements", "place"),
    [
        ("", ""),
        ("[[element]\n", ""),
        ([*ANY, {"expression": "Appointment.appointmentType.("}], "element[1]"),
        ([*ANY, {"expression": "Appointment."}], "element[1]"),
        ([{"uttryck": "Appointment.appointmentType"}], "element[0]"),
    ],
)
def test_elements_that_cannot_be_read(tmp_path: Path, elements: Any, place: str) -> None:
    """What ``load_elements`` refuses is an error of elements.toml, at its place, and no map is blamed for it."""
    (error,) = found(tmp_path, elements, a=concept_map())
    assert error.startswith(f"error elements.toml {place}: ")
    assert str(tmp_path) not in error


def test_elements_that_are_missing(tmp_path: Path) -> None:
    """Without elements.toml no code is ever found."""
    (tmp_path / "a.json").write_text(json.dumps(concept_map()))
    (error,) = lint(tmp_path)
    assert (error.severity, error.file) == ("error", "elements.toml")


@pytest.mark.parametrize(
    ("elements", "reached"),
    [
        ([{"expression": "Appointment.appointmentType"}], True),
        ([{"expression": "Appointment.serviceType.concept.coding"}], True),
        ([{"expression": "Appointment.virtualService.channelType"}], True),
        ([{"expression": "Appointment.extension('urn:x').value"}], True),
        ([{"expression": "Appointment.extension('urn:x').value.ofType(code)", "system": SYSTEM}], True),
        ([{"expression": "Appointment.extension('urn:x').value.ofType(code)", "system": f"{SYSTEM}/"}], False),
        ([{"expression": "Appointment.priority", "system": "urn:x"}, *ANY], True),
    ],
)
def test_a_map_that_no_element_can_reach(tmp_path: Path, elements: list[dict[str, str]], *, reached: bool) -> None:
    """A plain code can only be of the system that its element names; a Coding can be of any."""
    errors = [each for each in found(tmp_path, elements, a=concept_map()) if "no element" in each]
    unreached = f"error a.json group[0]: no element of elements.toml can give a code of {SYSTEM}"
    assert errors == ([] if reached else [unreached])


@pytest.mark.parametrize(
    ("element", "finding"),
    [
        (
            {"expression": "Appointment.appointmentTyp"},
            "error elements.toml element[1]: Appointment.appointmentTyp looks into no",
        ),
        (
            {"expression": "Appointment.participant.tipe"},
            "error elements.toml element[1]: Appointment.participant.tipe",
        ),
        ({"expression": "Appointment.participant"}, "error elements.toml element[1]: Appointment.participant gives"),
        (
            {"expression": "Appointment.start"},
            "error elements.toml element[1]: Appointment.start gives instant, in which",
        ),
        (
            {"expression": "Appointment.description"},
            "error elements.toml element[1]: Appointment.description gives plain",
        ),
        (
            {"expression": "Appointment.extension('urn:x').value.ofType(code)"},
            "error elements.toml element[1]: Appointment",
        ),
        ({"expression": "Appointment.class", "system": SYSTEM}, "warning elements.toml element[1]: system is not used"),
        (
            {"expression": "Appointment.description", "system": "urn:y"},
            "warning elements.toml element[1]: no ConceptMap",
        ),
    ],
)
def test_an_element_that_cannot_do_its_work(tmp_path: Path, element: dict[str, str], finding: str) -> None:
    """A misspelt path, one that ends where no code can stand, and a system that is missing or idle."""
    (told,) = found(tmp_path, [*ANY, element], a=concept_map())
    assert told.startswith(finding)


def test_a_directory_without_maps(tmp_path: Path) -> None:
    """There is nothing to check: refused as a run would be."""
    with pytest.raises(SettingsError, match=r"no ConceptMap"):
        lint(tmp_path)
