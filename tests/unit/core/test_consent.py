"""Consent: opt-in, fail closed, in six exact steps."""

import pytest
from facts import NOW, OTHER, RULES, SMS, ago, day_ago, days, provision, r5, rules, statement
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.core.answer import Reason
from fhirnotify.core.consent import Says, consent, read
from fhirnotify.core.model import Coding, Period, Provision

CODES = RULES.consent_codes
PERMIT, DENY, UNDETERMINED = Says.PERMIT, Says.DENY, Says.UNDETERMINED


def says(statement_):
    """What one Consent says, None if it does not exist for us."""
    reading = read(statement_, NOW, CODES)
    return reading and (reading.says, reading.in_force)


@pytest.mark.parametrize(
    ("facts", "matches"),
    [
        ({}, True),
        ({"codes": frozenset()}, False),
        ({"codes": frozenset({OTHER})}, False),
        ({"codes": frozenset({OTHER, SMS})}, True),
        ({"codes": frozenset({Coding(None, SMS.code)})}, False),
        ({"codes": frozenset({Coding("URN:EXAMPLE:SAMTYCKE", SMS.code)})}, False),
        ({"codes": frozenset(), "subject": frozenset({SMS})}, True),
        ({"codes": frozenset(), "provisions": (provision("permit", SMS),)}, True),
        (
            {"codes": frozenset(), "provisions": (provision("permit", OTHER, provisions=(provision("deny", SMS),)),)},
            True,
        ),
        ({"codes": frozenset(), "provisions": (Provision("permit", about=frozenset({SMS}), limited=True),)}, False),
        ({"codes": frozenset(), "provisions": (provision("permit", SMS, period=days(-9, -8)),)}, True),
        ({"codes": frozenset({OTHER}), "modified": True}, False),
        ({"codes": frozenset({OTHER}), "status": "not-done"}, False),
    ],
)
def test_only_consents_about_reminders_exist(facts, matches):
    """A Consent matches by a configured code in category, scope, or any provision's code or purpose, exactly."""
    assert (read(statement(**facts), NOW, CODES) is not None) is matches


def test_a_consent_that_cannot_be_read_matches_and_is_undetermined():
    """What it says cannot be known, not even that it is about something else."""
    assert says(statement(unreadable=("Consent.dateTime",), codes=frozenset())) == (UNDETERMINED, True)


@pytest.mark.parametrize(
    ("make", "status", "expected"),
    [
        (statement, "active", (PERMIT, True)),
        (statement, "rejected", (DENY, True)),
        (statement, "inactive", (PERMIT, False)),
        (statement, "draft", None),
        (statement, "proposed", None),
        (statement, "entered-in-error", None),
        (statement, "not-done", (UNDETERMINED, True)),
        (statement, "unknown", (UNDETERMINED, True)),
        (r5, "active", (PERMIT, True)),
        (r5, "inactive", (PERMIT, False)),
        (r5, "draft", None),
        (r5, "not-done", None),
        (r5, "unknown", None),
        (r5, "entered-in-error", None),
        (r5, "rejected", (UNDETERMINED, True)),
        (r5, "proposed", (UNDETERMINED, True)),
    ],
)
def test_status(make, status, expected):
    """Active counts, R4 rejected denies, inactive has ended, another version's status leaves doubt, the rest is nothing."""
    assert says(make(status=status)) == expected


def test_a_consent_with_an_unknown_modifier_is_undetermined():
    """Whatever it says may mean the opposite."""
    assert says(statement(modified=True)) == (UNDETERMINED, True)


@pytest.mark.parametrize(
    ("facts", "in_force"),
    [
        ({"period": days(-1, 1)}, True),
        ({"period": Period(NOW, NOW)}, True),
        ({"period": days(-2, -1)}, False),
        ({"period": days(1, 2)}, False),
        ({"period": days(None, 1)}, True),
        ({"period": days(-1, None)}, True),
        ({"made": ago(1)}, True),
        ({"made": ago(0)}, True),
        ({"made": ago(-1)}, False),
        ({"made": day_ago(0)}, True),
        ({"made": day_ago(-1)}, False),
    ],
)
def test_in_force(facts, in_force):
    """The period must cover the moment, and the statement must not have been made in the future."""
    assert says(statement(**facts)) == (PERMIT, in_force)


def test_what_is_not_in_force_neither_denies_nor_leaves_doubt():
    """A deny that has ended says nothing, nor does what never could be determined."""
    assert says(statement(decision="deny", period=days(-2, -1))) == (Says.NOTHING, False)
    assert says(statement(decision=None, period=days(-2, -1))) == (Says.NOTHING, False)


