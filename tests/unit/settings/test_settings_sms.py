"""The accounts of the SMS providers: what each section holds, and what an adapter is made of it."""

from contextlib import closing
from pathlib import Path

import pytest
from settings_file import SMALLEST, written

from fhirnotify.settings.sms import Sms
from fhirnotify.wiring import route

SID = "AC" + "0123456789abcdef" * 2

SECTIONS = {
    "46elks": 'username = "u"\npassword = "hemligt"',
    "sinch": 'service_plan_id = "plan1"\napi_token = "hemligt"',
    "infobip": 'base_url = "https://abc.api.infobip.test/"\napi_key = "hemligt"',
    "twilio": f'account_sid = "{SID}"\nauth_token = "hemligt"',
    "link": 'base_url = "https://n-eu.link.test"\nplatform_id = "P"\nplatform_partner_id = "1"\n'
    'username = "u"\npassword = "hemligt"',
    "kannel": 'base_url = "http://127.0.0.1:13013"\nusername = "u"\npassword = "hemligt"',
}

ACCOUNTS = {
    "46elks": {"base_url": "https://api.46elks.com", "username": "u", "password": "hemligt"},
    "sinch": {"base_url": "https://eu.sms.api.sinch.com", "service_plan_id": "plan1", "api_token": "hemligt"},
    "infobip": {"base_url": "https://abc.api.infobip.test", "api_key": "hemligt"},
    "twilio": {
        "base_url": "https://api.twilio.com",
        "account_sid": SID,
        "auth_token": "hemligt",
        "address_retention": "obfuscate",
    },
    "link": {
        "base_url": "https://n-eu.link.test",
        "platform_id": "P",
        "platform_partner_id": "1",
        "username": "u",
        "password": "hemligt",
    },
    "kannel": {"base_url": "http://127.0.0.1:13013", "username": "u", "password": "hemligt"},
}


def config_of(provider: str, lines: str) -> str:
    """Write the settings that choose a provider."""
    return f'{SMALLEST}[sms]\nprovider = "{provider}"\n[sms.{provider}]\n{lines}\n'


@pytest.mark.parametrize("provider", SECTIONS)
def test_section_gives_the_account(config: Path, provider: str) -> None:
    """Its keys, the public address where there is one, and no secret in a repr."""
    settings = written(config, config_of(provider, SECTIONS[provider]))
    assert settings.sms.account == ACCOUNTS[provider]
    assert "hemligt" not in repr(settings)


@pytest.mark.parametrize("provider", SECTIONS)
def test_secret_may_stand_in_a_file(config: Path, provider: str) -> None:
    """As ``KEY_file``, for each provider."""
    config.with_name("secret").write_text("hemligt\n")
    lines = SECTIONS[provider].replace(' = "hemligt"', '_file = "secret"')
    assert written(config, config_of(provider, lines)).sms.account == ACCOUNTS[provider]


@pytest.mark.parametrize("provider", SECTIONS)
def test_adapter_is_made_of_the_account(config: Path, provider: str) -> None:
    """Nothing is connected, and the account is told from another without showing it."""
    with closing(route(written(config, config_of(provider, SECTIONS[provider])))) as providers:
        (made,) = providers.gateways
        assert made.name == provider
        assert made.account.startswith(f"{provider}/")
        assert "hemligt" not in made.account


def test_outbox_has_no_account() -> None:
    """It is a file."""
    assert Sms().account == {}
