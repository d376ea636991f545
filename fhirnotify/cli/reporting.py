"""How a pass is shown while it is at work, and when it is done: JSON lines, or something that a person can read."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from fhirnotify.cli.output import Stdout
from fhirnotify.cli.reasons import EXITS, OUTCOMES, dead_number, sentence
from fhirnotify.rows import Row, Summary

MOST_SHOWN = 300
"""How many rows a table on a terminal holds; a pipe gets every row as a line."""

_TO_MEND = 6
_COLUMNS = ("Start", "Decision", "Kind", "Appointment", "Patient", "Why / what became of it")
_WIDTHS = (16, 7, 10, 0, 0, 0)
"""Of the cells of a plain line; ids may be of any length."""
_DOING = {"ask": "Messages asked about", "read": "Appointments read", "send": "Reminders handled"}


class Silent:
    """Shows nothing."""

    def row(self, row: Row) -> None:
        """Take a row."""

    def progress(self, stage: Literal["ask", "read", "send"], done: int) -> None:
        """Take the progress."""


class JsonLines:
    """The JSON contract: a line for each row as it comes, if they are wanted, the summary last."""

    def __init__(self, out: Stdout, *, only_the_end: bool = False) -> None:
        self._out = out
        self._only_the_end = only_the_end

    def row(self, row: Row) -> None:
        """Print a row."""
        if not self._only_the_end:
            self._out.json(row.as_json())

    def progress(self, stage: Literal["ask", "read", "send"], done: int) -> None:
        """Say nothing: stdout holds JSON alone, and a program is reading."""

    def end(self, summary: Summary, exit_code: int) -> None:  # noqa: ARG002  # the program sees the exit code itself
        """Print the summary."""
        self._out.json({"summary": summary.as_json()})

    def close(self) -> None:
        """Nothing is open."""


class Quiet(Silent):
    """One line when it has ended, which tells an operator how, what it came to and what to do next."""

    def __init__(self, out: Stdout) -> None:
        self._out = out

    def end(self, summary: Summary, exit_code: int) -> None:
        """Print the line."""
        next_step = ' "fhirnotify uncertain" and "fhirnotify explain" tell what to do.' if exit_code == _TO_MEND else ""
        self._out.line(f"{_how_it_ended(exit_code)}{next_step} {_in_short(summary)}")

    def close(self) -> None:
        """Nothing is open."""


class ForPeople:
    """A table and a progress bar on a terminal, plain lines elsewhere; then the counts, the reasons and the end."""

    def __init__(self, out: Stdout, zone: ZoneInfo) -> None:
        self._out = out
        self._zone = zone
        self._console = Console(file=out, highlight=False)  # type: ignore[arg-type]
        self._kept: list[Row] | None = [] if out.isatty() else None
        self._rows = 0
        self._uncertain: list[Row] = []
        self._progress = _Bar()

    def row(self, row: Row) -> None:
        """Print a row, or keep it for the table as long as that is short enough to be read."""
        self._rows += 1
        if row.outcome == "uncertain" and len(self._uncertain) < MOST_SHOWN:
            self._uncertain.append(row)
        if self._kept is None:
            cells = _cells(row, self._zone)
            self._out.line("  ".join(f"{cell:{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)))
        elif len(self._kept) < MOST_SHOWN:
            self._kept.append(row)

    def progress(self, stage: Literal["ask", "read", "send"], done: int) -> None:
        """Move the bar."""
        self._progress.show(stage, done)

    def end(self, summary: Summary, exit_code: int) -> None:
        """Print the table, the reasons and what it came to."""
        self.close()
        if self._kept:
            table = Table(*_COLUMNS)
            for row in sorted(self._kept, key=lambda row: (row.start is None, row.start, row.appointment)):
                table.add_row(*map(Text, _cells(row, self._zone)))  # as text: a code could read as Rich's markup
            self._console.print(table)
            if self._rows > MOST_SHOWN:
                self._out.line(f"… and {self._rows - MOST_SHOWN} more; --json gives every one.")
        self._reasons(summary)
        for line in self._for_a_person(summary):
            self._out.line(printable(line))
        self._out.line(self.in_short(summary))
        self._out.line(_how_it_ended(exit_code))

    def sentence(self, reason: str) -> str:
        """Say what a reason means."""
        return sentence(reason)

    def in_short(self, summary: Summary) -> str:
        """Say what it came to."""
        return _in_short(summary)

    def _reasons(self, summary: Summary) -> None:
        grid = Table.grid(padding=(0, 2))
        for reason, count in summary.reasons.most_common():
            if self._kept is None:
                self._out.line(f"{count:6}  {reason}: {self.sentence(reason)}")
            else:
                grid.add_row(f"{count:6}", reason, self.sentence(reason))
        if grid.row_count:
            self._console.print(grid)

    def _for_a_person(self, summary: Summary) -> Iterator[str]:
        """Name the numbers to be mended, and what is uncertain."""
        for each in summary.undeliverable:
            yield f"To mend    Patient {each.patient} (appointment {each.appointment}): {dead_number(each.code)}"
        for row in self._uncertain:
            yield f"Uncertain  Appointment {row.appointment}, patient {row.patient}, {local(row.start, self._zone)}"
        if self._uncertain:
            yield '           "fhirnotify uncertain" tells of each where to look, and how to settle it.'

    def close(self) -> None:
        """Take the bar away."""
        self._progress.close()


class _Bar:
    """A progress bar on stderr, if a person is looking. How much there is to do nobody knows beforehand."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:.0f}"),
                console=console,
                transient=True,
                redirect_stdout=False,
            )
            if console.is_terminal
            else None
        )
        self._tasks = (
            {stage: self._bar.add_task(text, total=None) for stage, text in _DOING.items()} if self._bar else {}
        )

    def show(self, stage: str, done: int) -> None:
        if self._bar is not None:
            self._bar.start()
            if stage not in self._tasks:
                self._tasks[stage] = self._bar.add_task(_DOING[stage], total=None)
            self._bar.update(self._tasks[stage], completed=done)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def local(moment: datetime | None, zone: ZoneInfo) -> str:
    """Write a moment in local time, as the region writes it."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H.%M") if moment else "no start"


def printable(text: str) -> str:
    """Replace what a terminal would obey, or what would begin another line: codes come from outside."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _cells(row: Row, zone: ZoneInfo) -> tuple[str, ...]:
    if row.decision == "skip":
        why = " ".join(filter(None, [row.reason, f"({', '.join(row.detail)})" if row.detail else "", row.outcome]))
    else:
        why = OUTCOMES.get(row.outcome, row.outcome or "") + (f" ({', '.join(row.detail)})" if row.detail else "")
    kind = row.contact_type or "-"
    cells = (local(row.start, zone), row.decision, kind, row.appointment, row.patient or "-", why)
    return tuple(map(printable, cells))


