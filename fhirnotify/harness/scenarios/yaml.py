"""Reading YAML as JSON with comments: what is not plainly a number, true, false or null is text.

YAML 1.1 would take ``no`` for false, ``2026-11-24`` for a date, ``10:00`` for the number 600 and ``+46…`` for a number
without its plus. Here the JSON schema of YAML 1.2 holds, what is no JSON is text, anchors and tags are refused, and a
key that stands twice is an error. JSON can be pasted as it is.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""The way to a value: keys and positions."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where the package has it, is ten times as fast
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")
_DIGITS = 100
_DEEPEST = 60
"""Values within each other: more than any resource needs, and few enough for every function that follows them down."""
_WORDS = {"": None, "null": None, "~": None, "true": True, "false": False}
_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in _KINDS}


class NotYaml(ValueError):
    """The text cannot be read; ``line`` counts from 1."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """A value, and the line on which each value in it stands, counted from 1."""

    value: Any
    lines: dict[Place, int] = field(repr=False)

    def line(self, place: Place) -> int:
        """Give the line of a value, or of the nearest around it that is written down."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)


def read(text: str) -> Document:
    """Read one document.

    Raises:
        NotYaml: it is none, or holds what is refused.
    """
    try:
        _refuse_depths(text)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = text.count("\n") + 1  # libyaml tells of what is lacking on the line behind
        raise NotYaml(error.problem or "is no YAML", min(mark.line + 1, last) if mark else 1) from None
    except yaml.YAMLError:
        raise NotYaml("holds a character that YAML does not allow", 1) from None
    lines: dict[Place, int] = {}
    return Document(None if node is None else _value(node, (), lines), lines)


def _refuse_depths(text: str) -> None:
    """See, before anything is built of it, that nothing stands deeper than can be read, or somewhere else."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise NotYaml("anchors are not read: write it out", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise NotYaml(f"holds more than {_DEEPEST} values within each other", line)


def _value(node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
    line = lines[place] = node.start_mark.line + 1
    if node.tag not in _PLAIN:
        raise NotYaml(f"the tag {node.tag} is not read", line)
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _scalar(node.value, line)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*place, position), lines) for position, each in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise NotYaml("a key can only be text", key.start_mark.line + 1)
        name = str(key.value)
        if name in found:
            raise NotYaml(f"{name} stands twice", key.start_mark.line + 1)
        found[name] = _value(value, (*place, name), lines)
    return found


def _scalar(text: str, line: int) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        if len(text) > _DIGITS:
            raise NotYaml(
                f"a number has more than {_DIGITS} digits: if it is text, put quotation marks around it", line
            )
        return int(text)
    if not _DECIMAL.fullmatch(text):
        return text
    if math.isinf(number := float(text)):
        raise NotYaml("a number is too large", line)
    return number
