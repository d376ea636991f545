"""``[sms]``: the provider of SMS, its account, and how it is used."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from fhirnotify.settings import values
from fhirnotify.settings.section import Secret, Section

_SECOND, _MINUTE, _DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "days"))

WebAddress = Annotated[str, BeforeValidator(values.web_address)]
Whole = Annotated[int, BeforeValidator(values.number)]
PathPart = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What stands in the path of a provider's API."""


def _fits_a_header(secret: SecretStr) -> SecretStr:
    values.printable(secret.get_secret_value())
    return secret


HeaderSecret = Annotated[Secret, AfterValidator(_fits_a_header)]
"""A secret that is sent as it is in a header."""


class Outbox(Section):
    """``[sms.outbox]``: a file instead of a provider."""

    path: Path = Path("outbox.jsonl")


class Elks46(Section):
    """``[sms.46elks]``."""

    base_url: WebAddress = "https://api.46elks.com"
    username: str = Field(min_length=1)
    password: Secret


class Sinch(Section):
    """``[sms.sinch]``. The address is that of the EU, where the account must stand."""

    base_url: WebAddress = "https://eu.sms.api.sinch.com"
    service_plan_id: PathPart
    api_token: HeaderSecret


class Infobip(Section):
    """``[sms.infobip]``. Each account has an address of its own."""

    base_url: WebAddress
    api_key: HeaderSecret


class Twilio(Section):
    """``[sms.twilio]``. The account must have Message Redaction.

    With ``retain`` Twilio keeps the numbers (never the texts), and a message whose answer was lost can be found by its
    number; with ``obfuscate`` one that Twilio has taken stays uncertain until a person has asked.
    """

    base_url: WebAddress = "https://api.twilio.com"
    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    auth_token: Secret
    address_retention: Literal["obfuscate", "retain"] = "obfuscate"


class Link(Section):
    """``[sms.link]``: LINK Mobility. The address is the node that LINK assigns."""

    base_url: WebAddress
    platform_id: str = Field(min_length=1)
    platform_partner_id: str = Field(min_length=1)
    username: str = Field(min_length=1)
    password: Secret


class Kannel(Section):
    """``[sms.kannel]``: the region's own Kannel. The address is that of its smsbox (``sendsms-port``)."""

    base_url: WebAddress
    username: Annotated[str, Field(min_length=1), AfterValidator(values.printable)]
    password: HeaderSecret


_NEEDS = {
    "46elks": "username and password",
    "sinch": "service_plan_id and api_token",
    "infobip": "base_url and api_key",
    "twilio": "account_sid and auth_token",
    "link": "base_url, platform_id, platform_partner_id, username and password",
    "kannel": "base_url, username and password",
}


class Sms(Section):
    """``[sms]``: the provider, and how it is used.

    ``validity`` is passed on to the providers that know one, as far as they go: Sinch 3 days, Infobip and LINK 48
    hours, Twilio 10 hours. ``rate`` is of each run; with ``rate_shared`` of all runs on one ledger together.
    """

    provider: Literal["outbox", "46elks", "sinch", "infobip", "twilio", "link", "kannel"] = "outbox"
    sender: Annotated[str, BeforeValidator(values.sender)] = "RegionVB"
    rate: Annotated[float, BeforeValidator(values.number)] = Field(10, gt=0, le=100_000)
    rate_shared: bool = False
    parallel: Whole = Field(8, ge=1, le=64)
    validity: Annotated[timedelta, BeforeValidator(values.duration(5 * _MINUTE, 3 * _DAY))] = timedelta(hours=24)
    timeout: Annotated[timedelta, BeforeValidator(values.duration(_SECOND, 10 * _MINUTE))] = timedelta(seconds=20)
    attempts: Whole = Field(4, ge=1, le=10)
    outbox: Outbox = Outbox()
    elks46: Elks46 | None = Field(None, alias="46elks")
    sinch: Sinch | None = None
    infobip: Infobip | None = None
    twilio: Twilio | None = None
    link: Link | None = None
    kannel: Kannel | None = None

    @property
    def account(self) -> dict[str, str]:
        """The keys of the provider's section, with its secrets; empty for the outbox."""
        section = self._section
        keys = () if section is None else section
        return {key: value.get_secret_value() if isinstance(value, SecretStr) else value for key, value in keys}

    @property
    def _section(self) -> Section | None:
        sections = {
            "46elks": self.elks46,
            "sinch": self.sinch,
            "infobip": self.infobip,
            "twilio": self.twilio,
            "link": self.link,
            "kannel": self.kannel,
        }
        return sections.get(self.provider)

    @model_validator(mode="after")
    def _provider_is_configured(self) -> Self:
        if self.provider != "outbox" and self._section is None:
            raise ValueError(
                f'provider = "{self.provider}" needs the section [sms.{self.provider}] with {_NEEDS[self.provider]}'
            )
        return self
