"""The seeded worlds themselves: else what is proved with them proves nothing."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.judge import differences, inbox_of
from fhirnotify.harness.world import every_reason_world, ordinary_world
from fhirnotify.rows import instant

NOW = datetime(2031, 3, 29, 9, tzinfo=UTC)


@pytest.fixture(params=list(FhirVersion), ids=str)
def world(request):
    """Give the world of every reason, in each version."""
    return every_reason_world(NOW, request.param)


def test_every_reason_a_server_can_hold_comes_several_times(world):
    """At least two hundred appointments, and each reason at least twice, beside reminders of all three kinds."""
    reasons = Counter(row.reason for row in world.expected)
    assert len({row.appointment for row in world.expected}) >= 200
    assert reasons.keys() == {None, *Reason} - {Reason.NOT_BOOKED, Reason.NO_START}
    assert min(reasons.values()) >= 2
    assert len({row.contact_type for row in world.reminded}) == 3


def test_every_resource_has_an_id_of_its_own(world):
    """No resource replaces another when a server is seeded, and a server takes the ids."""
    ids = [(resource["resourceType"], resource["id"]) for resource in world.resources]
    assert len(ids) == len(set(ids))
    assert max(len(identity) for _, identity in ids) <= 64


def test_expectations_lie_in_the_window(world):
    """What is expected of a run is about visits that the run considers, once each."""
    assert all(NOW < row.start < NOW + timedelta(hours=48) for row in world.expected)
    assert max(Counter((row.appointment, row.patient) for row in world.expected).values()) == 1


def test_only_fictional_numbers_are_reminded(world):
    """Every number that gets a text belongs to nobody."""
    assert all("+46701740605" <= row.number <= "+46701740699" for row in world.reminded)


def _row(world, **changes):
    expected = world.expected[0]
    said = {
        "appointment": expected.appointment,
        "patient": expected.patient,
        "start": instant(expected.start),
        "decision": "remind",
        "reason": None,
        "contact_type": expected.contact_type,
        "outcome": "accepted",
    }
    return said | changes


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, None),
        ({"decision": "skip"}, "decision is skip"),
        ({"outcome": "retry"}, "outcome is retry"),
        ({"contact_type": "telefon"}, "contact_type is telefon"),
        ({"start": "2031-03-29T00:00:00Z"}, "start is"),
        ({"patient": "another"}, "missing"),
    ],
)
def test_the_judge_sees_what_differs(changes, complaint):
    """A row that says anything otherwise than expected is named."""
    world = ordinary_world(NOW, FhirVersion.R4, 1)
    found = differences(world, [_row(world, **changes)])
    assert (found == []) if complaint is None else complaint in found[0]


def test_the_judge_sees_rows_too_many():
    """A row said twice, and one that nobody expected, are named."""
    world = ordinary_world(NOW, FhirVersion.R4, 1)
    assert "said 2 times" in differences(world, [_row(world)] * 2)[0]
    assert "not expected" in differences(world, [_row(world), _row(world, appointment="x")])[0]


def test_the_inbox_holds_the_settled_text():
    """The text is the region's, word for word, in local time."""
    world = ordinary_world(NOW, FhirVersion.R4, 1)
    ((number, text),) = inbox_of(world)
    assert number == "+46701740605"
    assert text == (
        "Påminnelse till Tolvan: Du har ett mottagningsbesök 2031-03-29 klockan 15.00 med hälso- och sjukvården, "
        "Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. Till de "
        "flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
    )
