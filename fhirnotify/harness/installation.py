"""An installation of fhirnotify in a directory of its own: settings, ledger and outbox, and the real command."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fhirnotify.rows import instant

COMMAND = (sys.executable, "-c", "from fhirnotify.cli.main import main; main()")
"""What the console script ``fhirnotify`` does, by this very interpreter."""

_SECONDS = 300.0

Settings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command with ``--json`` said.

    Attributes:
        rows: the objects of the patients of appointments, in the order printed.
        summary: the last object's; empty if the command stopped before it had any.
        log: standard error, JSON lines.
    """

    exit_code: int
    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    log: str = field(repr=False)

    @property
    def by_visit(self) -> dict[tuple[str, str | None], dict[str, Any]]:
        """Give the rows by appointment and patient."""
        return {(row["appointment"], row["patient"]): row for row in self.rows}


@dataclass(frozen=True, slots=True)
class Installation:
    """A directory with ``fhirnotify.toml``; everything that the command makes is in it, too.

    ``environment`` holds settings that are given so, such as credentials, beside what this process has.
    """

    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.directory / "fhirnotify.toml"

    def configure(self, *parts: Settings) -> None:
        """Write the settings, by section; where parts name the same key the last one holds."""
        sections: dict[str, dict[str, Any]] = {}
        for part in parts:
            for section, keys in part.items():
                sections.setdefault(section, {}).update(keys)
        written = [f"[{section}]\n{_lines(keys)}" for section, keys in sections.items()]
        self.config.write_text("\n".join(written), encoding="utf-8")

    def run(self, now: datetime | None = None, *options: str, command: str = "run") -> Finished:
        """Run a command with ``--json`` to its end, as if it were ``now``."""
        process = self.start(now, *options, command=command)
        try:
            out, log = process.communicate(timeout=_SECONDS)
        except BaseException:
            process.kill()
            raise
        objects = [json.loads(line) for line in out.splitlines()]
        rows = [row for row in objects if "summary" not in row]
        summaries = [row["summary"] for row in objects if "summary" in row]
        return Finished(process.returncode, rows, summaries[-1] if summaries else {}, log)

    def start(self, now: datetime | None = None, *options: str, command: str = "run") -> "subprocess.Popen[str]":
        """Start a command with ``--json`` and do not wait for it."""
        return subprocess.Popen(
            [*COMMAND, *self.arguments(now, *options, command=command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=self.surroundings(),
        )

    def arguments(self, now: datetime | None, *options: str, command: str) -> list[str]:
        """Give the arguments of a command with ``--json``."""
        clock = () if now is None else ("--now", instant(now), *(("--rehearsal",) if command == "run" else ()))
        return [command, "--config", str(self.config), "--json", *clock, *options]

    def surroundings(self) -> dict[str, str]:
        """Give the environment of a command."""
        return _environment() | dict(self.environment)

    def outbox(self) -> list[dict[str, Any]]:
        """Give the messages in ``outbox.jsonl``, the oldest first."""
        path = self.directory / "outbox.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def _lines(keys: Mapping[str, Any]) -> str:
    """Write keys as TOML, which agrees with JSON on strings, numbers, truth values and lists of them."""
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in keys.items())


def _environment() -> dict[str, str]:
    """Give this process's environment without its own settings of fhirnotify, which are read in either case."""
    return past_proxies({key: value for key, value in os.environ.items() if not key.upper().startswith("FHIRNOTIFY_")})


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Add that what is on the loopback is reached without the proxy that the environment may name."""
    found = dict(environment)
    exempt = ",".join(filter(None, [found.get("no_proxy") or found.get("NO_PROXY"), "127.0.0.1,localhost"]))
    return found | {"NO_PROXY": exempt, "no_proxy": exempt}
