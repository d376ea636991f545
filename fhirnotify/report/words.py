# ruff: noqa: RUF001  # the dash of the page is the en dash
"""The words of the page, in Swedish and in English. Nothing else of the program speaks Swedish to people."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from fhirnotify.core.answer import Reason
from fhirnotify.ledger.mendable import UNDELIVERABLE
from fhirnotify.report import sentences

Language = Literal["sv", "en"]

_MONTHS = {
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "en": "January February March April May June July August September October November December",
}
_SPACE = "\u202f"


@dataclass(frozen=True, slots=True)
class Words:
    """One language. ``texts`` are the page's own, by name; ``causes`` say why a patient was not reminded."""

    language: Language
    texts: dict[str, str]
    delivery: dict[str, str]
    causes: dict[str, str]
    types: dict[str | None, str]

    def __getitem__(self, name: str) -> str:
        return self.texts[name]

    def day(self, day: date) -> str:
        """Write a day: ``3 november 2026``."""
        return f"{day.day} {_MONTHS[self.language].split()[day.month - 1]} {day.year}"

    def short(self, day: date) -> str:
        """Write a day shortly: ``3 nov 2026``."""
        return f"{day.day} {_MONTHS[self.language].split()[day.month - 1][:3]} {day.year}"

    def moment(self, moment: datetime) -> str:
        """Write a local moment."""
        return f"{self.day(moment.date())} {moment:%H:%M}"

    def number(self, number: int) -> str:
        """Write a number with its thousands apart."""
        return f"{number:,}".replace(",", _SPACE if self.language == "sv" else ",")

    def percent(self, share: float) -> str:
        """Write a share without decimals; one that is not nothing, nor all, is not written as if it were."""
        written = "<1%" if 0 < share < 0.005 else ">99%" if 0.995 <= share < 1 else f"{share:.0%}"  # noqa: PLR2004
        return written.replace("%", "\u00a0%" if self.language == "sv" else "%")

    def precisely(self, share: float) -> str:
        """Write a share with one decimal."""
        return self._decimal(f"{share:.1%}").replace("%", "\u00a0%" if self.language == "sv" else "%")

    def between(self, low: float, high: float) -> str:
        """Write from where to where a share may lie."""
        return f"{self._decimal(f'{100 * low:.1f}')}–{self.precisely(high)}"

    def points(self, difference: float) -> str:
        """Write a difference of shares in percentage points, with its sign."""
        return self._decimal(f"{100 * difference:+z.1f}").replace("-", "\u2212")

    def _decimal(self, number: str) -> str:
        return number.replace(".", ",") if self.language == "sv" else number

    def time(self, time: timedelta | None) -> str:
        """Write a length of time."""
        if time is None:
            return "–"
        seconds = time.total_seconds()
        for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
            if seconds >= 2 * unit:
                return f"{seconds / unit:.0f}\u00a0{self.texts[name]}"
        return f"{seconds:.0f}\u00a0s"

    def lead(self, key: str) -> str:
        """Write a lead time."""
        low, _, high = key.partition("-")
        if not high:
            return self.texts["lead-from"].format(low)
        return self.texts["lead-below"].format(high) if low == "0" else self.texts["lead-between"].format(low, high)


