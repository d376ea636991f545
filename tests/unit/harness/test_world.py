"""The world of ordinary visits itself: else what is proved with it proves nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.world import ordinary_world
from fhirnotify.rows import instant

NOW = datetime(2031, 3, 29, 9, tzinfo=UTC)


@pytest.fixture(params=list(FhirVersion), ids=str)
def world(request):
    """Give a world, in each version."""
    return ordinary_world(NOW, request.param, 200)


def test_every_resource_has_an_id_of_its_own(world):
    """No resource replaces another when a server is seeded, and a server takes the ids."""
    ids = [(resource["resourceType"], resource["id"]) for resource in world.resources]
    assert len(ids) == len(set(ids)) == 600
    assert max(len(identity) for _, identity in ids) <= 64


def test_every_visit_lies_in_the_window(world):
    """All are considered by a run, and all three kinds are there."""
    assert all(NOW < visit.start < NOW + timedelta(hours=48) for visit in world.visits)
    assert len({visit.contact_type for visit in world.visits}) == 3


def test_only_fictional_numbers_are_reminded(world):
    """Every number that gets a text belongs to nobody; the first 95 have one of their own."""
    numbers = [visit.number for visit in world.visits]
    assert all("+46701740605" <= number <= "+46701740699" for number in numbers)
    assert len(set(numbers[:95])) == 95


def _row(world, **changes):
    (visit,) = world.visits
    said = {
        "appointment": visit.appointment,
        "patient": visit.patient,
        "start": instant(visit.start),
        "decision": "remind",
        "reason": None,
        "contact_type": visit.contact_type,
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
    found = world.differences([_row(world, **changes)])
    assert (found == []) if complaint is None else complaint in found[0]


def test_the_judge_sees_rows_too_many():
    """A row said twice, and one that nobody expected, are named."""
    world = ordinary_world(NOW, FhirVersion.R4, 1)
    assert "said 2 times" in world.differences([_row(world)] * 2)[0]
    assert "not expected" in world.differences([_row(world), _row(world, appointment="x")])[0]


def test_the_inbox_holds_the_settled_text():
    """The text is the region's, word for word, in local time."""
    world = ordinary_world(NOW, FhirVersion.R4, 1)
    ((number, text),) = world.inbox
    assert number == "+46701740605"
    assert text == (
        "Påminnelse till Tolvan: Du har ett mottagningsbesök 2031-03-29 klockan 15.00 med hälso- och sjukvården, "
        "Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. Till de "
        "flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
    )
