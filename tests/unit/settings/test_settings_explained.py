"""What is told of every setting: its value, where it was set, what it does; and of secrets only that they are there."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from settings_file import SMALLEST

from fhirnotify.errors import SettingsError
from fhirnotify.settings import Settings, load
from fhirnotify.settings.explained import Explained, explained, lines
from fhirnotify.settings.keys import every_key


def told(config: Path, **environment: str) -> dict[str, Explained]:
    """Explain the settings, by key."""
    return {each.key: each for each in explained(config, environment)}


def test_every_setting_is_told_once(config: Path) -> None:
    """Those too that nobody has set."""
    found = [each.key for each in explained(config, {})]
    assert found == [".".join(keys) for keys in every_key(Settings)]
    assert all(each.what.endswith(".") for each in explained(config, {}))


@pytest.mark.parametrize(
    ("key", "value", "origin", "where"),
    [
        ("fhir.base_url", "https://fhir.example.org/r4", "file", "fhirnotify.toml:3"),
        ("consent.codes", ["urn:x|sms"], "file", "fhirnotify.toml:5"),
        ("reminder.lead", "48h", "default", None),
        ("reminder.quiet_from", "21:00", "default", None),
        ("recipient.skip_ages", ["0-12"], "environment", "fhirnotify_recipient__skip_ages"),
        ("fhir.page_size", 7, "environment", "FHIRNOTIFY_FHIR__PAGE_SIZE"),
        ("sms.provider", ["outbox"], "default", None),
        ("sms.sinch.api_token", None, "unset", None),
        ("reminder.time_zone", "Europe/Stockholm", "default", None),
    ],
)
def test_a_setting_is_told_with_where_it_was_set(
    config: Path, key: str, value: Any, origin: str, where: str | None
) -> None:
    """The environment lies over the file, in capitals or not."""
    found = told(config, FHIRNOTIFY_FHIR__PAGE_SIZE="7", fhirnotify_recipient__skip_ages="0-12", HOME="/x")[key]
    assert (found.value, found.origin, found.where, found.secret_file) == (value, origin, where, None)


def test_a_secret_is_never_told(config: Path) -> None:
    """Only where it stands: in the file, in a file of its own, or in a variable."""
    secret = config.parent / "pw"
    secret.write_text("hunter2", "utf-8")
    config.write_text(
        SMALLEST
        + '[fhir.auth]\nkind = "bearer"\ntoken = "hunter2"\n[sms.46elks]\nusername = "u"\npassword_file = "pw"\n'
        + '[ledger]\nurl = "postgresql://hunter2:hunter2@db.example.org/fhirnotify?password=hunter2"\n',
        "utf-8",
    )
    (config.parent / "ping").write_text("https://example.org/hunter2", "utf-8")
    found = told(config, FHIRNOTIFY_MONITORING__PING_URL_FILE="ping")
    assert "hunter2" not in repr(found)
    assert (found["fhir.auth.token"].value, found["fhir.auth.token"].where) == ("(hidden)", "fhirnotify.toml:8")
    assert found["sms.46elks.password"].secret_file == "pw"
    ping = found["monitoring.ping_url"]
    assert (ping.origin, ping.secret_file) == ("environment", "ping")
    assert found["ledger.url"].value == "postgresql://db.example.org/fhirnotify"


def test_without_a_file_the_environment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a whole section that stands in one variable."""
    monkeypatch.chdir(tmp_path)
    found = {
        each.key: each
        for each in explained(
            None,
            {
                "FHIRNOTIFY_FHIR__BASE_URL": "file:w",
                "FHIRNOTIFY_CONSENT__CODES": "a|b",
                "FHIRNOTIFY_SMS__46ELKS": '{"username": "u", "password": "hunter2"}',
            },
        )
    }
    assert found["fhir.base_url"].where == "FHIRNOTIFY_FHIR__BASE_URL"
    assert found["sms.46elks.password"].where == "FHIRNOTIFY_SMS__46ELKS"
    assert "hunter2" not in repr(found)


def test_wrong_settings_are_told_as_ever(config: Path) -> None:
    """What is not valid has no value to explain."""
    with pytest.raises(SettingsError, match="no such setting"):
        explained(config, {"FHIRNOTIFY_FHIR__PAG_SIZE": "1"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = 1\n\n# a\nb = 2", {("a",): 1, ("b",): 4}),
        ("[x]\r\n a.b = 1\r\n[y.z]\r\nc = 2\r\n", {("x", "a", "b"): 2, ("y", "z", "c"): 4}),
        ('a = """\nb = 1\n[c]\n"""\nb = 2', {("a",): 1, ("b",): 5}),
        ("a = [\n 1,\n # b = 3\n 2,\n]\nb = 3", {("a",): 1, ("b",): 6}),
        ("x = { a = 1, b = { c = 2 } }", {("x", "a"): 1, ("x", "b", "c"): 1}),
        ('"a b" = 1\n[[t]]\nx = 1', {("a b",): 1, ("t",): 2}),
        ("", {}),
    ],
)
def test_the_line_of_a_key_is_found_in_every_form(text: str, found: dict[tuple[str, ...], int]) -> None:
    """Comments, several lines, dotted keys and tables within a line, as TOML has them."""
    assert lines(text) == found


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    values=st.dictionaries(
        st.sampled_from(["page_size = 7", 'timeout = "9s"', "attempts = 2", 'version = "R5"']), st.none()
    ),
    gaps=st.lists(st.sampled_from(["", "# x = 1", "   "]), max_size=4),
)
def test_what_is_told_of_a_file_is_what_stands_there(config: Path, values: dict[str, None], gaps: list[str]) -> None:
    """Reading the line that is named gives the setting and its value."""
    head, *rest = SMALLEST.lstrip("\n").splitlines()
    config.write_text("\n".join([head, *gaps, *values, *gaps, *rest]), "utf-8")
    rows = config.read_text("utf-8").splitlines()
    for each in explained(config, {}):
        if each.origin == "file":
            assert each.where is not None
            row = rows[int(each.where.rpartition(":")[2]) - 1]
            assert row.startswith(f"{each.key.rpartition('.')[2]} = ")
            assert row in values or each.key in ("fhir.base_url", "consent.codes")
    assert load(config, {})
