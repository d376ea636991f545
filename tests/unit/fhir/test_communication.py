"""The Communication that tells of a reminder: a table of what is told, and that nothing else can be."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fhir.resources import communication as r5
from fhir.resources.R4B import communication as r4
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirnotify.core.notice import Notice, Told
from fhirnotify.fhir.communication import STATUS, communication, id_of, written

SENT = datetime(2026, 11, 24, 9, 0, 1, 250000, tzinfo=UTC)
RECEIVED = datetime(2026, 11, 24, 9, 10, tzinfo=UTC)
REMINDER = "0123456789abcdef0123456789abcdef"

EVENT_STATUS = {
    "preparation",
    "in-progress",
    "not-done",
    "on-hold",
    "stopped",
    "completed",
    "entered-in-error",
    "unknown",
}
ELEMENTS = {
    "resourceType", "id", "identifier", "status", "statusReason", "category", "medium", "subject", "about", "recipient",
    "sent", "received", "system", "value", "coding", "code", "reference",
}  # fmt: skip
WORDS = {
    "Communication", "urn:fhirnotify:reminder", "reminder", "SMSWRIT", "invalid-phone-number", *EVENT_STATUS,
    "http://terminology.hl7.org/CodeSystem/communication-category",
    "http://terminology.hl7.org/CodeSystem/communication-not-done-reason",
    "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode",
}  # fmt: skip

IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True)
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(
    lambda moment: moment.replace(year=2000 + moment.year % 100, day=min(moment.day, 28))
)
NOTICES = st.builds(
    Notice,
    st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    IDS,
    IDS,
    st.sampled_from(Told),
    st.none() | MOMENTS,
    st.none() | MOMENTS,
    st.booleans(),
)


def notice(told: Told, **facts: Any) -> Notice:
    """Make what is told of a reminder."""
    return Notice(REMINDER, "a1", "p1", told, SENT, RECEIVED, **facts)


def leaves(value: Any) -> Iterator[tuple[str, str]]:
    """Give each text with the name of its element."""
    for name, inner in value.items():
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, dict):
                yield name, ""
                yield from leaves(each)
            else:
                yield name, each


@pytest.mark.parametrize(
    ("told", "status", "sent", "received"),
    [
        (Told.ACCEPTED, "in-progress", True, False),
        (Told.DELIVERED, "completed", True, True),
        (Told.UNDELIVERED, "stopped", True, False),
        (Told.UNCONFIRMED, "unknown", True, False),
        (Told.UNCERTAIN, "unknown", False, False),
        (Told.REJECTED, "not-done", False, False),
        (Told.WAITING, "preparation", False, False),
        (Told.GIVEN_UP, "not-done", False, False),
    ],
)
def test_what_is_told(told: Told, status: str, *, sent: bool, received: bool) -> None:
    """The status, and the instants where they are known: that it was sent is said only of what a provider had."""
    made = communication(notice(told))
    assert made["status"] == status
    assert made.get("sent") == ("2026-11-24T09:00:01Z" if sent else None)
    assert made.get("received") == ("2026-11-24T09:10:00Z" if received else None)
    assert "statusReason" not in made


def test_every_word_is_told_as_a_status_there_is() -> None:
    """Of FHIR's EventStatus."""
    assert set(STATUS) == set(Told)
    assert set(STATUS.values()) <= EVENT_STATUS


@pytest.mark.parametrize("told", list(Told))
def test_only_a_dead_number_has_a_reason(told: Told) -> None:
    """It is the one that the terminology has a word for, and that somebody can mend."""
    reason = communication(notice(told, dead_number=True)).get("statusReason")
    assert (reason is not None) == (told is Told.UNDELIVERED)
    if reason:
        assert reason["coding"][0]["code"] == "invalid-phone-number"


def test_it_is_about_the_visit_and_of_the_patient() -> None:
    """By references to the journal system's own resources, and known by the reminder's id alone."""
    made = communication(notice(Told.ACCEPTED))
    assert made["about"] == [{"reference": "Appointment/a1"}]
    assert made["subject"] == made["recipient"][0] == {"reference": "Patient/p1"}
    assert made["identifier"] == [{"system": "urn:fhirnotify:reminder", "value": REMINDER}]


@pytest.mark.parametrize("model", [r4.Communication, r5.Communication], ids=["R4", "R5"])
@settings(max_examples=50, deadline=None)
@given(notice=NOTICES)
def test_one_form_is_valid_in_both_versions(
    model: type[r4.Communication] | type[r5.Communication], notice: Notice
) -> None:
    """R4 and R5 take the same bytes."""
    assert model.model_validate_json(written(notice)).status == STATUS[notice.told]


@settings(max_examples=50, deadline=None)
@given(notice=NOTICES)
def test_nothing_but_ids_states_and_instants_can_stand_in_it(notice: Notice) -> None:
    """Every element is listed, and every text is a code of ours, an id, or an instant. No text, ever."""
    ids = {notice.reminder, id_of(notice.reminder), f"Appointment/{notice.appointment}", f"Patient/{notice.patient}"}
    for name, text in leaves(json.loads(written(notice))):
        assert name in ELEMENTS
        is_instant = name in ("sent", "received") and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
        assert not text or is_instant or text in WORDS | ids


@settings(max_examples=50, deadline=None)
@given(notice=NOTICES, hours=st.integers(-12, 12))
def test_the_same_is_told_in_the_same_bytes(notice: Notice, hours: int) -> None:
    """Wherever the machine is: so a repeat makes no new version."""
    zone = timezone(timedelta(hours=hours))
    sent, received = notice.sent and notice.sent.astimezone(zone), notice.received and notice.received.astimezone(zone)
    assert written(replace(notice, sent=sent, received=received)) == written(notice)


@settings(max_examples=50, deadline=None)
@given(reminder=st.from_regex(r"[0-9a-f]{32}", fullmatch=True))
def test_the_id_is_one_that_every_server_takes(reminder: str) -> None:
    """64 letters at most, of FHIR's grammar, and never a number alone, which HAPI refuses."""
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", id_of(reminder))
    assert not id_of(reminder).isdecimal()
