"""The real command in a process of its own, started warm: forked from one that has imported the program already.

A start takes some milliseconds instead of a second, so a hundred runs can be killed in the time of a few.
"""

import gc
import importlib
import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from fhirnotify.harness.installation import Installation

WARM = [
    "fhirnotify.cli.run",
    "fhirnotify.cli.main",
    "fhirnotify.cli.output",
    "fhirnotify.cli.reporting",
    "fhirnotify.wiring",
    "fhirnotify.run",
    "fhirnotify.fhir.conceptmaps",
    "fhirnotify.fhir.directory",
    "fhirnotify.ledger.opening",
    "fhirnotify.ledger.sql",
    "fhirnotify.sms.elks46",
    "httpcore",
]
"""Modules that the command imports when it runs."""

POSTGRES = ["fhirnotify.ledger.postgres", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"]
"""Those that it imports for a ledger in PostgreSQL, where they are installed."""

_PROVIDERS = ["fhirnotify.sms.providers", "fhirnotify.sms.infobip", "fhirnotify.sms.link"]


def start(arguments: list[str], out: Path, before: Callable[[], None] | None = None) -> BaseProcess:
    """Start ``fhirnotify`` with these arguments; what it prints goes to ``out``, its log beside it.

    ``before`` is called in the process first.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["warm", *WARM, *_PROVIDERS, *POSTGRES])  # what is missing is passed over
    process = context.Process(target=_run, args=(arguments, str(out), before))
    process.start()
    return process


def _run(arguments: list[str], out: str, before: Callable[[], None] | None) -> None:
    for module in WARM:
        importlib.import_module(module)
    gc.freeze()  # what was there before the fork is shared as long as nobody looks through it
    for number, name in ((0, os.devnull), (1, out), (2, f"{out}.log")):
        opened = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if before is not None:
        before()
    sys.argv = ["fhirnotify", *arguments]
    sys.modules["fhirnotify.cli.main"].main()


class Started:
    """A warm start in the form of a ``subprocess.Popen``, as far as the harness asks for one."""

    def __init__(self, process: BaseProcess, out: Path) -> None:
        self._process, self._out = process, out

    @property
    def returncode(self) -> int | None:
        """The exit code, negative after a signal; None while it runs."""
        return self._process.exitcode

    poll = returncode.fget

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; give what it printed, and its log."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("fhirnotify", timeout or 0)
        return self._out.read_text("utf-8"), self._out.with_name(f"{self._out.name}.log").read_text("utf-8")


_numbers = itertools.count()


def start_in(installation: Installation, now: object = None, *options: str, command: str = "run") -> Started:
    """Start a command of an installation; takes what ``Installation.start`` takes."""
    out = installation.directory / f".printed-{next(_numbers)}"
    arguments = installation.arguments(now, *options, command=command)
    return Started(start(arguments, out, partial(_surround, installation.surroundings())), out)


def _surround(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


def harness() -> None:
    """Do what the console script does, with every installation's commands started warm."""
    Installation.start = start_in
    importlib.import_module("fhirnotify.cli.main").main()
