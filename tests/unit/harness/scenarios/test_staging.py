"""Scenarios set on a stage, and what a run said held against them."""

from collections import Counter
from datetime import datetime

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.resources import CONSENT_CODE
from fhirnotify.harness.scenarios.calendar import beginning
from fhirnotify.harness.scenarios.comparing import differences, message_differences, messages
from fhirnotify.harness.scenarios.model import Patient, Scenario
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.scenarios.staging import Stage, Staging

NOW = datetime(2051, 2, 8, 10, tzinfo=LOCAL)
TAG = {"system": "urn:fhirnotify:harness", "code": "run"}


def staged(version=FhirVersion.R4, location=None, **keys) -> Staging:
    """Set a scenario of these keys on a stage."""
    ordinary = {
        "shows": "It is only a test.",
        "promise": "explained",
        "resources": [{"patient": "p"}, {"consent": "c"}, {"appointment": "a"}],
        "expect": [{"remind": "mottagning"}],
    }
    stage = Stage(version, "http://127.0.0.1/fhir", NOW, "x-", [TAG], location)
    return Staging("it", Scenario.model_validate({**ordinary, **keys}), stage)


def put(staging: Staging) -> list:
    """Make the resources of the beginning."""
    return staging.put(staging.scenario.resources)


def test_ordinary_resources():
    """Each has the prefix, the tag, and points at the others as they stand there."""
    patient, consent, appointment = put(staged())
    assert [each["id"] for each in (patient, consent, appointment)] == ["x-p", "x-c", "x-a"]
    assert all(each["meta"]["tag"] == [TAG] for each in (patient, consent, appointment))
    assert patient["telecom"][0]["value"] == "+46701740605"
    assert consent["patient"] == {"reference": "Patient/x-p"}
    assert consent["category"][0]["coding"][0]["code"] == CONSENT_CODE.partition("|")[2]
    assert appointment["participant"][0]["actor"] == {"reference": "Patient/x-p"}
    assert appointment["start"] == "2051-02-09T09:00:00Z"


def test_patients_have_numbers_of_their_own():
    """In the order of the file, also those who come in a later step."""
    staging = staged(
        resources=[{"patient": "q"}, {"patient": "p"}], steps=[{"change": [{"patient": "r"}, {"patient": "q"}]}]
    )
    assert [staging.number(each) for each in "qpr"] == ["+46701740605", "+46701740606", "+46701740607"]


def test_elements_are_laid_over():
    """Objects are merged, lists replaced, null takes out; and only the elements of the version are."""
    written = {
        "patient": "p",
        "with": {"active": None, "meta": {"security": [{"code": "R"}]}, "name": [{"given": ["Åsa"]}]},
        "with R4": {"gender": "female"},
        "with R5": {"gender": "male"},
    }
    (patient,) = put(staged(resources=[written]))
    assert "active" not in patient
    assert patient["meta"] == {"security": [{"code": "R"}], "tag": [TAG]}
    assert patient["name"] == [{"given": ["Åsa"]}]
    assert patient["gender"] == "female"
    assert put(staged(FhirVersion.R5, resources=[written]))[0]["gender"] == "male"


def test_what_is_laid_over_takes_no_resource_of_another():
    """Whatever elements get here, what is put is the scenario's own, by its type and its prefixed id."""
    foreign = {"id": "zz", "resourceType": "Practitioner"}
    (made,) = staged().put([Patient.model_construct(patient="p", over=foreign, over_r4={}, over_r5={})])
    assert (made["resourceType"], made["id"]) == ("Patient", "x-p")
    (made,) = staged().put([{"resourceType": "Patient", "id": "${base}"}])
    assert made["id"] == "x-${base}"


@pytest.mark.parametrize(
    ("reference", "there"),
    [
        ("Patient/p", "Patient/x-p"),
        ("Patient/p/_history/2", "Patient/x-p/_history/2"),
        ("${base}/Patient/p", "http://127.0.0.1/fhir/Patient/x-p"),
        ("Patient/stranger", "Patient/stranger"),
        ("#contained", "#contained"),
        ("urn:uuid:1", "urn:uuid:1"),
    ],
)
def test_references_and_moments_in_full_resources(reference, there):
    """A reference to one of the scenario's resources leads there; any other stays; moments are put in."""
    written = {
        "resourceType": "Appointment",
        "id": "a",
        "start": "${now+1h}",
        "participant": [{"actor": {"reference": reference, "display": "Patient/p ${id p}"}}],
    }
    made = put(staged(resources=[{"patient": "p"}, written]))[1]
    assert made["participant"][0]["actor"] == {"reference": there, "display": "Patient/p x-p"}
    assert (made["id"], made["start"]) == ("x-a", "2051-02-08T10:00:00Z")


def test_consent_in_each_version():
    """A span, a nested provision and its type stand where the version has them."""
    written = {
        "consent": "c",
        "during": {"end": "now-1d"},
        "provisions": [{"type": "deny", "codes": ["ours"], "during": {"start": "now"}, "with": {"actor": []}}],
    }
    r4 = put(staged(resources=[written]))[0]["provision"]
    assert r4["period"] == {"end": "2051-02-07T09:00:00Z"}
    assert r4["provision"][0]["type"] == "deny"
    assert r4["provision"][0]["period"] == {"start": "2051-02-08T09:00:00Z"}
    r5 = put(staged(FhirVersion.R5, resources=[written]))[0]
    assert r5["period"] == r4["period"]
    assert "type" not in r5["provision"][0]


def test_an_appointment_without_time_kind_or_patient():
    """What is null is not there."""
    (made,) = put(staged(resources=[{"appointment": "a", "at": None, "kind": None, "of": []}]))
    assert not made.keys() & {"start", "end", "appointmentType"}
    assert [entry["actor"].get("reference") for entry in made["participant"]] == [None]


