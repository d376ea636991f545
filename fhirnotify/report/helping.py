"""Does it help? What is shown of missed visits, among those reminded of and the others.

Of a row all is shown, or nothing: its counts, its share and the interval that rests on them. So that no count of one to
four can be worked out, also together with the other tables:

- Nothing is shown unless each count of both groups, in all, is none or at least five.
- Every visit of a row is told, as missed, attended or neither. So it tells nothing new of how many there are, and
  ``neither`` could not be withheld alone. Neither are, too, the visits of causes that are not compared, and those that
  are still asked about. As the numbers of the first are told by cause, and those of the second by day, what is left
  without them is to be none or at least five as well.
- A contact type is shown if that holds for both its groups, and its numbers of visits are shown in its own table; a
  cause likewise. What remains of those of all is to be none or at least five, too.
- Then as many more are withheld, the smallest first, as it takes that every small count that is not shown could be
  another (see ``alike``).

A report of one unit shows nothing of this: it is counted for all together.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from fhirnotify.report import alike
from fhirnotify.report.counts import APART, ATTENDED, CAUSES, MISSED, NOT_COMPARED, OTHER, UNKNOWN, Counts
from fhirnotify.report.disclosure import Shown, is_small
from fhirnotify.report.interval import Interval, newcombe, wilson

Sizes = Mapping[str | None, Mapping[str, Shown]]

REST = "other"
"""The column of what is withheld in the list of all, in tables by unit and contact type."""

NEITHER = "neither"
"""Neither missed nor attended: cancelled or moved, not known, or not compared."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What became of the visits of a group. ``other`` and ``unknown`` are parts of ``neither``, told of all alone.

    ``other`` was cancelled or moved, or is not compared: for its cause, or because it is still asked about.
    """

    missed: int
    attended: int
    neither: int
    other: int | None = None
    unknown: int | None = None

    @property
    def known(self) -> int:
        """How many were missed or attended."""
        return self.missed + self.attended

    @property
    def share(self) -> float | None:
        """The share missed of those; None if there are none."""
        return self.missed / self.known if self.known else None

    @property
    def interval(self) -> Interval | None:
        """Where the share lies, with 95 % confidence."""
        return wilson(self.missed, self.known) if self.known else None


@dataclass(frozen=True, slots=True)
class Pair:
    """Those reminded of and the others, of all or of a contact type."""

    key: str | None
    reminded: Ends
    unreminded: Ends

    @property
    def difference(self) -> float | None:
        """How much larger a share was missed among those reminded of; below nothing if a smaller one was."""
        here, there = self.reminded.share, self.unreminded.share
        return None if here is None or there is None else here - there

    @property
    def interval(self) -> Interval | None:
        """Where that difference lies, with 95 % confidence."""
        if self.difference is None:
            return None
        return newcombe((self.reminded.missed, self.reminded.known), (self.unreminded.missed, self.unreminded.known))


@dataclass(frozen=True, slots=True)
class Helping:
    """What is shown. ``total`` is None if one of its counts is small."""

    total: Pair | None = None
    types: tuple[Pair, ...] = ()
    causes: tuple[tuple[str, Ends], ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether what became of any visit is known."""
        return self.total is None or bool(self.total.reminded.known or self.total.unreminded.known)


def helping(counts: Counts, types: Iterable[str | None], causes: Collection[str], sizes: Sizes) -> Helping:
    """Choose what is shown.

    Args:
        counts: all the counts.
        types: the contact types of which the numbers reminded of and not are shown.
        causes: the causes of which the number is shown; in ``sizes`` the others are counted together.
        sizes: what is shown of the numbers of visits by contact type and cause.
    """
    reminded, others = _table(counts, reminded=True), _table(counts, reminded=False)
    total = Pair(None, _all(reminded), _all(others))
    halves = _halves(counts)
    if any(map(_has_small, (total.reminded, total.unreminded, *(_ends(_as_row(half)) for half in halves.values())))):
        return Helping()
    if not (total.reminded.known or total.unreminded.known):
        return Helping(total)
    chosen = _types(reminded, others, types)
    shown = _causes(others, chosen, causes, sizes)
    return Helping(
        _with_parts(total, halves),
        tuple(Pair(key, _ends(alike.row(reminded, 0, key)), _ends(alike.row(others, 0, key))) for key in chosen),
        tuple((key, _ends(alike.row(others, 1, key))) for key in CAUSES if key in shown),
    )


