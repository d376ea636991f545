"""Missed visits: what is compared, and that no count from one to four can be worked out from what is shown of it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirnotify.ledger.statistics import Ended, Group
from fhirnotify.report.counts import Counts
from fhirnotify.report.disclosure import is_small
from fhirnotify.report.helping import Ends, Helping
from fhirnotify.report.published import Published, publish

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TYPES = ("mottagning", "video", "telefon")


def counted(groups: list[Ended]) -> Counts:
    """Count groups of visits, as the report does, all at one unit."""
    counts = Counts()
    counts.add(Group("Location/1", each.contact_type, each.result, each.count) for each in groups)
    counts.add_ends(groups)
    counts.days = {NOON.date(): (counts.total.reminded, counts.total.unreminded)}
    counts.leads = (counts.total.reminded, 0, 0, 0, 0, 0)
    return counts


def of(kind: str | None, result: str, missed: int, attended: int, other: int = 0, unknown: int = 0) -> Ended:
    """Make a group."""
    return Ended(kind, result, missed + attended + other + unknown, missed, attended, other)


LARGE = [
    of("video", "delivered", 30, 560, 40, 12),
    of("mottagning", "delivered", 60, 1900, 90, 30),
    of("mottagning", "undelivered", 10, 90, 5, 5),
    of("mottagning", "no-consent", 40, 460, 30, 10),
    of("video", "no-consent", 9, 91, 8, 7),
    of("video", "no-mobile-number", 7, 40, 6, 5),
    of("telefon", "no-mobile-number", 6, 50, 5, 5),
]


def shown(groups: list[Ended]) -> Helping:
    """Give what is shown."""
    found = publish(counted(groups)).helping
    assert found is not None
    return found


def test_those_reminded_of_and_the_others() -> None:
    """Missed among those of which it is known; in all, by contact type, and by cause among the others."""
    found = shown(LARGE)
    assert found.total is not None
    assert found.total.reminded == Ends(100, 2550, 182, 135, 47)
    assert found.total.unreminded == Ends(62, 641, 76, 49, 27)
    assert found.total.reminded.share == 100 / 2650
    assert found.total.difference is not None
    assert found.total.difference < 0
    assert found.total.interval is not None
    assert found.total.interval.high < 0
    assert [(pair.key, pair.reminded.missed, pair.unreminded.missed) for pair in found.types] == [
        ("mottagning", 70, 40),
        ("video", 30, 16),
        ("telefon", 0, 6),
    ]
    assert [(cause, ends.missed, ends.known) for cause, ends in found.causes] == [
        ("no-consent", 49, 600),
        ("no-mobile-number", 13, 103),
    ]


def test_where_nothing_has_been_read() -> None:
    """It is told, and nothing is compared."""
    found = shown([of("video", "delivered", 0, 0, unknown=50), of("video", "no-consent", 0, 0, unknown=60)])
    assert not found.is_read
    assert (found.types, found.causes) == ((), ())


def test_few_of_a_kind_hide_all() -> None:
    """Where few of either group were missed, nobody is told how many."""
    assert shown([*LARGE[:3], of("video", "no-consent", 3, 200)]) == Helping()
    assert shown([*LARGE[:3], of("video", "no-consent", 30, 200, unknown=2)]) == Helping()


@pytest.mark.parametrize("cause", ["duplicate-booking", "uncertain", "claimed", "not-booked", "patient-deceased"])
def test_who_may_have_been_reminded_or_was_not_to_come_is_in_neither_group(cause: str) -> None:
    """What became of such a visit says nothing of what a reminder does; it is counted as neither."""
    more = shown([*LARGE, of("video", cause, 30, 10, 5, 5)])
    assert more.total is not None
    assert more.total.unreminded == Ends(62, 641, 126, 99, 27)
    assert {name for name, _ in more.causes} == {"no-consent", "no-mobile-number"}


def test_those_in_neither_group_are_not_told_apart() -> None:
    """How many booked twice is told by cause: so 22 not compared would tell that of two it is uncertain."""
    found = shown([*LARGE, of("video", "duplicate-booking", 0, 20), of("video", "uncertain", 0, 2)])
    assert found.total is not None
    assert (found.total.unreminded.other, found.total.unreminded.unknown) == (49 + 22, 27)


def test_what_is_left_without_those_is_not_small_either() -> None:
    """How many they are is told by cause, so two visits that nobody knows the end of would be told by subtraction."""
    assert shown([*LARGE[:3], of("video", "no-consent", 30, 200, 2)]) == Helping()
    assert shown([*LARGE[:3], of("video", "no-consent", 30, 200, 2), of("video", "not-booked", 0, 40)]) == Helping()


def test_causes_within_a_contact_type_leave_nothing_small() -> None:
    """Nobody else lacked a mobile number, so the two that were missed for other reasons would be 22 less 20."""
    few = of("video", "no-consent", 1, 40, 6, 6), of("video", "consent-denied", 1, 30, 6, 6)
    rest = of("mottagning", "no-consent", 40, 460, 30, 10), of("mottagning", "consent-denied", 30, 200, 30, 10)
    found = shown([*LARGE[:2], of("video", "no-mobile-number", 20, 90, 8, 8), *few, *rest])
    assert "video" in {pair.key for pair in found.types}
    assert "no-mobile-number" not in {cause for cause, _ in found.causes}


def test_a_contact_type_with_few_takes_another_along() -> None:
    """Else it would be what the others lack of all."""
    few = shown([*LARGE, of("telefon", "delivered", 2, 40, 6)])
    assert few.total is not None
    assert [pair.key for pair in few.types] == ["mottagning"]


def test_parts_are_told_where_none_is_small() -> None:
    """Else only their sum."""
    found = shown([*LARGE[:3], of("video", "no-consent", 30, 200, 20, 3)])
    assert found.total is not None
    assert (found.total.unreminded, found.total.reminded.unknown) == (Ends(30, 200, 23), None)


def test_none_missed_is_no_secret() -> None:
    """Nothing is a number that may be shown; a share without anybody known is none."""
    found = shown([of("video", "delivered", 0, 90), of("video", "no-consent", 0, 0, unknown=60)])
    assert found.total is not None
    assert (found.total.reminded.share, found.total.unreminded.share) == (0.0, None)
    assert (found.total.difference, found.total.interval) == (None, None)


def test_one_unit_shows_nothing_of_it() -> None:
    """It is counted for all together, so a unit's own report holds nothing that was not checked against the others."""
    assert publish(counted(LARGE)).of_unit("Location/1").helping is None


