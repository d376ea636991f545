"""What is read of a Consent, in R4 and R5."""

from datetime import UTC, datetime

import pytest
from raw_resources import BASE_URL, smallest, translator

from fhirnotify.core.model import Between, Coding, ConsentStatement, FhirVersion, Period, Provision

R4, R5 = FhirVersion.R4, FhirVersion.R5
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SMS = {"system": "urn:s", "code": "sms"}
OTHER = {"system": "urn:s", "code": "other"}
DAY = Period(datetime(2026, 11, 23, 23, tzinfo=UTC), datetime(2026, 11, 24, 22, 59, 59, 999999, tzinfo=UTC))
DAY_RAW = {"start": "2026-11-24", "end": "2026-11-24"}


def read(version=R4, **elements):
    """Read the smallest Consent with these elements."""
    return translator(version).consent(smallest("Consent", version, **elements))


def coding(raw):
    """Give a raw Coding as a fact."""
    return Coding(raw["system"], raw["code"])


def test_a_whole_consent_of_r4_is_read():
    """Period and decision stand in the root provision; what is nested in it are the provisions."""
    statement = read(
        meta={"versionId": "1"},
        dateTime="2026-11-24",
        policyRule={"coding": [{"system": ACT_CODE, "code": "OPTIN"}]},
        provision={
            "type": "deny",
            "period": DAY_RAW,
            "code": [{"coding": [SMS]}],
            "purpose": [OTHER],
            "class": [{"system": "urn:c", "code": "x"}],
            "provision": [
                {"type": "permit", "class": [SMS], "actor": [{}], "period": DAY_RAW},
                {"code": [{"text": "?"}], "provision": [{"purpose": [SMS]}]},
            ],
        },
    )
    assert statement == ConsentStatement(
        version=R4,
        id="c1",
        ref="Consent/c1/_history/1",
        patient="p1",
        status="active",
        codes=frozenset({Coding("urn:scope", "reminders"), Coding("urn:category", "sms")}),
        made=Between(DAY.start, DAY.end),
        period=DAY,
        decision="deny",
        policy="permit",
        subject=frozenset({coding(SMS), coding(OTHER)}),
        provisions=(
            Provision("permit", DAY, about=frozenset({coding(SMS)}), limited=True, has_actor=True),
            Provision(
                limited=True,
                provisions=(Provision(subject=frozenset({coding(SMS)}), about=frozenset({coding(SMS)}), limited=True),),
            ),
        ),
    )


def test_a_whole_consent_of_r5_is_read():
    """Period and decision stand on it, its provisions are exceptions without a type; R5 has no ``class``."""
    statement = read(
        R5,
        date="2026-11-24",
        period=DAY_RAW,
        provision=[
            {"documentType": [SMS], "actor": [{"role": 5}]},
            {"purpose": [SMS], "provision": [{"code": [{"coding": [OTHER]}]}]},
        ],
    )
    assert statement == ConsentStatement(
        version=R5,
        id="c1",
        ref="Consent/c1",
        patient="p1",
        status="active",
        codes=frozenset({Coding("urn:category", "sms")}),
        made=Between(DAY.start, DAY.end),
        period=DAY,
        decision="permit",
        provisions=(
            Provision(has_actor=True),
            Provision(
                subject=frozenset({coding(SMS)}),
                about=frozenset({coding(SMS)}),
                limited=True,
                provisions=(
                    Provision(subject=frozenset({coding(OTHER)}), about=frozenset({coding(OTHER)}), limited=True),
                ),
            ),
        ),
    )


def test_an_instant_is_the_one_moment_at_which_it_was_made():
    """Only a date alone leaves it open within the day."""
    moment = datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert read(dateTime="2026-11-24T10:00:00+01:00").made == Between(moment, moment)


@pytest.mark.parametrize(
    ("codes", "policy"),
    [
        ([(ACT_CODE, "OPTIN")], "permit"),
        ([(ACT_CODE, "OPTOUT"), ("urn:x", "y")], "deny"),
        ([(ACT_CODE, "OPTIN"), (ACT_CODE, "OPTOUT")], None),
        ([(ACT_CODE, "OPTINR")], None),
        ([("urn:x", "OPTIN")], None),
        ([], None),
    ],
)
def test_a_policy_rule_decides_by_opt_in_or_opt_out(codes, policy):
    """By both or by neither it says nothing."""
    rule = {"coding": [{"system": system, "code": code} for system, code in codes]}
    assert read(policyRule=rule).policy == policy


@pytest.mark.parametrize(
    ("version", "elements"),
    [
        (R4, {"implicitRules": "urn:x"}),
        (R4, {"modifierExtension": [{"url": "urn:x", "valueCode": 5}]}),
        (R4, {"provision": {"modifierExtension": [{"url": "urn:x"}]}}),
        (R4, {"provision": {"provision": [{}, {"provision": [{"modifierExtension": [{"url": "urn:x"}]}]}]}}),
        (R5, {"provision": [{"modifierExtension": "x"}]}),
    ],
)
def test_what_may_change_its_meaning_makes_it_modified_not_unreadable(version, elements):
    """On the Consent or on any provision; whether it matches can still be told."""
    statement = read(version, **elements)
    assert statement.modified
    assert not statement.unreadable
    assert not read(version, modifierExtension=[]).modified


