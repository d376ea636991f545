"""The settings: what is taken, from where, and what each mistake is told as."""

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from settings_file import SMALLEST, with_keys, written

from fhirnotify.core.model import Coding
from fhirnotify.errors import SettingsError
from fhirnotify.settings import load


def test_every_default_is_the_documented_one(config: Path) -> None:
    """What is left out has the default of the contract."""
    settings = load(config, {})
    assert settings.fhir.base_url == "https://fhir.example.org/r4"
    assert (settings.fhir.version, settings.fhir.page_size, settings.fhir.attempts) == ("auto", 100, 4)
    assert settings.fhir.timeout == timedelta(seconds=30)
    assert (settings.fhir.write_back, settings.fhir.auth.kind) == (False, "none")
    assert (settings.reminder.lead, settings.reminder.latest) == (timedelta(hours=48), timedelta(hours=4))
    assert (settings.reminder.quiet_from, settings.reminder.quiet_until) == (time(21), time(7))
    assert (settings.reminder.time_zone, settings.reminder.late_booking) == (ZoneInfo("Europe/Stockholm"), "send")
    assert settings.consent.codes == (Coding("urn:x", "sms"),)
    assert settings.consent.combine == "deny-overrides"
    assert settings.recipient.model_dump() == {"countries": ("SE",), "skip_ages": (), "shared_number": "allow"}
    assert settings.message.words.model_dump() == {
        "mottagning": "mottagningsbesök",
        "video": "videobesök",
        "telefon": "telefonbesök",
    }
    assert (settings.mappings.directory / "elements.toml").is_file()
    assert (settings.sms.provider, settings.sms.sender, settings.sms.rate) == (("outbox",), "RegionVB", 10)
    assert (settings.sms.parallel, settings.sms.attempts) == (8, 4)
    assert (settings.sms.validity, settings.sms.timeout) == (timedelta(hours=24), timedelta(seconds=20))
    assert settings.ledger.retention == timedelta(days=90)
    assert settings.monitoring.expect_appointments == 0


def test_the_text_is_the_settled_one(config: Path) -> None:
    """The default template is the region's text, word for word, and 284 septets without the name."""
    text = load(config, {}).message.template.substitute(
        fornamn="", kontakttyp="mottagningsbesök", datum="2026-11-24", tid="10.00"
    )
    assert text == (
        "Påminnelse till : Du har ett mottagningsbesök 2026-11-24 klockan 10.00 med hälso- och sjukvården, Region "
        "Västerbotten. Läs mer i din kallelse om vilken enhet det gäller och eventuella förberedelser. Till de "
        "flesta mottagningsbesök kan du själv checka in: incheck.regionvasterbotten.se"
    )
    assert len(text) == 284


def test_relative_paths_are_relative_to_the_file(config: Path) -> None:
    """Whatever names a file is found from where the settings stand, the defaults and the environment too."""
    settings = written(
        config,
        with_keys("fhir", "").replace("https://fhir.example.org/r4/", "file:world")
        + '[mappings]\ndirectory = "maps"\n',
        FHIRNOTIFY_SMS__OUTBOX__PATH="out/box.jsonl",
    )
    assert settings.fhir.directory == config.parent / "world"
    assert settings.ledger.url == f"sqlite:///{config.parent}/fhirnotify.db"
    assert settings.sms.outbox.path == config.parent / "out/box.jsonl"
    assert settings.mappings.directory == config.parent / "maps"


def test_absolute_paths_stay(config: Path) -> None:
    """A path from the root is left as it is, in each of the forms that people write."""
    settings = written(
        config,
        SMALLEST.replace("https://fhir.example.org/r4/", "file:///srv/world")
        + '[ledger]\nurl = "sqlite:////var/x.db"\n[sms.outbox]\npath = "/var/o.jsonl"\n',
    )
    assert settings.fhir.directory == Path("/srv/world")
    assert settings.ledger.url == "sqlite:////var/x.db"
    assert settings.sms.outbox.path == Path("/var/o.jsonl")


def test_the_environment_lies_over_the_file(config: Path) -> None:
    """Each key can be given as FHIRNOTIFY_SECTION__KEY, lists as JSON or with commas."""
    settings = load(
        config,
        {
            "FHIRNOTIFY_FHIR__PAGE_SIZE": "7",
            "FHIRNOTIFY_CONSENT__CODES": '["a|b", "c|d"]',
            "FHIRNOTIFY_RECIPIENT__COUNTRIES": "SE, NO",
            "FHIRNOTIFY_SMS__PROVIDER": "46elks",
            "FHIRNOTIFY_SMS__46ELKS__USERNAME": "u",
            "FHIRNOTIFY_SMS__46ELKS__PASSWORD": "p",
            "FHIRNOTIFY_MESSAGE__WORDS__VIDEO": "videomöte",
            "FHIRNOTIFY_CACHE": "/elsewhere",
            "HOME": "/home/x",
        },
    )
    assert settings.fhir.page_size == 7
    assert settings.consent.codes == (Coding("a", "b"), Coding("c", "d"))
    assert settings.recipient.countries == ("SE", "NO")
    assert settings.sms.elks46 is not None
    assert settings.sms.elks46.password.get_secret_value() == "p"
    assert settings.message.words.video == "videomöte"


