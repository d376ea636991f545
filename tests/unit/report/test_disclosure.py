"""No count from one to four can be worked out: an attacker who tries every table that fits finds no single answer."""

from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirnotify.report.disclosure import LEAST, Mark, Shown, cells, is_small, marked, pool

SMALL = st.one_of(st.integers(0, 6), st.integers(0, 14))
"""Counts about the limit, where the danger is."""


def fits(value: int, shown: Shown) -> bool:
    """Tell whether a value may stand behind what is shown, for one who knows how it is made."""
    if shown is Mark.FEW:
        return is_small(value)
    return not is_small(value) if shown is Mark.WITHHELD else value == shown


def lists_that_fit(shown: list[Shown], total: int) -> Iterator[tuple[int, ...]]:
    """Give every list with this sum that would be shown so."""
    choices = [[v for v in range(total + 1) if fits(v, each)] for each in shown]
    return (values for values in product(*choices) if sum(values) == total)


@settings(max_examples=300, deadline=None)
@given(st.lists(SMALL, min_size=1, max_size=4))
def test_no_small_count_of_a_list_can_be_worked_out(counts: list[int]) -> None:
    """From the sum and everything that is shown, each small count could be another."""
    withheld = pool(dict(enumerate(counts)))
    if withheld is None:
        return
    shown = [marked(count, withheld=key in withheld) for key, count in enumerate(counts)]
    assert not any(isinstance(each, int) and is_small(each) for each in shown)
    hidden = [key for key, each in enumerate(shown) if isinstance(each, Mark)]
    assert not hidden or sum(counts[key] for key in hidden) >= LEAST
    possible = list(lists_that_fit([shown[key] for key in hidden], sum(counts[key] for key in hidden)))
    for at, key in enumerate(hidden):
        if is_small(counts[key]):
            assert len({values[at] for values in possible}) > 1


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 3).flatmap(lambda n: st.lists(st.lists(SMALL, min_size=2, max_size=2), min_size=n, max_size=n)))
def test_no_small_cell_of_a_table_can_be_worked_out(table: list[list[int]]) -> None:
    """From the sums of rows and columns and every cell that is shown, each small cell could be another."""
    assert_safe(table)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 7), min_size=3, max_size=3), min_size=3, max_size=3))
def test_nor_of_a_wider_one(table: list[list[int]]) -> None:
    """With three rows and columns."""
    assert_safe(table)


def assert_safe(table: list[list[int]]) -> None:
    """Try every table that fits what is shown."""
    rows = {row: dict(enumerate(counts)) for row, counts in enumerate(table)}
    withheld = cells(rows)
    if withheld is None:
        return
    shown = [[marked(n, withheld=(r, c) in withheld) for c, n in enumerate(row)] for r, row in enumerate(table)]
    assert not any(isinstance(each, int) and is_small(each) for row in shown for each in row)
    for at, line in product((0, 1), range(3)):
        assert not is_small(sum(table[cell[0]][cell[1]] for cell in withheld if cell[at] == line))
    found: dict[tuple[int, int], set[int]] = {}
    choices = [list(lists_that_fit(shown[r], sum(row))) for r, row in enumerate(table)]
    sums = [sum(column) for column in zip(*table, strict=True)]
    for possible in product(*choices):
        if [sum(column) for column in zip(*possible, strict=True)] == sums:
            for r, row in enumerate(possible):
                for c, value in enumerate(row):
                    found.setdefault((r, c), set()).add(value)
    for r, c in withheld:
        if is_small(table[r][c]):
            assert len(found[r, c]) > 1


@pytest.mark.parametrize(
    ("counts", "withheld"),
    [
        ({}, set()),
        ({"a": 0, "b": 5, "c": 70}, set()),
        ({"a": 3, "b": 9, "c": 70}, {"a", "b"}),
        ({"a": 3, "b": 2, "c": 70}, {"a", "b"}),
        ({"a": 1, "b": 1, "c": 70}, {"a", "b", "c"}),
        ({"a": 1, "b": 5, "c": 70}, {"a", "b", "c"}),
        ({"a": 3, "b": 0}, None),
        ({"a": 1, "b": 5}, None),
    ],
)
def test_a_list(counts: Mapping[str, int], withheld: set[str] | None) -> None:
    """The smallest others go with a small count; where none would do, nothing but the sum is shown."""
    assert pool(counts) == withheld


def test_a_table() -> None:
    """A small cell goes with three others that make a rectangle with it."""
    table = {"x": {"yes": 90, "no": 3}, "y": {"yes": 40, "no": 20}, "z": {"yes": 500, "no": 300}}
    assert cells(table) == {(row, column) for row in "xy" for column in ("yes", "no")}


def test_what_is_not_shown_of_a_column_is_not_small() -> None:
    """Else it would be what the sum has more than what is shown: three visits of two contact types."""
    table = {"x": {"yes": 90, "no": 1}, "y": {"yes": 40, "no": 2}, "z": {"yes": 500, "no": 300}}
    assert cells(table) == {(row, column) for row in "xyz" for column in ("yes", "no")}


def test_nor_is_what_rows_that_are_not_seen_have_of_a_column() -> None:
    """Else three visits would be what the sum has more than the rows that are seen."""
    table = {"x": {"yes": 90, "no": 20}, "y": {"yes": 40, "no": 30}, "few": {"yes": 1, "no": 3}}
    assert cells(table, {"few"}) == {("y", "yes"), ("y", "no")}


def test_what_is_not_seen_at_all_hides_others_at_no_cost() -> None:
    """A row of which nothing is shown is the other side of the rectangle."""
    table = {"x": {"yes": 90, "no": 3}, "y": {"yes": 40, "no": 20}, "few": {"yes": 1, "no": 2}}
    assert cells(table, {"few"}) == {("x", "yes"), ("x", "no")}


def test_where_no_rectangle_is_nothing_is_shown() -> None:
    """Only the sums: then the small cell could be anything."""
    assert cells({"x": {"yes": 5, "no": 1}, "y": {"yes": 0, "no": 20}}) is None


def test_many_rows_take_little_time() -> None:
    """Hundreds of units with small counts each."""
    table = {n: {c: (n * c * 7) % 40 for c in range(1, 15)} for n in range(600)}
    withheld = cells(table)
    assert withheld is not None
    assert all((n, c) in withheld for n, row in table.items() for c, count in row.items() if is_small(count))
