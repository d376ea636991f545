"""What is read of a Patient."""

from datetime import UTC, date, datetime

import pytest
from raw_resources import smallest, translator

from fhirnotify.core.model import ALWAYS, Given, Identifier, Invalid, Link, Name, PatientRef, Period, Person, Telecom

QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
LABELS = "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CALLED = {"extension": [{"url": QUALIFIER, "valueCode": "CL"}]}


def read(**elements):
    """Read the smallest Patient with these elements."""
    return translator().patient(smallest("Patient", **elements))


def test_a_whole_patient_is_read():
    """Every element that a rule asks for, and nothing else."""
    person = read(
        meta={"versionId": "2", "lastUpdated": "2026-01-01T00:00:00Z"},
        active=True,
        birthDate="1912-12-12",
        name=[{"use": "official", "family": "Svensson", "given": ["Anna"], "period": {"start": "2020"}}],
        telecom=[{"system": "phone", "value": "070-174 06 05", "use": "mobile", "rank": 1}],
        identifier=[{"system": "urn:pnr", "value": "191212121212"}],
        address=[{"line": ["Storgatan 1"], "city": "Umeå"}],
        gender="female",
    )
    assert person == Person(
        id="p1",
        ref="Patient/p1/_history/2",
        birth_date=date(1912, 12, 12),
        names=(Name("official", (Given("Anna"),), "Svensson", Period(start=datetime(2019, 12, 31, 23, tzinfo=UTC))),),
        telecoms=(Telecom("phone", "070-174 06 05", "mobile", 1),),
        identifiers=(Identifier("urn:pnr", "191212121212"),),
        private=frozenset({"191212121212", "070-174 06 05", "Storgatan 1"}),
    )


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ({"given": ["John", "Bob"], "_given": [None, CALLED]}, (Given("John"), Given("Bob", call_me=True))),
        (
            {"given": [None, "Bob"], "_given": [{"extension": [{"url": "urn:x"}]}, CALLED]},
            (Given("Bob", call_me=True),),
        ),
        ({"given": ["John", None, "Bob"], "_given": [None, CALLED]}, (Given("John"), Given("Bob"))),
        ({"given": ["John"], "_given": [None, CALLED]}, (Given("John"),)),
        ({"given": ["John"], "_given": [{"extension": [{"url": QUALIFIER, "valueCode": "BR"}]}]}, (Given("John"),)),
        ({"given": ["John"], "_given": [{"extension": [{"url": "urn:x", "valueCode": "CL"}]}]}, (Given("John"),)),
        ({"_given": [CALLED]}, ()),
        ({"given": [" ", "Bob"]}, (Given("Bob"),)),
        ({"family": "Svensson"}, ()),
    ],
)
def test_the_name_gone_by_is_the_given_name_that_is_marked(name, given):
    """Marks and names stand in two lists side by side; a null holds a place in either."""
    assert read(name=[name]).names[0].given == given


@pytest.mark.parametrize(
    ("elements", "deceased"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2020"}, True),
        ({"deceasedDateTime": "2030-01-01T00:00:00Z"}, True),
        ({"_deceasedDateTime": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}}, True),
        ({"_deceasedDateTime": {}}, False),
    ],
)
def test_a_date_of_death_is_death(elements, deceased):
    """Whatever the date."""
    assert read(**elements).deceased is deceased


