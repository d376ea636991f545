"""A report for programs: JSON and CSV.

A count that is withheld is ``"<5"``, or null (an empty cell) if it is not small.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from fhirnotify.ledger.mendable import Mendable
from fhirnotify.report.counts import Runs
from fhirnotify.report.disclosure import Mark, Shown
from fhirnotify.report.helping import Ends, Helping, Pair
from fhirnotify.report.interval import Interval
from fhirnotify.report.period import Period
from fhirnotify.report.published import Line, Published
from fhirnotify.rows import instant

Names = Mapping[str, str]


def count(shown: Shown) -> int | str | None:
    """Give a count for programs."""
    if isinstance(shown, int):
        return shown
    return Mark.FEW.value if shown is Mark.FEW else None


def as_json(report: Published, period: Period, names: Names) -> dict[str, Any]:
    """Give the whole report as one JSON object."""
    return {
        "period": {"from": period.first.isoformat(), "until": period.last.isoformat()},
        "total": _line(report.total),
        "units": [_named(line.key, names) | _line(line) for line in report.units],
        "contact_types": [{"contact_type": line.key} | _line(line) for line in report.types],
        "days": [{"day": line.key.isoformat()} | _line(line) for line in report.days],
        "lead_hours": {key: count(shown) for key, shown in report.leads.items()},
        "unmapped": [
            {"system": each.system, "code": each.code, "count": count(each.count), "last_seen": instant(each.last_seen)}
            for each in report.unmapped
        ],
        "runs": _runs(report.runs),
        "outcomes": None if report.helping is None else _helping(report.helping),
    }


def _named(unit: str | None, names: Names) -> dict[str, Any]:
    return {"unit": unit} | ({"name": names[unit]} if unit is not None and unit in names else {})


def _line(line: Line[Any]) -> dict[str, Any]:
    return {
        "considered": count(line.considered),
        "reminded": count(line.reminded),
        "not_reminded": count(line.unreminded),
        "delivery": {key: count(shown) for key, shown in line.delivery.items()},
        "reasons": {key: count(shown) for key, shown in line.causes.items()},
    }


def _helping(shown: Helping) -> dict[str, Any]:
    """Tell of missed visits; ``total`` is null where one of its counts is small, and shares where none is known."""
    return {
        "read": shown.is_read,
        "total": None if shown.total is None else _pair(shown.total),
        "contact_types": [{"contact_type": pair.key} | _pair(pair) for pair in shown.types],
        "reasons": [{"reason": cause} | _ends(ends) for cause, ends in shown.causes],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    difference = _share(pair.difference, pair.interval)
    return {"reminded": _ends(pair.reminded), "not_reminded": _ends(pair.unreminded), "difference": difference}


def _ends(ends: Ends) -> dict[str, Any]:
    parts = {} if ends.unknown is None else {"other": ends.other, "unknown": ends.unknown}
    counts = {"missed": ends.missed, "attended": ends.attended, "neither": ends.neither, **parts}
    return {**counts, "missed_share": _share(ends.share, ends.interval)}


def _share(value: float | None, interval: Interval | None) -> dict[str, float] | None:
    if value is None or interval is None:
        return None
    return {"value": round(value, 5), "low": round(interval.low, 5), "high": round(interval.high, 5)}


def _runs(runs: Runs) -> dict[str, Any]:
    seconds = [None if each is None else each.total_seconds() for each in _times(runs)]
    median, longest, gap = seconds
    return {
        "count": runs.count,
        "unfinished": runs.unfinished,
        "median_seconds": median,
        "longest_seconds": longest,
        "longest_gap_seconds": gap,
        "longest_gap_from": None if runs.longest_gap_from is None else instant(runs.longest_gap_from),
    }


def _times(runs: Runs) -> tuple[Any, Any, Any]:
    return runs.median_length, runs.longest_length, runs.longest_gap


def as_csv(report: Published, names: Names) -> str:
    """Give the counts as CSV: one a line, with what it is of. RFC 4180."""
    return _csv(("of", "key", "name", "measure", "count", "share", "low", "high"), _records(report, names))


def _records(report: Published, names: Names) -> Iterator[tuple[Any, ...]]:
    groups: tuple[tuple[str, Iterable[Line[Any]]], ...] = (
        ("all", [report.total]),
        ("unit", report.units),
        ("contact-type", report.types),
        ("day", report.days),
    )
    for of, lines in groups:
        for line in lines:
            key = line.key.isoformat() if isinstance(line.key, date) else line.key
            measures = [("considered", line.considered), ("reminded", line.reminded)]
            measures += [("not-reminded", line.unreminded)]
            measures += [*line.delivery.items(), *((f"reason:{reason}", n) for reason, n in line.causes.items())]
            for measure, shown in measures:
                yield of, key, names.get(key or ""), measure, count(shown)
    for hours, shown in report.leads.items():
        yield "lead-hours", hours, None, "reminded", count(shown)
    yield from _outcomes(report.helping)
    for each in report.unmapped:
        yield "unmapped", f"{each.system or ''}|{each.code}", None, "seen", count(each.count)


def _outcomes(shown: Helping | None) -> Iterator[tuple[Any, ...]]:
    told = "withheld" if shown is None or shown.total is None else "shown" if shown.is_read else "not-read"
    yield "outcomes", told, None, None, None
    if shown is None or shown.total is None or not shown.is_read:
        return
    for of, pairs in (("all", [shown.total]), ("contact-type", shown.types)):
        for pair in pairs:
            yield from _row(of, pair.key, "reminded", pair.reminded)
            yield from _row(of, pair.key, "not-reminded", pair.unreminded)
            if pair.interval is not None:
                yield of, pair.key, None, "missed-difference", None, *_numbers(pair.difference, pair.interval)
    for cause, ends in shown.causes:
        yield from _row("reason", cause, "not-reminded", ends)


def _row(of: str, key: str | None, group: str, ends: Ends) -> Iterator[tuple[Any, ...]]:
    yield of, key, None, f"{group}:missed", ends.missed, *_numbers(ends.share, ends.interval)
    parts = (("other", ends.other), ("unknown", ends.unknown))
    for measure, number in (("attended", ends.attended), ("neither", ends.neither), *parts):
        if number is not None:
            yield of, key, None, f"{group}:{measure}", number


def _numbers(value: float | None, interval: Interval | None) -> tuple[float, ...]:
    return tuple((_share(value, interval) or {}).values())


def work_json(one: Mendable, names: Names, what: str, to_do: str) -> dict[str, Any]:
    """Give a line of the worklist."""
    return _named(one.unit, names) | {
        "start": instant(one.start),
        "appointment": one.appointment,
        "patient": one.patient,
        "reason": one.reason,
        "detail": list(one.detail),
        "what": what,
        "to_do": to_do,
    }


def work_csv(lines: Iterable[dict[str, Any]]) -> str:
    """Give the worklist as CSV."""
    columns = ("unit", "name", "start", "appointment", "patient", "reason", "detail", "what", "to_do")
    return _csv(columns, ([*map((line | {"detail": " ".join(line["detail"])}).get, columns)] for line in lines))


def _csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    head = list(columns)
    writer.writerow(head)
    for row in rows:
        cells = [_cell(value) for value in row]
        writer.writerow(cells + [None] * (len(head) - len(cells)))
    return text.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401  # whatever a cell holds
    """Keep a spreadsheet from taking a name or a code for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
