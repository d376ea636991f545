"""The real command in a process of its own, started warm: forked from one that has imported the program already.

A start takes some milliseconds instead of a second, so a hundred runs can be killed in the time of a few.
"""

import gc
import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

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
