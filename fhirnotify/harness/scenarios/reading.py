"""Reads scenario files, and says of a wrong one what is wrong, on which line, and what was probably meant."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from fhirnotify import assets
from fhirnotify.errors import HarnessError
from fhirnotify.harness.scenarios import model, yaml
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.yaml import Document, Place

SUFFIX = ".yaml"
BASES = "world"
"""A file of this name is a base of others, and no scenario itself."""

_BRANCHES = frozenset({"patient", "consent", "appointment", "resource", "rows", "anything"})
_PARTS: tuple[type[BaseModel], ...] = (
    model.Scenario,
    model.Step,
    model.Row,
    model.Patient,
    model.Consent,
    model.Appointment,
    model.Provision,
    model.Span,
    model.Mapping,
    model.Element,
)


Source = tuple[Path, Document]
"""A file, and what stands in it."""


class WrongScenario(HarnessError):
    """Scenario files that cannot be played, with every finding."""


def bundled() -> Path:
    """Give the directory of the scenarios that come with the program."""
    return assets.directory("fixtures") / "scenarios"


def read_all(directory: Path, only: Iterable[str] = ()) -> dict[str, Scenario]:
    """Read every scenario under a directory, by name: its path there without the suffix.

    Args:
        directory: holds ``*.yaml``, also in directories within it.
        only: patterns of names, such as ``deny-*`` or ``faults/*``; none for all.

    Raises:
        WrongScenario: a file is wrong, or there is none, or none of such a name.
    """
    wanted = tuple(only)
    files = {
        file.relative_to(directory).with_suffix("").as_posix(): file
        for file in sorted(directory.rglob(f"*{SUFFIX}"))
        if file.stem != BASES
    }
    chosen = {
        name: file for name, file in files.items() if not wanted or any(_fits(name, pattern) for pattern in wanted)
    }
    held = f"It holds {len(files)} scenarios."
    for pattern in wanted:
        if not any(_fits(name, pattern) for name in files):
            near = difflib.get_close_matches(pattern, files, n=3, cutoff=0.4)
            said = f" The nearest: {', '.join(near)}." if near else ""
            raise WrongScenario(f"There is no scenario {pattern} in {directory}.{said}", held)
    if not files:
        raise WrongScenario(f"There is no scenario in {directory}.", f"Name a directory with files *{SUFFIX}.")
    found: dict[str, Scenario] = {}
    wrong: list[str] = []
    for name, file in chosen.items():
        try:
            found[name] = read(file)
        except WrongScenario as error:
            wrong.append(error.what)
    if wrong:
        raise WrongScenario("\n".join(wrong), "Mend the files; the form is told by scenario.schema.json.")
    return found


def read(file: Path) -> Scenario:
    """Read one scenario file.

    Raises:
        WrongScenario: it cannot be read, or is none.
    """
    document = _document(file)
    value, base = document.value, None
    if isinstance(value, dict) and isinstance(value.get("base"), str):
        base = (file.parent / value["base"], _document(file.parent / value["base"]))
        if not isinstance(base[1].value, dict):
            raise WrongScenario(f"{file}:{document.line(('base',))}: base {value['base']} holds no keys")
        value = {**base[1].value, **value}
    try:
        return Scenario.model_validate(value)
    except ValidationError as error:
        raise WrongScenario("\n".join(_findings(error, (file, document), base))) from None


def schema() -> str:
    """Give the JSON Schema of a scenario file, for editors."""
    made: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Scenario.model_json_schema(by_alias=True),
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _document(file: Path) -> Document:
    try:
        return yaml.read(file.read_text("utf-8"))
    except yaml.NotYaml as error:
        raise WrongScenario(f"{file}:{error.line}: {error}") from None
    except OSError as error:
        raise WrongScenario(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongScenario(f"{file} is not UTF-8") from None
    except ValueError:  # a base of that name: a character that no file's name can have
        raise WrongScenario(f"{str(file)!r} cannot be read: it is no name of a file") from None


def _fits(name: str, pattern: str) -> bool:
    """Tell whether a pattern chooses a scenario; its name itself does, too, though it be no pattern of itself."""
    return name == pattern or fnmatch(name, pattern)


def _findings(error: ValidationError, own: Source, base: Source | None) -> Iterator[str]:
    told: set[Place] = set()
    for each in error.errors(include_url=False):
        key = each["loc"][:1]
        file, document = base if base and key in base[1].lines and key not in own[1].lines else own
        place = _written(each, document)
        if place not in told:  # each branch of a choice finds fault with the same value
            told.add(place)
            where = ".".join(str(step) for step in place) or "the file"
            yield f"{file}:{document.line(place)}: {where} {_said(each)}"


def _written(finding: Mapping[str, Any], document: Document) -> Place:
    """Give the place as the file has it: pydantic names the branch of each choice on the way."""
    place: Place = ()
    chose = False
    for step in finding["loc"]:
        branch = step in _BRANCHES and chose
        chose = isinstance(step, int) or step == "expect"
        if not branch and (*place, step) in document.lines:
            place = (*place, step)
    absent = finding["type"] in ("missing", "extra_forbidden") and place[-1:] != finding["loc"][-1:]
    return (*place, finding["loc"][-1]) if absent else place


def _said(finding: Mapping[str, Any]) -> str:
    match finding["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is no key here{_meant(finding['loc'][-1], _keys())}"
        case "enum" | "literal_error":
            words = re.findall(r"'([^']*)'", finding["ctx"]["expected"])
            return f"cannot be {finding['input']}" + (_meant(finding["input"], words) or f": one of {', '.join(words)}")
    said: str = finding["msg"]
    return said.removeprefix("Value error, ").replace("Input should be", "must be")


def _meant(written: object, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(written), list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _keys() -> Iterator[str]:
    return (field.alias or name for part in _PARTS for name, field in part.model_fields.items())
