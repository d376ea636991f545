"""What a stand-in for an SMS provider has taken for delivery: the judge of what patients would have got.

How a text is cut into parts is written here once more, apart from the program's own count, since a judge has its own
rules: 3GPP TS 23.038 (alphabet) and TS 23.040 (concatenation, six octets of header a part).
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import gsm0338  # noqa: F401  # registers the codec


@dataclass(frozen=True, slots=True)
class Taken:
    """A message taken for delivery.

    Attributes:
        created: ISO 8601 in UTC, without offset.
        hidden: the provider was told not to keep the text.
        provider: by its name in the settings.
        behaviour: how the sender was answered, and what became of the message.
        reference: what the sender calls the message, where the provider takes note of it.
    """

    id: str
    to: str
    sender: str
    text: str
    created: str
    parts: int
    hidden: bool
    provider: str = ""
    behaviour: str = ""
    reference: str = ""

    @property
    def at(self) -> datetime:
        """The instant at which it was taken."""
        return datetime.fromisoformat(self.created).replace(tzinfo=UTC)


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
    """Count the parts of a message."""
    return len(cut(text))


def is_gsm(text: str) -> bool:
    """Tell whether a message goes in GSM 03.38 (septets), and not in UCS-2 (units of two octets)."""
    try:
        text.encode("gsm03.38")
    except UnicodeEncodeError:
        return False
    return True


def units(text: str, *, gsm: bool) -> int:
    """Count septets, a sign of the extension table taking two, or UCS-2 units."""
    return len(text.encode("gsm03.38")) if gsm else len(text.encode("utf-16-be")) // 2


def cut(text: str) -> list[str]:
    """Cut a message into its parts: 160 septets of GSM 03.38 or 70 UCS-2 units in one, else 153 or 67 in each."""
    gsm = is_gsm(text)
    alone, each = (160, 153) if gsm else (70, 67)
    if units(text, gsm=gsm) <= alone:
        return [text]
    pieces, used = [""], 0
    for sign in text:  # what takes two units is never cut in half
        wide = units(sign, gsm=gsm)
        if used + wide > each:
            pieces.append("")
            used = 0
        pieces[-1] += sign
        used += wide
    return pieces
