"""A first settings file: what was answered, and every other key as a comment, with what it does and its default."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fhirnotify.settings.access import MAY_HAVE, NEEDS, Auth
from fhirnotify.settings.keys import Keys, fields, is_secret
from fhirnotify.settings.model import Settings
from fhirnotify.settings.shown import plain
from fhirnotify.settings.sms import PROVIDERS

HEAD = """\
# The settings of fhirnotify. "fhirnotify check" goes through them; "fhirnotify check --explain" tells where each is
# set. A line that begins with # and a key is a default, or is still to be filled in: take the # away to set it. Paths
# are relative to this file. Secrets stand in files of their own, which only the account of fhirnotify can read.
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What only the region knows. All of it is valid, and nothing of it is secret."""

    base_url: str
    auth: str
    codes: tuple[str, ...]
    provider: str
    ledger: str

    def given(self) -> dict[Keys, Any]:
        """Give what is written, by key."""
        return {
            ("fhir", "base_url"): self.base_url,
            ("fhir", "auth", "kind"): self.auth,
            ("consent", "codes"): list(self.codes),
            ("sms", "provider"): self.provider,
            ("ledger", "url"): self.ledger,
        }


def written(answers: Answers) -> str:
    """Write the file."""
    return HEAD + "".join(f"{line}\n" for line in _section(Settings, answers, ()))


def _section(model: type[BaseModel], answers: Answers, at: Keys) -> Iterator[str]:
    """Write the keys of a section, then the sections within it: so TOML wants it."""
    known = [(key, section, field) for (key, section), field in zip(fields(model).items(), _infos(model), strict=True)]
    if at:
        yield f"\n[{'.'.join(at)}]"
    for key, section, field in known:
        if not section and _of_use(model, key, answers):
            yield f"# {field.description}"
            yield _line((*at, key), model, field, answers.given())
    for key, section, _ in known:
        if section and (key not in PROVIDERS or key == answers.provider):
            yield from _section(section, answers, (*at, key))


def _infos(model: type[BaseModel]) -> list[FieldInfo]:
    return list(model.model_fields.values())


def _of_use(model: type[BaseModel], key: str, answers: Answers) -> bool:
    return model is not Auth or key in ("kind", *NEEDS[answers.auth], *MAY_HAVE.get(answers.auth, ()))


def _line(keys: Keys, model: type[BaseModel], field: FieldInfo, given: Mapping[Keys, Any]) -> str:
    """Write a key: as it was answered, as a file that will hold a secret, or as a comment with its default."""
    key = keys[-1]
    if keys in given:
        return f"{key} = {_value(given[keys])}"
    if is_secret(model, key):
        is_needed = field.is_required() or model is Auth
        file = "credentials/" + f"{'' if keys[0] == 'monitoring' else keys[0]}-{key}".strip("-").replace("_", "-")
        return f'{"" if is_needed else "#"}{key}_file = "{file}"'
    default = None if field.is_required() else plain(field.get_default(call_default_factory=True))
    is_of_this_machine = key == "directory"
    return f"#{key} = {_value('' if default is None or is_of_this_machine else default)}"


def _value(value: Any) -> str:  # noqa: ANN401  # a text, a number, a truth value or a list, which TOML writes as JSON does
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
