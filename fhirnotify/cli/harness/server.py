"""The server that scenarios are played on: how it is reached, when it may be written to, and how one leaves it."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from fhirnotify.cli.harness.endpoint import credentials, settings_of
from fhirnotify.errors import SettingsError

if TYPE_CHECKING:
    from fhirnotify.harness.scenarios.session import Access

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SCENARIOS_FAILED = 1
"""The exit code when a scenario did not go as it says."""

WriteTo = Annotated[
    str | None,
    typer.Option("--write-to", metavar="URL", help="The same URL again: write though others' Patients are there."),
]


@contextmanager
def access_to(fhir: str, auth: Path | None) -> Iterator["Access"]:
    """Give the way to a server: to read it, to write to it, to put a fault before it, and to be interrupted.

    Raises:
        SettingsError: the address or the file of credentials is wrong, or it is a directory.
    """
    from fhirnotify import access, wiring  # noqa: PLC0415
    from fhirnotify.harness import faults  # noqa: PLC0415
    from fhirnotify.harness.ending import Ending  # noqa: PLC0415
    from fhirnotify.harness.scenarios.session import Access  # noqa: PLC0415

    settings = settings_of(fhir, auth)
    if settings.fhir.directory is not None:
        raise SettingsError(
            "A directory with data is not written to.",
            "'harness run --fhir file:' alone plays in a directory made for it.",
        )
    faulty = faults.before(settings.fhir.base_url, verify=access.verification(settings))
    with closing(wiring.fhir_client(settings)) as reader, wiring.fhir_writer(settings) as writer, Ending() as ending:
        yield Access(settings.fhir.base_url, reader, writer, credentials(settings), faulty, ending)


def may_write(fhir: str, write_to: str | None) -> bool:
    """Tell whether the server may be written to though it holds others' Patients.

    Raises:
        SettingsError: another URL was given the second time.
    """
    if write_to is None:
        return False
    if write_to.rstrip("/") != fhir.rstrip("/"):
        raise SettingsError("--write-to names another URL than --fhir.", "Write the same URL twice.")
    return True


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Make each signal that means an end a KeyboardInterrupt, and ignore those after it: the ending is under way."""

    def received(_number: int, _frame: FrameType | None) -> None:
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, received) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
