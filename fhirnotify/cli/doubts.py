"""What a person can do about a reminder that is uncertain, in words: where to look, for what, and what to say then."""

from collections.abc import Collection, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from fhirnotify.cli.reporting import local
from fhirnotify.rows import instant
from fhirnotify.uncertain import Doubt

PLACES = {
    "outbox": "Look in the outbox file for the reference {id}",
    "46elks": "Look in 46elks' SMS history for a message to the patient's number",
    "sinch": "Look in Sinch's message log for the client reference {id}",
    "infobip": "Look in Infobip's message logs for the message id {id} (also with -2 or -3 after it)",
    "twilio": "Look in Twilio's message log for a message to the patient's number",
    "link": "Ask LINK Mobility for the refId {id}",
    "kannel": "Look in Kannel's access log for the account {id}",
}
"""Where each provider shows what it has taken, and by what a message is known there."""


def provider_of(doubt: Doubt) -> str:
    """Name the provider that it was handed to."""
    return (doubt.reminder.provider or "nobody").partition("/")[0]


def place(doubt: Doubt) -> str:
    """Say where to look, and for what; never for a number: that stands in the patient's record."""
    sentence = PLACES.get(provider_of(doubt), "Ask the provider for a message to the patient's number")
    return sentence.format(id=doubt.reminder.id)


def headline(doubt: Doubt, zone: ZoneInfo) -> str:
    """Say which it is, since when, why, and whose."""
    reminder = doubt.reminder
    return (
        f"Appointment {reminder.appointment}, patient {reminder.patient}, {local(reminder.start, zone)}: "
        f"uncertain since {local(doubt.since, zone)} ({reminder.code}), by {provider_of(doubt)}."
    )


def advice(doubt: Doubt, zone: ZoneInfo, accounts: Collection[str]) -> Iterator[str]:
    """Say, line by line, what a person can do."""
    first, last = doubt.first.astimezone(zone), doubt.last.astimezone(zone)
    yield f"{place(doubt)}, sent {first:%Y-%m-%d} between {first:%H.%M.%S} and {last:%H.%M.%S}."
    if doubt.reminder.provider not in accounts:
        yield "Nobody is asked for it by the program: sms.provider does not name that account any more."
    yield f"It is there:  fhirnotify uncertain settle {doubt.reminder.id} --sent"
    yield f"It is not:    fhirnotify uncertain settle {doubt.reminder.id} --not-sent"
    yield f"It is sent again if it was not, until {local(doubt.too_late, zone)}; after that nobody is reminded."


def as_json(doubt: Doubt, accounts: Collection[str]) -> dict[str, Any]:
    """Give a doubt as an object."""
    reminder = doubt.reminder
    return {
        "id": reminder.id,
        "appointment": reminder.appointment,
        "patient": reminder.patient,
        "start": instant(reminder.start),
        "since": instant(doubt.since),
        "cause": reminder.code,
        "provider": reminder.provider,
        "configured": reminder.provider in accounts,
        "message_id": reminder.message_id,
        "sent_from": instant(doubt.first),
        "sent_until": instant(doubt.last),
        "too_late": instant(doubt.too_late),
        "look": place(doubt),
    }
