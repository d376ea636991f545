"""``report``: statistics of a period, as a page, for programs or on the terminal; and what staff can mend."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now, OneOf

if TYPE_CHECKING:
    from fhirnotify.settings import Settings


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter("write a day such as 2026-11-23") from None


From = Annotated[date | None, typer.Option("--from", metavar="DAY", parser=_day, help="The first day of visits.")]
Until = Annotated[
    date | None,
    typer.Option("--until", metavar="DAY", parser=_day, help="The last day (default: four weeks that end today)."),
]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one page that opens anywhere.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV alone.")]
Work = Annotated[bool, typer.Option("--worklist", help="List what staff can mend of visits to come, with ids.")]
Unit = Annotated[str | None, typer.Option("--unit", metavar="REFERENCE", help="One unit alone, such as Location/101.")]
Names = Annotated[
    str, typer.Option("--names", metavar="fhir|FILE|none", help="Whence units have their names: the endpoint, a file.")
]
Language = Annotated[
    str | None,
    typer.Option(
        "--language", metavar="sv|en", parser=OneOf("sv", "en"), help="The page's language (default: report.language)."
    ),
]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command was asked for; ``form`` is json, csv, or None for people."""

    now: datetime
    first: date | None
    last: date | None
    unit: str | None
    names: str
    form: str | None


@reported
def report(  # noqa: PLR0913  # the options of the command
    config: Config = None,
    *,
    first: From = None,
    last: Until = None,
    html: Html = None,
    csv: Csv = False,
    as_json: Json = False,
    worklist: Work = False,
    unit: Unit = None,
    names: Names = "none",
    language: Language = None,
    now: Now = None,
) -> None:
    """Tell how many were reminded, delivered and skipped, per unit, contact type and day."""
    from fhirnotify import settings  # noqa: PLC0415
    from fhirnotify.errors import SettingsError  # noqa: PLC0415

    if (csv and as_json) or (worklist and html):
        raise SettingsError("These options do not go together.", "--csv or --json; --html not with --worklist.")
    chosen = settings.load(config)
    form = "json" if as_json else "csv" if csv else None
    asked = _Asked(now or datetime.now(UTC), first, last, unit, names, form)
    if worklist:
        _worklist(chosen, asked)
    else:
        _report(chosen, asked, html, language or chosen.report.language)


def _report(chosen: "Settings", asked: _Asked, html: Path | None, language: str) -> None:
    from fhirnotify import reports  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.report_table import print_report  # noqa: PLC0415
    from fhirnotify.report import tell  # noqa: PLC0415
    from fhirnotify.report.period import period  # noqa: PLC0415

    days = period(asked.first, asked.last, asked.now, chosen.reminder.time_zone)
    made = reports.report(chosen, days, asked.now)
    shown = made.published if asked.unit is None else made.published.of_unit(asked.unit)
    names = reports.names(chosen, asked.names, [line.key for line in shown.units if line.key is not None])
    if html is not None:
        from fhirnotify.report.html import page  # noqa: PLC0415
        from fhirnotify.report.words import LANGUAGES  # noqa: PLC0415
        from fhirnotify.report.writing import write  # noqa: PLC0415

        words = LANGUAGES["en" if language == "en" else "sv"]
        write(html, page(shown, days, words, names, asked.now, unit=asked.unit, extent=made.extent))
    out = Stdout()
    if asked.form == "json":
        out.json(tell.as_json(shown, days, names))
    elif asked.form == "csv":
        out.write(tell.as_csv(shown, names))
    elif html is not None:
        out.line(f"Wrote {html}.")
    else:
        print_report(out, shown, days, names, made.extent)


def _worklist(chosen: "Settings", asked: _Asked) -> None:
    from fhirnotify import reports  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.report_table import print_worklist, to_mend  # noqa: PLC0415
    from fhirnotify.report import tell  # noqa: PLC0415
    from fhirnotify.report.period import Period, period  # noqa: PLC0415

    zone, first, last = chosen.reminder.time_zone, asked.first, asked.last
    if first is not None and last is not None:
        period(first, last, asked.now, zone)  # refuses one that ends before it starts
    after = asked.now if first is None else max(asked.now, Period(first, first, zone).since)
    until = None if last is None else Period(last, last, zone).until
    found = [one for one in reports.worklist(chosen, after, until) if asked.unit in (None, one.unit)]
    names = reports.names(chosen, asked.names, {one.unit for one in found if one.unit is not None})
    lines: list[dict[str, Any]] = [tell.work_json(one, names, *to_mend(one.reason)) for one in found]
    out = Stdout()
    if asked.form == "json":
        for line in lines:
            out.json(line)
    elif asked.form == "csv":
        out.write(tell.work_csv(lines))
    else:
        print_worklist(out, lines, zone)
