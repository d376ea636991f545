"""The options that commands have in common."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

_YEARS = range(2000, 2101)


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant with its offset, or with Z for UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year not in _YEARS:
        raise typer.BadParameter("write an ISO 8601 instant with its offset, such as 2026-11-23T09:00:00+01:00")
    return moment


class OneOf:
    """Reads one of a few words."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def __call__(self, text: str) -> str:
        """Give the word."""
        if text not in self._words:
            raise typer.BadParameter(f"write one of {', '.join(self._words)}")
        return text


Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings file (default: fhirnotify.toml).")
]
Now = Annotated[
    datetime | None,
    typer.Option(
        "--now",
        metavar="INSTANT",
        parser=instant,
        help="Rehearse at another time: an ISO 8601 instant with its offset.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]
