"""Looks for what may never leave: names, numbers, identity numbers and texts, in what a run says and leaves on disk.

Of everything that a scenario holds these are told by their form alone, so that one that looks like a word of the
program's own is not taken for a name.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from fhirnotify.harness.installation import Finished
from fhirnotify.harness.resources import Resource

_SHORTEST_NAME = 4
"""Letters: a shorter one is found in any text."""
_LAST_DIGITS = 8
"""Of a number; the same however it is written, with +46 or 0."""
_IDENTITY_NUMBER = re.compile(r"[0-9]{6,8}[-+]?[0-9]{4,5}")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What may not be found.

    Attributes:
        names: whole words.
        others: by what each is, such as a number; found in the middle of anything, too.
    """

    names: frozenset[str]
    others: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, resources: Iterable[Resource], texts: Iterable[str]) -> "Secrets":
        """Gather those of the people among resources, and the texts that were sent."""
        people = [each for each in resources if "name" in each or "telecom" in each or "birthDate" in each]
        names, telecoms, identifiers = (_parts(people, key) for key in ("name", "telecom", "identifier"))
        numbers = {value for value in telecoms if len(re.sub(r"\D", "", value)) >= _LAST_DIGITS}
        return cls(
            frozenset(name for name in names if len(name) >= _SHORTEST_NAME),
            {
                "a number": frozenset(numbers | {re.sub(r"\D", "", each)[-_LAST_DIGITS:] for each in numbers}),
                "an identity number": frozenset(filter(_IDENTITY_NUMBER.fullmatch, identifiers)),
                "a text": frozenset(texts) - {""},
            },
        )

    def found_in(self, said: str) -> Iterator[str]:
        """Name, by what they are, those that a text holds."""
        plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), said)
        if any(name in plain and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", plain) for name in self.names):
            yield "a name"
        for what, values in self.others.items():
            if any(value in plain for value in values):
                yield what


def disclosed(secrets: Secrets, finished: Finished | None, directory: Path, given: Iterable[str]) -> Iterator[str]:
    """Name what a run has told that it may not: in its rows, in its log, and in the files that it has made.

    Args:
        secrets: what it may not tell.
        finished: None for one that was killed.
        directory: where it was at work.
        given: names of files and directories there that the run has not made.
    """
    told: dict[str, str] = {}
    if finished is not None:
        rows = json.dumps([*finished.rows, finished.summary], ensure_ascii=False)
        told = {"standard output": rows, "the log": finished.log}
    passed_over = set(given)
    for file in directory.rglob("*"):
        if file.is_file() and file.relative_to(directory).parts[0] not in passed_over:
            told[f"the file {file.relative_to(directory)}"] = file.read_bytes().decode("utf-8", "replace")
    for where, said in told.items():
        yield from (f"{where} holds {what}, which may not leave" for what in secrets.found_in(said))


def _parts(people: Iterable[Resource], key: str) -> set[str]:
    """Give the words of a HumanName, or the value of a ContactPoint or Identifier."""
    entries = chain.from_iterable(_list(person.get(key)) for person in people)
    values: list[Any] = []
    for each in filter(lambda entry: isinstance(entry, dict), entries):
        values += [each.get("value"), each.get("family"), each.get("text"), *_list(each.get("given"))]
    return {value for value in values if isinstance(value, str)}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
