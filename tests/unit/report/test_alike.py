"""Rows of outcomes beside each other: an attacker who tries every table finds no single answer."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fhirnotify.report import alike
from fhirnotify.report.disclosure import Mark, is_small

TYPES = ("mottagning", "video")

# An attacker who knows how many visits there are of each contact type and cause, the outcomes of all, and of every row
# that is shown, and who tries every table that fits.

CELLS = [(kind, cause) for kind in TYPES for cause in ("x", "y")]
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
@given(st.tuples(*[SMALL] * 4), st.sets(st.sampled_from(TYPES)), st.sets(st.sampled_from(["x", "y"])))
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
        for name in (*TYPES, "x", "y"):
            yield (name, end), sum(counts[at] for cell, counts in table.items() if name in cell)


# Three causes, of which some may lie within one contact type: then what that has left without them is a group, too.

MORE_CELLS = [(kind, cause) for kind in TYPES for cause in ("x", "y", "z")]
PAIRS = st.tuples(st.sampled_from([0, 0, 1, 5]), st.sampled_from([0, 1, 5, 7]))
OF_SIX = st.tuples(*[PAIRS] * 6)


@settings(max_examples=150, deadline=None)
@example(((20, 90), (1, 40), (1, 30), (0, 0), (40, 460), (30, 200)), set(TYPES), {"x"})
@example(((0, 0), (5, 6), (0, 0), (7, 6), (1, 9), (1, 8)), set(TYPES), {"x", "y", "z"})
@given(OF_SIX, st.sets(st.sampled_from(TYPES)), st.sets(st.sampled_from(["x", "y", "z"])))
def test_rows_within_rows_leave_nothing_small(
    counts: tuple[tuple[int, ...], ...], types: set[str], causes: set[str]
) -> None:
    """Whatever rows are added up, and taken from others that hold all of their visits: one to four are never left."""
    table = dict(zip(MORE_CELLS, counts, strict=True))
    if not alike.is_safe({cell: dict(zip(ENDS[:2], each, strict=True)) for cell, each in table.items()}, types, causes):
        return
    groups = [{cell for cell in MORE_CELLS if key in cell} for key in types | causes] + [set(MORE_CELLS)]
    known = {frozenset(cell for cell in each if any(table[cell])) for each in groups}
    for _ in range(3):
        known |= {one - other for one, other in product(known, known) if other < one}
        known |= {one | other for one, other in combinations(known, 2) if not one & other}
    for group in known:
        assert not any(is_small(sum(table[cell][at] for cell in group)) for at in (0, 1)), group


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
