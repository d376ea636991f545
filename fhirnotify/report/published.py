"""What may be shown of the counts of a period. Every form of a report, on paper or for programs, is made from this.

Lists and tables are taken from the whole to its parts: what is shown of a part rests on the sums above it. Where the
visits reminded of, or the others, are few in all, the number of visits is the only one shown.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Generic, TypeVar

from fhirnotify.errors import SettingsError
from fhirnotify.report.counts import CAUSES, DELIVERY, LEAD_BOUNDS, Counts, Runs, Tally
from fhirnotify.report.disclosure import Mark, Shown, cells, is_small, marked, pool
from fhirnotify.report.helping import REST, Helping, helping

_REMINDED, _NOT = "reminded", "not-reminded"

Key = TypeVar("Key", bound=Hashable)
Split = Mapping[str, Shown]


@dataclass(frozen=True, slots=True)
class Line(Generic[Key]):
    """One unit, contact type or day, or all: what is shown of it. An empty ``delivery`` or ``causes`` is not shown."""

    key: Key
    considered: Shown
    reminded: Shown = Mark.WITHHELD
    unreminded: Shown = Mark.WITHHELD
    delivery: Split = field(default_factory=dict)
    causes: Split = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """The share reminded of, where both numbers are shown."""
        if not isinstance(self.reminded, int) or not isinstance(self.considered, int) or not self.considered:
            return None
        return self.reminded / self.considered


@dataclass(frozen=True, slots=True)
class Code:
    """A code without a mapping."""

    system: str | None
    code: str
    count: Shown
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Published:
    """What is shown of a period."""

    total: Line[None]
    units: tuple[Line[str | None], ...] = ()
    types: tuple[Line[str | None], ...] = ()
    days: tuple[Line[date], ...] = ()
    leads: Mapping[str, Shown] = field(default_factory=dict)
    runs: Runs = field(default_factory=Runs)
    unmapped: tuple[Code, ...] = ()
    helping: Helping | None = None
    """None where nothing but the number of visits is shown, and of one unit."""

    def of_unit(self, unit: str) -> "Published":
        """Give what is shown of one unit alone: no more than what is shown of it among all.

        Raises:
            SettingsError: no visit in the period is at that unit, or nothing may be shown by unit.
        """
        found = [line for line in self.units if line.key == unit]
        if not found:
            known = ", ".join(line.key for line in self.units[:10] if line.key is not None)
            known = f"Units in the period: {known}." if known else "Nothing can be shown by unit in this period."
            raise SettingsError(f"There is nothing to show of the unit {unit}.", known)
        line = found[0]
        total = Line(None, line.considered, line.reminded, line.unreminded, line.delivery, line.causes)
        return Published(total, (line,))

    @property
    def withholds(self) -> bool:
        """Whether anything at all is withheld."""
        lines: list[Line[None] | Line[str | None] | Line[date]] = [self.total, *self.units, *self.types, *self.days]
        shown = [each for line in lines for each in (line.considered, line.reminded, *line.causes.values())]
        return any(isinstance(each, Mark) for each in [*shown, *self.total.delivery.values(), *self.leads.values()])


def publish(counts: Counts) -> Published:
    """Choose what is shown of the counts."""
    codes = tuple(_codes(counts))
    reminded, unreminded = counts.total.reminded, counts.total.unreminded
    considered = reminded + unreminded
    if is_small(considered) or is_small(reminded) or is_small(unreminded):
        total = Line(None, marked(considered, withheld=is_small(considered)))
        return Published(total, runs=counts.runs, unmapped=codes)
    delivery = _list(counts.total.delivery, dict.fromkeys(DELIVERY.values()))
    causes = _list(counts.total.causes, CAUSES)
    total = Line(None, considered, reminded, unreminded, delivery, causes)
    columns = _Columns(delivery, causes)
    leads = _list(dict(zip(lead_keys(), counts.leads, strict=False)), lead_keys())
    days = {day: Tally() for day in counts.days}
    for day, (with_reminder, without) in counts.days.items():
        days[day].delivery[REST], days[day].causes[REST] = with_reminder, without
    types = _by_size(_lines(counts.types, columns))
    return Published(
        total,
        _by_size(_lines(counts.units, columns)),
        types,
        tuple(_lines(days, _Columns({}, {}))),
        leads,
        counts.runs,
        codes,
        helping(
            counts,
            [line.key for line in types if isinstance(line.reminded, int) and isinstance(line.unreminded, int)],
            [cause for cause, shown in causes.items() if isinstance(shown, int)],
            {line.key: line.causes for line in types},
        ),
    )


def lead_keys() -> tuple[str, ...]:
    """Name the lead times in hours, the shortest first: ``0-6`` … ``46-``."""
    bounds = (0, *LEAD_BOUNDS, None)
    return tuple(f"{low}-{high or ''}" for low, high in pairwise(bounds))


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of tables by unit and contact type: those of the lists of all, and one for what these withhold."""

    delivery: Split
    causes: Split

    @staticmethod
    def of(split: Split, counts: Mapping[str, int]) -> dict[str, int]:
        """Give the counts of a row by the columns that there are."""
        columns = {column: counts.get(column, 0) for column, shown in split.items() if isinstance(shown, int)}
        if len(columns) < len(split):
            columns[REST] = sum(counts.get(column, 0) for column in split if column not in columns)
        return columns


