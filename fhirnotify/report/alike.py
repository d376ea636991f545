"""Which rows of outcomes may be shown beside each other, so that no small count can be worked out from them.

Rows by contact type and rows by cause are of the same visits, and how many visits of each contact type had each cause
is told in the same report. So a small count is kept safe here by a witness in all three tables at once: an exchange of
outcomes between visits, after which that count is another and everything that is told is the same. Since only outcomes
are exchanged, all the other tables of the report stay as they are, whatever they are of.

Two kinds of exchange are tried. Two visits swap outcomes, where no row that is shown parts them; and four visits that
lie at the corners of two contact types and two causes, where two pairs swap contrariwise, so that all rows stay.

The small counts of how many visits a contact type has of a cause are kept safe by ``disclosure``: visits exchange their
causes. Beside rows by cause that goes on as long as there are two such visits that ended alike.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping
from itertools import chain, combinations, permutations

from fhirnotify.report.disclosure import LEAST, Mark, Shown, is_small

Cell = tuple[str | None, str | None]
"""A contact type and a cause."""

Table = Mapping[Cell, Mapping[str, int]]
"""What became of the visits of each contact type and cause, by the same outcomes for all."""

_Key = tuple[Cell, str]


def is_safe(
    table: Table, types: Collection[str | None], causes: Collection[str | None], apart: Collection[str | None] = ()
) -> bool:
    """Tell whether the outcomes of these contact types and of these causes may be shown, beside those of all.

    The causes ``apart`` are known to have one outcome alone, and how often each is: they keep nothing else safe.
    """
    rest = without(table, apart)
    return all(_are_rests_large(each, types, causes) for each in (table, rest)) and not _unwitnessed(
        rest, types, causes
    )


def keeps_sizes(table: Table, sizes: Mapping[str | None, Mapping[str, Shown]], column: Callable[[str], str]) -> bool:
    """Tell whether small numbers of visits, withheld by contact type and cause, stay safe beside rows by cause.

    Args:
        table: what became of visits.
        sizes: what is shown of the numbers of visits of each contact type, by the columns of causes; empty for nothing.
        column: gives the column in which a cause is counted.
    """
    ends: defaultdict[tuple[str | None, str], Counter[str]] = defaultdict(Counter)
    for (kind, cause), counts in table.items():
        ends[kind, column(cause or "")].update(counts)
    columns = {each for _, each in ends}

    def may(cell: tuple[str | None, str], step: int) -> bool:
        count, mark = ends[cell].total(), sizes.get(cell[0], {}).get(cell[1])
        if mark is None:
            return count + step >= 0
        return not isinstance(mark, int) and (
            0 < count + step < LEAST if mark is Mark.FEW else min(count, count + step) >= LEAST
        )

    def is_exchanged(kind: str | None, cause: str, other: str | None, another: str) -> bool:
        straight, across = [(kind, cause), (other, another)], [(kind, another), (other, cause)]
        return any(
            all(may(cell, -1) for cell in lose) and all(may(cell, 1) for cell in gain) and ends[lose[0]] & ends[lose[1]]
            for lose, gain in ((straight, across), (across, straight))
        )

    return all(
        any(
            is_exchanged(kind, cause, other, another)
            for other in sizes
            if other != kind
            for another in columns - {cause}
        )
        for kind, shown in sizes.items()
        for cause, mark in shown.items()
        if mark is Mark.FEW
    )


def row(table: Table, at: int, key: str | None) -> Counter[str]:
    """Add up the outcomes of a contact type (``at`` 0) or a cause (1)."""
    total: Counter[str] = Counter()
    for cell, counts in table.items():
        if cell[at] == key:
            total.update(counts)
    return total


def without(table: Table, apart: Collection[str | None]) -> Table:
    """Leave out causes."""
    return {cell: counts for cell, counts in table.items() if cell[1] not in apart}


def _are_rests_large(table: Table, types: Collection[str | None], causes: Collection[str | None]) -> bool:
    """Tell whether what remains when rows that are shown are taken from each other is nowhere small.

    That is: what those of all have left; and what contact types have left without the causes that lie within them. The
    largest such set of causes will do, as each cause alone is nowhere small. What is not shown of contact types is
    known together, and of causes likewise.
    """
    kinds: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    reasons: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    where: defaultdict[Hashable, set[Hashable]] = defaultdict(set)
    for (kind, cause), counts in table.items():
        in_, for_ = kind if kind in types else ..., cause if cause in causes else ...
        kinds[in_].update(counts)
        reasons[for_].update(counts)
        if any(counts.values()):
            where[for_].add(in_)
    if any(is_small(count) for each in (*kinds.values(), *reasons.values()) for count in each.values()):
        return False
    for some in chain.from_iterable(combinations(kinds, n) for n in range(1, len(kinds))):
        rest = sum((kinds[each] for each in some), Counter[str]())
        for why, inside in where.items():
            if inside <= set(some):
                rest.subtract(reasons[why])
        if any(map(is_small, rest.values())):
            return False
    return True


def _unwitnessed(table: Table, types: Collection[str | None], causes: Collection[str | None]) -> bool:
    """Tell whether a small count has no witness: of a cell, of a contact type, or of a cause."""
    cells, of_types, of_causes = _loose(table, types, causes)
    if any(
        _is_told(counts, outcome) and (cell, outcome) not in cells
        for cell, counts in table.items()
        for outcome in counts
    ):
        return True
    for at, shown, loose in ((0, types, of_types), (1, causes, of_causes)):
        for key in {cell[at] for cell in table} - set(shown):
            counts = row(table, at, key)
            if any(_is_told(counts, outcome) and (key, outcome) not in loose for outcome in counts):
                return True
    return False


def _is_told(counts: Mapping[str, int], outcome: str) -> bool:
    """Tell whether a small count would tell more than how many visits there are, which other tables keep safe."""
    return is_small(counts[outcome]) and counts[outcome] < sum(counts.values())


def _loose(
    table: Table, types: Collection[str | None], causes: Collection[str | None]
) -> tuple[set[_Key], set[tuple[str | None, str]], set[tuple[str | None, str]]]:
    """Give the counts that some exchange changes: of cells, of contact types, of causes."""
    cells: set[_Key] = set()
    of_types: set[tuple[str | None, str]] = set()
    of_causes: set[tuple[str | None, str]] = set()
    together = defaultdict(list)
    for cell in table:
        together[cell[0] if cell[0] in types else ..., cell[1] if cell[1] in causes else ...].append(cell)
    for members in together.values():
        for one, other in permutations(members, 2):
            for outcome, another in combinations(table[one], 2):
                if table[one][outcome] and table[other][another]:
                    cells |= {(cell, each) for cell in (one, other) for each in (outcome, another)}
                    for at, loose in ((0, of_types), (1, of_causes)):
                        if one[at] != other[at]:
                            loose |= {(cell[at], each) for cell in (one, other) for each in (outcome, another)}
    return cells | _corners(table), of_types, of_causes


def _corners(table: Table) -> set[_Key]:
    """Give the counts that an exchange changes which keeps every row of every contact type and cause."""
    loose: set[_Key] = set()
    kinds, reasons = (list(dict.fromkeys(cell[at] for cell in table)) for at in (0, 1))
    for kind, other in permutations(kinds, 2):
        for reason, another in combinations(reasons, 2):
            corners = [(kind, reason), (other, another), (kind, another), (other, reason)]
            if not all(corner in table for corner in corners):
                continue
            for outcome, contrary in combinations(table[corners[0]], 2):
                lose = [(corner, outcome) for corner in corners[:2]] + [(corner, contrary) for corner in corners[2:]]
                if all(table[corner][each] for corner, each in lose):
                    loose |= {(corner, each) for corner in corners for each in (outcome, contrary)}
    return loose