def test_the_environment_alone_may_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file, variables are enough; paths are then relative to the working directory."""
    monkeypatch.chdir(tmp_path)
    settings = load(None, {"FHIRNOTIFY_FHIR__BASE_URL": "file:w", "FHIRNOTIFY_CONSENT__CODES": "a|b"})
    assert settings.fhir.directory == tmp_path / "w"


@pytest.mark.parametrize("named", [None, Path("nowhere.toml")])
def test_without_any_settings_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: Path | None
) -> None:
    """No file, or not the one that was named: the message tells how to give one."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load(named, {"FHIRNOTIFY_CACHE": "/elsewhere"})
    assert "--config" in caught.value.next_step


def test_a_secret_may_stand_in_a_file(config: Path) -> None:
    """KEY_file names a file, relative to the settings; the line break at its end is not part of the secret."""
    (config.parent / "token.txt").write_text("s3cret\n", "utf-8")
    settings = written(config, SMALLEST + '[fhir.auth]\nkind = "bearer"\ntoken_file = "token.txt"\n')
    assert settings.fhir.auth.token is not None
    assert settings.fhir.auth.token.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_the_ways_to_a_token_are_set_like_all_else(config: Path) -> None:
    """The key's file is found from where the settings stand; an address stays as it is written, query and all."""
    (config.parent / "secret.txt").write_text("s3cret\n", "utf-8")
    auth = written(
        config,
        with_keys(
            "fhir.auth",
            'kind = "client-credentials"\nclient_id = "id"\nclient_secret_file = "secret.txt"\n'
            'token_url = "https://as.example.org/token/?p=x"\nscope = " a  b "',
        ),
    ).fhir.auth
    assert (auth.token_url, auth.scope) == ("https://as.example.org/token/?p=x", "a b")
    assert auth.client_secret is not None
    assert auth.client_secret.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(auth)
    auth = written(
        config,
        with_keys(
            "fhir.auth",
            'kind = "smart-backend"\nclient_id = "id"\nprivate_key_file = "key.pem"\nscope = "a"\n'
            'token_url = "http://127.0.0.1:1/token"\nalgorithm = "ES384"\nkey_id = "k"',
        ),
    ).fhir.auth
    assert auth.private_key_file == config.parent / "key.pem"
    assert (auth.algorithm, auth.key_id, auth.token_url) == ("ES384", "k", "http://127.0.0.1:1/token")


def test_a_secret_file_may_be_named_by_the_environment(config: Path) -> None:
    """FHIRNOTIFY_SECTION__KEY_FILE works as the key does."""
    secret = config.parent / "pw"
    secret.write_text("hemligt", "utf-8")
    settings = load(
        config,
        {
            "FHIRNOTIFY_SMS__46ELKS__USERNAME": "u",
            "FHIRNOTIFY_SMS__46ELKS__PASSWORD_FILE": str(secret),
        },
    )
    assert settings.sms.elks46 is not None
    assert settings.sms.elks46.password.get_secret_value() == "hemligt"


def test_a_quiet_time_of_none_is_two_equal_times(config: Path) -> None:
    """Equal ends are taken: they mean that there are no quiet hours."""
    settings = written(config, with_keys("reminder", 'quiet_from = "00:00"\nquiet_until = 00:00:00'))
    assert settings.reminder.quiet_from == settings.reminder.quiet_until


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("90m", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("1d12h", timedelta(hours=36)),
    ],
)
def test_durations_add_up(config: Path, text: str, span: timedelta) -> None:
    """Days, hours, minutes and seconds, alone or together."""
    settings = written(
        config,
        with_keys("reminder", f'lead = "{text}"\nlatest = "1m"')
        if span > timedelta(minutes=1)
        else with_keys("fhir", f'timeout = "{text}"'),
    )
    assert span in (settings.reminder.lead, settings.fhir.timeout)


def test_a_number_may_be_the_sender(config: Path) -> None:
    """E.164 is the other form of a sender."""
    assert written(config, with_keys("sms", 'sender = "+46701740605"')).sms.sender == "+46701740605"


def test_settings_cannot_be_changed(config: Path) -> None:
    """Settings are frozen."""
    settings = load(config, {})
    with pytest.raises(ValueError, match="frozen"):
        settings.fhir.page_size = 5  # type: ignore[misc]