@pytest.mark.parametrize(
    "elements",
    [
        {"meta": {"security": [{"system": LABELS, "code": "sekretessmarkering"}]}},
        {"meta": {"security": [{"code": "x"}, {"system": LABELS, "code": "skyddadFolkbokforing"}]}},
        {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}},
        {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "V"}]}},
        {"name": [{"given": ["Skyddad uppgift"]}]},
        {"name": [{"given": ["Anna"]}, {"use": "old", "family": " SKYDDAD  UPPGIFT\n"}]},
        {"name": [{"given": ["Anna"], "text": "skyddad uppgift"}]},
        {"name": [{"given": ["Anna"], "prefix": ["Skyddad uppgift"]}]},
        {"name": [{"given": ["Anna"], "extension": [{"url": "urn:middle", "valueString": "Skyddad uppgift"}]}]},
        {
            "name": [
                {"given": ["Anna"], "_family": {"extension": [{"url": "urn:own", "valueString": "Skyddad uppgift"}]}}
            ]
        },
    ],
)
def test_protected_identity_is_told_by_a_label_or_by_the_placeholder(elements):
    """HL7 Sweden's labels, confidentiality R and V, or "Skyddad uppgift" in any part of any name."""
    assert read(**elements).protected


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}, {"system": "urn:x", "code": "R"}]}},
        {"meta": {"security": [{"code": "sekretessmarkering"}], "tag": [{"system": CONFIDENTIALITY, "code": "R"}]}},
        {"name": [{"given": ["Anna"], "family": "Skyddad uppgift-Svensson"}]},
        {"address": [{"text": "Skyddad uppgift"}]},
    ],
)
def test_other_labels_and_words_protect_nobody(elements):
    """Systems and codes are compared exactly."""
    assert not read(**elements).protected


def test_the_placeholder_is_found_however_deep_it_stands():
    """JSON may be nested deeper than Python recurses."""
    nested = ["Skyddad uppgift"]
    for _ in range(100_000):
        nested = [nested]
    assert read(name=[{"given": ["Anna"], "extension": nested}]).protected


def test_numbers_keep_their_order_and_those_without_a_value_are_left_out():
    """The order decides between equals."""
    telecoms = read(
        telecom=[
            {"value": "1"},
            {"system": "sms", "use": "old"},
            {"system": "sms", "value": "2", "period": {"end": "2026-11-24"}},
        ]
    ).telecoms
    assert telecoms == (
        Telecom(None, "1"),
        Telecom("sms", "2", period=Period(end=datetime(2026, 11, 24, 22, 59, 59, 999999, tzinfo=UTC))),
    )


@pytest.mark.parametrize(
    ("link", "links"),
    [
        ({"other": {"reference": "Patient/p2"}, "type": "replaced-by"}, (Link("replaced-by", PatientRef("p2")),)),
        ({"other": {"reference": "RelatedPerson/r1"}, "type": "seealso"}, ()),
        ({"other": {"reference": "RelatedPerson/r1"}, "type": "replaced-by"}, (Link("replaced-by", PatientRef()),)),
        ({"other": {"display": "?"}, "type": "replaced-by"}, (Link("replaced-by", PatientRef()),)),
        (
            {"other": {"identifier": {"value": "1"}, "type": "Patient"}, "type": "replaces"},
            (Link("replaces", PatientRef(identifier=Identifier(None, "1"))),),
        ),
    ],
)
def test_links_lead_to_other_records(link, links):
    """A RelatedPerson is no record of the patient; one who is replaced by nobody we can find stays unreadable."""
    assert read(link=[link]).links == links


