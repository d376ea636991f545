"""What may be shown of a table of counts, so that no count of one to four can be worked out.

Rule of thumb of official statistics: small cells are suppressed, and with them as many others as it takes
(complementary suppression; Eurostat, Handbook on Statistical Disclosure Control, ch. 4). Here each small cell is kept
safe by a witness: another table, in which that cell has another value while everything that is shown stays the same.
In a list that is a shift of one between two withheld cells; in a table with sums, a shift of one around a rectangle.

A withheld cell is shown as ``FEW`` if it is small, else as ``WITHHELD``: whoever reads that knows it is not small, so
a witness may not make it so.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from enum import Enum
from typing import Generic, TypeVar

LEAST = 5
"""The smallest count that is shown."""

_MOST_TRIED = 20
"""How many rows are tried as the other side of a rectangle, the smallest first."""

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row", bound=Hashable)
Column = TypeVar("Column", bound=Hashable)


class Mark(Enum):
    """What stands in place of a count."""

    FEW = "<5"
    WITHHELD = "\u2013"


Shown = int | Mark
Table = Mapping[Row, Mapping[Column, int]]


def is_small(count: int) -> bool:
    """Tell whether a count may not be known: one to four."""
    return 0 < count < LEAST


def marked(count: int, *, withheld: bool) -> Shown:
    """Give what is shown of a count."""
    if not withheld:
        return count
    return Mark.FEW if is_small(count) else Mark.WITHHELD


def pool(values: Mapping[Key, int]) -> frozenset[Key] | None:
    """Choose what to withhold of a list whose sum is shown: every small count, and others beside them.

    What is withheld has at least ``LEAST`` visits together, and each small count a witness.

    Returns:
        The keys to withhold; None if nothing but the sum can be shown.
    """
    withheld = {key for key, count in values.items() if is_small(count)}
    others = sorted((key for key, count in values.items() if count >= LEAST), key=lambda key: values[key])
    while withheld and not _is_pool_safe({key: values[key] for key in withheld}):
        if not others:
            return None
        withheld.add(others.pop(0))
    return frozenset(withheld)


def _is_pool_safe(withheld: Mapping[Key, int]) -> bool:
    if sum(withheld.values()) < LEAST:
        return False
    return all(
        any(
            _keeps(count, step) and _keeps(other, -step)
            for step in (1, -1)
            for other_key, other in withheld.items()
            if other_key != key
        )
        for key, count in withheld.items()
        if is_small(count)
    )


def _keeps(count: int, step: int) -> bool:
    """Tell whether a count of a withheld cell would be shown the same if it were one more, or less."""
    return count + step > 0 and is_small(count) == is_small(count + step) and count > 0


def cells(table: Table[Row, Column], unseen: Collection[Row] = ()) -> frozenset[tuple[Row, Column]] | None:
    """Choose the cells to withhold of a table whose sums of rows and of columns are shown.

    What is not shown of a row, and of a column, is at least ``LEAST`` visits together.

    Args:
        table: the counts; every row has the same columns.
        unseen: rows of which no cell is shown, not even with a mark; their sums may be unknown too.

    Returns:
        The cells to withhold in the other rows; None if no cell at all can be shown, but only the sums.
    """
    rows = {row: counts for row, counts in table.items() if row not in unseen}
    small = [(row, column) for row, counts in rows.items() for column, count in counts.items() if is_small(count)]
    withheld = set(small)
    finder = _Rectangles(table, frozenset(unseen), withheld)
    for row, column in sorted(small, key=lambda cell: rows[cell[0]][cell[1]]):
        found = finder.cheapest(row, column)
        if found is None:
            return None
        withheld.update(cell for cell in found if cell[0] in rows)
    not_seen = [(row, column) for row in table if row in unseen for column, count in table[row].items() if count]
    for row, column in [*small, *not_seen]:
        in_row = LEAST if row in unseen else sum(n for at, n in rows[row].items() if (row, at) in withheld)
        in_column = sum(table[at][column] for at in table if at in unseen or (at, column) in withheld)
        if in_row < LEAST or in_column < LEAST:
            found = finder.cheapest(row, column, is_few=(in_row < LEAST, in_column < LEAST))
            if found is None:
                return None
            withheld.update(cell for cell in found if cell[0] in rows)
    return frozenset(withheld)


class _Rectangles(Generic[Row, Column]):
    """Finds, for a small cell, the three others with which it can be changed while every sum stays."""

    def __init__(self, table: Table[Row, Column], unseen: frozenset[Row], withheld: set[tuple[Row, Column]]) -> None:
        self._table, self._unseen, self._withheld = table, unseen, withheld
        self._by_size: dict[Column, list[Row]] = {}

    def cheapest(
        self, row: Row, column: Column, *, is_few: tuple[bool, bool] = (False, False)
    ) -> tuple[tuple[Row, Column], ...] | None:
        """Give the cells that hide the fewest visits more; a large one in its row, or column, if that has few."""
        best: tuple[int, tuple[tuple[Row, Column], ...]] | None = None
        for other in self._table[row]:
            if other == column or (is_few[0] and self._table[row][other] < LEAST):
                continue
            for partner in self._partners(column):
                corners = ((row, column), (row, other), (partner, column), (partner, other))
                is_large = self._table[partner][column] >= LEAST or not is_few[1]
                if partner != row and is_large and self._moves(corners):
                    cost = sum(self._table[r][c] for r, c in corners[1:] if self._is_shown((r, c)))
                    if best is None or cost < best[0]:
                        best = cost, corners
                    if cost == 0:
                        return corners
        return None if best is None else best[1]

    def _partners(self, column: Column) -> Iterable[Row]:
        if column not in self._by_size:
            ordered = sorted(self._table, key=lambda row: self._table[row][column])
            held = [row for row in ordered if row in self._unseen or (row, column) in self._withheld]
            large = [row for row in ordered if self._table[row][column] > LEAST]
            tried = [*held[:_MOST_TRIED], *held[-_MOST_TRIED:], *large[:_MOST_TRIED], *large[-1:]]
            self._by_size[column] = list(dict.fromkeys(tried))
        return self._by_size[column]

    def _is_shown(self, cell: tuple[Row, Column]) -> bool:
        return cell[0] not in self._unseen and cell not in self._withheld

    def _moves(self, corners: tuple[tuple[Row, Column], ...]) -> bool:
        signs = (1, -1, -1, 1)
        return any(
            all(self._can(cell, turn * sign) for cell, sign in zip(corners, signs, strict=True)) for turn in (1, -1)
        )

    def _can(self, cell: tuple[Row, Column], step: int) -> bool:
        count = self._table[cell[0]][cell[1]]
        return count + step >= 0 if cell[0] in self._unseen else _keeps(count, step)
