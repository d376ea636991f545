"""The JSON Schema for editors, held against the program that reads the settings."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from settings_file import toml

from fhirnotify.errors import SettingsError
from fhirnotify.settings import Settings, load
from fhirnotify.settings.access import MAY_HAVE, NEEDS, Auth
from fhirnotify.settings.appointments import SOURCES
from fhirnotify.settings.explained import explained
from fhirnotify.settings.keys import every_key, fields, is_secret
from fhirnotify.settings.model import TEMPLATE
from fhirnotify.settings.schema import schema
from fhirnotify.settings.sms import PROVIDERS

SCHEMA = schema()
VALIDATOR = Draft7Validator(SCHEMA)
KEYS = sorted(every_key(Settings))

ACCOUNTS: dict[str, Any] = {
    "46elks": {"username": "u", "password": "p"},
    "sinch": {"service_plan_id": "s", "api_token": "t"},
    "infobip": {"base_url": "https://i.example.org", "api_key": "k"},
    "twilio": {"account_sid": f"AC{'0' * 32}", "auth_token": "t"},
    "link": {
        "base_url": "https://l.example.org",
        "platform_id": "1",
        "platform_partner_id": "2",
        "username": "u",
        "password": "p",
    },
    "kannel": {"base_url": "http://127.0.0.1:1", "username": "u", "password": "p"},
}
BASE: dict[str, Any] = {
    "fhir": {"base_url": "https://fhir.example.org/r4", "auth": {}, "tls": {"client_cert": "c.pem"}},
    "consent": {"codes": ["urn:x|sms"]},
}
AUTH: dict[str, Any] = {
    "username": "u",
    "password": "p",
    "token": "t",
    "token_url": "https://as.example.org/token",
    "client_id": "c",
    "client_secret": "s",
    "scope": "a",
    "private_key_file": "k.pem",
}
VALUES: tuple[Any, ...] = (
    *("", " ", "x", "å", "48h", "0s", "1h 3m", "9999d", "21:00", "24:00", "SE", "se", "QQ", "a|b", "a|b|c", "0-12"),
    *("12-0", "https://x", "https://x/y?z", "https://u:p@x", "ftp://x", "file:w", "file:", "sqlite:///x.db"),
    *("sqlite://", "postgresql://u@h/d", "postgresql://u:a@b@h/d", "Europe/Stockholm", "Europe/Stokholm", "46elks"),
    *("outbox", "R4", "R3", "send", "Group/1", "Patient/1", "x.prom", TEMPLATE, "Hej $fornamn", "RegionVB", "1177"),
    *(0, 1, 7, 65, 100_001, -1, 1.5, True, [], ["SE"], ["a|b"], ["0-12"], ["x"], [1], {"x": 1}),
    *("30s", False, "none", f"AC{'0' * 32}"),
    *(["46elks", "sinch"], ["outbox", "46elks"], ["46elks", "46elks"], ["pigeon"]),
)

BEYOND = (
    "must be from",  # how long a duration is
    "latest .* must be shorter",
    "is not a time zone that is known here",
    "is not a country whose numbers are known",
    "is not a range of ages",  # the order of the two
    "(names|does not name) \\$",
    "begins no field",
    "holds a control character",
    "is not a word",  # blanks around it count
    "holds credentials",
    "is not an? https? ",  # hosts and ports
    "must begin with https",
    "names no directory here",
    "is not a ledger",
    "comes in a later version",
    "the file .* cannot be read",
    "the file .* is empty",
)
"""What a schema cannot say, as the program says it. All else that the program refuses, the schema refuses."""


def refusal(tmp_path: Path, data: dict[str, Any]) -> str | None:
    """Give what the program says of settings; None if it takes them."""
    file = tmp_path / "fhirnotify.toml"
    file.write_text(toml(data), "utf-8")
    try:
        load(file, {})
    except SettingsError as error:
        return error.what
    return None


def compared(tmp_path: Path, data: dict[str, Any]) -> tuple[bool, bool]:
    """Hold the two against each other; tell whether the program and the schema take it."""
    said = refusal(tmp_path, data)
    found = [error.message for error in VALIDATOR.iter_errors(data)]
    if found:
        assert said is not None, found
    elif said is not None:
        assert all(re.search("|".join(BEYOND), line) for line in said.splitlines()[1:]), said
    return said is None, not found


def with_value(keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Give the base with one value in it, where it is of use."""
    data = copy.deepcopy(BASE)
    if keys[:2] == ("fhir", "auth"):
        kinds = [kind for kind in NEEDS if keys[2] in (*NEEDS[kind], *MAY_HAVE.get(kind, ()))]
        kind = kinds[-1] if kinds else "none"
        data["fhir"]["auth"] = {"kind": kind, **{key: AUTH[key] for key in NEEDS[kind]}}
    for strategy, listed in SOURCES.items():
        if keys[0] == "fhir" and keys[-1] in listed:
            data["fhir"]["appointments"] = strategy
    if keys[0] == "sms" and keys[1] in ACCOUNTS:
        data["sms"] = {keys[1]: dict(ACCOUNTS[keys[1]])}
    if keys == ("sms", "provider"):
        data["sms"] = dict(ACCOUNTS)
    if keys == ("sms", "failover_on_account_fault"):
        data["sms"] = {"provider": ["46elks", "sinch"], **ACCOUNTS}
    section = data
    for key in keys[:-1]:
        section = section.setdefault(key, {})
    section[keys[-1]] = value
    return data


