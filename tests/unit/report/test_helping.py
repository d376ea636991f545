"""Missed visits: what is compared, and that no count from one to four can be worked out from what is shown of it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirnotify.ledger.statistics import Ended, Group
from fhirnotify.report import alike
from fhirnotify.report.counts import Counts
from fhirnotify.report.disclosure import Mark, is_small
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


# An attacker who knows how many visits there are of each contact type and cause, the outcomes of all, and of every row
# that is shown, and who tries every table that fits.

CELLS = [(kind, cause) for kind in TYPES[:2] for cause in ("x", "y")]
ENDS = ("missed", "attended", "neither")


def ways(total: int) -> list[tuple[int, ...]]:
    """Give every way in which so many visits can have ended."""
    return [(a, b, total - a - b) for a in range(total + 1) for b in range(total + 1 - a)]


def tables_that_fit(
    table: dict[tuple[str, str], tuple[int, ...]], types: set[str], causes: set[str]
) -> Iterator[dict[tuple[str, str], tuple[int, ...]]]:
    """Give every table with these sizes, sums and rows."""

    def told(of: dict[tuple[str, str], tuple[int, ...]]) -> list[tuple[int, ...]]:
        rows = [[cell for cell in CELLS if cell[0] == kind] for kind in sorted(types)]
        rows += [[cell for cell in CELLS if cell[1] == cause] for cause in sorted(causes)]
        return [tuple(map(sum, zip(*(of[cell] for cell in row), strict=True))) for row in rows]

    all_ = tuple(map(sum, zip(*table.values(), strict=True)))
    known, size = told(table), sum(table[CELLS[-1]])
    for first in product(*(ways(sum(table[cell])) for cell in CELLS[:-1])):
        last = tuple(whole - sum(each) for whole, each in zip(all_, zip(*first, strict=True), strict=True))
        if min(last) >= 0 and sum(last) == size:
            possible = dict(zip(CELLS, (*first, last), strict=True))
            if told(possible) == known:
                yield possible


SMALL = st.tuples(*[st.integers(0, 3)] * 3)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[SMALL] * 4), st.sets(st.sampled_from(TYPES[:2])), st.sets(st.sampled_from(["x", "y"])))
def test_an_attacker_who_tries_every_table_finds_no_single_answer(
    counts: tuple[tuple[int, ...], ...], types: set[str], causes: set[str]
) -> None:
    """Wherever rows are held to be safe beside each other, each small count that is not shown could be another."""
    table = dict(zip(CELLS, counts, strict=True))
    if not alike.is_safe({cell: dict(zip(ENDS, each, strict=True)) for cell, each in table.items()}, types, causes):
        return
    found: defaultdict[tuple[object, ...], set[int]] = defaultdict(set)
    for possible in tables_that_fit(table, types, causes):
        for key, value in small_or_not(possible):
            found[key].add(value)
    sizes = Counter({cell: sum(each) for cell, each in table.items()})
    for key, value in small_or_not(table):
        size = sum(n for cell, n in sizes.items() if key[0] in (cell, *cell))
        is_shown = key[0] in types | causes
        if is_small(value) and value < size and not is_shown:
            assert len(found[key]) > 1, (key, value)


def small_or_not(table: dict[tuple[str, str], tuple[int, ...]]) -> Iterator[tuple[tuple[object, ...], int]]:
    """Give every count that could be asked for: of a cell, of a contact type, of a cause."""
    for at, end in enumerate(ENDS):
        for cell, counts in table.items():
            yield (cell, end), counts[at]
        for name in (*TYPES[:2], "x", "y"):
            yield (name, end), sum(counts[at] for cell, counts in table.items() if name in cell)


FEW, MORE = Mark.FEW, Mark.WITHHELD
WITHHELD = {"video": {"x": FEW, "y": MORE}, "mottagning": {"x": MORE, "y": MORE}}


@pytest.mark.parametrize(
    ("sizes", "video_y", "is_kept"),
    [
        (WITHHELD, (1, 19, 0), True),
        (WITHHELD, (20, 0, 0), False),
        ({"video": {"x": FEW, "y": 20}, "mottagning": {"x": MORE, "y": MORE}}, (1, 19, 0), False),
        ({"video": {"x": FEW, "y": MORE}, "mottagning": {}}, (1, 19, 0), True),
        ({"video": {}, "mottagning": {}}, (20, 0, 0), True),
    ],
)
def test_a_small_number_of_visits_stays_safe(sizes, video_y: tuple[int, ...], *, is_kept: bool) -> None:
    """As long as two visits that could exchange their causes ended alike; else rows by cause would give it away."""
    counts = {("video", "x"): (3, 0, 0), ("video", "y"): video_y, ("mottagning", "x"): (0, 20, 0)}
    counts["mottagning", "y"] = (0, 30, 0)
    table = {cell: dict(zip(ENDS, each, strict=True)) for cell, each in counts.items()}
    assert alike.keeps_sizes(table, sizes, lambda cause: cause) is is_kept


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
