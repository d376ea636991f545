"""The report as one page that holds everything it needs: no script, no address, pictures in SVG.

Each picture is a table whose cells hold bars, so that a screen reader hears the figures and nothing is told by colour
alone. The one exception is the picture of the days, which has the same figures as a table beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from fhirnotify.report.disclosure import Mark, Shown
from fhirnotify.report.helping import REST, Ends, Helping, Pair
from fhirnotify.report.period import Period
from fhirnotify.report.published import Line, Published
from fhirnotify.report.words import Words

_FILES = Path(__file__).parent / "page"

_SCALES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)

HEIGHT = 100.0
"""The height of the picture of the days, in its own units; a day is one wide."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a picture: what it is of, its count, and the length of its bar from 0 to 100 (None: no bar)."""

    label: str
    count: Shown
    share: float | None = None

    @property
    def length(self) -> float | None:
        """How much of the whole it is, in percent."""
        return None if self.share is None else round(100 * self.share, 1)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the picture: the heights of what was reminded of and of the rest; None where they are withheld."""

    at: int
    label: str
    reminded: float | None
    considered: float | None


@dataclass(frozen=True, slots=True)
class Whisker:
    """A row of the picture of missed visits: the places of share and interval are from 0 to 100 on its scale."""

    label: str
    ends: Ends
    at: float | None = None
    low: float = 0
    high: float = 0


@dataclass(frozen=True, slots=True)
class Missed:
    """The picture of missed visits: all, the contact types, the causes; ``most`` is the end of its scale."""

    most: float
    total: list[Whisker]
    types: list[tuple[str, Pair, list[Whisker]]]
    causes: list[Whisker]


def page(
    report: Published,
    period: Period,
    words: Words,
    names: Mapping[str, str],
    made: datetime,
    *,
    unit: str | None = None,
    extent: tuple[datetime, datetime] | None = None,
) -> str:
    """Write the page.

    Args:
        report: what is shown.
        period: the days it is about.
        words: the language.
        names: what units are called; one that is missing is shown by its reference.
        made: when the report is made.
        unit: the unit that alone is shown, if it is one.
        extent: the first and the last visit of the ledger, told where there is nothing to show.
    """
    causes = report.total.causes
    return _template().render(
        words=words,
        period=period,
        made=made.astimezone(period.zone),
        extent=None if extent is None else [each.astimezone(period.zone).date() for each in extent],
        unit=None if unit is None else names.get(unit, unit),
        report=report,
        delivered_share=_share(report.total.delivery.get("delivered"), report.total.reminded),
        days=_days(report.days, words),
        most=max((line.considered for line in report.days if isinstance(line.considered, int)), default=0),
        causes=_bars(causes, report.total.unreminded, words.causes),
        delivery=_bars(report.total.delivery, report.total.reminded, words.delivery, by_size=False),
        leads=_bars(report.leads, report.total.reminded, {key: words.lead(key) for key in report.leads}, by_size=False),
        units=[(_unit(line, words, names), line) for line in report.units],
        types=[(words.types.get(line.key, line.key), line) for line in report.types],
        columns=_columns(report.units),
        missed=_missed(report.helping, words),
        duplicates=causes.get("duplicate-booking", 0),
        style=(_FILES / "style.css").read_text("utf-8"),
        few=Mark.FEW,
        withheld=Mark.WITHHELD,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _share(part: Shown | None, whole: Shown) -> float | None:
    return part / whole if isinstance(part, int) and isinstance(whole, int) and whole else None


def _bars(split: Mapping[str, Shown], whole: Shown, labels: Mapping[Any, str], *, by_size: bool = True) -> list[Bar]:
    bars = [Bar(labels.get(key, key), shown, _share(shown, whole)) for key, shown in split.items()]
    return sorted(bars, key=lambda bar: -(bar.share or -1)) if by_size else bars


def _missed(shown: Helping | None, words: Words) -> Missed | None:
    """Give the picture; None where there is nothing to draw."""
    if shown is None or shown.total is None or not shown.is_read:
        return None
    pairs = [shown.total, *shown.types]
    groups = [ends for pair in pairs for ends in (pair.reminded, pair.unreminded)]
    # The line of a cause with few visits may be very long: it ends with the scale.
    highs = [ends.interval.high for ends in groups if ends.interval is not None]
    highest = max(highs + [ends.share for _, ends in shown.causes if ends.share is not None])
    most = next(end for end in _SCALES if end >= highest)

    def whisker(label: str, ends: Ends) -> Whisker:
        if ends.share is None or ends.interval is None:
            return Whisker(label, ends)
        ends_at = (ends.share, ends.interval.low, min(ends.interval.high, most))
        return Whisker(label, ends, *(round(100 * each / most, 2) for each in ends_at))

    def both(pair: Pair) -> list[Whisker]:
        return [whisker(words["reminded"], pair.reminded), whisker(words["others"], pair.unreminded)]

    return Missed(
        most,
        both(shown.total),
        [(words.types.get(pair.key, pair.key or ""), pair, both(pair)) for pair in shown.types],
        [whisker(words.causes.get(cause, cause), ends) for cause, ends in shown.causes],
    )


def _days(lines: Sequence[Line[date]], words: Words) -> list[Day]:
    most = max((line.considered for line in lines if isinstance(line.considered, int)), default=0) or 1

    def height(shown: Shown) -> float | None:
        return round(HEIGHT * shown / most, 2) if isinstance(shown, int) else None

    return [
        Day(n, words.short(line.key), height(line.reminded), height(line.considered)) for n, line in enumerate(lines)
    ]


def _unit(line: Line[str | None], words: Words, names: Mapping[str, str]) -> str:
    return words["no-unit"] if line.key is None else names.get(line.key, line.key)


def _columns(lines: Sequence[Line[str | None]]) -> list[str]:
    """Give the reasons of the table by unit, in the order of what is shown."""
    keys = dict.fromkeys(key for line in lines for key in line.causes)
    return sorted(keys, key=lambda key: (key == REST, -sum(_known(line.causes.get(key, 0)) for line in lines)))


def _known(shown: Shown) -> int:
    return shown if isinstance(shown, int) else 0