def test_a_place_for_servers_that_are_asked_by_place():
    """Every Appointment, written short or in full, is at the Location of the stage."""
    full = {"resourceType": "Appointment", "id": "b", "participant": []}
    made = put(staged(location="here", resources=[{"appointment": "a"}, full]))
    assert [each["participant"][-1]["actor"] for each in made] == [{"reference": "Location/here"}] * 2


def test_what_is_remembered():
    """What is taken away is no longer present, but has ever been there."""
    staging = staged()
    put(staging)
    assert [each["id"] for each in staging.taken_away(["Consent/c", "Consent/never"])] == ["x-c"]
    assert ("Consent", "x-c") not in staging.present
    assert ("Consent", "x-c") in staging.ever


def said(**other) -> dict:
    """Make the row of an ordinary reminder."""
    row = {
        "appointment": "x-a",
        "patient": "x-p",
        "start": "2051-02-09T09:00:00Z",
        "decision": "remind",
        "contact_type": "mottagning",
        "reason": None,
        "evidence": {
            "appointment": "Appointment/x-a/_history/3",
            "patient": "Patient/x-p",
            "consent": ["Consent/x-c/_history/1"],
            "mapping": ["urn:x|1"],
        },
        "outcome": "accepted",
        "segments": 2,
    }
    return row | other


@pytest.mark.parametrize(
    ("expected", "row", "difference"),
    [
        ({"remind": "mottagning"}, said(), None),
        ({"remind": "video"}, said(), "a/p: contact_type is mottagning, not video"),
        ({"remind": "mottagning"}, said(outcome="retry"), "a/p: outcome is retry, not accepted"),
        ({"remind": "mottagning", "segments": 3}, said(), "a/p: segments is 2, not 3"),
        ({"remind": "mottagning", "start": "now+1h"}, said(), "a/p: start is"),
        ({"remind": "mottagning", "outcome": "planned"}, said(outcome=None), None),
        ({"remind": "mottagning", "outcome": "planned"}, said(), "a/p: outcome is accepted, not None"),
        ({"already": "accepted"}, said(decision="already"), None),
        ({"skip": "no-consent"}, said(), "a/p: decision is remind, not skip"),
        ({"skip": "no-consent"}, said(decision="skip", reason="no-consent", outcome=None), None),
        ({"patient": None, "skip": "no-consent"}, said(), "a/nobody: no row"),
        ({"appointment": "b", "remind": "video"}, said(), "b/p: no row"),
        ({"remind": "mottagning", "rests_on": ["Appointment/a", "Patient/p", "Consent/c", "urn:x|1"]}, said(), None),
        ({"remind": "mottagning", "rests_on": ["Appointment/a"]}, said(), "a/p: rests on Appointment/a, Consent/c"),
    ],
)
def test_a_row_is_held_against_what_is_expected(expected, row, difference):
    """Decision, reason, kind, outcome, start, segments and evidence; what differs is named."""
    staging = staged(expect=[expected])
    put(staging)
    found = differences(staging, staging.scenario.expect, [row])
    assert found == [] if difference is None else any(difference in each for each in found)


def test_rows_too_many_and_too_few():
    """Each row is expected once."""
    staging = staged()
    put(staging)
    assert differences(staging, staging.scenario.expect, [said(), said()]) == [
        "a/p: a row too many, remind mottagning accepted"
    ]
    assert differences(staging, staging.scenario.expect, []) == ["a/p: no row"]


def test_texts_and_recipients():
    """The region's text to the patient's own number, unless the row says otherwise; only what was taken counts."""
    staging = staged(
        expect=[
            {"remind": "mottagning"},
            {"remind": "video", "name": "Åsa", "to": "+46701740699", "outcome": "uncertain", "taken": True},
            {"remind": "mottagning", "outcome": "retry"},
            {"remind": "mottagning", "outcome": "planned"},
            {"remind": "mottagning", "text": "Hej ${day now}"},
        ]
    )
    put(staging)
    expected = messages(staging, staging.scenario.expect)
    texts = sorted(text for _, text in expected)
    assert texts[0] == "Hej 2051-02-08"
    assert texts[1].startswith(
        "Påminnelse till Tolvan: Du har ett mottagningsbesök 2051-02-09 klockan 10.00 med hälso-"
    )
    assert ("+46701740699", texts[2].replace("Tolvan", "Åsa")) in expected
    assert expected.total() == 3
    assert message_differences(expected, expected) == []
    lacking = message_differences(expected, expected - Counter({("+46701740605", "Hej 2051-02-08"): 1}))
    assert lacking == ["not sent to +46701740605: Hej 2051-02-08"]
    assert message_differences(Counter(), Counter({("+46701740605", "Hej"): 1})) == [
        "sent to +46701740605 though nobody should: Hej"
    ]


@pytest.mark.parametrize(
    ("day", "begins", "two_days_on"),
    [
        ("winter", "2051-02-08T10:00:00+01:00", "+01:00"),
        ("summer", "2051-07-12T10:00:00+02:00", "+02:00"),
        ("spring-forward", "2051-03-25T10:00:00+01:00", "+02:00"),
        ("fall-back", "2051-10-28T10:00:00+02:00", "+01:00"),
    ],
)
def test_days(day, begins, two_days_on):
    """Wednesdays in winter and summer time, and the Saturdays before the clocks are changed."""
    found = beginning(day, "10:00", 2051)
    assert found.isoformat() == begins
    assert found.replace(day=found.day + 2).isoformat().endswith(two_days_on)
