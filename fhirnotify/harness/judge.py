"""Holds what a run said and sent against what its world expects; knows the reminder's text, but not how it is made."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from fhirnotify.core.model import ContactType
from fhirnotify.harness.scene import Expected, World
from fhirnotify.rows import instant

LOCAL = ZoneInfo("Europe/Stockholm")
WORDS = {
    ContactType.MOTTAGNING: "mottagningsbesök",
    ContactType.VIDEO: "videobesök",
    ContactType.TELEFON: "telefonbesök",
}


def reminder_text(row: Expected) -> str:
    """Write the reminder as the region has settled it, word for word."""
    start = row.start.astimezone(LOCAL)
    assert row.contact_type is not None
    return (
        f"Påminnelse till {row.first_name}: Du har ett {WORDS[row.contact_type]} {start:%Y-%m-%d} "
        f"klockan {start:%H.%M} med hälso- och sjukvården, Region Västerbotten. Läs mer i din kallelse om vilken "
        "enhet det gäller och eventuella förberedelser. Till de flesta mottagningsbesök kan du själv checka in: "
        "incheck.regionvasterbotten.se"
    )


def inbox_of(world: World) -> Counter[tuple[str, str]]:
    """Give what the inbox must hold: number and text of each reminder."""
    return Counter((row.number, reminder_text(row)) for row in world.reminded)


def differences(world: World, rows: Iterable[Mapping[str, Any]], *, first: bool = True) -> list[str]:
    """Name what a run said otherwise than expected; nothing for a run that said it all.

    ``first`` is False for a run in which every reminder stands already, from an earlier one.
    """
    said = list(rows)
    visits = Counter((row["appointment"], row["patient"]) for row in said)
    found = [f"{visit}: said {times} times" for visit, times in visits.items() if times > 1]
    by_visit = {(row["appointment"], row["patient"]): row for row in said}
    for expected in world.expected:
        row = by_visit.pop((expected.appointment, expected.patient), None)
        found += _differing(expected, row, "remind" if first else "already")
    return found + [f"{visit}: not expected at all" for visit in by_visit]


def _differing(expected: Expected, row: Mapping[str, Any] | None, reminded: str) -> Iterator[str]:
    visit = (expected.appointment, expected.patient)
    if row is None:
        yield f"{visit}: missing"
        return
    wanted: dict[str, Any] = {"decision": "skip", "reason": expected.reason, "outcome": None}
    if expected.reason is None:
        wanted = {"decision": reminded, "reason": None, "outcome": "accepted", "contact_type": expected.contact_type}
    wanted["start"] = row["start"] if row["patient"] is None else instant(expected.start)
    for key, value in wanted.items():
        if row[key] != value:
            yield f"{visit}: {key} is {row[key]}, not {value}"
