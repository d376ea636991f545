"""Reading what providers answer: strictly, since it decides on a message, and since some of it goes into the ledger."""

import json
import re
from datetime import UTC, datetime
from typing import Any


def json_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; an empty one for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Read a list of JSON objects; an empty one for anything else."""
    return value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else []


def inner(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Read an object within an object; an empty one for anything else."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def identity(value: object, pattern: re.Pattern[str]) -> str | None:
    """Read the id of a message, which goes into the ledger; None where it does not look as the provider's ids do."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def count(value: object) -> int | None:
    """Read a number of parts, also one in digits; None for what is none."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,3}", value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def number(value: object) -> int | None:
    """Read a code that is a number, also one in digits; None for what is none."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(value: object) -> datetime | None:
    """Read an ISO 8601 instant; UTC where it tells no zone. None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def digits(value: object) -> str:
    """Give the digits of a number, by which numbers are compared: providers differ about the plus sign."""
    return "".join(sign for sign in str(value) if sign.isdecimal())


def names(body: bytes, to: str) -> bool:
    """Tell whether an error's text repeats the number that was sent to, and so is about this message alone."""
    return digits(to).encode() in body
