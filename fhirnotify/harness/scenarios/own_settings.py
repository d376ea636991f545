"""What a scenario may say of the settings: what a region sets, but not how the harness plays it."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator

_SECTIONS = ("fhir", "reminder", "consent", "recipient", "message", "sms", "monitoring")
_OURS = {"fhir": {"base_url", "auth", "tls", "appointments"}, "sms": {"provider"}}
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def _bare(key: str) -> str:
    if not _BARE.fullmatch(key):  # TOML reads auth.kind as the key kind of a section auth
        raise ValueError("is no name of a key: write letters, digits, _ and -, and sections within sections as such")
    return key


def _in_toml(value: Any) -> Any:
    """Give a value that TOML can say: one, a list of such, or a section within the section."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _plain(inner, _bare(key))
    else:
        _plain(value, "it")
    return value


def _plain(value: Any, name: str) -> None:
    if value is None:
        raise ValueError(f"cannot be set so: {name} is null, which TOML does not know; leave it out")
    if isinstance(value, list):
        for each in value:
            _plain(each, name)
    elif isinstance(value, dict):
        raise ValueError(f"cannot be set so: {name} is a section too deep")  # noqa: TRY004 - pydantic's


Settings = dict[str, dict[Annotated[str, AfterValidator(_bare)], Annotated[Any, AfterValidator(_in_toml)]]]
"""Sections and keys as in fhirnotify.toml."""


def checked(value: Settings) -> Settings:
    """Give settings of which each is a scenario's to say.

    Raises:
        ValueError: there is no such section, or a key is of the endpoint or the provider, which the harness sets.
    """
    for section, keys in value.items():
        if section not in _SECTIONS:
            raise ValueError(f"no section {section} here; there are {', '.join(_SECTIONS)}")
        providers = {key for key, inner in keys.items() if section == "sms" and isinstance(inner, dict)}
        if own := _OURS.get(section, set()) & keys.keys() | providers:
            raise ValueError(f"{section}.{min(own)} is not a scenario's to say: it is the same for all")
    return value
