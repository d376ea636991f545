"""``init``: a first settings file, from answers or flags, that is checked at once and never written over another."""

import re
from pathlib import Path
from typing import Any

import pytest
from place import Place
from typer.testing import CliRunner, Result

from fhirnotify.cli.main import app
from fhirnotify.harness.resources import CONSENT_CODE
from fhirnotify.settings import Settings, load
from fhirnotify.settings.access import NEEDS
from fhirnotify.settings.explained import explained
from fhirnotify.settings.first import Answers, written
from fhirnotify.settings.keys import every_key
from fhirnotify.settings.sms import PROVIDERS

FLAGS = {
    "--fhir": "file:world",
    "--auth": "none",
    "--consent": CONSENT_CODE,
    "--provider": "outbox",
    "--ledger": "sqlite:///fhirnotify.db",
}
FILLED = {
    "base_url": "https://provider.example.org",
    "account_sid": f"AC{'0' * 32}",
    "token_url": "https://as.example.org/token",
    "private_key_file": "key.pem",
}
"""What a person fills in where any text would not do."""


def init(config: Path, *flags: str, answers: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["init", "--config", str(config), *flags], input=answers)


def flags(**other: str) -> list[str]:
    """Give all flags, some otherwise."""
    merged = FLAGS | {f"--{name}": value for name, value in other.items()}
    return [word for pair in merged.items() for word in pair]


@pytest.fixture
def new(place: Place) -> Path:
    """A settings file that is not there yet, beside a world that is."""
    place.config.unlink()
    return place.config


def test_five_answers_make_a_file_that_check_is_content_with(new: Path) -> None:
    """Two of them have a default; the last lines tell what to do then."""
    result = init(new, answers=f"file:world\n\n{CONSENT_CODE}\n\n\n")
    assert result.exit_code == 0, result.output
    assert "ok       fhir       file:" in result.stdout
    assert result.stdout.splitlines()[-1].endswith('is content, try "fhirnotify plan".')
    settings = load(new, {})
    assert (settings.fhir.directory, settings.sms.provider) == (new.parent / "world", ("outbox",))


def test_an_answer_that_cannot_be_read_is_asked_for_again(new: Path) -> None:
    """With the form that is expected, and nothing of the answer: it may hold a password."""
    answers = (
        f"https://u:hunter2@x\nfile:world\npigeon\nnone\nsms\n{CONSENT_CODE}\noutbox\npostgresql://u:hunter2@h/d\n\n"
    )
    result = init(new, answers=answers)
    assert result.exit_code == 0
    for said in ("holds credentials", "must be one of none, basic", 'write "system|code"', "holds a password"):
        assert said in result.stderr
    assert "hunter2" not in result.stderr + new.read_text("utf-8")


def test_flags_are_not_asked_for(new: Path) -> None:
    """So a script needs nobody; several codes have commas between."""
    result = init(new, *flags(consent="a|b, c|d"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert [code.code for code in load(new, {}).consent.codes] == ["b", "d"]


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("fhir", "fhir.example.org", "--fhir is not an http or https URL"),
        ("auth", "token", "--auth must be one of"),
        ("consent", "sms", "--consent is not a code with its system"),
        ("provider", "pigeon", "--provider must be one of"),
        ("ledger", "mysql://x", "--ledger is not a ledger"),
        ("ledger", "postgresql://u:hunter2@h/d", "--ledger holds a password"),
        ("ledger", "postgresql://h/d?password=hunter2", "--ledger holds a password"),
    ],
)
def test_a_wrong_flag_writes_nothing(new: Path, flag: str, value: str, said: str) -> None:
    """Exit 2, with the form that is expected."""
    result = init(new, *flags(**{flag: value}))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "hunter2" not in result.output
    assert not new.exists()


def test_where_nobody_answers_it_says_which_flag_to_give(new: Path) -> None:
    """A schedule that calls it does not hang."""
    result = init(new, "--fhir", "file:world")
    assert result.exit_code == 2
    assert "--auth" in result.stderr
    assert not new.exists()


