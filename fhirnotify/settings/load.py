"""Reading the settings: the TOML file, then the environment over it, then the files that hold secrets.

Everything that is wrong is found before anything is said, so that one reading mends it all. A finding names the
file and the key, or the environment variable; it never repeats a value that could be a secret.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as SourceError

from fhirnotify.errors import SettingsError
from fhirnotify.settings.keys import Keys, every_key, fields, is_secret
from fhirnotify.settings.model import PREFIX, Settings

DEFAULT_FILE = Path("fhirnotify.toml")

OTHER_VARIABLES = frozenset({PREFIX + "CACHE"})
"""Variables with our prefix that are no settings: where the test harness keeps what it fetches."""


def load(config: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and validate the settings.

    Without ``config``, ``fhirnotify.toml`` in the working directory is read; if there is none, the environment alone
    may do. Relative paths are relative to the file's directory, those in environment variables too.

    Raises:
        SettingsError: with every finding.
    """
    everything = os.environ if environment is None else environment
    given = {
        name: value
        for name, value in everything.items()
        if name.upper().startswith(PREFIX) and name.upper() not in OTHER_VARIABLES
    }
    file = settings_file(config, given)
    reading = _Reading(file, given)
    data = _over(_toml(file) if file else {}, reading.from_environment())
    data = reading.known(data, Settings)
    _make_paths_absolute(data, (file.parent if file else Path()).resolve())
    settings = reading.validated(data)
    if reading.findings or settings is None:
        found = sorted(reading.findings)
        head = "One setting is wrong:" if len(found) == 1 else f"{len(found)} settings are wrong:"
        raise SettingsError("\n  ".join([head, *found]), 'Mend what is named, then try "fhirnotify check".')
    return settings


