"""``[sms]``: the provider of SMS, its account, and how it is used."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator
from pydantic_settings import NoDecode

from fhirnotify.settings import forms, values
from fhirnotify.settings.section import Secret, Section

_SECOND, _MINUTE, _DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "days"))

WebAddress = Annotated[str, BeforeValidator(values.web_address), forms.WEB_ADDRESS]
Whole = Annotated[int, BeforeValidator(values.number)]
PathPart = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What stands in the path of a provider's API."""


def _fits_a_header(secret: SecretStr) -> SecretStr:
    values.printable(secret.get_secret_value())
    return secret


HeaderSecret = Annotated[Secret, AfterValidator(_fits_a_header), forms.PRINTABLE]
"""A secret that is sent as it is in a header."""


class Outbox(Section):
    """``[sms.outbox]``: a file instead of a provider."""

    path: Path = Field(Path("outbox.jsonl"), description="File that takes the messages instead of a provider.")


class Elks46(Section):
    """``[sms.46elks]``."""

    base_url: WebAddress = Field("https://api.46elks.com", description="Address of the API.")
    username: str = Field(min_length=1, description="API user name.")
    password: Secret = Field(description="API password.")


class Sinch(Section):
    """``[sms.sinch]``. The address is that of the EU, where the account must stand."""

    base_url: WebAddress = Field("https://eu.sms.api.sinch.com", description="Address of the API, the EU's.")
    service_plan_id: PathPart = Field(description="Id of the service plan.")
    api_token: HeaderSecret = Field(description="API token.")


class Infobip(Section):
    """``[sms.infobip]``. Each account has an address of its own."""

    base_url: WebAddress = Field(description="Address of the account's own.")
    api_key: HeaderSecret = Field(description="API key.")


class Twilio(Section):
    """``[sms.twilio]``. The account must have Message Redaction.

    With ``retain`` Twilio keeps the numbers (never the texts), and a message whose answer was lost can be found by its
    number; with ``obfuscate`` one that Twilio has taken stays uncertain until a person has asked.
    """

    base_url: WebAddress = Field("https://api.twilio.com", description="Address of the API.")
    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$", description="SID of the account.")
    auth_token: Secret = Field(description="Auth token of the account.")
    address_retention: Literal["obfuscate", "retain"] = Field(
        "obfuscate", description="Whether Twilio keeps numbers, so that a message in doubt can be found."
    )


class Link(Section):
    """``[sms.link]``: LINK Mobility. The address is the node that LINK assigns."""

    base_url: WebAddress = Field(description="Address of the node that LINK assigns.")
    platform_id: str = Field(min_length=1, description="Platform id.")
    platform_partner_id: str = Field(min_length=1, description="Platform partner id.")
    username: str = Field(min_length=1, description="User name.")
    password: Secret = Field(description="Password.")


class Kannel(Section):
    """``[sms.kannel]``: the region's own Kannel. The address is that of its smsbox (``sendsms-port``)."""

    base_url: WebAddress = Field(description="Address of its smsbox.")
    username: Annotated[str, Field(min_length=1), AfterValidator(values.printable), forms.PRINTABLE] = Field(
        description="User name of the sendsms-user."
    )
    password: HeaderSecret = Field(description="Its password.")


_NEEDS = {
    "46elks": "username and password",
    "sinch": "service_plan_id and api_token",
    "infobip": "base_url and api_key",
    "twilio": "account_sid and auth_token",
    "link": "base_url, platform_id, platform_partner_id, username and password",
    "kannel": "base_url, username and password",
}

PROVIDERS = ("outbox", *_NEEDS)


