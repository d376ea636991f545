"""The settings: every section and key, with its default. Contract: the names and defaults are relied on from outside.

Frozen, and unknown keys are refused. A secret never shows itself in a ``repr``.
"""

from datetime import time, timedelta
from pathlib import Path
from string import Template
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from fhirnotify import assets
from fhirnotify.core.model import Coding
from fhirnotify.settings import forms, values
from fhirnotify.settings.access import Auth, Tls
from fhirnotify.settings.appointments import Enumeration
from fhirnotify.settings.monitoring import Monitoring
from fhirnotify.settings.report import Report
from fhirnotify.settings.section import Section
from fhirnotify.settings.sms import Sms

PREFIX = "FHIRNOTIFY_"

_SECOND, _MINUTE, _HOUR, _DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))

Word = Annotated[str, BeforeValidator(values.word), forms.WORD]
LocalTime = Annotated[time, BeforeValidator(values.local_time), forms.LOCAL_TIME]
Code = Annotated[Coding, BeforeValidator(values.coding), forms.CODING]
Country = Annotated[str, BeforeValidator(values.country), forms.COUNTRY]
Ages = Annotated[tuple[int, int], BeforeValidator(values.ages), forms.AGES]
Whole = Annotated[int, BeforeValidator(values.number)]
Listed = (NoDecode, BeforeValidator(values.listed))

TEMPLATE = (
    "Påminnelse till $fornamn: Du har ett $kontakttyp $datum klockan $tid med hälso- och sjukvården, "
    "Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. "
    "Till de flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
)
"""The reminder's text, as the region has settled it."""


class Fhir(Enumeration):
    """``[fhir]``: the endpoint that is read."""

    base_url: Annotated[str, BeforeValidator(values.fhir_address), forms.FHIR_ADDRESS] = Field(
        description="Address of the FHIR endpoint, or file:DIRECTORY of FHIR JSON, bundles or NDJSON."
    )
    version: Literal["auto", "R4", "R5"] = Field(
        "auto", description="FHIR version that the endpoint speaks; auto asks its CapabilityStatement."
    )
    page_size: Whole = Field(100, ge=1, le=1000, description="How many resources are asked for at a time.")
    timeout: Annotated[timedelta, BeforeValidator(values.duration(_SECOND, 10 * _MINUTE)), forms.DURATION] = Field(
        timedelta(seconds=30), description="How long one answer of the endpoint is waited for."
    )
    attempts: Whole = Field(4, ge=1, le=10, description="How often a request is tried that fails for a while.")
    write_back: bool = Field(
        False, description="Whether the journal system is told of each reminder, as a Communication."
    )
    auth: Auth = Auth()
    tls: Tls = Tls()

    @model_validator(mode="after")
    def _writes_to_a_server(self) -> Self:
        if self.write_back and self.directory is not None:
            raise ValueError("write_back = true needs a server in base_url: in a directory nothing is written")
        return self

    @property
    def directory(self) -> Path | None:
        """The directory that ``file:`` names; None for a server."""
        name = self.base_url.removeprefix("file:")
        return None if name == self.base_url else Path(name)


class ReminderTimes(Section):
    """``[reminder]``: when the reminder goes out."""

    lead: Annotated[timedelta, BeforeValidator(values.duration(_MINUTE, 365 * _DAY)), forms.DURATION] = Field(
        timedelta(hours=48), description="How long before the visit the reminder falls due."
    )
    latest: Annotated[timedelta, BeforeValidator(values.duration(timedelta(0), 365 * _DAY)), forms.DURATION] = Field(
        timedelta(hours=4), description="How long before the visit no reminder is sent any more."
    )
    quiet_from: LocalTime = Field(
        time(21), description="Local time from which nothing is sent; equal to quiet_until: always."
    )
    quiet_until: LocalTime = Field(time(7), description="Local time until which nothing is sent.")
    time_zone: Annotated[InstanceOf[ZoneInfo], BeforeValidator(values.time_zone), forms.TIME_ZONE] = Field(
        ZoneInfo("Europe/Stockholm"), description="Time zone of the visits, and of every local time here."
    )
    late_booking: Literal["send", "skip"] = Field(
        "send", description="What becomes of a visit booked after its reminder was due."
    )

    @model_validator(mode="after")
    def _latest_within_lead(self) -> Self:
        if self.latest >= self.lead:
            raise ValueError(
                f"latest ({values.written(self.latest)}) must be shorter than lead ({values.written(self.lead)}): "
                "else nothing could ever be sent"
            )
        return self


class Consents(Section):
    """``[consent]``: which Consents are about these reminders."""

    codes: Annotated[tuple[Code, ...], *Listed, Field(min_length=1)] = Field(
        description="Codes, as system|code, by which a Consent is about these reminders."
    )
    combine: Literal["deny-overrides", "newest-wins"] = Field(
        "deny-overrides", description="How several Consents of one patient are taken together."
    )


class Recipient(Section):
    """``[recipient]``: who gets a reminder, and at which number."""

    countries: Annotated[tuple[Country, ...], *Listed, Field(min_length=1)] = Field(
        ("SE",), description="Countries whose mobile numbers may be sent to."
    )
    skip_ages: Annotated[tuple[Ages, ...], *Listed] = Field(
        (), description="Ages in whole years at the visit that get no reminder, such as 0-12."
    )
    shared_number: Literal["allow", "skip"] = Field(
        "allow", description="Whether two patients with one number and one start are both reminded."
    )


class Words(Section):
    """``[message.words]``: the word for each kind of visit."""

    mottagning: Word = Field("mottagningsbesök", description="Word for a visit to a clinic.")
    video: Word = Field("videobesök", description="Word for a visit by video.")
    telefon: Word = Field("telefonbesök", description="Word for a visit by telephone.")


class Message(Section):
    """``[message]``: the text."""

    template: Annotated[InstanceOf[Template], BeforeValidator(values.template), forms.TEMPLATE] = Field(
        default_factory=lambda: Template(TEMPLATE),
        description="Text of the reminder, with $fornamn, $kontakttyp, $datum and $tid.",
    )
    words: Words = Words()


class Mappings(Section):
    """``[mappings]``: where the ConceptMaps and ``elements.toml`` stand; by default those of the package."""

    directory: Path = Field(
        default_factory=lambda: assets.directory("mappings"),
        description="Directory of the ConceptMaps and elements.toml; by default those of the package.",
    )


class LedgerPlace(Section):
    """``[ledger]``: where the ledger stands, and how long its rows are to be kept."""

    url: Annotated[str, BeforeValidator(values.ledger_address), forms.LEDGER_ADDRESS] = Field(
        "sqlite:///fhirnotify.db",
        repr=False,
        description="Where the ledger is: sqlite:///FILE, or postgresql://USER@HOST/DATABASE.",
    )
    retention: Annotated[timedelta, BeforeValidator(values.duration(_DAY, 3650 * _DAY)), forms.DURATION] = Field(
        timedelta(days=90), description="How long what stands in the ledger is kept."
    )


class Settings(BaseSettings):
    """All settings, valid and frozen. ``fhirnotify.settings.load`` makes them; paths in them are absolute."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
    )

    fhir: Fhir
    reminder: ReminderTimes = ReminderTimes()
    consent: Consents
    recipient: Recipient = Recipient()
    message: Message = Message()
    mappings: Mappings = Field(default_factory=Mappings)
    sms: Sms = Sms()
    ledger: LedgerPlace = LedgerPlace()
    monitoring: Monitoring = Monitoring()
    report: Report = Report()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what ``load`` gives: it reads the sources itself, so that each finding names where it stands."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)
