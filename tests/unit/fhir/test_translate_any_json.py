"""Whatever stands in a resource: nothing is raised, and the lean validation vouches for no more than fhir.resources."""

import subprocess
import sys
from copy import deepcopy
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_resources import translator

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.translate_validate import Unreadable

R4, R5 = FhirVersion.R4, FhirVersion.R5
CONCEPT = {"coding": [{"system": "urn:s", "code": "a", "display": "A"}], "text": "T"}
PERIOD = {"start": "2020-01-31", "end": "2030-02-28T23:59:59.5+01:00"}
EXTENSION_URL = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"versionId": "2", "security": [{"system": "urn:s", "code": "R"}]},
    "active": True,
    "deceasedBoolean": False,
    "birthDate": "1912-12-12",
    "name": [
        {
            "use": "official",
            "family": "Svensson",
            "given": ["Anna", "Maria"],
            "_given": [None, {"extension": [{"url": EXTENSION_URL, "valueCode": "CL"}]}],
            "period": PERIOD,
        }
    ],
    "telecom": [{"system": "phone", "value": "070-174 06 05", "use": "mobile", "rank": 1, "period": PERIOD}],
    "address": [{"line": ["Storgatan 1"]}],
    "identifier": [{"system": "urn:s", "value": "191212121212"}],
    "link": [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}],
}
APPOINTMENT = {
    "resourceType": "Appointment",
    "id": "a1",
    "meta": {"versionId": "2"},
    "status": "booked",
    "start": "2026-11-24T10:00:00+01:00",
    "created": "2026-11-01",
    "contained": [PATIENT, {"resourceType": "Location", "id": "l1", "name": "Provtagningen"}],
    "extension": [{"url": "urn:kind", "valueCoding": {"system": "urn:s", "code": "b"}}, {"url": "urn:x"}],
    "appointmentType": CONCEPT,
    "participant": [
        {"actor": {"reference": "Patient/p1", "display": "A"}, "status": "accepted"},
        {"actor": {"reference": "#p1", "type": "Patient"}, "status": "declined"},
        {"actor": {"identifier": {"system": "urn:s", "value": "1"}}, "status": "accepted"},
    ],
}
PROVISION = {
    "period": PERIOD,
    "code": [CONCEPT],
    "purpose": [{"system": "urn:s", "code": "a"}],
    "actor": [{"role": CONCEPT, "reference": {"reference": "Patient/p1"}}],
}
CONSENT = {
    "resourceType": "Consent",
    "id": "c1",
    "meta": {"versionId": "2"},
    "status": "active",
    "category": [CONCEPT],
}
WHOLE = [
    (R4, PATIENT),
    (R5, PATIENT),
    (R4, {**APPOINTMENT, "serviceType": [CONCEPT]}),
    (
        R5,
        {
            **APPOINTMENT,
            "serviceType": [{"concept": CONCEPT}],
            "class": [CONCEPT],
            "virtualService": [{"channelType": {"code": "v"}}],
            "subject": {"reference": "Patient/p2"},
        },
    ),
    (
        R4,
        {
            **CONSENT,
            "scope": CONCEPT,
            "patient": {"reference": "Patient/p1"},
            "dateTime": "2026-11-01T10:00:00Z",
            "policyRule": CONCEPT,
            "provision": {"type": "permit", **PROVISION, "provision": [{**PROVISION, "class": CONCEPT["coding"]}]},
        },
    ),
    (
        R5,
        {
            **CONSENT,
            "subject": {"reference": "Patient/p1"},
            "date": "2026-11-01",
            "period": PERIOD,
            "decision": "permit",
            "provision": [{**PROVISION, "resourceType": CONCEPT["coding"], "provision": [PROVISION]}],
        },
    ),
]
ODD = st.sampled_from(
    [
        *(
            "",
            " ",
            "\x0b",
            "\t",
            "a b",
            " a",
            "a\n",
            "å",
            "\ud800",
            "\x00",
            "x" * 65,
            "x" * 300,
            "{}",
            "[]",
            "null",
            "true",
        ),
        *("Patient/p1", "Patient/", "#p1", "#", "urn:uuid:1", "https://journal.example/fhir/Patient/p1"),
        *(
            "2026",
            "2026-02",
            "2026-02-28",
            "2026-02-29",
            "2024-02-29",
            "0000",
            "0001-01-01",
            "9999-12-31",
            "2026-11-31",
        ),
        *("2026-11-24T10:00:00Z", "2026-11-24T10:00:60Z", "2026-11-24T10:00:00.123456789+14:00", "2026-11-24T10:00Z"),
        *(
            "2026-11-24T23:59:59-13:59",
            "2026-11-24T10:00:00+14:30",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59Z",
        ),
        *("permit", "deny", "booked", "official", "phone", "active", "rejected", "Patient", "information-only"),
        *(None, True, False, 0, 1, -1, 1.0, 2**31, 2**80, float("nan"), [], {}, [None], [[]], [{}], {"": None}),
        *({"extension": [{"url": "urn:x"}]}, {"coding": [{"code": "a"}]}, {"reference": "Patient/p1"}),
        *({"start": "2026"}, {"url": "urn:kind", "valueCode": "a", "valueString": "b"}, {"provision": {}}),
    ]
)
JSON = ODD | st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NEW_KEYS = st.sampled_from(
    [
        *("modifierExtension", "implicitRules", "extension", "deceasedDateTime", "deceasedBoolean", "required", "type"),
        *(
            "_status",
            "provision",
            "subject",
            "patient",
            "valueCode",
            "valueString",
            "use",
            "class",
            "resourceType",
            "id",
        ),
    ]
)


