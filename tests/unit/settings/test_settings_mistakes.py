"""Wrong settings: each is told with where it stands and what is expected, all at once, and no secret with them."""

from pathlib import Path

import pytest
from settings_file import SMALLEST, complaint, with_keys

from fhirnotify.errors import SettingsError
from fhirnotify.settings import load

UNKNOWN = [
    ("fhir", "page_siz = 3", "fhir.page_siz: no such setting; did you mean fhir.page_size?"),
    ("fhri", "x = 3", "fhri: no such setting; did you mean fhir?"),
    ("sms.46elks", 'usrname = "u"', "sms.46elks.usrname: no such setting; did you mean sms.46elks.username?"),
    ("sms", "page_size = 3", "sms.page_size: no such setting; did you mean fhir.page_size?"),
    ("ledger", "quux = 3", "ledger.quux: no such setting; known here: url, retention"),
]


@pytest.mark.parametrize(("section", "line", "said"), UNKNOWN)
def test_an_unknown_key_is_named_with_the_nearest_known_one(config: Path, section: str, line: str, said: str) -> None:
    """A key nobody knows is never passed over."""
    assert f"fhirnotify.toml: {said}" in complaint(config, with_keys(section, line))


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("FHIRNOTIFY_FHIR_BASE_URL", "FHIRNOTIFY_FHIR__BASE_URL"),
        ("FHIRNOTIFY_FIR__BASE_URL", "FHIRNOTIFY_FHIR__BASE_URL"),
        ("FHIRNOTIFY_SMS__RAT", "sms.rate"),
    ],
)
def test_an_unknown_variable_is_named_with_the_nearest_known_one(config: Path, variable: str, near: str) -> None:
    """A misspelt variable would else be a setting that silently has its default."""
    assert f"{variable}: no such setting; did you mean {near}?" in complaint(config, SMALLEST, **{variable: "1"})