@pytest.mark.parametrize(
    ("reference", "patient"),
    [
        ({"reference": f"{BASE_URL}/Patient/p9/_history/1"}, "p9"),
        ({"reference": "https://elsewhere.example/Patient/p1"}, None),
        ({"reference": "Group/g1"}, None),
        ({"identifier": {"value": "1"}, "type": "Patient"}, None),
        ({"reference": "#p1"}, None),
        ("Patient/p1", None),
        (None, None),
    ],
)
def test_a_consent_is_about_a_patient_of_this_server_or_about_nobody(reference, patient):
    """A reference that cannot be followed to a record here makes no statement about one."""
    statement = read(patient=reference)
    assert (statement and statement.patient) == patient


@pytest.mark.parametrize(
    "status", ["draft", "proposed", "rejected", "inactive", "entered-in-error", "not-done", "unknown"]
)
@pytest.mark.parametrize("version", FhirVersion)
def test_a_status_that_either_version_knows_is_passed_on(version, status):
    """What one of the other version means is for the rules to say."""
    assert read(version, status=status).status == status


@pytest.mark.parametrize(
    ("version", "elements", "path"),
    [
        (R4, {"resourceType": "Contract"}, "Consent.resourceType"),
        (R4, {"id": None}, "Consent.id"),
        (R4, {"status": None}, "Consent.status"),
        (R4, {"status": "revoked"}, "Consent.status"),
        (R4, {"scope": None}, "Consent.scope"),
        (R4, {"category": None}, "Consent.category"),
        (R4, {"category": [{"coding": [{"code": 5}]}]}, "Consent.category[0].coding[0].code"),
        (R4, {"dateTime": "2026-11-24T10:00:00"}, "Consent.dateTime"),
        (R4, {"policyRule": "OPTIN"}, "Consent.policyRule"),
        (R4, {"subject": {"reference": "Patient/p1"}}, "Consent.subject"),
        (R4, {"provision": [{"type": "permit"}]}, "Consent.provision"),
        (R4, {"provision": {"type": "allow"}}, "Consent.provision.type"),
        (R4, {"provision": {"period": {"end": 2026}}}, "Consent.provision.period.end"),
        (R4, {"provision": {"provision": [{"purpose": SMS}]}}, "Consent.provision.provision[0].purpose"),
        (R4, {"provision": {"class": [{"code": " x"}]}}, "Consent.provision.class[0].code"),
        (R5, {"status": None}, "Consent.status"),
        (R5, {"date": "2026-11-24T10:00:00Z"}, "Consent.date"),
        (R5, {"decision": "allow"}, "Consent.decision"),
        (R5, {"patient": {"reference": "Patient/p1"}}, "Consent.patient"),
        (R5, {"provision": {}}, "Consent.provision"),
        (R5, {"provision": [{"type": "deny"}]}, "Consent.provision[0].type"),
    ],
)
def test_an_error_in_a_needed_element_makes_it_unreadable(version, elements, path):
    """The patient is still known, so that the doubt falls on the right one."""
    statement = read(version, **elements)
    assert statement.unreadable == (path,)
    assert statement.patient == "p1"


@pytest.mark.parametrize("version", FhirVersion)
def test_a_consent_in_the_other_versions_shape_is_unreadable_not_overlooked(version):
    """A deny must not vanish because a server speaks another version than it says."""
    other = R5 if version is R4 else R4
    statement = translator(version).consent(smallest("Consent", other))
    assert statement.unreadable
    assert statement.patient == "p1"


@pytest.mark.parametrize("levels", [21, 22, 300])
@pytest.mark.parametrize("version", FhirVersion)
def test_absurdly_deep_provisions_are_unreadable(version, levels):
    """Twenty levels are read; more than that nobody can have meant."""

    def nested(depth):
        provision = {}
        for _ in range(depth - 1):
            provision = {"provision": [provision]}
        return provision if version is R4 else [provision]

    assert not read(version, provision=nested(20)).unreadable
    (path,) = read(version, provision=nested(levels)).unreadable
    assert path.endswith(".provision")


@pytest.mark.parametrize(
    "elements",
    [
        {"verification": 5, "performer": "x", "organization": 5, "sourceReference": 5, "policy": "x", "text": 5},
        {"provision": {"type": "permit", "actor": [{"role": 5}, 5], "action": 5, "securityLabel": "x", "data": 5}},
        {"provision": {"type": "permit", "dataPeriod": "x", "code": [{"text": 5}], "purpose": [{"display": 5}]}},
        {"category": [{"text": 5, "coding": [{"system": "urn:s", "code": "x", "display": 5}]}]},
    ],
)
def test_an_error_in_an_element_that_nobody_needs_makes_nothing_unreadable(elements):
    """What the rules do not read is not looked at."""
    statement = read(**elements)
    assert not statement.unreadable
    assert statement.decision == "permit"


@pytest.mark.parametrize(
    ("actor", "present"), [([{}], True), ("", True), (0, True), ([], False), ({}, False), (None, False)]
)
@pytest.mark.parametrize("start", ["2024-02-28", "2024-02-29"])
def test_any_actor_at_all_limits_a_provision(actor, present, start):
    """Its content is not looked at, so nonsense counts as one; also where fhir.resources is asked, on a leap day."""
    provision = {"type": "permit", "actor": actor, "period": {"start": start}}
    assert read(provision={"provision": [provision]}).provisions[0].has_actor is present