SWEDISH = Words(
    "sv",
    {
        "title": "Sms-påminnelser om vårdbesök",
        "period": "Besök {first} – {last}",
        "one-day": "Besök {day}",
        "made": "Framställd {moment}",
        "of-unit": "Enhet: {unit}",
        "considered": "Besök",
        "considered-more": "bokade, som har prövats",
        "reminded": "Påminda",
        "reminded-more": "{share} av besöken",
        "delivered": "Nådde telefonen",
        "delivered-more": "{share} av påminnelserna",
        "unreminded": "Utan påminnelse",
        "unreminded-more": "skälen står längre ner",
        "few-more": "för få för att visas",
        "days": "Påminnelser per dag",
        "days-lead": "Varje stapel är en dag med besök. Den nedre delen är besök som patienten påmindes om.",
        "days-table": "Dagarna som tabell",
        "day": "Dag",
        "most": "Flest besök på en dag: {count}.",
        "causes": "Varför patienter inte påmindes",
        "causes-lead": "Andel av alla besök utan påminnelse.",
        "cause": "Skäl",
        "units": "Andel påminda per enhet",
        "units-lead": "Enheterna med flest besök först.",
        "unit": "Enhet",
        "no-unit": "Ingen enhet angiven",
        "share": "Andel",
        "types": "Per kontakttyp",
        "type": "Kontakttyp",
        "delivery": "Kom sms:en fram?",
        "delivery-lead": "Vad operatören har svarat om de påminnelser som har skickats.",
        "became": "Utfall",
        "leads": "Hur långt före besöket",
        "leads-lead": "Timmar från att påminnelsen skickades till att besöket började.",
        "lead": "Tid före besöket",
        "lead-from": "{} timmar eller mer",
        "lead-below": "mindre än {} timmar",
        "lead-between": "{}–{} timmar",
        "count": "Antal",
        "other": "Övriga skäl",
        "per-unit": "Skäl per enhet",
        "per-unit-lead": "Besök utan påminnelse, efter skäl.",
        "unmapped": "Koder som inte är tolkade",
        "unmapped-lead": "Koder i bokningen som ingen mappning säger något om. Kompletteras de, kan fler påminnas.",
        "code": "Kod",
        "system": "Kodsystem",
        "seen": "Senast sedd",
        "runs": "Hur programmet har gått",
        "runs-count": "Körningar",
        "runs-unfinished": "varav inte avslutade",
        "runs-median": "Vanlig längd (median)",
        "runs-longest": "Längsta körning",
        "runs-gap": "Längsta uppehåll mellan två starter",
        "runs-gap-from": "från {moment}",
        "duplicates": "Dubbla påminnelser som undveks",
        "empty": "Inga besök under perioden",
        "empty-more": "Programmet har inte tagit ställning till något besök som börjar under de här dagarna.",
        "extent": "I loggen finns besök från {first} till {last}.",
        "too-few": "För få besök för att visa mer",
        "d": "dygn",
        "h": "timmar",
        "min": "min",
        "withheld": "visas inte",
        "few": "färre än fem",
    }
    | sentences.SWEDISH,
    {"delivered": "Levererade", "undelivered": "Kunde inte levereras", "no-word": "Inget besked ännu"},
    {
        Reason.INVALID_RESOURCE: "Bokningen eller patienten innehåller ett fel",
        Reason.NOT_BOOKED: "Inte längre bokat",
        Reason.NO_START: "Starttid saknas",
        Reason.TOO_LATE: "För sent att påminna",
        Reason.LATE_BOOKING: "Bokat efter påminnelsetid",
        Reason.NOT_ATTENDING: "Patienten deltar inte",
        Reason.PATIENT_UNREADABLE: "Patienten kunde inte läsas",
        Reason.PATIENT_INACTIVE: "Patientposten är inte aktiv",
        Reason.PATIENT_DECEASED: "Patienten har avlidit",
        Reason.PROTECTED_IDENTITY: "Skyddade personuppgifter",
        Reason.AGE_POLICY: "Åldersgräns",
        Reason.NO_CONSENT: "Samtycke saknas",
        Reason.CONSENT_DENIED: "Patienten har tackat nej",
        Reason.CONSENT_EXPIRED: "Samtycket gäller inte nu",
        Reason.CONSENT_UNDETERMINED: "Samtycket går inte att tolka",
        Reason.CONTACT_TYPE_UNMAPPED: "Kontakttypen går inte att tolka",
        Reason.CONTACT_TYPE_CONFLICT: "Motstridiga kontakttyper",
        Reason.CONTACT_TYPE_NOT_REMINDED: "Kontakttyp som inte påminns",
        Reason.NO_FIRST_NAME: "Förnamn saknas",
        Reason.NO_MOBILE_NUMBER: "Mobilnummer saknas",
        Reason.PRIVACY_BLOCKED: "Förnamnet kan röja något",
        Reason.DUPLICATE_BOOKING: "Dubbelbokat, påmindes en gång",
        UNDELIVERABLE: "Sms kunde inte levereras",
        "uncertain": "Oklart om sms:et skickades",
        "failed": "Gick inte att skicka",
        "waiting": "Väntar på att skickas",
        "other": "Övriga skäl",
    },
    {"mottagning": "Mottagningsbesök", "video": "Videobesök", "telefon": "Telefonbesök", None: "Okänd"},
)