WRONG = [
    ("fhir", "timeout = 30", "fhir.timeout", "write a text such as"),
    ("fhir", 'timeout = "0s"', "fhir.timeout", "must be from 1s to 10m"),
    ("fhir", 'timeout = "11m"', "fhir.timeout", "must be from 1s to 10m"),
    ("fhir", 'timeout = "-5s"', "fhir.timeout", "is not a duration"),
    ("fhir", 'timeout = "30 s"', "fhir.timeout", "is not a duration"),
    ("fhir", "page_size = 0", "fhir.page_size", "greater than or equal to 1"),
    ("fhir", "page_size = 1001", "fhir.page_size", "less than or equal to 1000"),
    ("fhir", "page_size = true", "fhir.page_size", "must be a number"),
    ("fhir", "attempts = 11", "fhir.attempts", "less than or equal to 10"),
    ("fhir", 'version = "R3"', "fhir.version", "'auto', 'R4' or 'R5'"),
    ("fhir", "write_back = 7", "fhir.write_back", "valid boolean"),
    ("fhir.auth", 'kind = "basic"\nusername = "u"', "fhir.auth", "needs password"),
    ("fhir.auth", 'kind = "bearer"', "fhir.auth", "needs token"),
    ("fhir.auth", 'kind = "none"\ntoken = "t"', "fhir.auth", "has no use for token"),
    ("fhir.auth", 'kind = "smart"', "fhir.auth.kind", "'client-credentials' or 'smart-backend'"),
    ("fhir.auth", 'kind = "smart-backend"', "fhir.auth", "needs client_id"),
    ("fhir.auth", 'kind = "smart-backend"\nclient_id = "c"', "fhir.auth", "needs scope"),
    ("fhir.auth", 'kind = "smart-backend"\nclient_id = "c"\nscope = "s"', "fhir.auth", "needs private_key_file"),
    ("fhir.auth", 'kind = "client-credentials"', "fhir.auth", "needs token_url"),
    ("fhir.auth", 'kind = "client-credentials"\ntoken_url = "https://x"', "fhir.auth", "needs client_id"),
    ("fhir.auth", 'kind = "bearer"\ntoken = "t"\nclient_id = "c"', "fhir.auth", "has no use for client_id"),
    ("fhir.auth", 'client_secret = ""', "fhir.auth.client_secret", "at least 1"),
    ("fhir.auth", 'client_id = "å"', "fhir.auth.client_id", "printable ASCII"),
    ("fhir.auth", 'key_id = " "', "fhir.auth.key_id", "printable ASCII"),
    ("fhir.auth", 'algorithm = "HS256"', "fhir.auth.algorithm", "'RS384' or 'ES384'"),
    ("fhir.auth", 'scope = "a\tb"', "fhir.auth.scope", "blanks between"),
    ("fhir.auth", 'scope = " "', "fhir.auth.scope", "blanks between"),
    ("fhir.auth", 'token_url = "x"', "fhir.auth.token_url", "is not an https URL"),
    ("fhir.auth", "token_url = 5", "fhir.auth.token_url", "is not an https URL"),
    ("fhir.auth", 'token_url = "http://as.example.org/token"', "fhir.auth.token_url", "must begin with https"),
    ("fhir.auth", 'token_url = "http://[::1/token"', "fhir.auth.token_url", "is not an https URL"),
    ("fhir.auth", 'token_url = "https://u:p@x/token"', "fhir.auth.token_url", "holds credentials"),
    ("fhir.auth", 'token_url = "https://x/token#a"', "fhir.auth.token_url", "without #"),
    ("fhir.auth", 'token_url = "https://x/token?a#a"', "fhir.auth.token_url", "without #"),
    ("fhir.auth", 'token_url = "https://x/tåken"', "fhir.auth.token_url", "without #"),
    ("fhir.tls", 'client_key = "k.pem"', "fhir.tls", "client_key needs client_cert"),
    ("reminder", 'lead = "4h"', "reminder", "latest (4h) must be shorter than lead (4h)"),
    ("reminder", 'lead = "9999d"', "reminder.lead", "must be from 1m to 365d"),
    ("reminder", 'quiet_from = "24:00"', "reminder.quiet_from", "is not a time of day"),
    ("reminder", 'quiet_from = "9:00"', "reminder.quiet_from", "is not a time of day"),
    ("reminder", 'time_zone = "Europe/Stokholm"', "reminder.time_zone", '"Europe/Stockholm"'),
    ("reminder", 'time_zone = "../etc/passwd"', "reminder.time_zone", "is not a time zone"),
    ("reminder", 'late_booking = "maybe"', "reminder.late_booking", "'send' or 'skip'"),
    ("recipient", 'countries = "[1"', "recipient.countries", "is not a list"),
    ("recipient", "skip_ages = [12]", "recipient.skip_ages.0", "is not a range of ages"),
    ("message", "template = 5", "message.template", "is not a text"),
    ("sms.46elks", 'username = "u"\npassword = "p"\nbase_url = "46elks"', "sms.46elks.base_url", "is not an http"),
    ("consent", 'combine = "any"', "consent.combine", "'deny-overrides' or 'newest-wins'"),
    ("recipient", "countries = []", "recipient.countries", "at least 1 item"),
    ("recipient", 'countries = ["se"]', "recipient.countries.0", '"SE"'),
    ("recipient", 'skip_ages = ["12-0"]', "recipient.skip_ages.0", "the lower one first"),
    ("recipient", 'skip_ages = ["0-999"]', "recipient.skip_ages.0", "is not a range of ages"),
    ("recipient", 'shared_number = "no"', "recipient.shared_number", "'allow' or 'skip'"),
    ("message", 'template = "Hej $fornamn"', "message.template", "does not name $kontakttyp, $datum, $tid"),
    ("message", 'template = "$kontakttyp $datum $tid $enhet"', "message.template", "names $enhet"),
    ("message", 'template = "$kontakttyp $datum $tid 5 $"', "message.template", "write $$"),
    ("message", 'template = "$kontakttyp $datum $tid\\u0007"', "message.template", "control character"),
    ("message.words", 'video = ""', "message.words.video", "is not a word"),
    ("sms", 'provider = "pigeon"', "sms.provider", "'46elks', 'sinch', 'infobip', 'twilio', 'link' or 'kannel'"),
    ("sms", 'provider = "46elks"', "sms", "needs the section [sms.46elks] with username and password"),
    ("sms", 'provider = "sinch"', "sms", "needs the section [sms.sinch] with service_plan_id and api_token"),
    ("sms", 'provider = "infobip"', "sms", "needs the section [sms.infobip] with base_url and api_key"),
    ("sms", 'provider = "twilio"', "sms", "needs the section [sms.twilio] with account_sid and auth_token"),
    ("sms", 'provider = "link"', "sms", "needs the section [sms.link] with base_url, platform_id"),
    ("sms", 'provider = "kannel"', "sms", "needs the section [sms.kannel] with base_url, username and password"),
    ("sms.sinch", 'service_plan_id = "a/b"\napi_token = "t"', "sms.sinch.service_plan_id", "should match"),
    ("sms.sinch", 'service_plan_id = "a"\napi_token = "å"', "sms.sinch.api_token", "printable ASCII"),
    ("sms.infobip", 'api_key = "k"', "sms.infobip.base_url", "is missing"),
    ("sms.infobip", 'base_url = "https://x"\napi_key = "a\\nb"', "sms.infobip.api_key", "printable ASCII"),
    ("sms.twilio", 'account_sid = "SK1"\nauth_token = "t"', "sms.twilio.account_sid", "should match"),
    (
        "sms.twilio",
        f'account_sid = "AC{"0" * 32}"\nauth_token = "t"\naddress_retention = "no"',
        "sms.twilio.address_retention",
        "'obfuscate' or 'retain'",
    ),
    ("sms.kannel", 'username = "u"\npassword = "p"', "sms.kannel.base_url", "is missing"),
    ("sms.kannel", 'base_url = "http://x"\nusername = "å"\npassword = "p"', "sms.kannel.username", "printable ASCII"),
    ("sms.kannel", 'base_url = "http://x"\nusername = "u"\npassword = "å"', "sms.kannel.password", "printable ASCII"),
    ("sms.46elks", 'username = "u"', "sms.46elks.password", "is missing"),
    ("sms", 'sender = "1177"', "sms.sender", "is not a sender"),
    ("sms", 'sender = "Region Väst"', "sms.sender", "is not a sender"),
    ("sms", 'sender = "AB"', "sms.sender", "is not a sender"),
    ("sms", 'sender = "TwelveLetter"', "sms.sender", "is not a sender"),
    ("sms", "rate = 0", "sms.rate", "greater than 0"),
    ("sms", "rate = nan", "sms.rate", "finite"),
    ("sms", "parallel = 65", "sms.parallel", "less than or equal to 64"),
    ("sms", "attempts = 0", "sms.attempts", "greater than or equal to 1"),
    ("ledger", 'url = "sqlite://"', "ledger.url", "sqlite:///FILE"),
    ("ledger", 'url = "sqlite:///:memory:"', "ledger.url", "must outlive the run"),
    ("ledger", 'url = "postgresql://u:p/x@h/d"', "ledger.url", "is not a ledger"),
    ("monitoring", 'ping_url = "x"', "monitoring.ping_url", "is not an http or https URL"),
    ("monitoring", 'ping_url = "https://u:p@x"', "monitoring.ping_url", "holds credentials"),
    ("monitoring", 'textfile = "metrics.txt"', "monitoring.textfile", "must end with .prom"),
    ("monitoring", "expect_appointments = -1", "monitoring.expect_appointments", "greater than or equal to 0"),
]