def _list(counts: Mapping[str, int], order: Iterable[str]) -> Split:
    """Show a list whose sum is shown; what nobody has is left out. Empty if only its sum can be shown."""
    present = {key: counts[key] for key in order if counts.get(key)}
    withheld = pool(present)
    return {} if withheld is None else {key: marked(n, withheld=key in withheld) for key, n in present.items()}


def _lines(tallies: Mapping[Key, Tally], columns: _Columns) -> list[Line[Key]]:
    """Show a table by unit, contact type or day."""
    few = pool({key: tally.reminded + tally.unreminded for key, tally in tallies.items()})
    if few is None:
        return []
    halves = {key: {_REMINDED: tally.reminded, _NOT: tally.unreminded} for key, tally in tallies.items()}
    withheld = cells(halves, few)
    open_ = {key for key in tallies if withheld is None or key in few or (key, _NOT) in withheld}
    delivery = _split({key: columns.of(columns.delivery, tally.delivery) for key, tally in tallies.items()}, open_)
    causes = _split({key: columns.of(columns.causes, tally.causes) for key, tally in tallies.items()}, open_)
    lines = []
    for key, tally in tallies.items():
        considered = marked(tally.reminded + tally.unreminded, withheld=key in few)
        if key in few or withheld is None:
            lines.append(Line(key, considered))
            continue
        hidden = (key, _NOT) in withheld
        reminded, unreminded = (marked(each, withheld=hidden) for each in (tally.reminded, tally.unreminded))
        lines.append(Line(key, considered, reminded, unreminded, delivery.get(key, {}), causes.get(key, {})))
    return lines


def _split(table: Mapping[Key, Mapping[str, int]], unseen: set[Key]) -> dict[Key, Split]:
    withheld = cells(table, unseen)
    if withheld is None:
        return {}
    return {
        key: {column: marked(count, withheld=(key, column) in withheld) for column, count in row.items()}
        for key, row in table.items()
        if key not in unseen
    }


def _by_size(lines: Sequence[Line[str | None]]) -> tuple[Line[str | None], ...]:
    """Order by what is shown alone, so that the order tells nothing that is not."""
    return tuple(sorted(lines, key=lambda line: (-_size(line.considered), line.key or "￿")))


def _size(shown: Shown) -> int:
    return shown if isinstance(shown, int) else -1


def _codes(counts: Counts) -> Iterable[Code]:
    withheld = pool({each.coding: each.count for each in counts.unmapped})
    codes = []
    for each in counts.unmapped:
        count = Mark.WITHHELD if withheld is None else marked(each.count, withheld=each.coding in withheld)
        codes.append(Code(each.coding.system, each.coding.code, count, each.last_seen))
    return sorted(codes, key=lambda code: (-_size(code.count), code.system or "", code.code))
