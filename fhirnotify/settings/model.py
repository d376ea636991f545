"""The settings: every section and key, with its default. Contract: the names and defaults are relied on from outside.

Frozen, and unknown keys are refused. A secret never shows itself in a ``repr``.
"""

from datetime import time, timedelta
from pathlib import Path
from string import Template
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from fhirnotify import assets
from fhirnotify.core.model import Coding
from fhirnotify.settings import values
from fhirnotify.settings.access import Auth, Tls
from fhirnotify.settings.appointments import Enumeration
from fhirnotify.settings.monitoring import Monitoring
from fhirnotify.settings.section import Section
from fhirnotify.settings.sms import Sms

PREFIX = "FHIRNOTIFY_"

_SECOND, _MINUTE, _HOUR, _DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))

Word = Annotated[str, BeforeValidator(values.word)]
LocalTime = Annotated[time, BeforeValidator(values.local_time)]
Code = Annotated[Coding, BeforeValidator(values.coding)]
Country = Annotated[str, BeforeValidator(values.country)]
Ages = Annotated[tuple[int, int], BeforeValidator(values.ages)]
Whole = Annotated[int, BeforeValidator(values.number)]
Listed = (NoDecode, BeforeValidator(values.listed))

TEMPLATE = (
    "Påminnelse till $fornamn: Du har ett $kontakttyp $datum klockan $tid med hälso- och sjukvården, "
    "Region Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. "
    "Till de flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
)
"""The reminder's text, as the region has settled it."""


def _not_yet(value: bool) -> bool:  # noqa: FBT001  # a validator's signature
    if value:
        raise ValueError("comes in a later version; it can only be false")
    return value


class Fhir(Enumeration):
    """``[fhir]``: the endpoint that is read."""

    base_url: Annotated[str, BeforeValidator(values.fhir_address)]
    version: Literal["auto", "R4", "R5"] = "auto"
    page_size: Whole = Field(100, ge=1, le=1000)
    timeout: Annotated[timedelta, BeforeValidator(values.duration(_SECOND, 10 * _MINUTE))] = timedelta(seconds=30)
    attempts: Whole = Field(4, ge=1, le=10)
    write_back: Annotated[bool, AfterValidator(_not_yet)] = False
    auth: Auth = Auth()
    tls: Tls = Tls()

    @property
    def directory(self) -> Path | None:
        """The directory that ``file:`` names; None for a server."""
        name = self.base_url.removeprefix("file:")
        return None if name == self.base_url else Path(name)


class ReminderTimes(Section):
    """``[reminder]``: when the reminder goes out."""

    lead: Annotated[timedelta, BeforeValidator(values.duration(_MINUTE, 365 * _DAY))] = timedelta(hours=48)
    latest: Annotated[timedelta, BeforeValidator(values.duration(timedelta(0), 365 * _DAY))] = timedelta(hours=4)
    quiet_from: LocalTime = time(21)
    quiet_until: LocalTime = time(7)
    time_zone: Annotated[InstanceOf[ZoneInfo], BeforeValidator(values.time_zone)] = ZoneInfo("Europe/Stockholm")
    late_booking: Literal["send", "skip"] = "send"

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

    codes: Annotated[tuple[Code, ...], *Listed, Field(min_length=1)]
    combine: Literal["deny-overrides", "newest-wins"] = "deny-overrides"


class Recipient(Section):
    """``[recipient]``: who gets a reminder, and at which number."""

    countries: Annotated[tuple[Country, ...], *Listed, Field(min_length=1)] = ("SE",)
    skip_ages: Annotated[tuple[Ages, ...], *Listed] = ()
    shared_number: Literal["allow", "skip"] = "allow"


class Words(Section):
    """``[message.words]``: the word for each kind of visit."""

    mottagning: Word = "mottagningsbesök"
    video: Word = "videobesök"
    telefon: Word = "telefonbesök"


class Message(Section):
    """``[message]``: the text."""

    template: Annotated[InstanceOf[Template], BeforeValidator(values.template)] = Field(
        default_factory=lambda: Template(TEMPLATE)
    )
    words: Words = Words()


class Mappings(Section):
    """``[mappings]``: where the ConceptMaps and ``elements.toml`` stand; by default those of the package."""

    directory: Path = Field(default_factory=lambda: assets.directory("mappings"))


class LedgerPlace(Section):
    """``[ledger]``: where the ledger stands, and how long its rows are to be kept."""

    url: Annotated[str, BeforeValidator(values.ledger_address)] = Field("sqlite:///fhirnotify.db", repr=False)
    retention: Annotated[timedelta, BeforeValidator(values.duration(_DAY, 3650 * _DAY))] = timedelta(days=90)


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