@pytest.mark.parametrize(("section", "lines", "key", "said"), WRONG)
def test_a_wrong_value_is_told_with_its_key_and_what_is_expected(
    config: Path, section: str, lines: str, key: str, said: str
) -> None:
    """Each mistake names the file, the key and the form that is expected."""
    what = complaint(config, with_keys(section, lines))
    assert what.startswith("One setting is wrong:")
    assert f"fhirnotify.toml: {key}: " in what
    assert said in what


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://x", "is not an http or https URL"),
        ("fhir.example.org/r4", "is not an http or https URL"),
        ("https://", "is not an http or https URL"),
        ("https://x:99999/", "is not an http or https URL"),
        ("https://u:hunter2@x/", "holds credentials"),
        ("https://x/r4?a=hunter2", "no ? and no #"),
        ("https://x/r4#a", "no ? and no #"),
        ("file:", "names no directory"),
        ("file://server/share", "names no directory"),
    ],
)
def test_the_endpoint_is_a_plain_address(config: Path, url: str, said: str) -> None:
    """Credentials, query and fragment have no place in it, and what was there is not repeated."""
    what = complaint(config, SMALLEST.replace("https://fhir.example.org/r4/", url))
    assert "fhir.base_url" in what
    assert said in what
    assert "hunter2" not in what