SMS_PERMIT, SMS_DENY = provision("permit", SMS), provision("deny", SMS)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"decision": "permit"}, PERMIT),
        ({"decision": "deny"}, DENY),
        ({"decision": None}, UNDETERMINED),
        ({"decision": None, "policy": "permit"}, PERMIT),
        ({"decision": None, "policy": "deny"}, DENY),
        ({"decision": "permit", "policy": "deny"}, PERMIT),
        ({"decision": None, "provisions": (SMS_PERMIT,)}, PERMIT),
        ({"decision": None, "provisions": (provision("permit"),)}, UNDETERMINED),
        ({"decision": None, "provisions": (provision("permit", SMS, has_actor=True),)}, UNDETERMINED),
        ({"decision": None, "provisions": (provision("permit", SMS, period=days(-2, -1)),)}, UNDETERMINED),
        ({"decision": None, "provisions": (SMS_DENY,)}, DENY),
        ({"decision": None, "provisions": (SMS_PERMIT, SMS_DENY)}, DENY),
        ({"decision": "permit", "provisions": (SMS_DENY,)}, DENY),
        ({"decision": "permit", "provisions": (provision("deny"),)}, DENY),
        ({"decision": "permit", "provisions": (provision("deny", OTHER),)}, PERMIT),
        ({"decision": "permit", "provisions": (provision("deny", OTHER, SMS),)}, DENY),
        ({"decision": "permit", "provisions": (Provision("deny", limited=True),)}, PERMIT),
        ({"decision": "permit", "provisions": (provision("deny", SMS, has_actor=True),)}, DENY),
        ({"decision": "permit", "provisions": (provision("deny", SMS, period=days(-2, -1)),)}, PERMIT),
        ({"decision": "permit", "provisions": (provision("permit", OTHER, provisions=(SMS_DENY,)),)}, DENY),
        ({"decision": "permit", "provisions": (provision("deny", OTHER, provisions=(SMS_DENY,)),)}, DENY),
        ({"decision": "permit", "provisions": (provision(None),)}, UNDETERMINED),
        ({"decision": "permit", "provisions": (provision(None, OTHER),)}, PERMIT),
        ({"decision": "permit", "provisions": (provision(None), SMS_DENY)}, DENY),
        ({"decision": "deny", "provisions": (SMS_PERMIT,)}, PERMIT),
        ({"decision": "deny", "provisions": (provision("permit"),)}, DENY),
        ({"decision": "deny", "provisions": (provision("permit", SMS, has_actor=True),)}, DENY),
        ({"decision": "deny", "provisions": (SMS_PERMIT, SMS_DENY)}, DENY),
        ({"decision": "deny", "provisions": (SMS_PERMIT, provision("deny", OTHER))}, PERMIT),
        ({"decision": "deny", "policy": "permit", "provisions": ()}, DENY),
    ],
)
def test_the_decision_of_an_r4_consent(facts, expected):
    """The root's type, else the policy rule, else a nested permit; then the nested provisions that cover now."""
    assert says(statement(**facts)) == (expected, True)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"decision": "permit"}, PERMIT),
        ({"decision": "deny"}, DENY),
        ({"decision": None}, UNDETERMINED),
        ({"decision": "permit", "provisions": (provision(None, SMS),)}, DENY),
        ({"decision": "permit", "provisions": (provision(None, OTHER),)}, PERMIT),
        ({"decision": "permit", "provisions": (provision(None),)}, DENY),
        ({"decision": "permit", "provisions": (provision(None, OTHER, provisions=(provision(None, SMS),)),)}, PERMIT),
        ({"decision": "deny", "provisions": (provision(None, SMS),)}, PERMIT),
        ({"decision": "deny", "provisions": (provision(None, SMS, has_actor=True),)}, DENY),
        ({"decision": "deny", "provisions": (provision(None, SMS, provisions=(provision(None, SMS),)),)}, DENY),
        ({"decision": "deny", "provisions": (provision(None, SMS, provisions=(provision(None, OTHER),)),)}, PERMIT),
        ({"decision": None, "provisions": (provision(None, SMS),)}, UNDETERMINED),
    ],
)
def test_the_decision_of_an_r5_consent(facts, expected):
    """Provisions are exceptions to the decision, and alternate at each further depth."""
    assert says(r5(**facts)) == (expected, True)


DENIED, EXPIRED, DOUBT, NONE = (
    Reason.CONSENT_DENIED,
    Reason.CONSENT_EXPIRED,
    Reason.CONSENT_UNDETERMINED,
    Reason.NO_CONSENT,
)
PERMITTED = statement("permit")
DENYING = statement("deny", decision="deny")
DOUBTFUL = statement("doubt", decision=None)
ENDED = statement("ended", period=days(-2, -1))
COMING = statement("coming", period=days(1, 2))
ENDED_DENY = statement("ended-deny", decision="deny", period=days(-2, -1))
ENDED_DOUBT = statement("ended-doubt", modified=True, period=days(-2, -1))


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], NONE),
        ([PERMITTED], None),
        ([DENYING], DENIED),
        ([DOUBTFUL], DOUBT),
        ([PERMITTED, DENYING], DENIED),
        ([PERMITTED, DOUBTFUL], DOUBT),
        ([DENYING, DOUBTFUL], DENIED),
        ([ENDED], EXPIRED),
        ([COMING], EXPIRED),
        ([statement(status="inactive")], EXPIRED),
        ([ENDED, PERMITTED], None),
        ([ENDED_DENY], NONE),
        ([ENDED_DENY, PERMITTED], None),
        ([ENDED_DENY, ENDED], EXPIRED),
        ([ENDED_DOUBT, PERMITTED], DOUBT),
        ([statement(status="draft"), statement(codes=frozenset({OTHER}))], NONE),
    ],
)
def test_deny_overrides(statements, expected):
    """A deny in force, then doubt, then a permit in force, then a permit that is not, then nothing."""
    assert consent(statements, NOW, RULES).reason is expected


