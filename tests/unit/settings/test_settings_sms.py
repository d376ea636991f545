"""The accounts of the SMS providers: what each section holds, and what an adapter is made of it."""

from contextlib import closing
from pathlib import Path

import pytest
from settings_file import SMALLEST, complaint, written

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
    assert settings.sms.account(provider) == ACCOUNTS[provider]
    assert "hemligt" not in repr(settings)


@pytest.mark.parametrize("provider", SECTIONS)
def test_secret_may_stand_in_a_file(config: Path, provider: str) -> None:
    """As ``KEY_file``, for each provider."""
    config.with_name("secret").write_text("hemligt\n")
    lines = SECTIONS[provider].replace(' = "hemligt"', '_file = "secret"')
    assert written(config, config_of(provider, lines)).sms.account(provider) == ACCOUNTS[provider]


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
    assert Sms().account("outbox") == {}


TWO = f"[sms.46elks]\n{SECTIONS['46elks']}\n[sms.sinch]\n{SECTIONS['sinch']}\n"


@pytest.mark.parametrize(
    ("written_so", "variable"),
    [
        ('provider = ["sinch", "46elks"]', {}),
        ('provider = "sinch, 46elks"', {}),
        ("", {"FHIRNOTIFY_SMS__PROVIDER": "sinch,46elks"}),
        ("", {"FHIRNOTIFY_SMS__PROVIDER": '["sinch", "46elks"]'}),
        ('provider = "46elks"', {"FHIRNOTIFY_SMS__PROVIDER": "sinch,46elks"}),
    ],
)
def test_several_providers_in_their_order(config: Path, written_so: str, variable: dict[str, str]) -> None:
    """As a list, or with commas as in the environment; each is made of its own account."""
    settings = written(config, f"{SMALLEST}[sms]\n{written_so}\n{TWO}", **variable)
    assert settings.sms.provider == ("sinch", "46elks")
    with closing(route(settings)) as providers:
        assert [gateway.name for gateway in providers.gateways] == ["sinch", "46elks"]
        assert not providers.failover_on_account_fault


def test_the_others_may_go_on_when_an_account_is_refused(config: Path) -> None:
    """It is switched on for a list."""
    lines = 'provider = ["sinch", "46elks"]\nfailover_on_account_fault = true'
    with closing(route(written(config, f"{SMALLEST}[sms]\n{lines}\n{TWO}"))) as providers:
        assert providers.failover_on_account_fault


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("provider = []", "sms.provider: names no provider"),
        ('provider = ""', "sms.provider: names no provider"),
        ('provider = ["sinch", "46elks", "sinch"]', 'sms.provider: names "sinch" twice'),
        ('provider = ["sinch", "pigeon"]', "sms.provider: must be 'outbox', '46elks'"),
        ("provider = [7]", "sms.provider: must be 'outbox'"),
        ("provider = 7", "sms.provider: must be 'outbox'"),
        ('provider = ["sinch", "outbox"]', "what it takes reaches nobody"),
        ('provider = ["sinch", "infobip"]', "needs the section [sms.infobip] with base_url and api_key"),
        ('provider = "sinch"\nfailover_on_account_fault = true', "needs a second provider"),
    ],
)
def test_a_list_that_cannot_be_meant(config: Path, lines: str, said: str) -> None:
    """Nobody, one twice, an unknown one, one without a section, or a way out that leads nowhere."""
    assert said in complaint(config, f"{SMALLEST}[sms]\n{lines}\n{TWO}")