def test_everything_wrong_is_told_at_once(config: Path) -> None:
    """One reading mends it all: unknown keys, wrong values, missing ones and variables together."""
    what = complaint(
        config,
        '[fhir]\npag_size = 3\n[reminder]\nlead = "x"\n',
        FHIRNOTIFY_SMS__ATTEMPTS="99",
    )
    assert what.startswith("5 settings are wrong:")
    for each in ("fhir.pag_size", "fhir.base_url: is missing", "reminder.lead", "consent.codes: is missing"):
        assert f"fhirnotify.toml: {each}" in what
    assert "\n  FHIRNOTIFY_SMS__ATTEMPTS: must be" in what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[fhir\n", "is not TOML"),
        ("fhir = 5\n", "fhir: must be"),
        ("[consent]\ncodes = 5\n", "consent.codes: must be"),
        ("[[sms]]\n", "sms: must be"),
    ],
)
def test_what_is_not_a_settings_file_is_refused(config: Path, text: str, said: str) -> None:
    """Broken TOML and sections of the wrong shape are findings like others."""
    assert said in complaint(config, text)


@pytest.mark.parametrize("code", ["", "x", "|x", "x|", "a|b|c", "a b|c", 5])
def test_a_consent_code_has_a_system(config: Path, code: object) -> None:
    """A code without its system could mean anything."""
    what = complaint(config, SMALLEST.replace('"urn:x|sms"', repr(code).replace("'", '"')))
    assert "consent.codes.0: is not a code with its system" in what


def test_a_variable_in_place_of_a_section_is_told(config: Path) -> None:
    """A section has keys; it is no value."""
    assert "FHIRNOTIFY_SECTION__KEY" in complaint(config, SMALLEST, FHIRNOTIFY_FHIR__AUTH="bearer")


def test_a_file_in_another_encoding_is_refused(config: Path) -> None:
    """TOML is UTF-8; a byte order mark does no harm."""
    config.write_bytes("# å\n".encode("latin-1"))
    with pytest.raises(SettingsError, match="is not UTF-8"):
        load(config, {})
    config.write_text(SMALLEST, "utf-8-sig")
    assert load(config, {})


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('token_file = "missing"', "fhir.auth.token_file: the file missing cannot be read: No such file"),
        ('token_file = "empty"', "fhir.auth.token_file: the file empty is empty"),
        ('token_file = "binary"', "fhir.auth.token_file: does not name a text file"),
        ("token_file = 5", "fhir.auth.token_file: does not name a text file"),
        ('token_file = "empty"\ntoken = "hunter2"', "fhir.auth.token_file: token is given too"),
        ('tokn = "hunter2"\ntoken = "x"', "fhir.auth.tokn: no such setting"),
    ],
)
def test_a_secret_that_cannot_be_had_is_told_without_telling_one(config: Path, lines: str, said: str) -> None:
    """Which key and which file; never what stands in them."""
    (config.parent / "empty").write_text(" \n", "utf-8")
    (config.parent / "binary").write_bytes(b"\xff\xfehunter2")
    what = complaint(config, SMALLEST + f'[fhir.auth]\nkind = "bearer"\n{lines}\n')
    assert said in what
    assert "hunter2" not in what