def permit(made):
    """A permit made then."""
    return statement("p", made=made)


def deny(made):
    """A deny made then."""
    return statement("d", made=made, decision="deny")


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([permit(ago(1)), deny(ago(2))], None),
        ([permit(ago(2)), deny(ago(1))], DENIED),
        ([permit(ago(1)), deny(ago(1))], DENIED),
        ([permit(None), deny(ago(900))], DENIED),
        ([permit(ago(1)), deny(None)], DENIED),
        ([permit(None)], None),
        ([permit(day_ago(1)), deny(ago(1))], DENIED),
        ([permit(ago(1)), deny(day_ago(1))], DENIED),
        ([permit(day_ago(1)), deny(day_ago(1))], DENIED),
        ([permit(day_ago(1)), deny(day_ago(2))], None),
        ([permit(ago(1)), deny(ago(2)), permit(ago(3))], None),
        ([permit(ago(1)), DOUBTFUL], DOUBT),
        ([permit(ago(1)), ENDED_DOUBT], None),
        ([permit(ago(1)), statement("d", decision="deny", made=ago(0), period=days(-2, -1))], None),
        ([ENDED, ENDED_DENY], EXPIRED),
        ([ENDED_DENY], NONE),
    ],
)
def test_newest_wins(statements, expected):
    """The latest in force decides; a tie, or what a date alone leaves open, is a deny."""
    assert consent(statements, NOW, rules(combine="newest-wins")).reason is expected


def test_evidence_names_every_consent_that_was_considered():
    """Ids with versions, sorted, and none of those that do not exist for us."""
    answer = consent([statement("b"), statement("a"), statement("x", status="draft")], NOW, RULES)
    assert answer.refs == ("Consent/a/_history/1", "Consent/b/_history/1")


moments = st.none() | st.integers(-5, 5).map(ago) | st.integers(-5, 5).map(day_ago)
periods = st.builds(days, st.none() | st.integers(-3, 0), st.none() | st.integers(0, 3))
codes = st.sets(st.sampled_from([SMS, OTHER]))
provisions = st.recursive(
    st.builds(
        lambda kind, found, **facts: provision(kind, *found, **facts),
        st.sampled_from(["permit", "deny", None]),
        codes,
        period=periods,
        has_actor=st.booleans(),
    ),
    lambda inner: st.builds(
        lambda outer, nested: provision(outer, provisions=tuple(nested)),
        st.sampled_from(["permit", "deny", None]),
        st.lists(inner, max_size=2),
    ),
    max_leaves=4,
)
statements = st.builds(
    lambda make, **facts: make(**facts),
    st.sampled_from([statement, r5]),
    status=st.sampled_from(["active", "active", "inactive", "rejected", "draft", "unknown"]),
    decision=st.sampled_from(["permit", "deny", None]),
    policy=st.sampled_from(["permit", "deny", None]),
    made=moments,
    period=periods,
    modified=st.sampled_from([False, False, True]),
    provisions=st.lists(provisions, max_size=2).map(tuple),
)


@given(st.lists(statements, max_size=4), st.permutations(range(4)))
def test_the_order_of_consents_does_not_matter(found, order):
    """A server returns them in any order."""
    shuffled = [found[index] for index in order if index < len(found)]
    for policy in ("deny-overrides", "newest-wins"):
        settings = rules(combine=policy)
        assert consent(found, NOW, settings) == consent(shuffled, NOW, settings)


@given(st.lists(statements, max_size=4))
def test_a_deny_in_force_always_silences(found):
    """Under deny-overrides nothing that stands beside a deny in force makes it a permit."""
    assert consent([*found, DENYING], NOW, RULES).reason is DENIED


@given(st.lists(statements, max_size=4))
def test_nobody_is_reminded_without_a_permit_in_force(found):
    """Under both policies consent rests on at least one Consent that says permit and is in force."""
    readings = [reading for one in found if (reading := read(one, NOW, CODES))]
    for policy in ("deny-overrides", "newest-wins"):
        if consent(found, NOW, rules(combine=policy)).reason is None:
            assert any(reading.says is PERMIT and reading.in_force for reading in readings)