def _providers(value: object) -> tuple[str, ...]:
    """Read the name of a provider, or several in the order in which they are preferred."""
    listed = values.listed(value)
    names = tuple(listed) if isinstance(listed, list | tuple) else (listed,)
    for name in names:
        if name not in PROVIDERS:
            *others, last = (f"'{known}'" for known in PROVIDERS)
            raise ValueError(f"must be {', '.join(others)} or {last}, or a list of several")
        if names.count(name) > 1:
            raise ValueError(f'names "{name}" twice')
    if not names:
        raise ValueError("names no provider")
    if "outbox" in names and len(names) > 1:
        raise ValueError("names the outbox beside others: what it takes reaches nobody, so it stands alone")
    return names


_NAMES = {"enum": list(PROVIDERS)}
_OUTBOX_ALONE = {"if": {"contains": {"const": "outbox"}}, "then": {"maxItems": 1}}
_ONE_OR_SEVERAL = {
    "anyOf": [_NAMES, {"type": "array", "items": _NAMES, "minItems": 1, "uniqueItems": True, **_OUTBOX_ALONE}]
}


class Sms(Section):
    """``[sms]``: the provider, or several in the order in which they are preferred, and how they are used.

    ``validity`` is passed on to the providers that know one, as far as they go: Sinch 3 days, Infobip and LINK 48
    hours, Twilio 10 hours. ``rate`` is of each run, whichever provider it sends by; with ``rate_shared`` of all runs on
    one ledger together. With ``failover_on_account_fault`` the other providers go on when one refuses the account.
    """

    provider: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_providers), WithJsonSchema(_ONE_OR_SEVERAL)] = (
        Field(
            ("outbox",),
            description="Provider, or several in the order in which they are preferred; outbox sends nothing.",
        )
    )
    failover_on_account_fault: bool = Field(
        False, description="Whether the others go on when one provider refuses the account."
    )
    sender: Annotated[str, BeforeValidator(values.sender), forms.SENDER] = Field(
        "RegionVB", description="What the message is shown to come from: 3 to 11 letters and digits, or a number."
    )
    rate: Annotated[float, BeforeValidator(values.number)] = Field(
        10, gt=0, le=100_000, description="Messages a second, of each run."
    )
    rate_shared: bool = Field(False, description="Whether all runs on one ledger together keep to that rate.")
    parallel: Whole = Field(8, ge=1, le=64, description="How many messages are handed over at the same time.")
    validity: Annotated[timedelta, BeforeValidator(values.duration(5 * _MINUTE, 3 * _DAY)), forms.DURATION] = Field(
        timedelta(hours=24), description="How long a provider tries to deliver."
    )
    timeout: Annotated[timedelta, BeforeValidator(values.duration(_SECOND, 10 * _MINUTE)), forms.DURATION] = Field(
        timedelta(seconds=20), description="How long one answer of a provider is waited for."
    )
    attempts: Whole = Field(
        4, ge=1, le=10, description="How often a message is tried that a provider puts off, in one run."
    )
    outbox: Outbox = Outbox()
    elks46: Elks46 | None = Field(None, alias="46elks")
    sinch: Sinch | None = None
    infobip: Infobip | None = None
    twilio: Twilio | None = None
    link: Link | None = None
    kannel: Kannel | None = None

    def account(self, provider: str) -> dict[str, str]:
        """Give the keys of a provider's section, with its secrets; empty for the outbox."""
        section = self._section(provider)
        keys = () if section is None else section
        return {key: value.get_secret_value() if isinstance(value, SecretStr) else value for key, value in keys}

    def _section(self, provider: str) -> Section | None:
        sections = {
            "46elks": self.elks46,
            "sinch": self.sinch,
            "infobip": self.infobip,
            "twilio": self.twilio,
            "link": self.link,
            "kannel": self.kannel,
        }
        return sections.get(provider)

    @model_validator(mode="after")
    def _providers_are_configured(self) -> Self:
        for name in self.provider:
            if name != "outbox" and self._section(name) is None:
                raise ValueError(f'provider = "{name}" needs the section [sms.{name}] with {_NEEDS[name]}')
        if self.failover_on_account_fault and len(self.provider) == 1:
            raise ValueError("failover_on_account_fault needs a second provider to go to: provider names one alone")
        return self
