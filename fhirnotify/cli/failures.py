"""How a command ends that cannot do its work: a sentence, a line in the log and an exit code; never a traceback."""

import functools
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import typer

from fhirnotify.errors import FhirnotifyError

_P = ParamSpec("_P")
_PACKAGE = Path(__file__).parent.parent


def reported(command: Callable[_P, None]) -> Callable[_P, None]:
    """Set the log up for a command, and turn what it raises into an exit code."""

    @functools.wraps(command)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> None:
        from fhirnotify import logs  # noqa: PLC0415  # structlog is not needed for --help

        logs.setup()
        logs.bind(command=_name(command))
        try:
            command(*args, **kwargs)
        except typer.Exit:
            raise
        except FhirnotifyError as error:
            _tell(f"fhirnotify: {error}", type(error).__name__, error.exit_code)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:  # noqa: BLE001  # the last resort: its text could hold a patient's data
            where = place(error)
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            _tell(
                f"fhirnotify: unexpected {kind} at {where}.\nThis is a defect in fhirnotify: report this line. "
                "Nothing personal is in it.",
                kind,
                1,
                where,
            )
            raise typer.Exit(1) from None

    return guarded


def _name(command: Callable[..., None]) -> str:
    group = command.__module__.rpartition(".")[2]
    in_group = group in ("deploy", "ledger", "mappings", "settings", "uncertain") and group != command.__name__
    return f"{group}-{command.__name__}" if in_group else command.__name__


def _tell(what: str, kind: str, exit_code: int, where: str | None = None) -> None:
    from fhirnotify import logs  # noqa: PLC0415
    from fhirnotify.cli.output import complain  # noqa: PLC0415

    complain(logs.prioritised(what, logging.ERROR, sys.stderr))
    more = {"place": where} if where else {}
    logs.log(logs.Event.COMMAND_FAILED, level=logging.ERROR, error=kind, exit_code=exit_code, **more)


def place(error: BaseException) -> str:
    """Give the innermost line of ours that the error passed through."""
    frames = [
        f"{Path(frame.filename).relative_to(_PACKAGE.parent).as_posix()}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_PACKAGE)
    ]
    return frames[-1] if frames else "an unknown place"
