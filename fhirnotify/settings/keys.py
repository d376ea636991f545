"""The keys of the settings, as they are written: walked by whatever reads, describes or suggests them."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

Keys = tuple[str, ...]
"""The steps to a key: ``("fhir", "auth", "token")``."""


def fields(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """Give the keys of a section as they are written, each with its model if it is a section itself."""
    return {each.alias or name: _section(each.annotation) for name, each in model.model_fields.items()}


def _section(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401  # whatever can annotate a field
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def is_secret(model: type[BaseModel], key: str) -> bool:
    """Tell whether a key holds a secret, so that ``KEY_file`` may name a file that does."""
    field = model.model_fields.get(key)
    return field is not None and (field.annotation is SecretStr or "SecretStr" in str(field.annotation))


def every_key(model: type[BaseModel], at: Keys = ()) -> Iterator[Keys]:
    """Walk all keys of a section and of those within it."""
    for key, section in fields(model).items():
        if section:
            yield from every_key(section, (*at, key))
        else:
            yield (*at, key)
