"""Duplicate bookings and shared numbers concern several decisions at once."""

from datetime import timedelta

import pytest
from facts import NOW, RULES, START, TELEFON, VIDEO, attendee, booking, person, statement

from fhirnotify.core.answer import Reason, Skip
from fhirnotify.core.decide import decide
from fhirnotify.core.model import Telecom
from fhirnotify.core.together import Case, Standing, Use, duplicates, shared_numbers


def case(appointment, patient="p1", *, start=START, coding=VIDEO, aliases=(), last="05", consented=True):
    """A decided case."""
    record = person(patient, telecoms=(Telecom("phone", f"070-174 06 {last}"),))
    who = attendee(record, statement(status="active" if consented else "draft"), aliases=frozenset({patient, *aliases}))
    visit = booking(appointment, start=start, codings=(coding,))
    return Case(appointment, start, who, decide(visit, who, NOW, RULES))


def reasons(cases):
    """Reason of each, None for a reminder."""
    return [one.decision.reason if isinstance(one.decision, Skip) else None for one in cases]


DUPLICATE, NO_NUMBER = Reason.DUPLICATE_BOOKING, Reason.NO_MOBILE_NUMBER


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ([case("a1"), case("a2")], [None, DUPLICATE]),
        ([case("a2"), case("a1")], [DUPLICATE, None]),
        ([case("a10"), case("a2")], [None, DUPLICATE]),
        ([case("a1"), case("a2", "p2")], [None, None]),
        ([case("a1"), case("a2", "p2", aliases=["p1"])], [None, DUPLICATE]),
        ([case("a1"), case("a2", start=START + timedelta(minutes=1))], [None, None]),
        ([case("a1"), case("a2", coding=TELEFON)], [None, None]),
        ([case("a1", consented=False), case("a2")], [Reason.NO_CONSENT, None]),
        ([case("a3"), case("a2"), case("a1")], [DUPLICATE, DUPLICATE, None]),
    ],
)
def test_within_one_run_the_smallest_id_is_reminded(cases, expected):
    """Same patient, start and contact type; what is skipped anyway takes nobody's place."""
    assert reasons(duplicates(cases, [])[0]) == expected


def standing(appointment, *, yields, patient="p1", kind="video"):
    """A reminder that stands."""
    return Standing(f"r-{appointment}", appointment, patient, START, kind, yields)


@pytest.mark.parametrize(
    ("there", "expected", "yielded"),
    [
        (standing("a9", yields=False), [DUPLICATE], []),
        (standing("a9", yields=True), [None], ["r-a9"]),
        (standing("a1", yields=True), [DUPLICATE], []),
        (standing("a5", yields=False), [None], []),
        (standing("a1", yields=False, patient="p2"), [None], []),
        (standing("a1", yields=False, kind="telefon"), [None], []),
    ],
)
def test_what_stands_in_the_ledger(there, expected, yielded):
    """What an earlier run reminded of stays; what this run only claimed gives way to a smaller id."""
    cases, gone = duplicates([case("a5")], [there])
    assert reasons(cases) == expected
    assert [other.reminder for other in gone] == yielded


def test_two_patients_with_one_number_at_one_start_get_none():
    """Nobody can tell whom the message is for."""
    cases, gone = shared_numbers([case("a1"), case("a2", "p2"), case("a3", "p3", last="06")], {})
    assert reasons(cases) == [NO_NUMBER, NO_NUMBER, None]
    assert gone == []


@pytest.mark.parametrize(
    "other",
    [
        case("a2", "p2", start=START + timedelta(minutes=1)),
        case("a2", "p2", last="06"),
        case("a2", "p1"),
        case("a2", "p2", consented=False),
    ],
)
def test_what_is_no_shared_number(other):
    """Another start, another number, the same patient, or nobody else who would be reminded."""
    cases, _ = shared_numbers([case("a1"), other], {})
    assert reasons(cases)[0] is None


def test_a_number_shared_over_two_pages():
    """Who was decided from an earlier page must not be reminded either, and a third finds the number shared."""
    uses = {}
    assert reasons(shared_numbers([case("a1")], uses)[0]) == [None]
    cases, gone = shared_numbers([case("a2", "p2")], uses)
    assert reasons(cases) == [NO_NUMBER]
    assert gone == [Use("a1", "p1")]
    assert shared_numbers([case("a1b")], {(START, "+46701740605"): [Use("a1", "p1")]})[1] == []
    cases, gone = shared_numbers([case("a3", "p3")], uses)
    assert (reasons(cases), gone) == ([NO_NUMBER], [])
