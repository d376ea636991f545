"""``--help`` and ``--version``: at once, without what only a run needs."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

import fhirnotify
from fhirnotify.cli.main import app


def every_command(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Walk the commands, each with the words that lead to it."""
    yield list(path)
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from every_command(command, (*path, name))
        else:
            yield [*path, name]


COMMANDS = list(every_command(typer.main.get_group(app)))

_HELPS_WITHOUT = """
import sys
from fhirnotify.cli.main import app
for command in {commands!r}:
    try:
        app([*command, "--help"])
    except SystemExit as end:
        assert not end.code, command
heavy = [name for name in {heavy!r} if name in sys.modules]
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""


def test_help_imports_nothing_heavy() -> None:
    """No command's help waits for the HTTP client, the database, the FHIR models or the settings."""
    heavy = [
        "httpx",
        "sqlalchemy",
        "alembic",
        "fhir.resources",
        "fhirpathpy",
        "fhirnotify.settings",
        "structlog",
        "phonenumbers",
    ]
    code = _HELPS_WITHOUT.format(commands=COMMANDS, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    """Each help ends well and shows how the command is written."""
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.stdout


def test_version_is_printed() -> None:
    """The version is the package's."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"fhirnotify {fhirnotify.__version__}\n")


@pytest.mark.parametrize("arguments", [["rum"], ["run", "--jsn"], ["run", "x"], ["explain"], ["ledger", "drop"]])
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """What cannot be understood does nothing."""
    assert CliRunner().invoke(app, arguments).exit_code == 2