def leaf_of(keys: tuple[str, ...]) -> dict[str, Any]:
    """Give what the schema says of a key."""
    leaf = SCHEMA
    for key in keys:
        leaf = leaf["properties"][key]
    return leaf


def read_as_the_environment_writes_it(keys: tuple[str, ...], value: Any) -> bool:
    """Tell whether the program may read a value in a form that the schema does not want: texts, and 0 and 1."""
    leaf = leaf_of(keys)
    if keys != ("sms", "provider") and leaf.get("type") not in ("array", "boolean", "integer", "number"):
        return False
    return isinstance(value, str) or (leaf.get("type") == "boolean" and value in (0, 1) and not isinstance(value, bool))


@pytest.mark.parametrize("keys", KEYS, ids=".".join)
def test_what_an_editor_marks_the_program_refuses_and_the_other_way_round(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    """Every key with every kind of value; what a schema cannot say is named."""
    taken = [
        compared(tmp_path, with_value(keys, value))
        for value in (*VALUES, *leaf_of(keys).get("enum", ()))
        if not read_as_the_environment_writes_it(keys, value)
    ]
    assert (False, False) in taken
    assert (True, True) in taken


def some_keys(section: str, keys: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Choose some keys of a section, secrets also as files."""
    model = {"auth": Auth}[section]
    named = {**keys, **{f"{key}_file": "secret" for key in keys if is_secret(model, key)}}
    return st.dictionaries(st.sampled_from(sorted(named)), st.none()).map(lambda d: {key: named[key] for key in d})


auths = st.tuples(st.sampled_from(sorted(NEEDS)), st.booleans(), some_keys("auth", AUTH)).map(
    lambda it: ({"kind": it[0]} if it[1] else {}) | it[2]
)
lists = st.dictionaries(
    st.sampled_from(["locations", "locations_file", "patients", "patients_file"]), st.none(), max_size=2
).map(lambda d: {k: ["1"] if k == "locations" else "Group/1" if k == "patients" else "ids.txt" for k in d})
strategies = st.tuples(st.sampled_from([None, *SOURCES]), lists).map(
    lambda it: ({"appointments": it[0]} if it[0] else {}) | it[1]
)
providers = st.one_of(st.sampled_from(PROVIDERS), st.lists(st.sampled_from(PROVIDERS), max_size=3))
accounts = st.sets(st.sampled_from(sorted(ACCOUNTS))).map(lambda names: {name: ACCOUNTS[name] for name in names})
senders = st.tuples(providers, accounts, st.booleans()).map(
    lambda it: {"provider": it[0], "failover_on_account_fault": it[2], **it[1]}
)
tls = st.sets(st.sampled_from(["ca_file", "client_cert", "client_key"])).map(lambda keys: dict.fromkeys(keys, "x.pem"))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(auth=auths, strategy=strategies, sms=senders, certificates=tls)
def test_they_agree_on_what_belongs_together(
    tmp_path: Path, auth: dict[str, Any], strategy: dict[str, Any], sms: dict[str, Any], certificates: dict[str, Any]
) -> None:
    """Kinds of authentication, ways of asking, providers and certificates: by each alone, and by all at once."""
    (tmp_path / "secret").write_text("s3cret", "utf-8")
    plain = {"fhir": {"base_url": "https://x"}, "consent": {"codes": ["a|b"]}}
    for fhir, gateways in (
        ({"auth": auth}, {}),
        (strategy, {}),
        ({"tls": certificates}, {}),
        ({}, sms),
        ({"auth": auth, "tls": certificates, **strategy}, sms),
    ):
        data = {**plain, "fhir": {**plain["fhir"], **fhir}, "sms": gateways}
        told, marked = compared(tmp_path, data)
        assert told == marked


def test_every_auth_that_is_whole_is_taken(tmp_path: Path) -> None:
    """With the secrets in the file, or in files of their own."""
    (tmp_path / "secret").write_text("s3cret", "utf-8")
    for kind, needs in NEEDS.items():
        for in_file in (False, True):
            ways = {
                f"{k}_file" if in_file and is_secret(Auth, k) else k: "secret"
                if in_file and is_secret(Auth, k)
                else AUTH[k]
                for k in needs
            }
            data = {**BASE, "fhir": {**BASE["fhir"], "auth": {"kind": kind, **ways}}}
            assert compared(tmp_path, data) == (True, True)


def test_an_unknown_key_is_marked_in_every_section(tmp_path: Path) -> None:
    """A misspelt key would else be a setting that silently has its default."""
    for keys in KEYS:
        data = with_value((*keys[:-1], "nonsense"), "x")
        assert compared(tmp_path, data) == (False, False)


def nodes(of: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk the keys of the schema with what it says of them."""
    for key, value in of.get("properties", {}).items():
        yield key, value
        yield from nodes(value)


def test_every_key_is_described_once_and_in_a_sentence() -> None:
    """For whoever hovers over it, and for "check --explain"."""
    Draft7Validator.check_schema(SCHEMA)
    told = list(nodes(SCHEMA))
    assert {key for key, _ in told if not key.endswith("_file")} >= {
        keys[-1] for keys in KEYS if keys[-1][-4:] != "file"
    }
    for key, said in told:
        assert re.fullmatch(r"[\s\S]{7,}\.", said["description"]), key
    leaves = [said["description"] for _, said in told if "properties" not in said]
    assert max(map(len, leaves)) <= 120


def test_defaults_are_told_as_they_are_written(tmp_path: Path) -> None:
    """Each could be written into the file as it stands there, and changes nothing."""

    def defaults(of: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for key, value in of["properties"].items():
            if "properties" in value:
                found[key] = defaults(value)
            elif "default" in value:
                found[key] = value["default"]
        return found

    given = defaults(SCHEMA)
    assert given["reminder"]["lead"] == "48h"
    assert given["reminder"]["quiet_from"] == "21:00"
    for name in ACCOUNTS:
        del given["sms"][name]
    given["fhir"]["base_url"], given["consent"]["codes"] = "https://x", ["a|b"]
    assert refusal(tmp_path, given) is None
    assert not list(VALIDATOR.iter_errors(given))
    small = {"fhir": {"base_url": "https://x"}, "consent": {"codes": ["a|b"]}}
    (tmp_path / "small.toml").write_text(toml(small), "utf-8")
    values = [
        [(each.key, each.value) for each in explained(tmp_path / name, {})]
        for name in ("fhirnotify.toml", "small.toml")
    ]
    assert values[0] == values[1]
    assert set(fields(Settings)) == set(SCHEMA["properties"])