ENGLISH = Words(
    "en",
    {
        "title": "SMS reminders of care visits",
        "period": "Visits {first} – {last}",
        "one-day": "Visits {day}",
        "made": "Made {moment}",
        "of-unit": "Unit: {unit}",
        "considered": "Visits",
        "considered-more": "booked, and decided about",
        "reminded": "Reminded",
        "reminded-more": "{share} of the visits",
        "delivered": "Reached the phone",
        "delivered-more": "{share} of the reminders",
        "unreminded": "Without a reminder",
        "unreminded-more": "the reasons stand below",
        "few-more": "too few to be shown",
        "days": "Reminders per day",
        "days-lead": "Each bar is a day with visits. Its lower part is visits that the patient was reminded of.",
        "days-table": "The days as a table",
        "day": "Day",
        "most": "Most visits on one day: {count}.",
        "causes": "Why patients were not reminded",
        "causes-lead": "Share of all visits without a reminder.",
        "cause": "Reason",
        "units": "Share reminded per unit",
        "units-lead": "The units with the most visits first.",
        "unit": "Unit",
        "no-unit": "No unit given",
        "share": "Share",
        "types": "Per contact type",
        "type": "Contact type",
        "delivery": "Did the messages come?",
        "delivery-lead": "What the provider has answered about the reminders that were sent.",
        "became": "Outcome",
        "leads": "How long before the visit",
        "leads-lead": "Hours from the sending of the reminder to the start of the visit.",
        "lead": "Time before the visit",
        "lead-from": "{} hours or more",
        "lead-below": "less than {} hours",
        "lead-between": "{}–{} hours",
        "count": "Count",
        "other": "Other reasons",
        "per-unit": "Reasons per unit",
        "per-unit-lead": "Visits without a reminder, by reason.",
        "unmapped": "Codes without a mapping",
        "unmapped-lead": "Codes on bookings that no mapping says anything about. Once mapped, more can be reminded.",
        "code": "Code",
        "system": "Code system",
        "seen": "Last seen",
        "runs": "How the program has run",
        "runs-count": "Runs",
        "runs-unfinished": "of these not ended",
        "runs-median": "Usual length (median)",
        "runs-longest": "Longest run",
        "runs-gap": "Longest time between two beginnings",
        "runs-gap-from": "from {moment}",
        "duplicates": "Double reminders avoided",
        "empty": "No visits in the period",
        "empty-more": "The program has not decided about any visit that starts on these days.",
        "extent": "The ledger holds visits from {first} to {last}.",
        "too-few": "Too few visits to show more",
        "d": "days",
        "h": "hours",
        "min": "min",
        "withheld": "not shown",
        "few": "fewer than five",
    }
    | sentences.ENGLISH,
    {"delivered": "Delivered", "undelivered": "Could not be delivered", "no-word": "No word yet"},
    {
        Reason.INVALID_RESOURCE: "The booking or the patient holds an error",
        Reason.NOT_BOOKED: "No longer booked",
        Reason.NO_START: "No start",
        Reason.TOO_LATE: "Too late for a reminder",
        Reason.LATE_BOOKING: "Booked after the reminder was due",
        Reason.NOT_ATTENDING: "The patient does not attend",
        Reason.PATIENT_UNREADABLE: "The patient could not be read",
        Reason.PATIENT_INACTIVE: "The record is not active",
        Reason.PATIENT_DECEASED: "The patient has died",
        Reason.PROTECTED_IDENTITY: "Protected identity",
        Reason.AGE_POLICY: "Age limit",
        Reason.NO_CONSENT: "No consent",
        Reason.CONSENT_DENIED: "The patient has said no",
        Reason.CONSENT_EXPIRED: "The consent is not in force",
        Reason.CONSENT_UNDETERMINED: "The consent cannot be understood",
        Reason.CONTACT_TYPE_UNMAPPED: "Contact type cannot be told",
        Reason.CONTACT_TYPE_CONFLICT: "Contradicting contact types",
        Reason.CONTACT_TYPE_NOT_REMINDED: "Contact type not reminded of",
        Reason.NO_FIRST_NAME: "No first name",
        Reason.NO_MOBILE_NUMBER: "No mobile number",
        Reason.PRIVACY_BLOCKED: "The first name may give something away",
        Reason.DUPLICATE_BOOKING: "Booked twice, reminded once",
        UNDELIVERABLE: "The message could not be delivered",
        "uncertain": "May or may not have been sent",
        "failed": "Could not be sent",
        "waiting": "Waiting to be sent",
        "other": "Other reasons",
    },
    {"mottagning": "Visit at the clinic", "video": "Video visit", "telefon": "Telephone visit", None: "Unknown"},
)

LANGUAGES: dict[Language, Words] = {"sv": SWEDISH, "en": ENGLISH}
