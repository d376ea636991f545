"""What a stand-in for an SMS provider has taken for delivery: the judge of what patients would have got."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import gsm0338  # noqa: F401  # registers the codec


@dataclass(frozen=True, slots=True)
class Taken:
    """A message taken for delivery. ``hidden`` is one whose text the provider was told not to keep."""

    id: str
    to: str
    sender: str
    text: str
    created: str
    parts: int
    hidden: bool


def append(path: Path, message: Taken) -> None:
    """Write a message to the end of the journal, in one write."""
    line = json.dumps(asdict(message), ensure_ascii=False).encode() + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def read_journal(path: Path) -> list[Taken]:
    """Read what was taken for delivery; a last line that a crash left half written is no message."""
    lines = path.read_bytes().split(b"\n")
    return [Taken(**json.loads(line)) for line in lines[:-1]]


def parts(text: str) -> int:
    """Count the parts of a message: 160 septets of GSM 03.38 or 70 UCS-2 units in one, else 153 or 67 in each."""
    try:
        units = [len(sign.encode("gsm03.38")) for sign in text]
        alone, each = 160, 153
    except UnicodeEncodeError:
        units = [len(sign.encode("utf-16-be")) // 2 for sign in text]
        alone, each = 70, 67
    if sum(units) <= alone:
        return 1
    count, used = 1, 0
    for unit in units:  # what takes two units is never cut in half
        if used + unit > each:
            count, used = count + 1, 0
        used += unit
    return count