def settings_file(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Choose the file that is read; None if the environment alone does.

    Raises:
        SettingsError: there is neither.
    """
    if config is not None or DEFAULT_FILE.exists():
        return config or DEFAULT_FILE
    if any(name.upper().startswith(PREFIX) and name.upper() not in OTHER_VARIABLES for name in environment):
        return None
    raise SettingsError(
        f"There is no {DEFAULT_FILE} here, and no setting in the environment.",
        '"fhirnotify init" writes one; name another with --config FILE, or set '
        f'{PREFIX}FHIR__BASE_URL and {PREFIX}CONSENT__CODES. To see the program at work, try "fhirnotify demo".',
    )


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        what, step = f"cannot be read: {error.strerror}", "Name the settings file with --config FILE."
    except UnicodeDecodeError:
        what, step = "is not UTF-8", "Save it as UTF-8."
    except tomllib.TOMLDecodeError as error:
        what, step = f"is not TOML: {error}", "Mend the line."
    raise SettingsError(f"{file} {what}", step)


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one tree of settings over another."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


@dataclass
class _Reading:
    """One reading of the settings, and what was found wrong in it."""

    file: Path | None
    environment: Mapping[str, str]
    findings: list[str] = field(default_factory=list)

    def from_environment(self) -> dict[str, Any]:
        """Give the environment's settings as a tree; a variable that names no section's key is a finding."""
        source = EnvSettingsSource(Settings)
        known = {}
        for name, value in self.environment.items():
            section, *keys = name.upper().removeprefix(PREFIX).lower().split("__")
            if section in Settings.model_fields and keys and all(keys):
                known[name.lower()] = value
            else:
                self.findings.append(f"{name}: no such setting{_nearest_variable(name)}")
        source.env_vars = known
        try:
            return source()
        except SourceError:
            self.findings.append(f"{PREFIX}…: a variable stands where a section is: write {PREFIX}SECTION__KEY")
            return {}

    def known(self, data: Mapping[str, Any], model: type[BaseModel], at: Keys = ()) -> dict[str, Any]:
        """Give what the model knows, with secrets read from their files; the rest are findings."""
        known = fields(model)
        kept: dict[str, Any] = {}
        for key, value in data.items():
            here = (*at, key)
            secret = key.removesuffix("_file")
            if key in known:
                section = known[key]
                nested = section is not None and isinstance(value, dict)
                kept[key] = self.known(value, section, here) if nested and section else value
            elif secret != key and secret in known and is_secret(model, secret):
                self._read_secret(data, secret, here, kept)
            else:
                self._found(here, f"no such setting{_nearest(here, known)}")
        return kept

    def validated(self, data: dict[str, Any]) -> Settings | None:
        """Validate; give None if there were findings."""
        for section in ("fhir", "consent"):
            data.setdefault(section, {})
        try:
            return Settings(**data)
        except ValidationError as error:
            for each in error.errors(include_input=False, include_url=False, include_context=False):
                where = tuple(str(step) for step in each["loc"])
                self._found(where, "is missing" if each["type"] == "missing" else _sentence(each["msg"]))
            return None

    def _read_secret(self, data: Mapping[str, Any], secret: str, at: Keys, kept: dict[str, Any]) -> None:
        name = data[at[-1]]
        kept[secret] = "unread"  # so that it is not called missing as well
        if secret in data:
            self._found(at, f"{secret} is given too: keep one of the two")
            return
        try:
            text = ((self.file.parent if self.file else Path()) / name).read_text("utf-8").strip()
        except OSError as error:
            self._found(at, f"the file {name} cannot be read: {error.strerror}")
        except (TypeError, ValueError):
            self._found(at, "does not name a text file in UTF-8")
        else:
            kept[secret] = SecretStr(text)
            if not text:
                self._found(at, f"the file {name} is empty")

    def _found(self, at: Keys, what: str) -> None:
        variable = PREFIX + "__".join(at).upper()
        named = {name.upper(): name for name in self.environment}
        key = ".".join(at)
        where = named.get(variable) or (f"{self.file}: {key}" if self.file else key)
        self.findings.append(f"{where}: {what}")


def _nearest(at: Keys, known: Mapping[str, object]) -> str:
    """Say which known key is meant: the nearest in the same section, else the nearest in any other."""
    name = at[-1].lower()
    if near := difflib.get_close_matches(name, list(known), n=1):
        return f"; did you mean {'.'.join((*at[:-1], near[0]))}?"
    elsewhere = {keys[-1]: ".".join(keys) for keys in every_key(Settings)}
    if near := difflib.get_close_matches(name, list(elsewhere), n=1):
        return f"; did you mean {elsewhere[near[0]]}?"
    return f"; known here: {', '.join(known)}"


def _nearest_variable(name: str) -> str:
    known = [PREFIX + "__".join(keys).upper() for keys in every_key(Settings)]
    near = difflib.get_close_matches(name.upper(), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; settings are written {PREFIX}SECTION__KEY"


def _sentence(message: str) -> str:
    """Turn pydantic's message into a sentence that follows a key."""
    plain = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return plain.replace("String should have", "must have").replace("Value should have", "must have")


def _make_paths_absolute(data: dict[str, Any], base: Path) -> None:
    """Make what names a file absolute, the defaults included; values of another type are left to validation."""
    for keys, start, default in (
        (("fhir", "base_url"), "file:", None),
        (("ledger", "url"), "sqlite:///", "sqlite:///fhirnotify.db"),
        (("sms", "outbox", "path"), "", "outbox.jsonl"),
        (("mappings", "directory"), "", None),
        (("monitoring", "textfile"), "", None),
        (("fhir", "auth", "private_key_file"), "", None),
        (("fhir", "locations_file"), "", None),
        (("fhir", "patients_file"), "", None),
        (("fhir", "tls", "ca_file"), "", None),
        (("fhir", "tls", "client_cert"), "", None),
        (("fhir", "tls", "client_key"), "", None),
    ):
        section: Any = data
        for key in keys[:-1]:
            section = section.setdefault(key, {}) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            continue
        value = section.get(keys[-1], default)
        if isinstance(value, str) and value.startswith(start) and value != start and ":memory:" not in value:
            section[keys[-1]] = f"{start}{base / _local(value.removeprefix(start))}"


def _local(name: str) -> str:
    return name.removeprefix("//") if name.startswith("///") else name
