"""The report and the worklist on the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fhirnotify.cli.output import Stdout
from fhirnotify.cli.reasons import SENTENCES
from fhirnotify.core.answer import Reason
from fhirnotify.ledger.mendable import UNDELIVERABLE
from fhirnotify.report.disclosure import Mark, Shown
from fhirnotify.report.helping import Ends, Helping
from fhirnotify.report.period import Period
from fhirnotify.report.published import Line, Published
from fhirnotify.report.words import ENGLISH

_UNDELIVERABLE = (
    "The reminder was sent, and could not be delivered.",
    "Have the mobile number checked with the patient.",
)
_DAYS = 31
"""The longest period whose days are printed one by one."""


def to_mend(reason: str) -> tuple[str, str]:
    """Say what a reason means, and what staff can do about it."""
    return _UNDELIVERABLE if reason == UNDELIVERABLE else SENTENCES[Reason(reason)]


def print_report(
    out: Stdout,
    shown: Published,
    period: Period,
    names: Mapping[str, str],
    extent: tuple[datetime, datetime] | None,
) -> None:
    """Print the report as tables, or say that there is nothing to tell."""
    console = _console(out)
    total = shown.total
    console.print(f"Visits {period.first} to {period.last}", style="bold")
    if total.considered == 0:
        console.print("No visit in the period has been decided about.")
        if extent is not None:
            first, last = (each.astimezone(period.zone).date() for each in extent)
            console.print(f"The ledger holds visits from {first} to {last}: choose with --from and --until.")
    else:
        console.print(_split("", {"considered": total.considered, "reminded": total.reminded, **total.delivery}))
        console.print(_split("not reminded", {"all": total.unreminded, **total.causes}))
        units = [(_name(line.key, names), line) for line in shown.units]
        console.print(_lines("unit", units))
        console.print(_lines("contact type", [(line.key or "unknown", line) for line in shown.types]))
        if len(shown.days) <= _DAYS:
            console.print(_lines("day", [(line.key.isoformat(), line) for line in shown.days]))
        _print_helping(console, shown.helping)
        console.print(_split("sent before the visit", {ENGLISH.lead(key): n for key, n in shown.leads.items()}))
    for code in shown.unmapped:
        console.print(Text(f"without a mapping: {code.system or ''}|{code.code}  {_told(code.count)}"))
    runs = shown.runs
    if runs.count:
        times = [ENGLISH.time(each) for each in (runs.median_length, runs.longest_length, runs.longest_gap)]
        console.print(
            f"{runs.count} runs ({runs.unfinished} not ended); usually {times[0]}, at most {times[1]}; "
            f"longest time between two beginnings {times[2]}"
        )
    if shown.withholds:
        console.print(
            "Counts from one to four are shown as <5; those that would give them away, as \u2013.", style="dim"
        )


def _print_helping(console: Console, shown: Helping | None) -> None:
    """Print how many visits were missed, among those reminded of and the others."""
    if shown is None:
        return
    if shown.total is None or not shown.is_read:
        console.print(ENGLISH["helping-few" if shown.total is None else "helping-none"], style="dim")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column(ENGLISH["helping"], min_width=28, overflow="fold")
    for column in ("missed", "of", "share", "95 % interval"):
        table.add_column(column, justify="right")
    for pair in (shown.total, *shown.types):
        name = "" if pair is shown.total else f"{pair.key or 'unknown'}, "
        for of, ends in (("reminded", pair.reminded), ("not reminded", pair.unreminded)):
            table.add_row(Text(name + of), *_ends(ends))
        if pair.difference is not None and pair.interval is not None:
            low, high = (ENGLISH.points(each) for each in (pair.interval.low, pair.interval.high))
            table.add_row(
                Text(f"{name}difference"), "", "", f"{ENGLISH.points(pair.difference)} pp", f"{low} to {high}"
            )
    for cause, ends in shown.causes:
        table.add_row(Text(cause), *_ends(ends))
    console.print(table)
    if shown.total.reminded.unknown is not None:
        unknown = shown.total.reminded.unknown + (shown.total.unreminded.unknown or 0)
        console.print(ENGLISH["helping-unknown"].format(count=ENGLISH.number(unknown)), style="dim")
    console.print(f"{ENGLISH['helping-no-proof']} {ENGLISH['helping-apart']}", style="dim")


def _ends(ends: Ends) -> tuple[str, ...]:
    if ends.share is None or ends.interval is None:
        return str(ends.missed), str(ends.known), "", ""
    low, high = (ENGLISH.precisely(each) for each in (ends.interval.low, ends.interval.high))
    return str(ends.missed), str(ends.known), ENGLISH.precisely(ends.share), f"{low} to {high}"


def print_worklist(out: Stdout, lines: Sequence[dict[str, Any]], zone: ZoneInfo) -> None:
    """Print the worklist, unit by unit."""
    console = _console(out)
    if not lines:
        console.print("Nothing to mend of the visits to come that have been decided about.")
    units = dict.fromkeys((line["unit"], line.get("name")) for line in lines)
    for unit, name in units:
        table = Table(title=Text(name or unit or "no unit"), title_justify="left", box=None, pad_edge=False)
        for column in ("start", "appointment", "patient", "reason", "what to do"):
            table.add_column(column, overflow="fold")
        for line in lines:
            if line["unit"] == unit:
                start = datetime.fromisoformat(line["start"]).astimezone(zone)
                told = " ".join([line["to_do"], *(f"({each})" for each in line["detail"])])
                cells = (f"{start:%Y-%m-%d %H:%M}", line["appointment"], line["patient"] or "", line["reason"], told)
                table.add_row(*map(Text, cells))
        console.print(table)


def _console(out: Stdout) -> Console:
    return Console(file=out, highlight=False, width=None if out.isatty() else 120)  # type: ignore[arg-type]


def _name(unit: str | None, names: Mapping[str, str]) -> str:
    return "no unit" if unit is None else names.get(unit, unit)


def _told(shown: Shown) -> str:
    return shown.value if isinstance(shown, Mark) else f"{shown}"


def _split(head: str, split: Mapping[str, Shown]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(head, min_width=28)
    table.add_column("", justify="right")
    for key, shown in split.items():
        table.add_row(Text(key), _told(shown))
    return table


def _lines(head: str, lines: Iterable[tuple[str, Line[Any] | Line[date]]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(head, min_width=28, overflow="fold")
    for column in ("considered", "reminded", "share"):
        table.add_column(column, justify="right")
    for name, line in lines:
        share = "" if line.share is None else f"{line.share:.0%}"
        table.add_row(Text(name), _told(line.considered), _told(line.reminded), share)
    return table
