"""Lines of JSON that hold each other: one that is missing, added, moved or changed shows.

Each line ends with ``,"chain":"…"}``: the SHA-256, in hex, of the chain of the line before (64 hex digits) followed by
this line without that ending. The first line has ``follows``: the chain of the last line of the export before it, or 64
zeros. The last line, of kind ``end``, counts the lines before it. So lines can be checked with any tool that knows
SHA-256, also over many files.

It is no signature: who can write every file from a place on can make a chain anew from there. So the end of each export
is printed and logged, to be kept where those who keep the files cannot write.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO

BEGINNING = "0" * 64
"""What the first export of all follows."""

HEAD, END = "audit", "end"

_LINE = re.compile(rb'(\{.*),"chain":"([0-9a-f]{64})"\}\n', re.DOTALL)
_LONGEST = 1 << 20

Record = dict[str, Any]


def chained(head: Record, records: Iterable[Record], follows: str) -> Iterator[tuple[str, str]]:
    """Give the lines of an export with the chain of each: the head, the records, and the end that counts them."""
    counts: Counter[str] = Counter()
    chain = follows

    def line(number: int, record: Record) -> tuple[str, str]:
        body = json.dumps({"n": number} | record, separators=(",", ":")).removesuffix("}")
        now = sha256(f"{chain}{body}".encode()).hexdigest()
        return f'{body},"chain":"{now}"}}\n', now

    text, chain = line(0, {"kind": HEAD} | head | {"follows": follows})
    yield text, chain
    number = 0
    for number, record in enumerate(records, start=1):
        counts[record["kind"]] += 1
        text, chain = line(number, record)
        yield text, chain
    yield line(number + 1, {"kind": END, "lines": number + 1, "counts": dict(sorted(counts.items()))})


@dataclass(frozen=True, slots=True)
class Verified:
    """What a file was found to be. ``broken`` says in which line what is wrong; None: nothing.

    Attributes:
        follows: the chain that it says it follows.
        end: the chain of its last line.
        since, until: its period.
        purged_before: visits before this had been purged when it was made, so it may lack what concerned them.
    """

    lines: int
    broken: str | None
    follows: str | None = None
    end: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    purged_before: datetime | None = None


def verified(file: BinaryIO) -> Verified:
    """Look an export through, line by line; memory stays flat.

    Raises:
        OSError: it cannot be read.
    """
    first = file.readline(_LONGEST)
    head = _record(first)
    if head.get("kind") != HEAD or not isinstance(head.get("follows"), str):
        return Verified(0, "line 1: this is not the beginning of an export of fhirnotify audit")
    chain, number, last, line = head["follows"], 0, head, first
    while line:
        found = _LINE.fullmatch(line)
        if found is None:
            return Verified(number, f"line {number + 1}: it is cut off, or is no line of an export")
        body, says = found[1], found[2].decode()
        if sha256(chain.encode() + body).hexdigest() != says:
            return Verified(number, f"line {number + 1}: it was changed, or a line before it is missing or was added")
        last, chain = _record(line), says
        number += 1
        line = file.readline(_LONGEST)
    if last.get("kind") != END or last.get("lines") != number - 1:
        return Verified(number, f"line {number}: the end is missing")
    return Verified(
        number,
        None,
        follows=head["follows"],
        end=chain,
        since=_moment(head.get("from")),
        until=_moment(head.get("until")),
        purged_before=_moment(head.get("purged_before")),
    )


def _record(line: bytes) -> Record:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
