"""Holds what a run said and sent against what a scenario expects; knows the text, but not how it is made."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from fhirnotify.core.model import ContactType
from fhirnotify.harness.scenarios.model import Row
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.scenarios.staging import FIRST_NAME, Staging
from fhirnotify.rows import instant

Message = tuple[str, str]
"""Number and text."""

_WORDS = {
    ContactType.MOTTAGNING: "mottagningsbesök",
    ContactType.VIDEO: "videobesök",
    ContactType.TELEFON: "telefonbesök",
}


def region_text(first_name: str, kind: ContactType, start: datetime) -> str:
    """Write the reminder as the region has settled it, word for word."""
    local = start.astimezone(LOCAL)
    return (
        f"Påminnelse till {first_name}: Du har ett {_WORDS[kind]} {local:%Y-%m-%d} klockan {local:%H.%M} med hälso- "
        "och sjukvården, Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella "
        "förberedelser. Till de flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
    )


def messages(staging: Staging, rows: Iterable[Row]) -> Counter[Message]:
    """Give what the provider must have taken."""
    return Counter(_message(staging, row) for row in rows if row.is_taken)


def differences(staging: Staging, expected: Iterable[Row], said: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name what a run said otherwise than expected; nothing for a run that said exactly that."""
    left = [(row["appointment"], row["patient"], row) for row in said]
    prefix = staging.stage.prefix
    found: list[str] = []
    for row in expected:
        visit = (staging.id(row.appointment), None if row.patient is None else staging.id(row.patient))
        start = _start(staging, row)
        of_visit = [each for each in left if each[:2] == visit]
        same = [each for each in of_visit if each[2]["start"] == start] or of_visit
        if not same:
            found.append(f"{_name(row.appointment, row.patient)}: no row")
            continue
        left.remove(same[0])
        found += _differing(row, start, same[0][2], prefix)
    return found + [
        f"{_name(appointment.removeprefix(prefix), patient and patient.removeprefix(prefix))}: a row too many, "
        f"{_spoken(row)}"
        for appointment, patient, row in left
    ]


def message_differences(expected: Counter[Message], taken: Counter[Message]) -> list[str]:
    """Name what the provider took otherwise than expected."""
    lacking = [f"not sent to {to}: {text}" for to, text in (expected - taken).elements()]
    return lacking + [f"sent to {to} though nobody should: {text}" for to, text in (taken - expected).elements()]


def _differing(row: Row, start: str | None, said: Mapping[str, Any], prefix: str) -> Iterator[str]:
    wanted: dict[str, Any] = {"decision": "skip", "reason": row.skip, "outcome": row.outcome}
    if row.remind:
        wanted = {"decision": "remind", "reason": None, "contact_type": row.remind, "outcome": _outcome(row)}
    elif row.already:
        wanted = {"decision": "already", "outcome": row.already}
    if row.segments is not None:
        wanted["segments"] = row.segments
    wanted["start"] = start
    for key, value in wanted.items():
        if said.get(key) != value:
            yield f"{_name(row.appointment, row.patient)}: {key} is {said.get(key)}, not {value}"
    if row.rests_on is not None:
        yield from _other_evidence(row, said["evidence"], prefix)


def _other_evidence(row: Row, said: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Hold the evidence against what it should be, versions aside: a server counts them as it likes."""
    pointed = (said["appointment"], said["patient"], *said["consent"])
    found = {each.partition("/_history/")[0].replace(f"/{prefix}", "/") for each in pointed if each}
    found |= set(said["mapping"])
    if found != set(row.rests_on or ()):
        yield f"{_name(row.appointment, row.patient)}: rests on {', '.join(sorted(found))}"


def _outcome(row: Row) -> str | None:
    """Give the outcome that stands in the row of a reminder; a plan's is null, since nothing is sent."""
    return None if row.outcome == "planned" else row.outcome or "accepted"


def _message(staging: Staging, row: Row) -> Message:
    number = row.to or staging.number(row.patient)
    if row.text is not None:
        return number, staging.text(row.text)
    start = _start(staging, row)
    assert row.remind is not None  # the file was read
    assert start is not None
    return number, region_text(row.name or FIRST_NAME, row.remind, datetime.fromisoformat(start))


def _start(staging: Staging, row: Row) -> str | None:
    return staging.start(row.appointment) if row.start is None else instant(staging.moment(row.start))


def _name(appointment: str, patient: str | None) -> str:
    return f"{appointment}/{patient or 'nobody'}"


def _spoken(row: Mapping[str, Any]) -> str:
    what = row["contact_type"] if row["decision"] == "remind" else row["reason"]
    return " ".join(str(each) for each in (row["decision"], what, row["outcome"]) if each)