@pytest.mark.parametrize(
    ("elements", "path"),
    [
        ({"resourceType": "Person"}, "Patient.resourceType"),
        ({"id": None}, "Patient.id"),
        ({"id": "a_b"}, "Patient.id"),
        ({"id": "x" * 65}, "Patient.id"),
        ({"meta": {"versionId": 1}}, "Patient.meta.versionId"),
        ({"meta": {"security": {}}}, "Patient.meta.security"),
        ({"implicitRules": "urn:x"}, "Patient.implicitRules"),
        ({"modifierExtension": [{"url": "urn:x"}]}, "Patient.modifierExtension"),
        ({"modifierExtension": "x"}, "Patient.modifierExtension"),
        ({"active": "true"}, "Patient.active"),
        ({"active": 1}, "Patient.active"),
        ({"deceasedBoolean": "true"}, "Patient.deceasedBoolean"),
        ({"deceasedDateTime": "2020-13"}, "Patient.deceasedDateTime"),
        ({"deceasedBoolean": False, "deceasedDateTime": "2020"}, "Patient.deceased[x]"),
        ({"birthDate": "1912-02-30"}, "Patient.birthDate"),
        ({"birthDate": "1912-12-12T00:00:00Z"}, "Patient.birthDate"),
        ({"birthDate": 19121212}, "Patient.birthDate"),
        ({"name": {"given": ["Anna"]}}, "Patient.name"),
        ({"name": [None]}, "Patient.name[0]"),
        ({"name": [{"use": "alias"}]}, "Patient.name[0].use"),
        ({"name": [{"given": "Anna"}]}, "Patient.name[0].given"),
        ({"name": [{"given": ["Anna", ""]}]}, "Patient.name[0].given[1]"),
        (
            {"name": [{"given": ["Anna"], "_given": [{"extension": [{}]}]}]},
            "Patient.name[0]._given[0].extension[0].url",
        ),
        ({"name": [{"period": {"start": "yesterday"}}]}, "Patient.name[0].period.start"),
        ({"telecom": [{"system": "mobile", "value": "1"}]}, "Patient.telecom[0].system"),
        ({"telecom": [{"use": "private", "value": "1"}]}, "Patient.telecom[0].use"),
        ({"telecom": [{"value": 701740605}]}, "Patient.telecom[0].value"),
        ({"telecom": [{"rank": 0}]}, "Patient.telecom[0].rank"),
        ({"telecom": [{"rank": "1"}]}, "Patient.telecom[0].rank"),
        ({"telecom": [{"rank": True}]}, "Patient.telecom[0].rank"),
        ({"link": [{"type": "replaced-by"}]}, "Patient.link[0].other"),
        ({"link": [{"other": {"reference": "Patient/p2"}}]}, "Patient.link[0].type"),
        ({"link": [{"other": {"reference": "Patient/p2"}, "type": "merged"}]}, "Patient.link[0].type"),
        ({"link": [{"other": "Patient/p2", "type": "refer"}]}, "Patient.link[0].other"),
        (
            {
                "link": [
                    {"other": {"reference": "Patient/p2"}, "type": "refer", "modifierExtension": [{"url": "urn:x"}]}
                ]
            },
            "Patient.link[0].modifierExtension",
        ),
    ],
)
def test_an_error_in_a_needed_element_is_told_by_its_path(elements, path):
    """The path, and never the value."""
    invalid = read(**elements)
    assert isinstance(invalid, Invalid)
    assert invalid.paths == (path,)


@pytest.mark.parametrize(
    "elements",
    [
        {"gender": 5, "contact": "x", "communication": [{}], "text": [], "photo": 1, "unheardOf": {}},
        {"address": 5, "identifier": [{"value": 5}, None], "maritalStatus": "x"},
        {"meta": {"lastUpdated": "x", "profile": 5, "tag": "x"}},
        {"name": [{"given": ["Anna"], "suffix": 5, "_family": 5}], "telecom": [{"extension": 5, "value": "1"}]},
        {"active": None, "name": [{"given": ["Anna"], "family": None}], "link": [], "modifierExtension": []},
    ],
)
def test_an_error_in_an_element_that_nobody_needs_costs_nobody_the_reminder(elements):
    """What the rules do not read is not looked at; null and empty lists are as nothing."""
    assert read(**elements).names[0].given == (Given("Anna"),)


def test_a_name_without_period_is_current():
    """So says FHIR, unless its use says otherwise."""
    assert read().names[0].period is ALWAYS


@pytest.mark.parametrize(
    "elements", [{"name": [{"given": ["Anna"]}], "telecom": [{"value": "070-174 06 05"}]}, {"active": 5}]
)
def test_nothing_of_a_person_is_told_by_repr(elements):
    """Neither by a fact that could be read nor by one that could not."""
    told = repr(read(**elements))
    assert not any(word in told for word in ("Anna", "Svensson", "070-174"))