def _table(counts: Counts, *, reminded: bool) -> alike.Table:
    table: dict[alike.Cell, Mapping[str, int]] = {}
    for kind, tally in counts.types.items():
        for cause, count in {None: tally.reminded}.items() if reminded else tally.causes.items():
            ends = counts.ends.get((kind, cause), Counter())
            neither = count - ends[MISSED] - ends[ATTENDED]
            if count:
                table[kind, cause] = {MISSED: ends[MISSED], ATTENDED: ends[ATTENDED], NEITHER: neither}
    return table


def _halves(counts: Counts) -> dict[bool, Counter[str]]:
    """Add up what is compared: of those reminded of (True), and of the others."""
    halves: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for (_, cause), ends in counts.ends.items():
        halves[cause is None].update(ends)
    return halves


def _as_row(half: Counter[str]) -> dict[str, int]:
    return {MISSED: half[MISSED], ATTENDED: half[ATTENDED], NEITHER: half[OTHER] + half[UNKNOWN]}


def _ends(counts: Mapping[str, int]) -> Ends:
    return Ends(*(counts.get(each, 0) for each in (MISSED, ATTENDED, NEITHER)))


def _all(table: alike.Table) -> Ends:
    total: Counter[str] = Counter()
    for counts in table.values():
        total.update(counts)
    return _ends(total)


def _has_small(ends: Ends) -> bool:
    return any(map(is_small, (ends.missed, ends.attended, ends.neither)))


def _with_parts(total: Pair, halves: Mapping[bool, Counter[str]]) -> Pair:
    """Tell the parts of ``neither`` where none of them is small, nor what is left of them without the latest visits.

    Those that are not compared for their cause are not told apart: together they would tell a cause that is withheld.
    """

    def with_parts(ends: Ends, half: Counter[str]) -> Ends:
        return replace(ends, other=ends.neither - half[UNKNOWN], unknown=half[UNKNOWN])

    told = Pair(None, with_parts(total.reminded, halves[True]), with_parts(total.unreminded, halves[False]))
    parts = [part for ends in (told.reminded, told.unreminded) for part in (ends.other, ends.unknown)]
    parts += [part for half in halves.values() for part in (half[OTHER], half[OTHER] + half[APART])]
    return total if any(part is not None and is_small(part) for part in parts) else told


def _types(reminded: alike.Table, others: alike.Table, may: Iterable[str | None]) -> list[str | None]:
    """Choose contact types by themselves, as long as no cause is shown."""

    def size(key: str | None) -> int:
        return alike.row(reminded, 0, key).total() + alike.row(others, 0, key).total()

    tables = (reminded, others, alike.without(others, NOT_COMPARED))
    chosen = [key for key in may if not any(_has_small(_ends(alike.row(table, 0, key))) for table in tables)]
    chosen.sort(key=lambda key: (-size(key), key or "\uffff"))
    while not (alike.is_safe(reminded, chosen, ()) and alike.is_safe(others, chosen, (), NOT_COMPARED)):
        chosen.pop()
    return chosen


def _causes(others: alike.Table, types: list[str | None], may: Collection[str], sizes: Sizes) -> list[str | None]:
    """Choose causes beside the contact types that are shown."""
    chosen: list[str | None] = [
        key for key in may if key not in NOT_COMPARED and not _has_small(_ends(alike.row(others, 1, key)))
    ]
    chosen.sort(key=lambda key: (-alike.row(others, 1, key).total(), key or ""))
    if not alike.keeps_sizes(others, sizes, lambda cause: cause if cause in may else REST):
        return []
    while not alike.is_safe(others, types, chosen, NOT_COMPARED):
        chosen.pop()
    return chosen
