"""Values as they are written in the settings, for whoever shows them. Secrets are not shown."""

from datetime import time, timedelta
from pathlib import Path
from string import Template
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from fhirnotify.core.model import Coding
from fhirnotify.settings import values

HIDDEN = "(hidden)"


def plain(value: object) -> Any:  # noqa: ANN401  # whatever JSON can hold
    """Give a value as TOML would have it: a text, a number, a truth value, or a list of them; None if it is not set."""
    match value:
        case SecretStr():
            return HIDDEN
        case timedelta():
            return values.written(value)
        case time():
            return value.isoformat("minutes")
        case Coding():
            return f"{value.system}|{value.code}"
        case Template():
            return value.template
        case ZoneInfo() | Path():
            return str(value)
        case (int() as first, int() as last):
            return f"{first}-{last}"
        case tuple():
            return [plain(each) for each in value]
        case _:
            return value
