"""Every setting with its value, where it came from and what it does. Secrets are hidden, and so is what holds one."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from fhirnotify.settings.keys import Keys, fields, is_secret
from fhirnotify.settings.load import load, settings_file
from fhirnotify.settings.model import PREFIX, Settings
from fhirnotify.settings.shown import plain

_HOLDS_A_SECRET: frozenset[Keys] = frozenset({("ledger", "url"), ("fhir", "auth", "token_url")})
"""Addresses whose query, or user and password, are kept to ourselves."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One setting.

    ``where`` is the file and line, or the environment variable; for a secret in a file of its own, ``secret_file`` is
    that file as it is named there. ``value`` is as it is written, None if there is none.
    """

    key: str
    value: Any
    origin: Literal["default", "file", "environment", "unset"]
    where: str | None
    secret_file: str | None
    what: str


def explained(config: Path | None, environment: Mapping[str, str] | None = None) -> list[Explained]:
    """Explain every setting, in the order of the sections.

    Raises:
        SettingsError: one is wrong; only what is valid can be explained.
    """
    given = os.environ if environment is None else environment
    settings = load(config, given)
    file = settings_file(config, given)
    return list(_Explaining(file, {name.upper(): name for name in given}, given).section(Settings, settings))


class _Explaining:
    def __init__(self, file: Path | None, names: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._names, self._environment = names, environment
        self._file = file.name if file else ""
        text = file.read_text("utf-8-sig") if file else ""
        self._tree, self._lines = tomllib.loads(text), lines(text)

    def section(self, model: type[BaseModel], values: BaseModel | None, at: Keys = ()) -> Iterator[Explained]:
        for (key, section), (name, field) in zip(fields(model).items(), model.model_fields.items(), strict=True):
            here, value = (*at, key), getattr(values, name, None)
            if section:
                yield from self.section(section, value, here)
                continue
            origin, where, secret_file = self._origin(here, secret=is_secret(model, name))
            if origin == "default" and value is None:
                origin = "unset"
            shown = _without_secrets(str(value)) if here in _HOLDS_A_SECRET and value else plain(value)
            yield Explained(".".join(here), shown, origin, where, secret_file, field.description or "")

    def _origin(
        self, keys: Keys, *, secret: bool
    ) -> tuple[Literal["default", "file", "environment", "unset"], str | None, str | None]:
        ways = [(keys, False), ((*keys[:-1], f"{keys[-1]}_file"), True)] if secret else [(keys, False)]
        for written, is_file in ways:
            if name := self._variable(written):
                return "environment", name, self._environment[name] if is_file else None
        for written, is_file in ways:
            if line := self._lines.get(written):
                return "file", f"{self._file}:{line}", str(self._in_file(written)) if is_file else None
        return "default", None, None

    def _variable(self, keys: Keys) -> str | None:
        """Find the variable that gives a key, or as JSON the section that it stands in."""
        for length in range(len(keys), 0, -1):
            if name := self._names.get(PREFIX + "__".join(keys[:length]).upper()):
                return name
        return None

    def _in_file(self, keys: Keys) -> object:
        found: Any = self._tree
        for key in keys:
            found = found[key]
        return found


def lines(text: str) -> dict[Keys, int]:
    """Find the line on which each key of a TOML file is given.

    The file is read line by line more: a key stands where the part that first has it goes beyond the one before.
    """
    found: dict[Keys, int] = {}
    begun, rows = 1, text.split("\n")
    for number in range(1, len(rows) + 1):
        try:
            tree = tomllib.loads("\n".join(rows[:number]) + "\n")
        except tomllib.TOMLDecodeError:
            continue  # amid a value of several lines
        for keys in _leaves(tree):
            found.setdefault(keys, begun)
        begun = number + 1
    return found


def _leaves(tree: Mapping[str, Any], at: Keys = ()) -> Iterator[Keys]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key)


def _without_secrets(address: str) -> str:
    from fhirnotify.ledger.address import shown  # noqa: PLC0415  # the database's library is slow to import

    return shown(address).partition("?")[0]