def places(value):
    """Give every object and array within, with each of its keys or indexes."""
    if isinstance(value, dict | list):
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from places(inner)


@st.composite
def altered(draw):
    """Draw a version and a resource in which up to three things have been replaced, added or taken away."""
    version, whole = draw(st.sampled_from(WHOLE))
    resource = deepcopy(whole)
    for _ in range(draw(st.integers(0, 3))):
        found = list(places(resource))
        if not found:
            break
        holder, key = found[draw(st.integers(0, len(found) - 1))]
        change = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if change == "remove":
            del holder[key]
        elif change == "add" and isinstance(holder, dict):
            holder[draw(NEW_KEYS)] = deepcopy(draw(JSON))
        else:
            holder[key] = deepcopy(draw(JSON))
    return version, resource, whole["resourceType"]


def readers(version):
    """Give what reads each type, and its validation."""
    made = translator(version)
    return {
        "Appointment": (made._appointments.appointment, made._appointments._reader),
        "Patient": (made._patients.patient, made._patients._reader),
        "Consent": (made._consents.consent, made._consents._reader),
    }


@settings(max_examples=400, deadline=None)
@given(altered())
def test_no_resource_makes_the_translation_raise(drawn):
    """The answer is a fact, or says which elements are at fault by paths that hold no value."""
    version, resource, resource_type = drawn
    before = repr(resource)
    fact = readers(version)[resource_type][0](resource)
    assert repr(resource) == before
    for path in getattr(fact, "paths", ()) or getattr(fact, "unreadable", ()):
        assert path.startswith(resource_type)
        assert all(letter.isalnum() or letter in "._[]" for letter in path)


@settings(max_examples=100, deadline=None)
@given(JSON, st.sampled_from(FhirVersion))
def test_no_json_whatever_makes_the_translation_raise(value, version):
    """Also where it is no resource at all."""
    for read, _ in readers(version).values():
        read(value)


@settings(max_examples=400, deadline=None)
@given(altered())
def test_what_the_lean_validation_passes_fhir_resources_passes_too(drawn):
    """And what is read of it is the same."""
    version, resource, resource_type = drawn
    read, reader = readers(version)[resource_type]
    if reader.certain(resource) is not None:
        reader.judged(resource)
        with patch.object(reader, "certain", return_value=None):
            judged = read(resource)
        assert read(resource) == judged


@pytest.mark.parametrize(("version", "resource"), WHOLE)
def test_the_lean_validation_passes_whole_resources(version, resource):
    """Else every resource would go the slow way, and nobody would notice."""
    assert readers(version)[resource["resourceType"]][1].certain(resource) is not None


@pytest.mark.parametrize(("version", "resource"), WHOLE)
def test_fhir_resources_passes_whole_resources(version, resource):
    """The samples that are altered are valid to begin with."""
    readers(version)[resource["resourceType"]][1].judged(resource)


def test_fhir_resources_is_asked_where_the_lean_validation_is_not_sure():
    """A leap day is left to the judge."""
    reader = readers(R4)["Patient"][1]
    leap_day = {**PATIENT, "birthDate": "2024-02-29"}
    assert reader.certain(leap_day) is None
    assert reader.read(leap_day)["birthDate"] == "2024-02-29"
    with pytest.raises(Unreadable, match=r"Patient\.birthDate"):
        reader.read({**PATIENT, "birthDate": "2023-02-29"})


def test_fhir_resources_is_not_imported_for_what_is_certain():
    """It takes half a second and tens of megabytes."""
    program = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from raw_resources import smallest, translator\n"
        "assert translator().patient(smallest('Patient')).names\n"
        "assert 'fhir' not in sys.modules and 'fhirpathpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
