"""The jurist's page of the README names commands and test suites that there are."""

import re
from pathlib import Path

import pytest
import typer.main

from fhirnotify.cli.main import app

ROOT = Path(__file__).parents[2]
PAGE = re.search(r"^## For the jurist$(.*?)^## ", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)[1]
PROMISES = (
    "At most one",
    "None forgotten",
    "Consent or silence",
    "Nothing sensitive leaves",
    "The right kind of visit",
    "Fresh facts",
    "Explained",
    "A loud failure",
)


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_has_its_row(promise):
    """Each says on what it rests, how it is kept, and what shows it."""
    (row,) = re.findall(rf"^\| {promise} \|(.*)\|$", PAGE, re.MULTILINE)
    cells = [cell.strip() for cell in row.split(" | ")]
    assert len(cells) == 3
    assert all(cells)
    assert re.search("`(tests|fhirnotify)", cells[2])


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`((?:tests|fixtures)/[\w/.]+|test_\w+\.py)`", PAGE))))
def test_every_suite_is_there(named):
    """A suite that is named is a file or directory with something in it."""
    found = [ROOT / named] if "/" in named else list((ROOT / "tests").rglob(named))
    assert len(found) == 1
    assert found[0].is_file() or any(found[0].iterdir())


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`fhirnotify ([a-z -]+?)(?: [A-Z].*?)?`", PAGE))))
def test_every_command_is_there(named):
    """A command that is named is one that there is."""
    command = typer.main.get_command(app)
    for word in named.split():
        command = command.commands[word]