def test_a_file_that_is_there_stays(place: Place) -> None:
    """It is told before anything is asked; --force replaces it."""
    before = place.config.read_bytes()
    refused = init(place.config, answers="x\n")
    assert refused.exit_code == 2
    assert "already" in refused.stderr
    assert "Address" not in refused.output
    assert place.config.read_bytes() == before
    assert init(place.config, *flags(), "--force").exit_code == 0
    assert place.config.read_bytes() != before


def test_a_place_that_cannot_be_written_is_exit_2(tmp_path: Path) -> None:
    """With a sentence."""
    result = init(tmp_path / "nowhere" / "fhirnotify.toml", *flags())
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_what_is_still_missing_is_named_by_the_check(new: Path) -> None:
    """And decides the exit code: a file that cannot be used yet is not done."""
    result = init(new, *flags(auth="bearer", provider="46elks"))
    assert result.exit_code == 2
    for key in ("fhir.auth.token_file", "sms.46elks.password_file", "sms.46elks.username: is missing"):
        assert key in result.stdout


def answers(**other: Any) -> Answers:
    """Make answers."""
    return Answers(
        **{
            "base_url": "https://fhir.example.org/r4",
            "auth": "none",
            "codes": ("urn:x|sms",),
            "provider": "outbox",
            "ledger": "sqlite:///fhirnotify.db",
            **other,
        }
    )


@pytest.mark.parametrize(
    "answered",
    [*(answers(auth=kind) for kind in NEEDS), *(answers(provider=name) for name in PROVIDERS)],
    ids=lambda answered: f"{answered.auth}-{answered.provider}",
)
def test_filling_in_what_is_empty_and_the_secrets_makes_it_valid(tmp_path: Path, answered: Answers) -> None:
    """For every way to log in and every provider, nothing that is needed is left out."""
    text = written(answered)
    needed = re.compile(r'(?<=\n)#(\w+) = ""', re.MULTILINE)
    auth, _, rest = text.partition("[fhir.tls]")
    needs = NEEDS[answered.auth]
    auth = needed.sub(lambda m: f'{m[1]} = "{FILLED.get(m[1], "x")}"' if m[1] in needs else m[0], auth)
    head, account, tail = rest.partition(f"[sms.{answered.provider}]")
    section, ledger, end = tail.partition("[ledger]")
    filled = needed.sub(lambda m: f'{m[1]} = "{FILLED.get(m[1], "x")}"', section)
    file = tmp_path / "fhirnotify.toml"
    file.write_text(f"{auth}[fhir.tls]{head}{account}{filled}{ledger}{end}", "utf-8")
    (tmp_path / "credentials").mkdir()
    for name in re.findall(r'(?<=\n)\w+_file = "(credentials/[\w-]+)"', text):
        (tmp_path / name).write_text("s3cret", "utf-8")
    settings = load(file, {})
    assert (settings.fhir.auth.kind, settings.sms.provider) == (answered.auth, (answered.provider,))


def test_every_comment_that_is_a_key_is_the_default(tmp_path: Path) -> None:
    """Taking the # away changes nothing; and every key stands there with what it does."""
    text = written(answers())
    (tmp_path / "a.toml").write_text(text, "utf-8")
    (tmp_path / "b.toml").write_text(re.sub(r'(?<=\n)#((?!\w+_file)\w+ = (?!""|\[\]))', r"\1", text), "utf-8")
    one, other = ([(each.key, each.value) for each in explained(tmp_path / name, {})] for name in ("a.toml", "b.toml"))
    assert one == other
    left_out = {name for name in PROVIDERS if name != "outbox"}
    for keys in every_key(Settings):
        if keys[:2] != ("fhir", "auth") and not left_out & set(keys):
            assert re.search(rf"^# .+\.\n#?{keys[-1]}(_file)? = ", text, re.MULTILINE), keys
    assert str(Path.cwd()) not in text