COUNT = st.one_of(st.integers(0, 7), st.integers(0, 60))
GROUPS = st.lists(
    st.builds(
        of,
        st.sampled_from([*TYPES, None]),
        st.sampled_from(["delivered", "accepted", "no-consent", "no-mobile-number", "consent-denied", "uncertain"]),
        COUNT,
        st.one_of(COUNT, st.integers(30, 400)),
        COUNT,
        COUNT,
    ),
    min_size=4,
    max_size=20,
)


def of_all(made: Published) -> list[Ends]:
    """Give every row that is shown."""
    assert made.helping is not None
    found = made.helping
    pairs = [*([found.total] if found.total else []), *found.types]
    return [ends for pair in pairs for ends in (pair.reminded, pair.unreminded)] + [ends for _, ends in found.causes]


@settings(max_examples=150, deadline=None)
@given(GROUPS)
def test_nothing_small_is_shown_or_is_what_is_left(groups: list[Ended]) -> None:
    """No row shows one to four, nor do all less what is shown; a row's sum is one that its own table shows."""
    made = publish(counted(groups))
    if made.helping is None:
        return
    for ends in of_all(made):
        counts = [ends.missed, ends.attended, ends.neither, ends.other, ends.unknown]
        assert not any(is_small(each) for each in counts if each is not None)
    found = made.helping
    if found.total is None:
        assert (found.types, found.causes) == ((), ())
        return
    whole = {"reminded": made.total.reminded, "unreminded": made.total.unreminded}
    for half, sum_ in whole.items():
        ends = getattr(found.total, half)
        assert ends.known + ends.neither == sum_
        for rows in (
            [getattr(pair, half) for pair in found.types],
            [e for _, e in found.causes] * (half != "reminded"),
        ):
            for part in ("missed", "attended", "neither"):
                assert not is_small(getattr(ends, part) - sum(getattr(row, part) for row in rows))
    lines = {line.key: line for line in made.types}
    for pair in found.types:
        assert lines[pair.key].reminded == pair.reminded.known + pair.reminded.neither
        assert lines[pair.key].unreminded == pair.unreminded.known + pair.unreminded.neither
    for cause, ends in found.causes:
        assert made.total.causes[cause] == ends.known + ends.neither


def test_what_is_alike_by_another_table_gives_nothing_away() -> None:
    """All video visits had one cause, which no other had: the row of that cause is the row of the contact type."""
    groups = [
        *LARGE[:3],
        of("mottagning", "no-consent", 40, 460, 30, 10),
        of("video", "no-mobile-number", 20, 90, 8, 7),
        of("telefon", "consent-denied", 2, 40, 6, 6),
        of(None, "contact-type-unmapped", 7, 40, 6, 6),
    ]
    found = shown(groups)
    hidden = {"telefon", None}
    assert not hidden & {pair.key for pair in found.types}
    assert not {"consent-denied", "contact-type-unmapped"} & {cause for cause, _ in found.causes}


def test_many_causes_take_little_time() -> None:
    """Every cause that there is, at every contact type."""
    from time import process_time

    from fhirnotify.report.counts import CAUSES

    groups = [
        of(kind, cause, (n * 7 + k) % 19, 20 + n * k, (n + k) % 6, n % 5)
        for n, cause in enumerate(CAUSES[:22])
        for k, kind in enumerate((*TYPES, None))
    ]
    began = process_time()
    assert shown([*LARGE, *groups]).total is not None
    assert process_time() - began < 3