def _how_it_ended(exit_code: int) -> str:
    return f"Exit {exit_code}: {EXITS.get(exit_code, 'unexpected')}."


def _in_short(summary: Summary) -> str:
    parts = ("skipped", "already", "sent", "pending", "uncertain", "failed")
    counts = ", ".join(f"{getattr(summary, part)} {part}" for part in parts)
    unsettled = f" ({summary.unsettled} still uncertain from earlier)" if summary.unsettled else ""
    by_another = f" ({summary.failed_over} sent by another provider than the first)" if summary.failed_over else ""
    incomplete = "" if summary.complete else " The run was not completed."
    return (
        f"Considered {summary.considered}: {counts}{unsettled}{by_another}. "
        f"{summary.fhir_requests} FHIR requests, {summary.seconds:.1f} s.{incomplete}{told_back(summary)}"
    )


def told_back(summary: Summary) -> str:
    """Say what came of telling the journal system, after a blank; nothing where it is not told."""
    back = summary.wrote_back
    if back is None:
        return ""
    codes = ", ".join(f"{count} {code}" for code, count in back.failed.most_common())
    failed = f", {back.failed.total()} failed ({codes}), to be tried again" if codes else ""
    more = "" if back.complete else "; more is left for the next run"
    return f" Journal system told of {back.written} reminders{failed}{more}."
